// A store that is damaged is found, nothing more is sent on its word, and the way back is told and works.
#include <sqlite3.h>

#include "faults/machine_kit.h"

namespace hw::sandbox {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class StoreDamage : public MachineFault {
 protected:
  /// Two days of work, an orderly stop, and a backup of that moment.
  void work_and_back_up() {
    ASSERT_TRUE(start());
    ASSERT_TRUE(pass(kDay * 2 + hours(5)));
    stop();
    const Output backup = run_.ask({"backup", backup_});
    ASSERT_EQ(backup.status, 0) << backup.text;
  }
  void write_at(std::uintmax_t at, const std::string& bytes) const {
    std::fstream file(store(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }
  /// Rows that no loop of the daemon reads, with a page of them damaged.
  void damage_what_nobody_reads() const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2(store().c_str(), &db, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db,
                           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                           "INSERT INTO state(key, value) SELECT 'filler' || i, hex(zeroblob(500)) FROM n",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(db);
    write_at(std::filesystem::file_size(store()) - 40'960, std::string(4096, '\x7f'));
  }
  /// A few bytes of the header of every page but the schema's first ones.
  void flip_bytes_of_every_page() const {
    for (std::uintmax_t at = 40 * 4096; at < std::filesystem::file_size(store()); at += 4096)
      write_at(at, "\x7f\x7f\x7f\x7f");
  }
  std::vector<std::int64_t> believed_amounts() {
    std::vector<std::int64_t> out;
    for (const Belief& b : run_.believed()) out.push_back(b.micros);
    return out;
  }
  std::size_t believed_of_won() {
    std::size_t n = 0;
    for (const Belief& b : run_.believed()) n += b.action == Names::kWon ? 1 : 0;
    return n;
  }
  /// The daemon does not work on this store, `check` says why, and the backup brings everything back.
  void expect_refusal_and_way_back() {
    const std::size_t before = believed_of_won();
    EXPECT_FALSE(start());
    EXPECT_EQ(ended(), 65) << run_.log_tail();
    EXPECT_THAT(log(), AllOf(HasSubstr(store()), HasSubstr(" restore FILE`")));
    EXPECT_EQ(believed_of_won(), before) << "something left on the word of a damaged store";
    const Output check = run({HW_PROGRAM, "check", "-c", dir_.path() + "/headwater.yaml"});
    EXPECT_EQ(check.status, 1);
    EXPECT_THAT(check.text, HasSubstr(" restore FILE`"));
    bring_back();
  }
  void bring_back() {
    const Output restored = run_.ask({"restore", backup_});
    ASSERT_EQ(restored.status, 0) << restored.text;
    EXPECT_THAT(restored.text, HasSubstr("the replaced store is kept as"));
    may_be_uncertain_ = {"ga4_won"};
    ASSERT_TRUE(start()) << run_.log_tail();
    expect_nothing_lost_or_doubled();
  }

  const std::string backup_ = dir_.path() + "/backup.db";
};

TEST_F(StoreDamage, AHeaderThatIsOverwrittenIsFoundAtTheStart) {
  work_and_back_up();
  write_at(0, "This was a store of conversions.");
  expect_refusal_and_way_back();
}

TEST_F(StoreDamage, AStoreThatIsCutShortIsFoundAtTheStart) {
  work_and_back_up();
  std::filesystem::resize_file(store(), std::filesystem::file_size(store()) / 2);
  expect_refusal_and_way_back();
}

TEST_F(StoreDamage, FlippedBytesAreFoundByWhateverReadsThem) {
  work_and_back_up();
  flip_bytes_of_every_page();
  expect_refusal_and_way_back();
}

TEST_F(StoreDamage, FlippedBytesThatNobodyReadsAreFoundByTheLookInTheBackground) {
  work_and_back_up();
  damage_what_nobody_reads();
  start();
  EXPECT_EQ(ended(), 65) << run_.log_tail();
  EXPECT_THAT(log(), AllOf(HasSubstr("store_damaged"), HasSubstr(" restore FILE`")));
  const Output status = run_.ask({"status"});
  EXPECT_THAT(status.text, HasSubstr(" restore FILE`"));
  expect_refusal_and_way_back();
}

TEST_F(StoreDamage, FlippedBytesUnderARunningDaemonEndItBeforeItSendsMore) {
  work_and_back_up();
  ASSERT_TRUE(start());
  const std::vector<std::int64_t> before = believed_amounts();
  flip_bytes_of_every_page();
  EXPECT_FALSE(pass(kDay)) << "the daemon goes on with a damaged store";
  EXPECT_EQ(ended(), 65) << run_.log_tail();
  EXPECT_THAT(log(), AllOf(HasSubstr("stopped_by_failure"), HasSubstr("store_corrupt"), HasSubstr(" restore FILE`")));
  EXPECT_EQ(believed_amounts(), before) << "something left on the word of a damaged store";
  expect_refusal_and_way_back();
}

TEST_F(StoreDamage, IsNotedByNobodyWhereThereIsNone) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  const Output check = run({HW_PROGRAM, "check", "-c", dir_.path() + "/headwater.yaml"});
  EXPECT_EQ(check.status, 0) << check.text;
  EXPECT_THAT(check.text, HasSubstr("ok store: no damage found"));
  EXPECT_THAT(run_.ask({"status"}).text, HasSubstr("nothing"));
  EXPECT_THAT(log(), AllOf(HasSubstr("store_checked"), Not(HasSubstr("store_damaged"))));
  expect_nothing_lost_or_doubled();
}

}  // namespace
}  // namespace hw::sandbox
