#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/timestamp.h"

/// The store's engine: a database, its one writer, transactions, migrations. The SQL is kept to what SQLite and
/// PostgreSQL both speak; what differs lives in the two drivers. All SQL of the project lives in src/store.
///
/// Errors. Inside a transaction the repositories throw store::Failure; only transact() and read() catch it, roll back
/// and return its Error. So repositories return plain values, no half-done transaction can be committed by a forgotten
/// check, and no exception leaves the room. (STYLE section 5 wants Results at module borders: transact() is that
/// border.)
namespace hw::store {

/// Thrown by Tx and the repositories; caught by Db::transact() and Db::read(). Codes: "store_full", "store_busy",
/// "store_corrupt", "store_io", "store_readonly", "store_constraint", "store_sql". Every detail says how to mend.
struct Failure {
  Error error;
};

using Value = std::variant<std::monostate, std::int64_t, std::string>;
inline Value null() { return std::monostate{}; }
inline Value val(std::int64_t v) { return v; }
inline Value val(std::string v) { return v; }
inline Value val(std::string_view v) { return std::string(v); }
inline Value val(const char* v) { return std::string(v); }
inline Value val(Timestamp t) { return to_micros(t); }
inline Value val(const std::optional<Timestamp>& t) { return t ? Value(to_micros(*t)) : null(); }
inline Value val(const std::optional<std::int64_t>& v) { return v ? Value(*v) : null(); }
inline Value val(const std::optional<std::string>& v) { return v ? Value(*v) : null(); }

/// One row of an answer; valid inside the callback only. Columns from 0.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;  ///< 0 for NULL
  virtual std::string text(int column) const = 0;      ///< "" for NULL
  Timestamp time(int column) const { return from_micros(integer(column)); }
  std::optional<Timestamp> maybe_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(from_micros(integer(column)));
  }
  std::optional<std::int64_t> maybe_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
};

/// An open transaction. SQL with `?` placeholders; statements are prepared once per connection and text (give
/// literals). Not thread-safe; lives inside transact() or read().
class Tx {
 public:
  virtual ~Tx() = default;
  /// Returns the number of rows changed.
  virtual std::int64_t exec(std::string_view sql, std::initializer_list<Value> params = {}) = 0;
  virtual void query(std::string_view sql, std::initializer_list<Value> params,
                     const std::function<void(const Row&)>& each) = 0;
  /// The first column of the first row.
  std::optional<std::int64_t> one_integer(std::string_view sql, std::initializer_list<Value> params = {});
  std::optional<std::string> one_text(std::string_view sql, std::initializer_list<Value> params = {});
  /// INSERT ... RETURNING id.
  std::int64_t insert(std::string_view sql, std::initializer_list<Value> params);
  /// SQL steps since the transaction began: statements run and rows visited by callbacks, and on SQLite the virtual
  /// machine's own steps, so that a scan that finds nothing shows. A test holds that a pass with nothing changed takes
  /// the same number at every size.
  std::int64_t steps = 0;
};

enum class Durability : std::uint8_t {
  ledger,  ///< synchronous=FULL: on disk when transact() returns
  bulk,    ///< synchronous=NORMAL: what can be read again from its source; never lost by a crash of the process
};

struct DbOptions {
  std::string path;        ///< SQLite file; created with mode 0600
  std::string postgres;    ///< libpq connection string; then `path` is ignored
  bool create = true;      ///< false: code "store_missing" when there is none, "store_older" instead of migrating
  bool read_only = false;  ///< other commands beside a running daemon; implies create = false
  Duration busy_wait = std::chrono::seconds(10);  ///< how long a writer waits for another process's transaction
};

/// Thread-safe. One writer at a time; reads see the last commit and do not block it.
class Db {
 public:
  /// Opens, checks the header and the version, migrates forward (each migration one transaction). Errors: "store_newer"
  /// (made by a newer Headwater: says which version), "store_older", "store_corrupt", "store_missing", "store_io",
  /// "store_readonly", "store_engine" (built without PostgreSQL).
  static Result<std::unique_ptr<Db>> open(const DbOptions& options);
  virtual ~Db() = default;

  /// Runs `body` once, in one transaction. Whatever body returns with an Error is rolled back. Waits for another
  /// process's transaction for `busy_wait`, then "store_busy". Not to be called inside another transact() of the same
  /// thread; read() inside one sees the commit before it.
  template <class F>
  auto transact(Durability durability, F&& body) -> decltype(body(std::declval<Tx&>())) {
    using R = decltype(body(std::declval<Tx&>()));
    std::optional<R> out;
    Status s = run(/*write=*/true, durability, [&](Tx& tx) -> Status {
      out.emplace(body(tx));
      if (!*out) return out->error();
      return {};
    });
    if (!s) return s.error();
    return std::move(*out);
  }
  template <class F>
  auto read(F&& body) -> decltype(body(std::declval<Tx&>())) {
    using R = decltype(body(std::declval<Tx&>()));
    std::optional<R> out;
    Status s = run(/*write=*/false, Durability::bulk, [&](Tx& tx) -> Status {
      out.emplace(body(tx));
      if (!*out) return out->error();
      return {};
    });
    if (!s) return s.error();
    return std::move(*out);
  }

  /// Bytes of the store with its log, for status.
  virtual std::int64_t size_bytes() = 0;
  /// Reads every page and compares tables with their indexes: minutes on large stores.
  virtual Status integrity_check() = 0;
  /// Reads every page and looks whether they fit together, a table at a time, beside writers and readers and without
  /// holding up either. A stop ends it at once and without a finding. Of PostgreSQL it knows nothing.
  virtual Status quick_check(const std::stop_token& stop) = 0;
  /// The first damage ("store_corrupt") that anybody met who used this Db, also where the error went no further: from
  /// then on nothing may be sent on the word of this store.
  [[nodiscard]] virtual std::optional<Error> damage() const = 0;

 protected:
  virtual Status run(bool write, Durability durability, const std::function<Status(Tx&)>& body) = 0;
};

/// The version this build writes.
int schema_version();

}  // namespace hw::store
