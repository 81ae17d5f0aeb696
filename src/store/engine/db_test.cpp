#include "store/engine/db.h"

#include <atomic>
#include <thread>

#include "store/engine/driver.h"
#include "store/engine/migrate.h"
#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DbTest : public EngineTest {
 protected:
  std::optional<std::string> state(std::string_view key) {
    return *db_->read([&](Tx& tx) -> Result<std::optional<std::string>> { return service_rows::state(tx, key); });
  }
  std::unique_ptr<Driver> driver() const { return is_sqlite() ? sqlite_driver(options_) : postgres_driver(options_); }
  Result<std::unique_ptr<Db>> reopen() { return Db::open(options_); }
};
HW_BOTH_ENGINES(DbTest);

TEST_P(DbTest, AFreshStoreHasTheVersionOfThisBuild) {
  write([](Tx& tx) { EXPECT_EQ(service_rows::meta(tx, "schema_version"), std::to_string(schema_version())); });
  EXPECT_TRUE(reopen());
  EXPECT_GT(db_->size_bytes(), 0);
  EXPECT_TRUE(db_->integrity_check());
}

TEST_P(DbTest, ANewerStoreIsRefusedWithItsVersionAndTheMend) {
  write([](Tx& tx) { service_rows::set_meta(tx, "schema_version", std::to_string(schema_version() + 3)); });
  const auto refused = reopen();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "store_newer");
  EXPECT_THAT(refused.error().detail, HasSubstr("version " + std::to_string(schema_version() + 3)));
  EXPECT_THAT(refused.error().detail, HasSubstr("Install the newer Headwater again"));
}

TEST_P(DbTest, AnUnreadableVersionIsDamage) {
  write([](Tx& tx) { service_rows::set_meta(tx, "schema_version", "one"); });
  EXPECT_EQ(reopen().error().code, "store_corrupt");
}

TEST_P(DbTest, AFailedMigrationLeavesTheVersionBeforeIt) {
  std::vector<Migration> known(migrations().begin(), migrations().end());
  const int next = schema_version() + 1;
  known.push_back({next, "works", "CREATE TABLE works(a {int} NOT NULL) {strict};\n"});
  known.push_back({next + 1, "fails", "CREATE TABLE half(a {int}) {strict};\nINSERT INTO nowhere(a) VALUES(1);\n"});
  const auto own = driver();
  EXPECT_EQ(migrate(*db_, *own, known).error().code, "store_sql");
  write([&](Tx& tx) {
    EXPECT_EQ(service_rows::meta(tx, "schema_version"), std::to_string(next));
    EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM works"), 0);
  });
  const Status gone = db_->read([](Tx& tx) -> Status {
    tx.one_integer("SELECT COUNT(*) FROM half");
    return {};
  });
  EXPECT_EQ(gone.error().code, "store_sql");

  known.back().sql = "CREATE TABLE half(a {int}) {strict};\n";
  EXPECT_TRUE(migrate(*db_, *own, known));
  write([&](Tx& tx) { EXPECT_EQ(service_rows::meta(tx, "schema_version"), std::to_string(next + 1)); });
}

TEST_P(DbTest, AMigrationAlreadyDoneIsNotDoneAgain) {
  const auto own = driver();
  EXPECT_TRUE(migrate(*db_, *own, migrations()));
}

TEST_P(DbTest, ACommandThatOnlyReadsRefusesAnOlderStore) {
  std::vector<Migration> known(migrations().begin(), migrations().end());
  known.push_back({schema_version() + 1, "later", "CREATE TABLE later(a {int}) {strict};\n"});
  EXPECT_EQ(check_version(*db_, *driver(), known).error().code, "store_older");
  EXPECT_TRUE(check_version(*db_, *driver(), migrations()));
}

TEST(MigrationStatements, LoseTheirCommentsAndTakeTheDialect) {
  const Dialect dialect{.integer = "BIGINT", .id = "KEY", .strict = "", .clustered = "ROWS"};
  EXPECT_THAT(migration_statements("-- one; two\nCREATE TABLE a(id {id}, b {int}) {strict}; -- tail\n\n"
                                   "CREATE TABLE c(\n  d {int}) {clustered};\n",
                                   dialect),
              ElementsAre("CREATE TABLE a(id KEY, b BIGINT)", "CREATE TABLE c(\nd BIGINT) ROWS"));
}

TEST(MigrationStatements, OfOneEngineAreLeftOutByTheOther) {
  const std::string_view sql =
      "{sqlite} CREATE TRIGGER a BEGIN SELECT 1; END;\n{postgres} CREATE FUNCTION a();\nBOTH;\n";
  auto of = [&](std::string_view engine) {
    return migration_statements(sql, {.integer = "", .id = "", .strict = "", .clustered = "", .engine = engine});
  };
  EXPECT_THAT(of("sqlite"), ElementsAre("CREATE TRIGGER a BEGIN SELECT 1; END", "BOTH"));
  EXPECT_THAT(of("postgres"), ElementsAre("CREATE FUNCTION a()", "BOTH"));
}

TEST_P(DbTest, WhatReturnsAnErrorIsRolledBack) {
  const Status refused = db_->transact(Durability::ledger, [](Tx& tx) -> Status {
    service_rows::set_state(tx, "a", "1");
    return Error{.action = Action::reject_row, .code = "mine", .detail = "no"};
  });
  EXPECT_EQ(refused.error().code, "mine");
  EXPECT_EQ(state("a"), std::nullopt);
}

TEST_P(DbTest, WhatThrowsAFailureIsRolledBackAndTheConnectionGoesOn) {
  const Status refused = db_->transact(Durability::bulk, [](Tx& tx) -> Status {
    service_rows::set_state(tx, "a", "1");
    tx.exec("INSERT INTO state(key, value) VALUES('a', '2')");
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_constraint");
  EXPECT_EQ(state("a"), std::nullopt);
  write([](Tx& tx) { service_rows::set_state(tx, "a", "3"); });
  EXPECT_EQ(state("a"), "3");
}

TEST_P(DbTest, WhatThrowsAnythingElseIsRolledBackAndThrown) {
  EXPECT_THROW(write([](Tx& tx) {
                 service_rows::set_state(tx, "a", "1");
                 throw std::logic_error("a bug");
               }),
               std::logic_error);
  EXPECT_EQ(state("a"), std::nullopt);
  write([](Tx& tx) { service_rows::set_state(tx, "a", "2"); });
}

TEST_P(DbTest, ABrokenStatementIsAnErrorOfItsOwnAndCarriesNoContent) {
  const Status refused = db_->transact(Durability::bulk, [](Tx& tx) -> Status {
    service_rows::set_state(tx, "secret-key", "1");
    tx.exec("INSERT INTO state(key, value) VALUES(?, '2')", {val("secret-key")});
    return {};
  });
  EXPECT_THAT(refused.error().detail, ::testing::Not(HasSubstr("secret-key")));
  const Status broken = db_->read([](Tx& tx) -> Status {
    tx.exec("SELEKT 1");
    return {};
  });
  EXPECT_EQ(broken.error().code, "store_sql");
}

TEST_P(DbTest, AStatementWithTooFewParametersIsRefused) {
  write([](Tx& tx) { service_rows::set_state(tx, "a", "1"); });
  const Status refused = db_->read([](Tx& tx) -> Status {
    tx.one_text("SELECT value FROM state WHERE key = ?");
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_sql");
}

TEST_P(DbTest, ReadsSeeTheLastCommitAndDoNotWaitForTheWriter) {
  write([this](Tx& tx) {
    service_rows::set_state(tx, "a", "1");
    EXPECT_EQ(state("a"), std::nullopt);
  });
  EXPECT_EQ(state("a"), "1");
}

TEST_P(DbTest, ReadsCannotWrite) {
  const Status refused = db_->read([](Tx& tx) -> Status {
    service_rows::set_state(tx, "a", "1");
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_readonly");
}

TEST_P(DbTest, AStoreOpenedToReadOnlyReadsBesideTheWriterAndRefusesToWrite) {
  write([](Tx& tx) { service_rows::set_state(tx, "a", "1"); });
  DbOptions reading = options_;
  reading.read_only = true;
  const auto reader = open(reading);
  EXPECT_TRUE(reader->read([](Tx& tx) -> Status {
    EXPECT_EQ(service_rows::state(tx, "a"), "1");
    return {};
  }));
  const Status refused = reader->transact(Durability::ledger, [](Tx&) -> Status { return {}; });
  EXPECT_EQ(refused.error().code, "store_readonly");
}

TEST_P(DbTest, AnotherProcessesTransactionIsWaitedForAndThenReported) {
  DbOptions impatient = options_;
  impatient.busy_wait = std::chrono::milliseconds(1);
  const auto other = open(impatient);
  const auto attempt = [&] {
    return other->transact(Durability::ledger, [](Tx& tx) -> Status {
      service_rows::set_state(tx, "b", "1");
      return {};
    });
  };
  write([&](Tx& tx) {
    service_rows::set_state(tx, "a", "1");
    const Status busy = attempt();
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, "store_busy");
    EXPECT_EQ(busy.error().action, Action::retry);
  });
  EXPECT_TRUE(attempt());
}

TEST_P(DbTest, ValuesComeBackAsTheyWere) {
  write([](Tx& tx) {
    const std::int64_t large = std::numeric_limits<std::int64_t>::max();
    tx.exec("INSERT INTO go_live(scope, name, at) VALUES(?, ?, ?)", {val("goal"), val("what? 'ü'\n"), val(large)});
    tx.exec("INSERT INTO go_live(scope, name, at) VALUES('?', 'why?', ?)", {val(-large - 1)});
    tx.query("SELECT name, at FROM go_live ORDER BY at DESC LIMIT 1", {}, [&](const Row& row) {
      EXPECT_EQ(row.text(0), "what? 'ü'\n");
      EXPECT_EQ(row.integer(1), large);
    });
    EXPECT_EQ(tx.one_integer("SELECT at FROM go_live WHERE name = 'why?'"), -large - 1);
    EXPECT_EQ(tx.one_integer("SELECT MIN(at) FROM go_live WHERE name = 'none'"), std::nullopt);
    EXPECT_EQ(tx.exec("UPDATE go_live SET at = 1"), 2);
  });
}

TEST_P(DbTest, TheSameStatementMayRunInsideItsOwnRows) {
  write([](Tx& tx) {
    for (const char* key : {"a", "b", "c"}) service_rows::set_state(tx, key, key);
    int pairs = 0;
    constexpr std::string_view kKeys = "SELECT key FROM state WHERE key LIKE ?";
    tx.query(kKeys, {val("_")}, [&](const Row&) { tx.query(kKeys, {val("_")}, [&](const Row&) { ++pairs; }); });
    EXPECT_EQ(pairs, 9);
  });
}

TEST_P(DbTest, ManyThreadsReadAndWriteOneAfterTheOther) {
  constexpr int kThreads = 4, kRounds = 10;
  write([](Tx& tx) { tx.exec("INSERT INTO go_live(scope, name, at) VALUES('t', 'n', 0)"); });
  std::atomic<int> failed = 0;
  const auto count_up = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const Status done = db_->transact(Durability::bulk, [](Tx& tx) -> Status {
        const std::int64_t now = *tx.one_integer("SELECT at FROM go_live");
        tx.exec("UPDATE go_live SET at = ?", {val(now + 1)});
        return {};
      });
      const auto seen =
          db_->read([](Tx& tx) -> Result<std::int64_t> { return *tx.one_integer("SELECT at FROM go_live"); });
      if (!done || !seen || *seen < 1) ++failed;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(count_up);
  }
  EXPECT_EQ(failed, 0);
  write([](Tx& tx) { EXPECT_EQ(tx.one_integer("SELECT at FROM go_live"), kThreads * kRounds); });
}

}  // namespace
}  // namespace hw::store
