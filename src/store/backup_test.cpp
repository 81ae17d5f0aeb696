#include "store/backup.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using testing::HasSubstr;

class Backup : public testing::Test {
 protected:
  Backup() { open(); }
  void open() {
    db_.reset();
    auto opened = Db::open({.path = store(), .postgres = {}, .create = true, .read_only = false});
    ASSERT_TRUE(opened) << opened.error().detail;
    db_ = std::move(*opened);
  }
  [[nodiscard]] std::string store() const { return folder_.file("headwater.db"); }
  [[nodiscard]] std::string file() const { return folder_.file("backup.db"); }
  void say(const std::string& word) {
    ASSERT_TRUE(db_->transact(Durability::ledger, [&](Tx& tx) -> Status {
      service_rows::set_meta(tx, "word", word);
      return {};
    }));
  }
  std::string word() {
    return *db_->read([](Tx& tx) -> Result<std::string> { return service_rows::meta(tx, "word").value_or(""); });
  }
  std::int64_t generation() {
    return *db_->read([](Tx& tx) -> Result<std::int64_t> { return backups::generation(tx); });
  }
  Result<Restored> put_back(Timestamp now) {
    db_.reset();
    return restore(folder_.path(), file(), now);
  }

  TempFolder folder_;
  std::unique_ptr<Db> db_;
};

TEST_F(Backup, HoldsWhatWasCommittedAndIsForItsOwnerAlone) {
  say("before");
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  say("after");
  struct stat about {};
  ASSERT_EQ(::stat(file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
  ASSERT_TRUE(put_back(at(60)));
  open();
  EXPECT_EQ(word(), "before");
}

TEST_F(Backup, WhatRootLeavesInTheStateDirectoryIsItsOwners) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of another user";
  constexpr uid_t kService = 65534;
  ASSERT_EQ(::chown(folder_.path().c_str(), kService, kService), 0);
  auto owner = [](const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 ? about.st_uid : 0;
  };
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  EXPECT_EQ(owner(folder_.file("generation")), kService);
  ASSERT_TRUE(put_back(at(60)));
  EXPECT_EQ(owner(store()), kService);
  EXPECT_EQ(owner(folder_.file("generation")), kService);
}

TEST_F(Backup, ALinkWhereTheNoteIsWrittenIsNotFollowed) {
  const std::string victim = folder_.file("victim");
  std::ofstream(victim) << "of somebody else";
  std::filesystem::create_symlink(victim, folder_.file("generation.new"));
  ASSERT_TRUE(back_up(*db_, folder_.path(), folder_.file("linked.backup"), at(10)));
  EXPECT_EQ(std::filesystem::file_size(victim), 16U);
}

TEST_F(Backup, AFileThatCannotBeReadOrIsNoneIsNamedAndChangesNothing) {
  EXPECT_EQ(restore(folder_.path(), folder_.file("absent.db"), at(1)).error().code, "no_backup");
  std::ofstream(folder_.file("deals.csv")) << "id,stage\nD1,won\n";
  const auto refused = restore(folder_.path(), folder_.file("deals.csv"), at(1));
  EXPECT_EQ(refused.error().code, "not_a_backup");
  EXPECT_THAT(refused.error().detail, HasSubstr("deals.csv: it is no backup of Headwater"));
  const auto folder = restore(folder_.path(), folder_.path(), at(1));
  EXPECT_EQ(folder.error().code, "no_backup");
  EXPECT_THAT(folder.error().detail, HasSubstr(folder_.path() + ": it is no file"));
  EXPECT_EQ(back_up(*db_, folder_.path(), folder_.file("no/such/folder.db"), at(0)).error().code, "cannot_create");
}

TEST_F(Backup, AnExistingFileIsLeftAlone) {
  std::ofstream(file()) << "precious";
  EXPECT_EQ(back_up(*db_, folder_.path(), file(), at(0)).error().code, "file_exists");
  std::ifstream left(file());
  std::string text;
  left >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(Backup, OneThatCannotBeWrittenLeavesTheGenerationAsItWas) {
  EXPECT_EQ(back_up(*db_, folder_.path(), folder_.file("nowhere/backup.db"), at(0)).error().code, "cannot_create");
  EXPECT_EQ(generation(), 0);
}

TEST_F(Backup, ACopyPutInTheStoresPlaceByHandIsRefused) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  EXPECT_TRUE(check_generation(*db_, folder_.path()));
  db_.reset();
  std::filesystem::copy_file(file(), store(), std::filesystem::copy_options::overwrite_existing);
  open();
  const Status checked = check_generation(*db_, folder_.path());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, "store_outdated");
  EXPECT_THAT(checked.error().detail, HasSubstr("headwater restore"));
  EXPECT_EQ(back_up(*db_, folder_.path(), folder_.file("other.db"), at(1)).error().code, "store_outdated")
      << "a backup of it would hide how old it is";
}

TEST_F(Backup, AStoreBegunAnewBesideANoteIsRefused) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  db_.reset();
  std::filesystem::remove(store());
  open();
  EXPECT_EQ(check_generation(*db_, folder_.path()).error().code, "store_outdated");
}

TEST_F(Backup, AKillBeforeTheNoteWasRaisedIsMendedAtTheNextStart) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  std::ofstream(folder_.file("generation")) << "0\n";
  EXPECT_TRUE(check_generation(*db_, folder_.path()));
  std::ifstream note(folder_.file("generation"));
  int noted = 0;
  note >> noted;
  EXPECT_EQ(noted, 1);
}

TEST_F(Backup, ADamagedNoteIsNotTakenForNone) {
  std::ofstream(folder_.file("generation")) << "one\n";
  EXPECT_EQ(check_generation(*db_, folder_.path()).error().code, "store_corrupt");
}

TEST_F(Backup, RestoringStampsTheGapAndGoesAboveEveryGeneration) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  ASSERT_TRUE(back_up(*db_, folder_.path(), folder_.file("later.db"), at(30)));
  EXPECT_EQ(generation(), 2);
  auto restored = put_back(at(60));
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_EQ(restored->generation, 3);
  EXPECT_TRUE(std::filesystem::exists(restored->kept_as)) << "the replaced store is kept";
  open();
  EXPECT_TRUE(check_generation(*db_, folder_.path()));
  ASSERT_TRUE(db_->read([](Tx& tx) -> Status {
    const auto gap = backups::gap(tx);
    EXPECT_TRUE(gap && gap->from == at(0) && gap->to == at(60));
    EXPECT_TRUE(backups::unmarked(tx));
    return {};
  }));
}

TEST_F(Backup, RestoringTwiceKeepsBothReplacedStores) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  const auto first = put_back(at(60)), second = put_back(at(90));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->kept_as, second->kept_as);
  EXPECT_TRUE(std::filesystem::exists(first->kept_as));
}

TEST_F(Backup, ALostStoreIsRestoredFromItsBackupAlone) {
  say("before");
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  db_.reset();
  std::filesystem::remove(store());
  std::filesystem::remove(folder_.file("generation"));
  const auto restored = put_back(at(60));
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_EQ(restored->kept_as, "");
  open();
  EXPECT_EQ(word(), "before");
}

TEST_F(Backup, WhatIsNoBackupChangesNothing) {
  say("present");
  std::ofstream(file()) << "some text that is no database, and long enough to be read as its header would be read";
  EXPECT_EQ(put_back(at(60)).error().code, "not_a_backup");
  std::filesystem::remove(file());
  std::filesystem::copy_file(store(), file());
  EXPECT_EQ(put_back(at(60)).error().code, "not_a_backup") << "a plain copy does not say when it was made";
  open();
  EXPECT_EQ(word(), "present");
  EXPECT_EQ(generation(), 0);
}

TEST_F(Backup, ADamagedBackupIsRefused) {
  for (int i = 0; i < 200; ++i) say(std::string(2000, static_cast<char>('a' + i % 26)));
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  {
    std::fstream damage(file(), std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file()));
    for (std::streamoff page = 4096; page < size; page += 4096) {
      damage.seekp(page);
      damage << "damagedamagedamage";
    }
  }
  EXPECT_EQ(put_back(at(60)).error().code, "not_a_backup");
  open();
  EXPECT_EQ(generation(), 1);
}

TEST_F(Backup, OfWhichOnePageIsDamagedIsRefused) {
  for (int i = 0; i < 200; ++i) say(std::string(2000, static_cast<char>('a' + i % 26)));
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  std::fstream(file(), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(std::filesystem::file_size(file()) - 4096 * 10))
      .write(std::string(4096, '\x7f').data(), 4096);
  EXPECT_EQ(put_back(at(60)).error().code, "store_corrupt");
  open();
  EXPECT_EQ(generation(), 1);
}

TEST_F(Backup, TheFirstReadingAfterItIsTheOneThatCounts) {
  ASSERT_TRUE(back_up(*db_, folder_.path(), file(), at(0)));
  ASSERT_TRUE(put_back(at(60)));
  open();
  for (const int moment : {100, 200}) {
    ASSERT_TRUE(db_->transact(Durability::ledger, [&](Tx& tx) -> Status {
      backups::note_reading(tx, at(moment));
      EXPECT_EQ(backups::gap(tx)->read_from, at(100));
      return {};
    }));
  }
}

}  // namespace
}  // namespace hw::store
