#include "service/state_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/durable_file.h"
#include "base/hash.h"
#include "service/act_as_owner.h"
#include "service/lock.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

constexpr const char* kTokenFile = "token_file";

Error token_error(const std::string& what, const std::string& path) {
  return {Action::retry, kTokenFile, what + " " + path + ": " + std::strerror(errno), {}, false};
}

class FileHold final : public http::StateStore::Hold {
 public:
  explicit FileHold(int fd) : fd_(fd) {}
  ~FileHold() override { ::close(fd_); }

 private:
  const int fd_;
};

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
    make_token_directory();
    Status kept = replace_file(token_path(key), value);
    if (!kept) kept.error().code = kTokenFile;
    return kept;
  }
  return db_.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_state(tx, key, value);
    return {};
  });
}

void StoreState::make_token_directory() const {
  ::mkdir((dir_ + "/tokens").c_str(), 0700);  // a failure shows in what follows
}

Result<std::unique_ptr<http::StateStore::Hold>> StoreState::hold(const std::string& key) {
  make_token_directory();
  const std::string path = token_path(key) + ".lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return token_error("cannot open", path);
  std::unique_ptr<Hold> held = std::make_unique<FileHold>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return held;
  if (errno != EWOULDBLOCK) return token_error("cannot lock", path);
  return Error{Action::retry, "token_busy", "another headwater exchanges this refresh token at this moment",
               std::chrono::seconds(1), false};
}

Result<StateBeside> StateBeside::open(const std::string& state_dir) {
  ::mkdir(state_dir.c_str(), 0700);
  if (auto s = act_as_owner(state_dir); !s) return s.error();
  auto alone = Lock::take(state_dir);
  if (!alone && alone.error().code != "locked") return alone.error();
  store::DbOptions options;
  options.path = state_dir + "/headwater.db";
  options.create = alone.has_value();
  auto opened = store::Db::open(options);
  if (!opened) return opened.error();
  auto tokens = std::make_unique<StoreState>(**opened, state_dir);
  return StateBeside{.db = std::move(*opened), .tokens = std::move(tokens)};
}

}  // namespace hw::service
