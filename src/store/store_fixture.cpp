#include "store/store_fixture.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace hw::store {
namespace {

namespace fs = std::filesystem;

/// The newest PostgreSQL of Debian's layout, or "".
std::string postgres_programs() {
  const fs::path root = "/usr/lib/postgresql";
  std::string newest;
  std::error_code none;
  for (const auto& version : fs::directory_iterator(root, none)) {
    const fs::path programs = version.path() / "bin";
    if (fs::exists(programs / "initdb") && programs.string() > newest) newest = programs.string();
  }
  return newest;
}

/// A server for this process alone, on a socket in its own folder. Its programs refuse root, so that root becomes the
/// user `postgres`, as Debian's package made it.
class PostgresServer {
 public:
  PostgresServer() : programs_(postgres_programs()) {
    if (programs_.empty()) {
      trouble_ = "PostgreSQL is not installed (package postgresql-15)";
    } else if (!own_folder()) {
      trouble_ = "there is no user postgres to run PostgreSQL as";
    } else if (!run(programs_ + "/initdb -D " + data() + " -A trust -U hw --no-sync -E UTF8 --locale=C") ||
               !run(programs_ + "/pg_ctl -D " + data() + " -w -l " + folder_.file("log") +
                    " -o \"-c listen_addresses= -c fsync=off -k " + folder_.path() + "\" start")) {
      trouble_ = "PostgreSQL did not start in " + folder_.path();
    } else {
      is_running_ = true;
    }
  }
  ~PostgresServer() {
    if (is_running_) run(programs_ + "/pg_ctl -D " + data() + " -m immediate stop");
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  std::string connection_of_new_schema() {
    return "host=" + folder_.path() + " user=hw dbname=postgres options='-c search_path=s" +
           std::to_string(++schemas_) + "'";
  }

 private:
  std::string data() const { return folder_.file("data"); }

  bool own_folder() {
    if (::geteuid() != 0) return true;
    const passwd* user = ::getpwnam("postgres");
    return user != nullptr && ::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) == 0;
  }

  bool run(const std::string& command) const {
    const std::string as_user = ::geteuid() == 0 ? "cd / && runuser -u postgres -- " : "";
    return std::system((as_user + command + " >/dev/null 2>&1 </dev/null").c_str()) == 0;
  }

  TempFolder folder_;
  std::string programs_, trouble_;
  bool is_running_ = false;
  int schemas_ = 0;
};

PostgresServer& postgres() {
  static PostgresServer server;
  return server;
}

}  // namespace

TempFolder::TempFolder() {
  path_ = (fs::temp_directory_path() / "hw_store_XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void EngineTest::SetUp() {
  if (is_sqlite()) {
    options_.path = folder_.file("store.db");
  } else {
    if (!postgres().trouble().empty()) GTEST_SKIP() << postgres().trouble();
    options_.postgres = postgres().connection_of_new_schema();
  }
  db_ = open(options_);
}

std::unique_ptr<Db> EngineTest::open(const DbOptions& options) {
  Result<std::unique_ptr<Db>> opened = Db::open(options);
  if (!opened) throw std::runtime_error(opened.error().detail);
  return *std::move(opened);
}

}  // namespace hw::store
