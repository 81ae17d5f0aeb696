#pragma once
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "store/engine/db.h"

/// What the two engines differ in. Private to src/store/engine: the rest of the store sees Db and Tx alone.
namespace hw::store {

/// One connection: a Tx between begin() and commit() or rollback(). Used by one thread at a time. All but rollback()
/// throw Failure.
class Connection : public Tx {
 public:
  virtual void begin(bool write, Durability durability) = 0;
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;
  /// False once the connection is lost: it is thrown away and another one opened.
  virtual bool is_usable() const { return true; }
};

/// How an engine writes the marks of schema.h.
struct Dialect {
  std::string_view integer, id, strict, clustered;
  std::string_view engine{};  ///< "sqlite" or "postgres": a statement that begins with `{engine}` is its alone
};

enum class Contents : std::uint8_t {
  empty,    ///< nothing yet
  store,    ///< has a meta table
  foreign,  ///< another program's tables
};

/// One database. Thread-safe as long as each connection is used by one thread. Throws Failure.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::unique_ptr<Connection> connect(bool write) = 0;
  virtual Dialect dialect() const = 0;
  /// For messages: the path, or "the PostgreSQL database".
  virtual std::string name() const = 0;
  virtual Contents contents(Tx& tx) = 0;
  virtual std::int64_t size_bytes(Tx& tx) = 0;
  /// What is wrong, or "".
  virtual std::string damage(Tx& tx) = 0;
  /// As Db::quick_check, on a connection of its own. What is wrong, or "".
  virtual std::string quick_damage(const std::stop_token& stop) = 0;
};

/// Creates the file if there is none and `options` allow it.
std::unique_ptr<Driver> sqlite_driver(const DbOptions& options);
/// Throws Failure "store_engine" in a build without libpq.
std::unique_ptr<Driver> postgres_driver(const DbOptions& options);

}  // namespace hw::store
