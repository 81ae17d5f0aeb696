#include "connectors/csv/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/hash.h"

namespace hw::connectors::csv {
namespace {

constexpr std::size_t kHashedAtOnce = 1024 * 1024;

Error path_error(const std::string& path, std::string_view problem) {
  return {Action::pause, "csv_path", fmt::format("{}: {}", path, problem)};
}

std::string reason(int error) { return std::system_category().message(error); }

std::int64_t nanoseconds(const timespec& t) { return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec; }

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

FileState state_of(const std::string& path, const struct stat& s) {
  FileState state;
  state.path = path;
  state.name = last_part(path);
  state.size = static_cast<std::uint64_t>(s.st_size);
  state.inode = s.st_ino;
  state.modified_ns = nanoseconds(s.st_mtim);
  state.arrived_ns = nanoseconds(s.st_ctim);
  state.print = fmt::format("{:016x}", hash64(fmt::format("{}\n{}\n{}\n{}\n{}", state.name, state.size, state.inode,
                                                          state.modified_ns, state.arrived_ns)));
  return state;
}

bool is_unfinished(std::string_view name) {
  return name.starts_with('.') || name.ends_with(".tmp") || name.ends_with(".part");
}

struct Directory {
  explicit Directory(const std::string& path) : handle(::opendir(path.c_str())) {}
  ~Directory() {
    if (handle) ::closedir(handle);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  DIR* handle;
};

}  // namespace

Result<std::vector<FileState>> list_files(const std::string& directory, const std::string& pattern) {
  const Directory open(directory);
  if (!open.handle) {
    return path_error(directory, reason(errno) + "; make the directory, let this user read it, or correct `path`");
  }
  std::vector<FileState> files;
  while (const dirent* entry = ::readdir(open.handle)) {
    const char* name = entry->d_name;
    if (is_unfinished(name) || ::fnmatch(pattern.c_str(), name, FNM_PERIOD) != 0) continue;
    struct stat s {};
    if (::fstatat(::dirfd(open.handle), name, &s, 0) != 0 || !S_ISREG(s.st_mode)) continue;
    files.push_back(state_of(directory + (directory.ends_with('/') ? "" : "/") + name, s));
  }
  return files;
}

Result<std::vector<FileState>> find_file(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) == 0) {
    if (S_ISREG(s.st_mode)) return std::vector{state_of(path, s)};
    return path_error(
        path, S_ISDIR(s.st_mode) ? "is a directory; add `pattern: \"*.csv\"` to watch it" : "is no regular file");
  }
  const int error = errno;
  struct stat directory {};
  if (error == ENOENT && ::stat(directory_of(path).c_str(), &directory) == 0) return std::vector<FileState>{};
  return path_error(path, reason(error) + "; let this user read it, or correct `path`");
}

Result<std::unique_ptr<OpenFile>> OpenFile::open(const FileState& file) {
  const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return std::unique_ptr<OpenFile>(new OpenFile(fd, file));
  if (errno == ENOENT) return Error{Action::retry, "csv_vanished", file.path + ": the file has gone"};
  return path_error(file.path, reason(errno) + "; let this user read it");
}

OpenFile::~OpenFile() { ::close(fd_); }

Result<std::size_t> OpenFile::read(char* into, std::size_t room) {
  for (;;) {
    const ssize_t got = ::pread(fd_, into, room, static_cast<off_t>(offset_));
    if (got >= 0) {
      offset_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) return Error{Action::retry, "csv_read", fmt::format("{}: {}", file_.path, reason(errno))};
  }
}

Result<FileState> OpenFile::state() const {
  struct stat s {};
  if (::fstat(fd_, &s) != 0) return Error{Action::retry, "csv_read", fmt::format("{}: {}", file_.path, reason(errno))};
  return state_of(file_.path, s);
}

Result<std::string> content_of(OpenFile& file) {
  std::string chunk(kHashedAtOnce, '\0'), hashes;
  file.seek(0);
  for (bool end = false; !end;) {
    std::size_t length = 0;
    while (length < chunk.size() && !end) {
      const auto got = file.read(chunk.data() + length, chunk.size() - length);
      if (!got) return got.error();
      end = *got == 0;
      length += *got;
    }
    hashes += sha256_hex(std::string_view(chunk).substr(0, length));
  }
  file.seek(0);
  return sha256_hex(hashes).substr(0, 32);
}

}  // namespace hw::connectors::csv
