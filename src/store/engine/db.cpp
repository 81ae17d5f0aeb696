#include "store/engine/db.h"

#include "base/mutex.h"
#include "store/engine/driver.h"
#include "store/engine/failures.h"
#include "store/engine/migrate.h"
#include "store/schema.h"

namespace hw::store {

std::optional<std::int64_t> Tx::one_integer(std::string_view sql, std::initializer_list<Value> params) {
  std::optional<std::int64_t> out;
  query(sql, params, [&](const Row& row) {
    if (!out) out = row.maybe_integer(0);
  });
  return out;
}

std::optional<std::string> Tx::one_text(std::string_view sql, std::initializer_list<Value> params) {
  std::optional<std::string> out;
  query(sql, params, [&](const Row& row) {
    if (!out && !row.is_null(0)) out = row.text(0);
  });
  return out;
}

std::int64_t Tx::insert(std::string_view sql, std::initializer_list<Value> params) {
  const auto id = one_integer(sql, params);
  if (!id) throw store_sql("an INSERT returned no id");
  return *id;
}

namespace {

/// Commits, or rolls back on an Error, a Failure and any other exception (which goes on up: it is a bug).
Status in_transaction(Connection& connection, bool write, Durability durability,
                      const std::function<Status(Tx&)>& body) {
  try {
    connection.begin(write, durability);
    Status status = body(connection);
    if (status) {
      connection.commit();
    } else {
      connection.rollback();
    }
    return status;
  } catch (const Failure& failure) {
    connection.rollback();
    return failure.error;
  } catch (...) {
    connection.rollback();
    throw;
  }
}

/// One writer under its mutex, held for the whole transaction since it is the queue of writers, and as many readers as
/// ask at once, a few of which stay open.
class PooledDb final : public Db {
 public:
  PooledDb(std::unique_ptr<Driver> driver, bool read_only) : driver_(std::move(driver)), read_only_(read_only) {}

  Driver& driver() { return *driver_; }

  std::int64_t size_bytes() override {
    const auto size = read([&](Tx& tx) -> Result<std::int64_t> { return driver_->size_bytes(tx); });
    return size ? *size : 0;
  }

  Status integrity_check() override {
    return read([&](Tx& tx) -> Status {
      const std::string damage = driver_->damage(tx);
      if (damage.empty()) return {};
      return store_corrupt(driver_->name(), damage).error;
    });
  }

  Status quick_check(const std::stop_token& stop) override {
    return noting_damage([&]() -> Status {
      const std::string found = driver_->quick_damage(stop);
      return found.empty() ? Status() : store_corrupt(driver_->name(), found).error;
    });
  }

  std::optional<Error> damage() const override EXCLUDES(damage_mutex_) {
    const MutexLock lock(damage_mutex_);
    return damage_;
  }

 protected:
  Status run(bool write, Durability durability, const std::function<Status(Tx&)>& body) override {
    return noting_damage([&] { return write ? run_write(durability, body) : run_read(body); });
  }

 private:
  template <class F>
  Status noting_damage(F&& work) EXCLUDES(damage_mutex_) {
    Status status;
    try {
      status = work();
    } catch (const Failure& failure) {
      status = failure.error;
    }
    if (status || status.error().code != "store_corrupt") return status;
    const MutexLock lock(damage_mutex_);
    if (!damage_) damage_ = status.error();
    return status;
  }

  static constexpr std::size_t kIdleReaders = 4;

  Status run_write(Durability durability, const std::function<Status(Tx&)>& body) EXCLUDES(writer_mutex_) {
    if (read_only_) throw store_readonly(driver_->name(), "this command opened it to read only");
    const MutexLock lock(writer_mutex_);
    if (!writer_ || !writer_->is_usable()) writer_ = driver_->connect(/*write=*/true);
    return in_transaction(*writer_, /*write=*/true, durability, body);
  }

  Status run_read(const std::function<Status(Tx&)>& body) EXCLUDES(readers_mutex_) {
    std::unique_ptr<Connection> reader = take_reader();
    Status status = in_transaction(*reader, /*write=*/false, Durability::bulk, body);
    give_back(std::move(reader));
    return status;
  }

  std::unique_ptr<Connection> take_reader() EXCLUDES(readers_mutex_) {
    {
      const MutexLock lock(readers_mutex_);
      if (!readers_.empty()) {
        std::unique_ptr<Connection> reader = std::move(readers_.back());
        readers_.pop_back();
        return reader;
      }
    }
    return driver_->connect(/*write=*/false);
  }

  void give_back(std::unique_ptr<Connection> reader) EXCLUDES(readers_mutex_) {
    if (!reader->is_usable()) return;
    const MutexLock lock(readers_mutex_);
    if (readers_.size() < kIdleReaders) readers_.push_back(std::move(reader));
  }

  const std::unique_ptr<Driver> driver_;
  const bool read_only_;
  Mutex writer_mutex_;
  std::unique_ptr<Connection> writer_ GUARDED_BY(writer_mutex_);
  Mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_ GUARDED_BY(readers_mutex_);
  mutable Mutex damage_mutex_;
  std::optional<Error> damage_ GUARDED_BY(damage_mutex_);
};

}  // namespace

Result<std::unique_ptr<Db>> Db::open(const DbOptions& options) {
  try {
    auto db = std::make_unique<PooledDb>(options.postgres.empty() ? sqlite_driver(options) : postgres_driver(options),
                                         options.read_only);
    const bool brings_forward = options.create && !options.read_only;
    const Status ready =
        brings_forward ? migrate(*db, db->driver(), migrations()) : check_version(*db, db->driver(), migrations());
    if (!ready) return ready.error();
    return std::unique_ptr<Db>(std::move(db));
  } catch (const Failure& failure) {
    return failure.error;
  }
}

int schema_version() { return migrations().back().version; }

}  // namespace hw::store
