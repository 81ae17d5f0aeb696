#include "service/state_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

Error io_error(const std::string& what, const std::string& path) {
  return {Action::retry, "token_file", what + " " + path + ": " + std::strerror(errno), {}, false};
}

/// Written beside, synced, renamed over: a kill leaves the old token or the new one.
Status write_durably(const std::string& path, const std::string& value) {
  const std::string beside = path + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("cannot write", beside);
  const bool written =
      ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written) return io_error("cannot write", beside);
  if (::rename(beside.c_str(), path.c_str()) != 0) return io_error("cannot rename to", path);
  const int dir = ::open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = dir >= 0 && ::fsync(dir) == 0;
  if (dir >= 0) ::close(dir);
  if (!synced) return io_error("cannot sync the directory of", path);
  return {};
}

}  // namespace

std::string StoreState::token_path(const std::string& key) const {
  return dir_ + "/tokens/" + sha256_hex(key).substr(0, 32);
}

std::optional<std::string> StoreState::load(const std::string& key) {
  std::ifstream file(token_path(key), std::ios::binary);
  if (file) {
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  auto kept = db_.read(
      [&](store::Tx& tx) -> Result<std::optional<std::string>> { return store::service_rows::state(tx, key); });
  return kept ? *kept : std::nullopt;
}

Status StoreState::save(const std::string& key, const std::string& value, bool secret) {
  if (secret) {
    ::mkdir((dir_ + "/tokens").c_str(), 0700);
    return write_durably(token_path(key), value);
  }
  return db_.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_state(tx, key, value);
    return {};
  });
}

}  // namespace hw::service
