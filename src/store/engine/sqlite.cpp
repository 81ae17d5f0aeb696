#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "store/engine/driver.h"
#include "store/engine/failures.h"

namespace hw::store {
namespace {

// A checkpoint every 20,000 pages (80 MiB) instead of 1,000: 1.2 to 1.4 times the insert rate, measured in CONNECT.md.
constexpr const char* kPragmas =
    "PRAGMA foreign_keys = OFF; PRAGMA secure_delete = FAST; PRAGMA wal_autocheckpoint = 20000; "
    "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;";

Failure failure_of(const SQLite::Exception& e, std::string_view name) {
  const std::string cause = fmt::format("SQLite {}: {}", e.getExtendedErrorCode(), e.what());
  switch (e.getErrorCode()) {
    case SQLITE_FULL:
      return store_full(name, cause);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return store_busy(name, cause);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return store_corrupt(name, cause);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return store_readonly(name, cause);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return store_io(name, cause);
    case SQLITE_CONSTRAINT:
      return store_constraint(cause);
    default:
      return store_sql(cause);
  }
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(const SQLite::Statement& statement) : statement_(statement) {}
  bool is_null(int column) const override { return statement_.isColumnNull(column); }
  std::int64_t integer(int column) const override { return statement_.getColumn(column).getInt64(); }
  std::string text(int column) const override { return statement_.getColumn(column).getString(); }

 private:
  const SQLite::Statement& statement_;
};

struct Prepared {
  SQLite::Statement statement;
  sqlite3_stmt* handle;  ///< for the count of steps, which SQLiteCpp does not pass on
};

/// SQLiteCpp hides the handle; the statement prepared last stands first in the connection's list.
sqlite3_stmt* handle_of(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* handle = sqlite3_next_stmt(db, nullptr);
  while (handle != nullptr && sql != sqlite3_sql(handle)) handle = sqlite3_next_stmt(db, handle);
  return handle;
}

void bind(SQLite::Statement& statement, std::initializer_list<Value> params) {
  if (static_cast<std::size_t>(statement.getBindParameterCount()) != params.size()) {
    throw store_sql("the number of its parameters is wrong");
  }
  int index = 0;
  for (const Value& value : params) {
    ++index;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(index, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      statement.bindNoCopy(index, *text);  // `params` outlives the run
    } else {
      statement.bind(index);
    }
  }
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(const std::string& path, bool read_only, bool write, Duration busy_wait)
      : name_(path), db_(open(path, read_only, busy_wait)) {
    guarded([&] {
      db_->exec(kPragmas);
      // A plan stands for every value bound to it; else SQLite may plan a statement anew at each run.
      sqlite3_db_config(db_->getHandle(), SQLITE_DBCONFIG_ENABLE_QPSG, 1, nullptr);
      if (write) db_->exec("PRAGMA journal_mode = WAL");
      if (!write) db_->exec("PRAGMA query_only = ON");
    });
  }

  std::int64_t exec(std::string_view sql, std::initializer_list<Value> params) override {
    return guarded([&] {
      const Lease lease(*this, sql);
      bind(lease.statement(), params);
      while (lease.statement().executeStep()) {
      }
      return static_cast<std::int64_t>(db_->getChanges());
    });
  }

  void query(std::string_view sql, std::initializer_list<Value> params,
             const std::function<void(const Row&)>& each) override {
    guarded([&] {
      const Lease lease(*this, sql);
      bind(lease.statement(), params);
      const SqliteRow row(lease.statement());
      while (lease.statement().executeStep()) {
        ++steps;
        each(row);
      }
    });
  }

  void begin(bool write, Durability durability) override {
    if (write) set_synchronous(durability);
    exec(write ? "BEGIN IMMEDIATE" : "BEGIN", {});
    steps = 0;
  }

  void commit() override { exec("COMMIT", {}); }

  /// "ok", or what is wrong with a table and its indexes; "" when the table is gone or a stop came first.
  std::string quick_check(const std::string& table, const std::stop_token& stop) {
    std::string said;
    begin(/*write=*/false, Durability::bulk);
    // SQLite forgets an interruption that comes while no statement runs: this one runs around the check.
    query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", {val(table)}, [&](const Row&) {
      const std::stop_callback interrupting(stop, [this] { sqlite3_interrupt(db_->getHandle()); });
      said = one_text(fmt::format("PRAGMA quick_check(\"{}\")", table)).value_or("no answer");
    });
    commit();
    return said;
  }

  void rollback() noexcept override {
    // A full disk or an I/O error has ended the transaction already.
    if (sqlite3_get_autocommit(db_->getHandle()) != 0) return;
    try {
      exec("ROLLBACK", {});
    } catch (const Failure&) {
      // The connection then fails at its next BEGIN with the true cause.
    }
  }

 private:
  using Idle = std::vector<std::unique_ptr<Prepared>>;

  /// A prepared statement in use, given back reset. A second use of the same text inside a callback gets one of its
  /// own.
  class Lease {
   public:
    Lease(SqliteConnection& connection, std::string_view sql) : connection_(connection), idle_(connection.idle(sql)) {
      ++connection_.steps;
      if (idle_.empty()) {
        prepared_ = connection_.prepare(sql);
        idle_.reserve(1);
      } else {
        prepared_ = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    ~Lease() {
      if (prepared_->handle != nullptr) {
        connection_.steps += sqlite3_stmt_status(prepared_->handle, SQLITE_STMTSTATUS_VM_STEP, /*resetFlg=*/1);
      }
      prepared_->statement.tryReset();
      idle_.push_back(std::move(prepared_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    SQLite::Statement& statement() const { return prepared_->statement; }

   private:
    SqliteConnection& connection_;
    Idle& idle_;
    std::unique_ptr<Prepared> prepared_;
  };

  std::unique_ptr<SQLite::Database> open(const std::string& path, bool read_only, Duration busy_wait) {
    // One thread at a time has a connection: its own lock at every call would guard nothing.
    const int flags = (read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX;
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(busy_wait).count();
    return guarded([&] { return std::make_unique<SQLite::Database>(path, flags, static_cast<int>(wait)); });
  }

  template <class F>
  auto guarded(F&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const SQLite::Exception& e) {
      throw failure_of(e, name_);
    }
  }

  std::unique_ptr<Prepared> prepare(std::string_view sql) {
    SQLite::Statement statement(*db_, std::string(sql));
    return std::make_unique<Prepared>(Prepared{std::move(statement), handle_of(db_->getHandle(), sql)});
  }

  Idle& idle(std::string_view sql) {
    const auto found = statements_.find(sql);
    return found != statements_.end() ? found->second : statements_[std::string(sql)];
  }

  void set_synchronous(Durability durability) {
    if (synchronous_ == durability) return;
    guarded([&] {
      db_->exec(durability == Durability::ledger ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    });
    synchronous_ = durability;
  }

  const std::string name_;
  std::unique_ptr<SQLite::Database> db_;
  std::optional<Durability> synchronous_;
  std::unordered_map<std::string, Idle, TextHash, std::equal_to<>> statements_;  // dies before db_
};

/// Makes the file with mode 0600 before SQLite sees it: its -wal and -shm take the same mode.
void create_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) {
    ::close(file);
  } else if (errno != EEXIST) {
    const std::string cause = std::strerror(errno);
    throw errno == EACCES || errno == EROFS ? store_readonly(path, cause) : store_io(path, cause);
  }
}

/// A store that was copied about may have become readable for others.
void close_to_others(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat about {};
    const std::string file = path + suffix;
    if (::stat(file.c_str(), &about) == 0 && (about.st_mode & 0077) != 0 && ::chmod(file.c_str(), 0600) != 0) {
      throw store_readonly(path, "its mode lets others read it and cannot be changed");
    }
  }
}

class SqliteDriver final : public Driver {
 public:
  explicit SqliteDriver(const DbOptions& options)
      : path_(options.path), read_only_(options.read_only), busy_wait_(options.busy_wait) {
    const bool exists = ::access(path_.c_str(), F_OK) == 0;
    if (!exists && (read_only_ || !options.create)) throw store_missing(path_);
    if (read_only_) return;
    if (!exists) create_file(path_);
    if (::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) != 0) throw store_readonly(path_, std::strerror(errno));
    close_to_others(path_);
  }

  std::unique_ptr<Connection> connect(bool write) override {
    return std::make_unique<SqliteConnection>(path_, read_only_, write, busy_wait_);
  }

  Dialect dialect() const override {
    return {.integer = "INTEGER",
            .id = "INTEGER PRIMARY KEY",
            .strict = "STRICT",
            .clustered = "WITHOUT ROWID, STRICT",
            .engine = "sqlite"};
  }

  std::string name() const override { return path_; }

  Contents contents(Tx& tx) override {
    if (tx.one_integer("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'") == 1) {
      return Contents::store;
    }
    return tx.one_integer("SELECT COUNT(*) FROM sqlite_master") == 0 ? Contents::empty : Contents::foreign;
  }

  std::int64_t size_bytes(Tx&) override {
    std::int64_t sum = 0;
    for (const char* suffix : {"", "-wal"}) {
      struct stat about {};
      if (::stat((path_ + suffix).c_str(), &about) == 0) sum += about.st_size;
    }
    return sum;
  }

  std::string damage(Tx& tx) override {
    const std::string said = tx.one_text("PRAGMA integrity_check(1)").value_or("no answer");
    return said == "ok" ? "" : said;
  }

  /// Each table in a transaction of its own, so that the log can be taken back into the store meanwhile; on a
  /// connection that keeps few pages and goes when it is done.
  std::string quick_damage(const std::stop_token& stop) override {
    SqliteConnection own(path_, read_only_, /*write=*/false, busy_wait_);
    own.one_integer("PRAGMA cache_size = -2048");
    try {
      for (const std::string& table : tables(own)) {
        if (stop.stop_requested()) return "";
        const std::string said = own.quick_check(table, stop);
        if (!said.empty() && said != "ok") return fmt::format("table {}: {}", table, said);
      }
    } catch (const Failure&) {
      if (!stop.stop_requested()) throw;
    }
    return "";
  }

 private:
  static std::vector<std::string> tables(SqliteConnection& connection) {
    std::vector<std::string> out;
    connection.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", {},
                     [&](const Row& row) { out.push_back(row.text(0)); });
    return out;
  }

  const std::string path_;
  const bool read_only_;
  const Duration busy_wait_;
};

}  // namespace

std::unique_ptr<Driver> sqlite_driver(const DbOptions& options) { return std::make_unique<SqliteDriver>(options); }

}  // namespace hw::store
