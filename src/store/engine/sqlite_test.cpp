#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/engine/db.h"
#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SqliteFile : public ::testing::Test {
 protected:
  std::unique_ptr<Db> open() {
    auto opened = Db::open({.path = path_, .postgres = ""});
    if (!opened) throw std::runtime_error(opened.error().detail);
    return *std::move(opened);
  }
  Error refusal(const DbOptions& options) {
    const auto opened = Db::open(options);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  Error refusal() { return refusal({.path = path_, .postgres = ""}); }

  static Status fill(Db& db, int rows, Durability durability = Durability::bulk) {
    return db.transact(durability, [&](Tx& tx) -> Status {
      for (int i = 0; i < rows; ++i) service_rows::set_state(tx, "key" + std::to_string(i), std::string(1000, 'x'));
      return {};
    });
  }
  /// One of those that hold rows.
  void damage_a_page() const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(path_) - 4096 * 10));
    file << std::string(4096, '\x7f');
  }
  static std::int64_t pragma(Db& db, Durability durability, const std::string& name) {
    return *db.transact(durability, [&](Tx& tx) -> Result<std::int64_t> { return *tx.one_integer("PRAGMA " + name); });
  }

  TempFolder folder_;
  std::string path_ = folder_.file("store.db");
};

mode_t mode_of(const std::string& path) {
  struct stat about {};
  EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
  return about.st_mode & 0777;
}

TEST_F(SqliteFile, IsForItsOwnerAloneWithItsLog) {
  const mode_t before = ::umask(0);
  const auto db = open();
  ASSERT_TRUE(fill(*db, 1));
  ::umask(before);
  for (const char* suffix : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(path_ + suffix), 0600U) << suffix;
}

TEST_F(SqliteFile, ThatOthersMayReadIsClosedToThem) {
  open();
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  const auto db = open();
  EXPECT_EQ(mode_of(path_), 0600U);
}

TEST_F(SqliteFile, SyncsEachLedgerCommitAndLeavesBulkToTheCheckpoint) {
  const auto db = open();
  EXPECT_EQ(pragma(*db, Durability::ledger, "synchronous"), 2);
  EXPECT_EQ(pragma(*db, Durability::bulk, "synchronous"), 1);
  EXPECT_EQ(pragma(*db, Durability::ledger, "synchronous"), 2);
  EXPECT_EQ(pragma(*db, Durability::ledger, "wal_autocheckpoint"), 20000);
  EXPECT_EQ(pragma(*db, Durability::ledger, "foreign_keys"), 0);
  EXPECT_EQ(pragma(*db, Durability::ledger, "secure_delete"), 2);
}

TEST_F(SqliteFile, WithoutSpaceSaysSoLosesNothingAndGoesOn) {
  const auto db = open();
  ASSERT_TRUE(fill(*db, 10));
  pragma(*db, Durability::bulk, "max_page_count = 1");  // SQLite lifts this to the present size
  const Status full = fill(*db, 5000);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, "store_full");
  EXPECT_EQ(full.error().action, Action::retry);
  EXPECT_THAT(full.error().detail, AllOf(HasSubstr(path_), HasSubstr("Free space")));
  pragma(*db, Durability::bulk, "max_page_count = 1000000");
  EXPECT_TRUE(fill(*db, 5000));
}

TEST_F(SqliteFile, WithADamagedHeaderIsRefusedWithTheMend) {
  ASSERT_TRUE(fill(*open(), 10));
  std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary) << "This was a store";
  const Error refused = refusal();
  EXPECT_EQ(refused.code, "store_corrupt");
  EXPECT_EQ(refused.action, Action::pause);
  EXPECT_THAT(refused.detail, AllOf(HasSubstr(path_), HasSubstr("headwater restore FILE")));
}

TEST_F(SqliteFile, ThatWasCutShortIsRefusedWithTheMend) {
  ASSERT_TRUE(fill(*open(), 100));
  fs::resize_file(path_, fs::file_size(path_) / 2);
  const Error refused = refusal();
  EXPECT_EQ(refused.code, "store_corrupt");
  EXPECT_THAT(refused.detail, HasSubstr("headwater restore FILE"));
}

TEST_F(SqliteFile, WithADamagedPageFailsTheIntegrityCheck) {
  ASSERT_TRUE(fill(*open(), 1000));
  damage_a_page();
  EXPECT_EQ(open()->integrity_check().error().code, "store_corrupt");
}

TEST_F(SqliteFile, WithADamagedPageFailsTheQuickCheck) {
  ASSERT_TRUE(fill(*open(), 1000));
  const auto sound = open();
  EXPECT_TRUE(sound->quick_check({}));
  EXPECT_FALSE(sound->damage());
  damage_a_page();
  const auto db = open();
  const Status found = db->quick_check({});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "store_corrupt");
  EXPECT_THAT(found.error().detail, AllOf(HasSubstr(path_), HasSubstr("headwater restore FILE")));
  EXPECT_EQ(db->damage()->code, "store_corrupt");
}

TEST_F(SqliteFile, WithADamagedPageRemembersThatAReadMetIt) {
  ASSERT_TRUE(fill(*open(), 1000));
  damage_a_page();
  const auto db = open();
  EXPECT_FALSE(db->damage()) << "nobody has seen it yet";
  const auto read = db->read([](Tx& tx) -> Result<std::int64_t> {
    return *tx.one_integer("SELECT COUNT(*) FROM state WHERE value <> 'never'");
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(db->damage()->code, "store_corrupt");
}

TEST_F(SqliteFile, IsQuicklyCheckedBesideAWriter) {
  const auto db = open();
  ASSERT_TRUE(fill(*db, 10));
  const Status beside = db->transact(Durability::ledger, [&](Tx& tx) -> Status {
    service_rows::set_state(tx, "under way", "1");
    return db->quick_check({});
  });
  EXPECT_TRUE(beside) << (beside ? "" : beside.error().detail);
}

TEST_F(SqliteFile, IsNotQuicklyCheckedAfterAStop) {
  ASSERT_TRUE(fill(*open(), 1000));
  damage_a_page();
  const auto db = open();
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_TRUE(db->quick_check(stopped.get_token())) << "no finding";
  EXPECT_FALSE(db->damage());
}

TEST_F(SqliteFile, OfAnotherProgramIsRefused) {
  ASSERT_TRUE(open()->transact(Durability::bulk, [](Tx& tx) -> Status {
    tx.exec("ALTER TABLE meta RENAME TO settings_of_something_else");
    return {};
  }));
  const Error refused = refusal();
  EXPECT_EQ(refused.code, "store_corrupt");
  EXPECT_THAT(refused.detail, HasSubstr("another program's tables"));
}

TEST_F(SqliteFile, ThatIsMissingIsMadeOnlyWhenAsked) {
  const Error missing = refusal({.path = path_, .postgres = "", .create = false});
  EXPECT_EQ(missing.code, "store_missing");
  EXPECT_THAT(missing.detail, HasSubstr("headwater run"));
  EXPECT_EQ(refusal({.path = path_, .postgres = "", .create = true, .read_only = true}).code, "store_missing");
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteFile, InAFolderThatIsMissingIsRefused) {
  const Error refused = refusal({.path = folder_.file("none/store.db"), .postgres = ""});
  EXPECT_EQ(refused.code, "store_io");
  EXPECT_THAT(refused.detail, HasSubstr("Check that its folder exists"));
}

/// Root may write everything: it becomes nobody for a while.
class AsNobody {
 public:
  AsNobody() { is_root_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  ~AsNobody() {
    if (is_root_ && ::seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool is_root_ = false;
};

TEST_F(SqliteFile, ThatMayNotBeWrittenIsRefusedWithTheMend) {
  open();
  ASSERT_EQ(::chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0555), 0);
  const AsNobody unprivileged;
  const Error refused = refusal();
  EXPECT_EQ(refused.code, "store_readonly");
  EXPECT_EQ(refused.action, Action::pause);
  EXPECT_THAT(refused.detail, AllOf(HasSubstr(path_), HasSubstr("mode 0600")));
}

TEST_F(SqliteFile, InAFolderThatMayNotBeWrittenIsRefused) {
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0555), 0);
  const AsNobody unprivileged;
  EXPECT_EQ(refusal().code, "store_readonly");
}

TEST_F(SqliteFile, OfAKilledDaemonIsReadWithItsLog) {
  const auto db = open();
  ASSERT_TRUE(fill(*db, 3));
  const std::string left = folder_.file("left.db");
  fs::copy_file(path_, left);
  fs::copy_file(path_ + "-wal", left + "-wal");
  auto reader = Db::open({.path = left, .postgres = "", .create = false, .read_only = true});
  ASSERT_TRUE(reader);
  const auto rows =
      (*reader)->read([](Tx& tx) -> Result<std::int64_t> { return *tx.one_integer("SELECT COUNT(*) FROM state"); });
  EXPECT_EQ(*rows, 3);
}

}  // namespace
}  // namespace hw::store
