#include "store/engine/power_cut.h"

#include <filesystem>
#include <map>

#include "store/engine/db.h"
#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

namespace fs = std::filesystem;
using Rows = std::map<std::string, std::string>;

/// Commits one after the other, each with rows and a cursor, of both durabilities, with a checkpoint every few.
class PowerLoss : public testing::Test {
 protected:
  static constexpr int kCommits = 40;
  static constexpr int kEveryThird = 3;  // is a ledger's commit, the others are bulk

  static bool is_ledgers(int commit) { return commit % kEveryThird == 0; }
  static std::string row(int commit) { return "row" + std::to_string(commit % 7); }
  static std::string value(int commit) {
    return std::to_string(commit) + std::string(static_cast<std::size_t>(commit * 619 % 6000), 'v');
  }
  /// The rows after so many commits.
  static Rows rows_after(int commits) {
    Rows out;
    for (int i = 1; i <= commits; ++i) {
      out[row(i)] = value(i);
      out["cursor"] = std::to_string(i);
    }
    return out;
  }

  struct Acknowledged {
    int ledger = 0, any = 0;
  };
  static Status commit(Db& db, int n) {
    return db.transact(is_ledgers(n) ? Durability::ledger : Durability::bulk, [&](Tx& tx) -> Status {
      service_rows::set_state(tx, row(n), value(n));
      service_rows::set_state(tx, "cursor", std::to_string(n));
      return {};
    });
  }
  /// Until the end or the cut; the store is open while the power goes.
  Acknowledged work() {
    Acknowledged done;
    auto db = Db::open({.path = live_ + "/store.db", .postgres = ""});
    if (!db) return done;
    const Status often = (*db)->transact(Durability::bulk, [](Tx& tx) -> Status {
      tx.one_integer("PRAGMA wal_autocheckpoint = 20");
      return {};
    });
    for (int n = 1; often && n <= kCommits && commit(**db, n); ++n) {
      done.any = n;
      if (is_ledgers(n)) done.ledger = n;
    }
    return done;
  }

  /// A store of this build, closed in order.
  void prepare(bool with_store) {
    for (const std::string& directory : {live_, image_}) {
      fs::remove_all(directory);
      fs::create_directory(directory);
    }
    if (!with_store) return;
    if (!fs::exists(empty_)) {
      ASSERT_TRUE(Db::open({.path = empty_, .postgres = ""}));
    }
    fs::copy_file(empty_, live_ + "/store.db");
  }

  /// The rows that a store made of what the cut left holds; the store must be whole.
  Rows rows_of_image(PowerCut& power, PowerCut::Kept kept, std::uint64_t seed) {
    fs::remove_all(image_);
    fs::create_directory(image_);
    power.write_image(image_, kept, seed);
    Rows rows;
    auto db = Db::open({.path = image_ + "/store.db", .postgres = ""});
    EXPECT_TRUE(db) << (db ? "" : db.error().detail);
    if (!db) return rows;
    const Status whole = (*db)->integrity_check();
    EXPECT_TRUE(whole) << (whole ? "" : whole.error().detail);
    const Status read = (*db)->read([&](Tx& tx) -> Status {
      tx.query("SELECT key, value FROM state", {}, [&](const Row& r) { rows[r.text(0)] = r.text(1); });
      return {};
    });
    EXPECT_TRUE(read);
    return rows;
  }

  static int cursor_of(const Rows& rows) {
    const auto found = rows.find("cursor");
    return found == rows.end() ? 0 : std::stoi(found->second);
  }

  TempFolder folder_;
  const std::string live_ = folder_.file("live"), image_ = folder_.file("image"), empty_ = folder_.file("empty.db");
};

/// Which of the unsynced writes the disk has, and by which draw.
const std::pair<PowerCut::Kept, std::uint64_t> kDraws[] = {
    {PowerCut::Kept::none, 0}, {PowerCut::Kept::all, 0}, {PowerCut::Kept::some, 1}, {PowerCut::Kept::some, 2}};

TEST_F(PowerLoss, AtAnyMomentLosesNoCommitOfTheLedgerAndTearsNone) {
  PowerCut power(live_);
  prepare(true);
  power.begin(0);
  ASSERT_EQ(work().any, kCommits);
  const int operations = power.operations();
  ASSERT_GT(operations, 400) << "commits and checkpoints";
  int cuts = 0, bulk_lost = 0, torn = 0;
  for (int at = 1; at <= operations; at += 4) {
    prepare(true);
    power.begin(at);
    const Acknowledged done = work();
    ASSERT_TRUE(power.is_cut());
    ++cuts;
    for (const auto& [kept, draw] : kDraws) {
      const std::uint64_t seed = draw * 1'000'003 + static_cast<std::uint64_t>(at);
      const Rows rows = rows_of_image(power, kept, seed);
      const int reached = cursor_of(rows);
      ASSERT_GE(reached, done.ledger) << "an acknowledged commit is lost: cut at " << at << ", seed " << seed;
      ASSERT_LE(reached, done.any + 1) << "cut at " << at << ", seed " << seed;
      ASSERT_EQ(rows, rows_after(reached)) << "a commit is there in part: cut at " << at << ", seed " << seed;
      bulk_lost += reached < done.any ? 1 : 0;
      torn += kept == PowerCut::Kept::some ? 1 : 0;
    }
  }
  EXPECT_GT(bulk_lost, 0) << "this disk forgets nothing";
  RecordProperty("cuts", cuts);
  RecordProperty("torn", torn);
}

TEST_F(PowerLoss, WhileTheStoreIsMadeLeavesOneThatIsMadeAtTheNextStart) {
  PowerCut power(live_);
  prepare(false);
  power.begin(0);
  ASSERT_EQ(work().any, kCommits);
  prepare(false);
  power.begin(0);
  { ASSERT_TRUE(Db::open({.path = live_ + "/store.db", .postgres = ""})); }
  const int operations = power.operations();
  for (int at = 1; at <= operations; at += 1 + operations / 30) {
    prepare(false);
    power.begin(at);
    (void)Db::open({.path = live_ + "/store.db", .postgres = ""});
    for (const auto& [kept, draw] : kDraws)
      ASSERT_TRUE(rows_of_image(power, kept, draw + static_cast<std::uint64_t>(at)).empty()) << "cut at " << at;
  }
}

}  // namespace
}  // namespace hw::store
