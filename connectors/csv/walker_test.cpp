#include <gmock/gmock.h>

#include "connectors/csv/position.h"
#include "connectors/csv/test_files.h"

namespace hw::connectors::csv {
namespace {

using connect::Cursor;
using testing::HasSubstr;

const Timestamp kLongAgo = conformance::kNow - std::chrono::hours(1000);

connect::Options leads_at(const std::string& path, const std::string& pattern = "") {
  conformance::Overrides overrides = {{"path", path}, {"object", "leads"}, {"columns", Pairs{{"id", "id"}}}};
  if (!pattern.empty()) overrides.emplace_back("pattern", pattern);
  return file_entry(overrides);
}

std::string rows_from(int first, int last) {
  std::string out;
  for (int i = first; i <= last; ++i) out += std::to_string(i) + "\n";
  return out;
}

struct OneFile : World, testing::Test {
  OneFile() { configure({leads_at(folder.path("leads.csv"))}); }
  Cursor cursor;
};

struct Watched : World, testing::Test {
  Watched() { configure({leads_at(folder.path(), "*.csv")}); }
  Cursor cursor;
};

TEST_F(OneFile, IsReadOnceAndThenNothingIsLeft) {
  folder.write("leads.csv", "id\na\nb\n");
  const auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "a b");
  EXPECT_FALSE(page.more);
  EXPECT_TRUE(page.sweep_complete);
  const Cursor after = cursor;
  EXPECT_EQ(ids(pull(cursor).rows), "");
  EXPECT_EQ(cursor, after) << "a pass with nothing new moves nothing";
}

TEST_F(OneFile, IsReadInPagesOfTheLimit) {
  limit = 3;
  folder.write("leads.csv", "id\n" + rows_from(1, 7));
  auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "1 2 3");
  EXPECT_TRUE(page.more);
  EXPECT_FALSE(page.sweep_complete);
  EXPECT_EQ(ids(pull(cursor).rows), "4 5 6");
  page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "7");
  EXPECT_FALSE(page.more);
  EXPECT_TRUE(page.sweep_complete);
}

TEST_F(OneFile, GoesOnAfterARestartAtTheSameLine) {
  limit = 2;
  folder.write("leads.csv", "id,x\n\"1\n\",2\n2,\n3\n4,\n");
  EXPECT_EQ(ids(pull(cursor).rows), "1 2");
  configure({leads_at(folder.path("leads.csv"))});
  const auto page = pull(cursor);
  EXPECT_EQ(rejections(page.rejected), "leads.csv:5 column_count");
  EXPECT_EQ(ids(page.rows), "4");
}

TEST_F(OneFile, ReplacedInTheMiddleIsReadFromItsBeginning) {
  limit = 2;
  folder.write("leads.csv", "id\n" + rows_from(1, 5));
  EXPECT_EQ(ids(pull(cursor).rows), "1 2");
  folder.replace("leads.csv", "id\n" + rows_from(11, 13));
  EXPECT_EQ(ids(pull_all(cursor).rows), "11 12 13");
}

TEST_F(OneFile, ReplacedByTheSameContentInTheMiddleGoesOn) {
  limit = 2;
  folder.write("leads.csv", "id\n" + rows_from(1, 5));
  pull(cursor);
  folder.replace("leads.csv", "id\n" + rows_from(1, 5));
  EXPECT_EQ(ids(pull_all(cursor).rows), "3 4 5");
}

TEST_F(OneFile, VanishedInTheMiddleIsSaid) {
  limit = 2;
  folder.write("leads.csv", "id\n" + rows_from(1, 5));
  pull(cursor);
  folder.remove("leads.csv");
  const auto page = pull(cursor);
  EXPECT_EQ(rejections(page.rejected), "leads.csv:4 file_vanished");
  EXPECT_FALSE(page.more);
}

TEST_F(OneFile, TouchedIsNotReadAgain) {
  folder.write("leads.csv", "id\na\n");
  pull(cursor);
  folder.set_time("leads.csv", kLongAgo);
  EXPECT_EQ(ids(pull_all(cursor).rows), "");
}

TEST_F(OneFile, AppendedIsReadAgainWhole) {
  folder.write("leads.csv", "id\na\n");
  pull(cursor);
  folder.write("leads.csv", "b\n", /*append=*/true);
  EXPECT_EQ(ids(pull_all(cursor).rows), "a b");
}

TEST_F(OneFile, ThatGoesBackToAnEarlierContentIsRead) {
  folder.write("leads.csv", "id\na\n");
  pull(cursor);
  folder.replace("leads.csv", "id\nb\n");
  pull(cursor);
  folder.replace("leads.csv", "id\na\n");
  EXPECT_EQ(ids(pull_all(cursor).rows), "a");
}

TEST_F(OneFile, ThatNeverWasPausesAndSaysHowToMend) {
  const auto page = try_pull(cursor);
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().action, Action::pause);
  EXPECT_EQ(page.error().code, "csv_path");
  EXPECT_THAT(page.error().detail, HasSubstr("leads.csv: no such file"));
}

TEST_F(OneFile, ThatVanishedAfterItWasReadIsFine) {
  folder.write("leads.csv", "id\na\n");
  pull(cursor);
  folder.remove("leads.csv");
  const auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "");
  EXPECT_TRUE(page.sweep_complete);
}

TEST_F(OneFile, ThatIsADirectoryAsksForAPattern) {
  configure({leads_at(folder.path())});
  EXPECT_THAT(try_pull(cursor).error().detail, HasSubstr("add `pattern"));
}

TEST_F(OneFile, WithoutAMappedColumnPausesAndNamesTheNearest) {
  folder.write("leads.csv", "Id\na\n");
  const auto page = try_pull(cursor);
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().action, Action::pause);
  EXPECT_EQ(page.error().code, "csv_columns");
  EXPECT_THAT(page.error().detail, HasSubstr("no column 'id'; did you mean 'Id'?"));
}

TEST_F(OneFile, IsReadAgainWhenItsMappingChanges) {
  folder.write("leads.csv", "id,stage\na,new\n");
  pull(cursor);
  configure({file_entry({{"path", folder.path("leads.csv")},
                         {"object", "leads"},
                         {"columns", Pairs{{"id", "id"}, {"stage", "stage"}}}})});
  const auto page = pull_all(cursor);
  ASSERT_EQ(ids(page.rows), "a");
  EXPECT_EQ(std::get<RecordState>(page.rows[0]).fields.at("stage"), "new");
}

TEST_F(OneFile, OfAHeaderAloneOrOfNothingIsReadThrough) {
  for (const char* text : {"id\n", "", "\n\n"}) {
    folder.replace("leads.csv", text);
    const auto page = pull_all(cursor);
    EXPECT_TRUE(page.sweep_complete) << "'" << text << "'";
    EXPECT_EQ(ids(page.rows) + rejections(page.rejected), "");
  }
}

TEST_F(OneFile, ADamagedCursorIsABeginning) {
  folder.write("leads.csv", "id\na\n");
  for (const char* text : {"nonsense", "csv1", "csv1 x", "csv1 0 0 0\nread"}) {
    cursor.text = text;
    EXPECT_EQ(ids(pull_all(cursor).rows), "a") << text;
  }
}

TEST_F(OneFile, AStopEndsThePageWithNothingMoved) {
  folder.write("leads.csv", "id\na\n");
  std::stop_source stop;
  stop.request_stop();
  auto& source = *connector().records();
  const auto page = source.pull(source.streams({})->at(0), cursor, limit, {.stop = stop.get_token()});
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().action, Action::retry);
}

TEST_F(Watched, NewAndChangedFilesAreReadInTheOrderOfTheirTimes) {
  folder.write("b.csv", "id\n1\n");
  folder.write("a.csv", "id\n2\n");
  folder.write("c.csv", "id\n3\n");
  folder.set_time("b.csv", kLongAgo);
  folder.set_time("a.csv", kLongAgo + std::chrono::hours(1));
  folder.set_time("c.csv", kLongAgo + std::chrono::hours(1));
  EXPECT_EQ(ids(pull_all(cursor).rows), "1 2 3");
  folder.replace("b.csv", "id\n1b\n");
  folder.write("d.csv", "id\n4\n");
  folder.set_time("b.csv", kLongAgo + std::chrono::hours(2));
  folder.set_time("d.csv", kLongAgo + std::chrono::hours(3));
  EXPECT_EQ(ids(pull_all(cursor).rows), "1b 4");
}

TEST_F(Watched, RenamedOrCopiedContentIsNotReadAgain) {
  folder.write("a.csv", "id\n1\n");
  pull_all(cursor);
  folder.rename("a.csv", "b.csv");
  folder.write("copy.csv", "id\n1\n");
  EXPECT_EQ(ids(pull_all(cursor).rows), "");
  const Cursor after = cursor;
  pull(cursor);
  EXPECT_EQ(cursor, after) << "both names are known now";
}

TEST_F(Watched, AFileThatArrivesLateWithAnOldTimeIsRead) {
  folder.write("new.csv", "id\n1\n");
  pull_all(cursor);
  folder.write("old.csv", "id\n2\n");
  folder.set_time("old.csv", kLongAgo);
  EXPECT_EQ(ids(pull_all(cursor).rows), "2");
}

TEST_F(Watched, HiddenUnfinishedAndOtherFilesAreIgnored) {
  for (const char* name : {".a.csv", "b.csv.tmp", "c.csv.part", "d.txt"}) folder.write(name, "id\nx\n");
  std::filesystem::create_directory(folder.path("dir.csv"));
  const auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "");
  EXPECT_TRUE(page.sweep_complete);
}

TEST_F(Watched, AnEmptyDirectoryIsAFinishedSweep) {
  const auto page = pull(cursor);
  EXPECT_TRUE(page.sweep_complete);
  EXPECT_FALSE(page.more);
}

TEST_F(Watched, AMissingDirectoryPauses) {
  configure({leads_at(folder.path("missing"), "*.csv")});
  const auto page = try_pull(cursor);
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().action, Action::pause);
  EXPECT_EQ(page.error().code, "csv_path");
}

TEST_F(Watched, OneBadFileDoesNotStopTheOthers) {
  folder.write("a.csv", "key\n1\n");
  folder.write("b.csv", "id\n2\n");
  folder.write("c.csv", "\"id\n");
  const auto page = pull_all(cursor);
  EXPECT_EQ(ids(page.rows), "2");
  EXPECT_EQ(rejections(page.rejected), "a.csv:1 csv_columns, c.csv:1 unclosed_quote");
  EXPECT_EQ(rejections(pull_all(cursor).rejected), "") << "said once";
}

TEST_F(Watched, ManyFilesFillOnePage) {
  for (int i = 0; i < 9; ++i) folder.write(std::to_string(i) + ".csv", "id\n" + rows_from(10 * i, 10 * i + 1));
  limit = 10;
  auto page = pull(cursor);
  EXPECT_EQ(page.rows.size(), 10U);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(pull_all(cursor).rows.size(), 8U);
}

TEST_F(Watched, MoreFilesThanAreRememberedAreReadOnceAndTheCursorStaysSmall) {
  limit = 1000;
  std::size_t rows = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 250; ++i) {
      const std::string name = std::to_string(round) + "_" + std::to_string(i) + ".csv";
      folder.write(name, "id\n" + name + "\n");
      folder.set_time(name, kLongAgo + std::chrono::minutes((i * 7919) % 250));
    }
    rows += pull_all(cursor).rows.size();
    EXPECT_LT(cursor.text.size(), 64U << 10);
  }
  EXPECT_EQ(rows, 750U);
  EXPECT_EQ(Position::parse(cursor.text, cursor.text.substr(5, 16)).read.size(), kMostRemembered);
  EXPECT_EQ(ids(pull_all(cursor).rows), "");
  folder.write("late.csv", "id\nlate\n");
  folder.set_time("late.csv", kLongAgo - std::chrono::hours(1));
  EXPECT_EQ(ids(pull_all(cursor).rows), "late");
}

TEST_F(Watched, AllAtOnceMoreFilesThanAreRememberedAreEachReadOnce) {
  for (int i = 0; i < 700; ++i) {
    const std::string name = std::to_string(i) + ".csv";
    folder.write(name, "id\n" + name + "\n");
    folder.set_time(name, kLongAgo - std::chrono::minutes(i));
  }
  EXPECT_EQ(pull_all(cursor).rows.size(), 700U);
  EXPECT_LT(cursor.text.size(), 64U << 10);
  EXPECT_EQ(pull_all(cursor).rows.size(), 0U);
}

struct Settling : World, testing::Test {
  Settling() : World({{"settle_seconds", 60}}) { configure({leads_at(folder.path(), "*.csv")}); }
  void write_now(const std::string& name, std::string_view text, bool append = false) {
    folder.write(name, text, append);
    folder.set_time(name, clock.system_now());
  }
  Cursor cursor;
};

TEST_F(Settling, AnOldFileIsReadAtOnce) {
  folder.write("a.csv", "id\n1\n");
  folder.set_time("a.csv", kLongAgo);
  EXPECT_EQ(ids(pull_all(cursor).rows), "1");
}

TEST_F(Settling, AFileThatGrowsIsReadOnlyWhenItRests) {
  write_now("a.csv", "id\n1\n");
  auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "");
  EXPECT_FALSE(page.sweep_complete);
  EXPECT_EQ(page.again_in, std::chrono::seconds(60));
  clock.advance(std::chrono::seconds(40));
  write_now("a.csv", "2\n", /*append=*/true);
  page = pull(cursor);
  EXPECT_EQ(page.again_in, std::chrono::seconds(60));
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(ids(pull(cursor).rows), "");
  clock.advance(std::chrono::seconds(1));
  page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "1 2");
  EXPECT_TRUE(page.sweep_complete);
}

TEST_F(Settling, AFileFromTheFutureIsReadWhenItStoodStillLongEnough) {
  folder.write("a.csv", "id\n1\n");
  folder.set_time("a.csv", clock.system_now() + std::chrono::hours(24));
  EXPECT_EQ(ids(pull(cursor).rows), "");
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(ids(pull(cursor).rows), "1");
}

TEST_F(Settling, AFileThatCameAfterTheFirstLookDoesNotHoldUpTheSweep) {
  write_now("a.csv", "id\n1\n");
  pull(cursor);
  clock.advance(std::chrono::seconds(60));
  write_now("b.csv", "id\n2\n");
  const auto page = pull(cursor);
  EXPECT_EQ(ids(page.rows), "1");
  EXPECT_TRUE(page.sweep_complete);
  EXPECT_TRUE(page.again_in.has_value());
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(ids(pull(cursor).rows), "2");
}

TEST_F(Settling, AFileOfTheFirstLookHoldsUpTheSweepThoughItIsReplaced) {
  write_now("a.csv", "id\n1\n");
  pull(cursor);
  clock.advance(std::chrono::seconds(30));
  folder.replace("a.csv", "id\n2\n");
  folder.set_time("a.csv", clock.system_now());
  clock.advance(std::chrono::seconds(30));
  EXPECT_FALSE(pull(cursor).sweep_complete);
  clock.advance(std::chrono::seconds(60));
  EXPECT_TRUE(pull(cursor).sweep_complete);
}

TEST(Position, TheMarkNeverPassesWhatIsUnread) {
  Position position;
  const auto file = [](std::int64_t arrived) {
    FileState state;
    state.arrived_ns = arrived;
    state.print = std::to_string(arrived);
    return state;
  };
  const FileState unread = file(50);
  for (std::int64_t i = 100; i < 100 + static_cast<std::int64_t>(kMostRemembered) + 20; ++i) {
    position.remember(file(i), "c" + std::to_string(i), {unread});
    ASSERT_FALSE(position.is_read(unread));
  }
  EXPECT_EQ(position.read.size(), kMostRemembered + 20);
  position.remember(unread, "c50", {});
  EXPECT_EQ(position.read.size(), kMostRemembered);
  EXPECT_TRUE(position.is_read(unread));
  EXPECT_TRUE(position.is_read(file(101))) << "behind the mark";
  EXPECT_FALSE(position.is_read(file(1000)));
}

TEST(Position, ItsTextIsReadBackWhole) {
  Position position;
  position.mapping = "0123456789abcdef";
  position.looked = true;
  position.current = {"a b\nü%.csv", "p", "c", 12, 3};
  position.read = {{"p1", "c1", -5}, {"p2", "c2", 7}};
  position.waiting = {{"p3", 18446744073709551615ULL, 9, true}};
  position.mark_ns = 4;
  position.mark_print = "m";
  const std::string text = position.text();
  EXPECT_EQ(Position::parse(text, position.mapping).text(), text);
  EXPECT_EQ(Position::parse(text, position.mapping).current->name, "a b\nü%.csv");
  EXPECT_FALSE(Position::parse(text, "other").current.has_value());
}

}  // namespace
}  // namespace hw::connectors::csv
