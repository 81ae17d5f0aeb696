#include "settings/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace hw::settings {
namespace {

constexpr std::size_t kMaxSecretBytes = 64 * 1024;

Error refuse(std::string detail) { return {.action = Action::pause, .code = "secret", .detail = std::move(detail)}; }

Error unseen(std::string detail) {
  return {.action = Action::pause, .code = kUnseenSecret, .detail = std::move(detail)};
}

/// Of a file that exists, or may exist.
Error unreadable(const std::string& path) {
  if (errno != EACCES) return refuse(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  return unseen(fmt::format("{} cannot be read: {}; only its owner and root may (sudo)", path, std::strerror(errno)));
}

Error literal_error() {
  return refuse(
      "expected a secret reference: ${env:NAME}, ${file:PATH} or ${credential:NAME}; a secret itself never stands in a "
      "configuration file");
}

struct Reference {
  std::string kind, name;
};

std::optional<Reference> split_reference(std::string_view text) {
  if (!text.starts_with("${") || !text.ends_with('}')) return std::nullopt;
  text = text.substr(2, text.size() - 3);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  return Reference{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

/// What gives a credential to a systemd unit.
std::string unit_line(const std::string& name) { return fmt::format("LoadCredential={}:/path/to/secret", name); }

bool is_variable_name(std::string_view name) {
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
             std::string_view::npos &&
         !(name.front() >= '0' && name.front() <= '9');
}

Result<Secret> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return unseen(fmt::format("environment variable {} is not set", name));
  if (*value == '\0') return refuse(fmt::format("environment variable {} is empty", name));
  return Secret(value);
}

/// A regular file, opened once: what is judged is what is read.
class File {
 public:
  /// A pipe is opened without waiting for its writer, and refused.
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) {
      problem = errno == ENOENT ? refuse(fmt::format("{} does not exist", path)) : unreadable(path);
    } else if (::fstat(fd_, &found_) != 0 || !S_ISREG(found_.st_mode)) {
      problem = refuse(fmt::format("{} is not a file", path));
    }
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] unsigned mode() const { return found_.st_mode & 07777U; }
  /// At most so many bytes; nothing when it cannot be read.
  [[nodiscard]] std::optional<std::string> first(std::size_t limit) const {
    std::string text(limit, '\0');
    std::size_t have = 0;
    while (have < limit) {
      const auto n = ::read(fd_, text.data() + have, limit - have);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return text;
  }

  std::optional<Error> problem;

 private:
  int fd_;
  struct stat found_ {};
};

Result<Secret> contents(const File& file, const std::string& path) {
  auto read = file.first(kMaxSecretBytes + 1);
  if (!read) return unreadable(path);
  std::string text = std::move(*read);
  if (text.size() > kMaxSecretBytes)
    return refuse(fmt::format("{} is larger than {} bytes: not a secret", path, kMaxSecretBytes));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return refuse(fmt::format("{} is empty", path));
  return Secret(std::move(text));
}

}  // namespace

bool looks_like_reference(std::string_view text) {
  return text.find("${env:") != std::string_view::npos || text.find("${file:") != std::string_view::npos ||
         text.find("${credential:") != std::string_view::npos;
}

std::string below(const std::string& base_dir, const std::string& path) {
  if (path.empty() || path.front() == '/' || base_dir.empty()) return path;
  return base_dir.ends_with('/') ? base_dir + path : base_dir + "/" + path;
}

SecretSource::SecretSource(std::string credentials_directory, std::string base_dir, bool resolve)
    : credentials_directory_(std::move(credentials_directory)), base_dir_(std::move(base_dir)), resolve_(resolve) {}

Result<Secret> SecretSource::read(std::string_view text) const {
  const auto reference = split_reference(text);
  if (!reference && text.starts_with("${") && text.find('}') == std::string_view::npos)
    return refuse(
        "a } is missing at the end of the reference; its forms are ${env:NAME}, ${file:PATH} or ${credential:NAME}");
  if (!reference) return literal_error();
  const auto& [kind, name] = *reference;
  if (kind == "env") {
    if (!is_variable_name(name)) return refuse("the NAME of ${env:NAME} holds letters, digits and _ alone");
    return resolve_ ? from_environment(name) : Secret();
  }
  if (kind == "file") return from_file(name);
  if (kind == "credential") return from_credential(name);
  return literal_error();
}

Result<Secret> SecretSource::from_file(const std::string& name) const {
  if (!resolve_) return Secret();
  const std::string path = below(base_dir_, name);
  const File file(path);
  if (file.problem) return *file.problem;
  if ((file.mode() & (S_IRWXG | S_IRWXO)) != 0)
    return refuse(fmt::format("{} is open to others (mode {:04o}); run: chmod 600 {}", path, file.mode(), path));
  return contents(file, path);
}

Result<Secret> SecretSource::from_credential(const std::string& name) const {
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    return refuse("the NAME of ${credential:NAME} is a plain name without /");
  }
  if (!resolve_) return Secret();
  if (credentials_directory_.empty()) return without_systemd(name);
  // systemd owns the modes in that directory; it may show group bits that an access list narrows.
  const std::string path = below(credentials_directory_, name);
  const File file(path);
  if (file.problem)
    return refuse(fmt::format("no systemd credential is named '{}'; add {} to the unit", name, unit_line(name)));
  return contents(file, path);
}

Result<Secret> SecretSource::without_systemd(const std::string& name) const {
  const std::string file = "secrets/" + name, path = below(base_dir_, file);
  if (struct stat found{}; stat(path.c_str(), &found) != 0 && errno == ENOENT)
    return unseen(
        fmt::format("no systemd credentials here (CREDENTIALS_DIRECTORY is not set), and no file {} beside the main "
                    "file: put the secret there (chmod 600), and for the systemd unit add {}",
                    file, unit_line(name)));
  auto read = from_file(file);
  // Only root sees the folder: what the service reads comes from its unit.
  if (!read && ::access(path.c_str(), R_OK) != 0)
    read.error().detail += fmt::format("; the systemd unit needs {}", unit_line(name));
  return read;
}

}  // namespace hw::settings
