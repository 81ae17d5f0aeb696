#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/record.h"
#include "store/engine/db.h"

/// The store's tests run on both engines: derive a suite from EngineTest and instantiate it with HW_BOTH_ENGINES. A
/// test gets a store of its own; PostgreSQL is started once for the binary, in a temporary folder, and stopped at its
/// end.
namespace hw::store {

/// A folder of its own, gone with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class EngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override;

  [[nodiscard]] bool is_sqlite() const { return std::string(GetParam()) == "sqlite"; }
  std::unique_ptr<Db> open(const DbOptions& options);

  /// Runs `body(tx)` in a committed transaction and returns its value; a failure of the store fails the test.
  template <class F>
  auto write(F&& body) -> decltype(body(std::declval<Tx&>())) {
    using T = decltype(body(std::declval<Tx&>()));
    if constexpr (std::is_void_v<T>) {
      const Status done = db_->transact(Durability::bulk, [&](Tx& tx) -> Status {
        body(tx);
        return {};
      });
      if (!done) throw std::runtime_error(done.error().detail);
    } else {
      Result<T> done = db_->transact(Durability::bulk, [&](Tx& tx) -> Result<T> { return body(tx); });
      if (!done) throw std::runtime_error(done.error().detail);
      return *std::move(done);
    }
  }

  DbOptions options_;
  std::unique_ptr<Db> db_;

 private:
  TempFolder folder_;
};

#define HW_BOTH_ENGINES(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Engines, suite, ::testing::Values("sqlite", "postgres"), \
                           [](const auto& engine) { return std::string(engine.param); })

/// 2026-11-20T00:00:00Z and so many seconds.
inline Timestamp at(std::int64_t seconds) { return from_micros((1795132800 + seconds) * 1000000); }

inline RecordRef contact(const std::string& id) { return {"crm", Object::contact, id}; }
inline RecordRef deal(const std::string& id) { return {"crm", Object::deal, id}; }
inline RecordRef lead(const std::string& id) { return {"crm", Object::lead, id}; }

}  // namespace hw::store
