#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/test_kit.h"
#include "service/in_force.h"
#include "service/sync.h"

namespace hw::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Commands : public CommandFixture {
 protected:
  /// Reads the pages and reconciles; `sends`: delivers too.
  void work(bool sends) {
    auto app = open();
    ASSERT_TRUE(service::start(*app));
    if (sends) {
      ASSERT_TRUE(service::sync(*app, {}, {}, [](const std::string&) {}));
      return;
    }
    ASSERT_TRUE(app->pullers[0]->step({}));
    ASSERT_TRUE(app->reconciler->step({}));
  }
};

TEST_F(Commands, CheckTellsProgramsWhereAnErrorIs) {
  write("headwater.yaml", config("live") + "nonsense: 1\n");
  const Ran ran = run_line({"check", "-c", main_file(), "--format", "json"});
  EXPECT_EQ(ran.code, kConfig);
  const json j = ran.parsed();
  ASSERT_THAT(j["errors"], SizeIs(1));
  EXPECT_EQ(j["errors"][0]["line"], 16);
  EXPECT_EQ(j["errors"][0]["column"], 1);
  EXPECT_THAT(j["errors"][0]["file"].get<std::string>(), HasSubstr("headwater.yaml"));
  EXPECT_THAT(j["errors"][0]["message"].get<std::string>(), HasSubstr("nonsense"));
}

TEST_F(Commands, CheckTellsProgramsThatAllIsWell) {
  const Ran ran = run_line({"check", "-c", main_file(), "--format", "json"});
  EXPECT_EQ(ran.code, kOk);
  const json j = ran.parsed();
  for (const char* list : {"errors", "warnings", "findings"}) EXPECT_THAT(j[list], IsEmpty()) << list;
}

TEST_F(Commands, CheckTellsPeopleALineAnError) {
  write("headwater.yaml", config("live") + "nonsense: 1\n");
  const Ran ran = run_line({"check", "-c", main_file()});
  EXPECT_EQ(ran.code, kConfig);
  EXPECT_THAT(ran.err, HasSubstr("headwater.yaml:16:1: "));
  EXPECT_THAT(ran.err, HasSubstr("1 error\n"));
}

TEST_F(Commands, BesideADaemonThatKeepsTheConfigurationFromBeforeABadOneStopsNobodyFromLooking) {
  {
    const auto daemon = open();
    ASSERT_TRUE(service::note_in_force(
        *daemon->lock, {.main_file = main_file(), .documents = daemon->documents, .channels = daemon->channels_text}));
    write("headwater.yaml", config("live") + "nonsense: 1\n");
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"status"}, {"auth", "status"}, {"report", "reconciliation"}, {"backup", dir_ + "/backup.db"}}) {
      auto line = words;
      line.insert(line.end(), {"-c", main_file()});
      const Ran ran = run_line(line);
      EXPECT_EQ(ran.code, kOk) << words.front() << ran.err;
      EXPECT_THAT(ran.err, HasSubstr("by the one from before")) << words.front();
    }
    EXPECT_EQ(run_line({"check", "-c", main_file()}).code, kConfig) << "it is about the files";
  }
  EXPECT_EQ(run_line({"status", "-c", main_file()}).code, kConfig) << "no daemon, nothing in force";
}

TEST_F(Commands, RootPutsABackupOfItsOwnIntoAnothersState) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can act in another's name";
  pages_ = {won_deals(1, 1)};
  work(false);
  constexpr uid_t kDaemon = 54321;
  std::filesystem::permissions(dir_, std::filesystem::perms(0755));
  for (const char* name : {"", "/lock", "/headwater.db"})
    ASSERT_EQ(::chown((dir_ + "/state" + name).c_str(), kDaemon, kDaemon), 0);
  const std::string file = dir_ + "/backup.db";
  struct stat s {};
  EXPECT_EQ(run_line({"backup", file, "-c", main_file()}).code, kOk);
  ASSERT_EQ(::stat(file.c_str(), &s), 0);
  EXPECT_EQ(s.st_uid, 0U);
  const Ran ran = run_line({"restore", file, "-c", main_file()});
  write("none.db", "no database");
  std::filesystem::permissions(dir_ + "/none.db", std::filesystem::perms(0600));
  const Ran other = run_line({"restore", dir_ + "/none.db", "-c", main_file()});
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_EQ(other.code, kDataError) << other.err;
  EXPECT_THAT(other.err, HasSubstr(dir_ + "/none.db: it is no backup"));
  for (const auto& made : std::filesystem::directory_iterator(dir_ + "/state")) {
    ASSERT_EQ(::stat(made.path().c_str(), &s), 0);
    EXPECT_EQ(s.st_uid, kDaemon) << made.path();
    EXPECT_EQ(made.path().string().find(".given"), std::string::npos) << made.path();
  }
}

TEST_F(Commands, AFormatIsRefusedWhereNothingIsPrinted) {
  EXPECT_EQ(run_line({"run", "-c", main_file(), "--format", "json"}).code, kUsage);
  EXPECT_EQ(run_line({"plan", "approve", "1", "-c", main_file(), "--format", "json"}).code, kUsage);
  EXPECT_EQ(run_line({"status", "-c", main_file(), "--format", "xml"}).code, kUsage);
}

TEST_F(Commands, PlanShowsWhatADestinationInShadowWouldSend) {
  write("headwater.yaml", config("shadow"));
  pages_ = {won_deals(1, 3)};
  work(false);
  const Ran ran = run_line({"plan", "-c", main_file(), "--format", "json"});
  EXPECT_EQ(ran.code, kOk);
  const json j = ran.parsed();
  ASSERT_THAT(j["plan"], SizeIs(1));
  EXPECT_EQ(j["plan"][0]["mode"], "shadow");
  EXPECT_EQ(j["plan"][0]["conversions"], 3);
  EXPECT_EQ(j["plan"][0]["value"], 300.00);
}

TEST_F(Commands, PlanOfACandidateIsMadeOnTheStateOfThePresentConfiguration) {
  pages_ = {won_deals(1, 3)};
  work(true);
  EXPECT_THAT(run_line({"plan", "-c", main_file(), "--format", "json"}).parsed()["plan"], IsEmpty());
  std::filesystem::create_directory(dir_ + "/next");
  write("next/headwater.yaml", config("live", "fixed 150 EUR"));
  const Ran ran =
      run_line({"plan", "-c", main_file(), "--candidate", dir_ + "/next/headwater.yaml", "--format", "json"});
  EXPECT_EQ(ran.code, kOk);
  const json j = ran.parsed();
  ASSERT_THAT(j["plan"], SizeIs(1));
  EXPECT_EQ(j["plan"][0]["operation"], "restate");
  EXPECT_EQ(j["plan"][0]["conversions"], 3);
  EXPECT_EQ(j["plan"][0]["value"], 450.00);
  write("headwater.yaml", config("live") + "nonsense: 1\n");
  const Ran again =
      run_line({"plan", "-c", main_file(), "--candidate", dir_ + "/next/headwater.yaml", "--format", "json"});
  EXPECT_EQ(again.out, ran.out) << "the present one names the state, whatever else is wrong with it; " << again.err;
}

TEST_F(Commands, ABackfillOfADestinationInShadowIsRefusedAndTriedAllTheSame) {
  write("headwater.yaml", config("shadow"));
  pages_ = {won_deals(1, 3)};
  work(false);
  std::vector<std::string> words{"backfill", "--goal",     "closed_won", "--destination", "ads_won",
                                 "--from",   "2020-01-01", "-c",         main_file()};
  const Ran ran = run_line(words);
  EXPECT_EQ(ran.code, kDifference) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("is in shadow, where nothing is sent"));
  words.push_back("--dry-run");
  const Ran tried = run_line(words);
  EXPECT_EQ(tried.code, kOk);
  EXPECT_THAT(tried.out, HasSubstr("nothing is sent before it is live"));
}

TEST_F(Commands, PreviewOfADestinationInShadowIsWhatItWouldSend) {
  pages_ = {won_deals(1, 2)};
  write("headwater.yaml", config("shadow"));
  work(false);
  const json shadow = run_line({"preview", "-c", main_file(), "--format", "json"}).parsed();
  ASSERT_THAT(shadow, testing::Not(IsEmpty()));
  EXPECT_EQ(shadow[0]["mode"], "shadow");
  // The same in live mode: what it does prepare.
  std::filesystem::remove_all(dir_ + "/state");
  write("headwater.yaml", config("live"));
  work(false);
  const json live = run_line({"preview", "-c", main_file(), "--format", "json"}).parsed();
  ASSERT_EQ(live.size(), shadow.size());
  for (std::size_t i = 0; i < live.size(); ++i) EXPECT_EQ(live[i]["body"], shadow[i]["body"]);
}

TEST_F(Commands, PreviewOfAnUnknownDestinationIsRefused) {
  work(false);
  const Ran ran = run_line({"preview", "-c", main_file(), "--destination", "nowhere"});
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_THAT(ran.err, HasSubstr("nowhere"));
}

TEST_F(Commands, WhatOnlyLooksNeedsNoSecret) {
  pages_ = {won_deals(1, 1)};
  work(false);
  std::filesystem::remove(dir_ + "/token");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                {"plan"},
                                                {"preview"},
                                                {"uploads", "list"},
                                                {"report", "reconciliation"},
                                                {"explain", "deal", "D1"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"-c", main_file()});
    EXPECT_EQ(run_line(line).code, kOk) << words[0];
  }
  EXPECT_EQ(run_line({"check", "-c", main_file()}).code, kConfig) << "it is there to find such things";
}

/// A running daemon holds the lock.
TEST_F(Commands, ABackupIsMadeBesideARunningDaemonAndRestoredWithoutOne) {
  pages_ = {won_deals(1, 2)};
  work(true);
  const std::string file = dir_ + "/backup.db";
  {
    auto daemon = open();
    ASSERT_EQ(run_line({"backup", file, "-c", main_file()}).code, kOk);
    EXPECT_EQ(run_line({"backup", file, "-c", main_file()}).code, kCannotCreate) << "it is there already";
    EXPECT_EQ(run_line({"restore", file, "-c", main_file()}).code, kUnavailable);
  }
  const Ran ran = run_line({"restore", file, "-c", main_file()});
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("as generation 2"));
  EXPECT_THAT(ran.out, HasSubstr("0 rows may have been sent since")) << "the platform's dedup key has no end";
  work(true);
  EXPECT_EQ(uploads(*open(), "received").size(), 2U);
}

TEST_F(Commands, ACopyPutBackByHandIsNotWorkedOn) {
  work(false);
  ASSERT_EQ(run_line({"backup", dir_ + "/backup.db", "-c", main_file()}).code, kOk);
  std::filesystem::copy_file(dir_ + "/backup.db", dir_ + "/state/headwater.db",
                             std::filesystem::copy_options::overwrite_existing);
  const Ran ran = run_line({"sync", "-c", main_file()});
  EXPECT_EQ(ran.code, kConfig);
  EXPECT_THAT(ran.err, HasSubstr("headwater -c " + main_file() + " restore"));
  EXPECT_EQ(run_line({"status", "-c", main_file()}).code, kOk) << "looking is free";
}

TEST_F(Commands, WhatIsNoBackupIsRefused) {
  work(false);
  write("backup.db", "no database");
  EXPECT_EQ(run_line({"restore", dir_ + "/backup.db", "-c", main_file()}).code, kDataError);
  EXPECT_EQ(run_line({"restore", dir_ + "/nowhere.db", "-c", main_file()}).code, kNoInput);
}

/// The same, live from a day to come.
std::string later(std::string config) {
  return config.replace(config.rfind("go_live: 2020-01-01"), 19, "go_live: 2100-01-01");
}

TEST_F(Commands, ABackfillTellsItsCountAndMoneyAndThenIsDone) {
  write("headwater.yaml", later(config("live")));
  pages_ = {won_deals(1, 3)};
  work(true);
  const std::vector<std::string> line{"backfill", "--goal",     "closed_won", "--destination", "ads_won",
                                      "--from",   "2020-01-01", "-c",         main_file()};
  auto dry = line;
  dry.insert(dry.end(), {"--dry-run", "--format", "json"});
  const json tried = run_line(dry).parsed();
  ASSERT_THAT(tried, SizeIs(1));
  EXPECT_EQ(tried[0]["becomes"], "sent");
  EXPECT_EQ(tried[0]["conversions"], 3);
  EXPECT_EQ(tried[0]["value"], 300.00);
  const Ran ran = run_line(line);
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("3 records"));
  work(true);
  EXPECT_EQ(uploads(*open(), "received").size(), 3U);
}

TEST_F(Commands, ABackfillIsShownAndStopped) {
  write("headwater.yaml", later(config("live")));
  pages_ = {won_deals(1, 3)};
  work(true);
  const std::vector<std::string> line{"backfill", "--goal", "closed_won", "--destination",
                                      "ads_won",  "-c",     main_file()};
  auto ask = line, stop = line;
  ask.insert(ask.end(), {"--from", "2020-01-01"});
  stop.emplace_back("--stop");
  EXPECT_EQ(run_line(line).code, kUsage) << "from when?";
  EXPECT_EQ(run_line(stop).code, kDifference) << "there is none";
  EXPECT_EQ(run_line(ask).code, kOk);
  EXPECT_THAT(run_line({"status", "-c", main_file()}).out, HasSubstr("Backfills"));
  const Ran stopped = run_line(stop);
  EXPECT_EQ(stopped.code, kOk) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("backfill: stopped"));
  work(true);
  EXPECT_THAT(uploads(*open(), "received"), IsEmpty());
}

TEST_F(Commands, ABackfillOfWhatIsNotConfiguredIsRefused) {
  work(false);
  auto tried = [&](const std::string& goal, const std::string& destination, const std::string& from) {
    return run_line({"backfill", "--goal", goal, "--destination", destination, "--from", from, "-c", main_file()});
  };
  EXPECT_THAT(tried("won", "ads_won", "2020-01-01").err, HasSubstr("no goal 'won'"));
  EXPECT_THAT(tried("closed_won", "ads", "2020-01-01").err, HasSubstr("no destination 'ads'"));
  EXPECT_THAT(tried("closed_won", "ads_won", "last year").err, HasSubstr("no date"));
  const Ran future = tried("closed_won", "ads_won", "2099-01-01");
  EXPECT_EQ(future.code, kUsage);
  EXPECT_THAT(future.err, HasSubstr("--from lies in the future"));
}

TEST_F(Commands, AFileOfAnotherToolIsAdopted) {
  write("headwater.yaml", later(config("live")));
  pages_ = {won_deals(1, 1)};
  work(false);
  write("old.csv", "destination,object,id,key,time,value,currency\nads_won,deal,D1,order-1,2020-01-02 10:00,100,EUR\n");
  const std::vector<std::string> line{"ledger", "import", dir_ + "/old.csv", "-c", main_file(), "--format", "json"};
  auto dry = line;
  dry.push_back("--dry-run");
  EXPECT_EQ(run_line(dry).parsed()[0]["value"], 100.00);
  EXPECT_THAT(uploads(*open(), "processed"), IsEmpty());
  EXPECT_EQ(run_line(line).code, kOk);
  ASSERT_EQ(uploads(*open(), "processed").size(), 1U);
  EXPECT_EQ(uploads(*open(), "processed")[0].dedup_key, "order-1");
  write("old.csv", "destination,object,id,key,time\nads_won,deal,D9,order-9,2020-01-02\n");
  const Ran bad = run_line({"ledger", "import", dir_ + "/old.csv", "-c", main_file()});
  EXPECT_EQ(bad.code, kDataError);
  EXPECT_THAT(bad.err, HasSubstr("old.csv:2:14: no deal 'D9'"));
  const Ran none = run_line({"ledger", "import", dir_ + "/no-such.csv", "-c", main_file()});
  EXPECT_EQ(none.code, kNoInput);
  EXPECT_THAT(none.err, HasSubstr("no-such.csv: No such file"));
}

TEST_F(Commands, ReportsOfTheTimeLeftAnswerPrograms) {
  pages_ = {won_deals(1, 2)};
  work(true);
  EXPECT_THAT(run_line({"report", "windows", "-c", main_file(), "--format", "json"}).parsed(), IsEmpty());
  const json advice = run_line({"advise", "stages", "-c", main_file(), "--format", "json"}).parsed();
  EXPECT_EQ(advice["stages"][0]["conversions"], 2);
  EXPECT_EQ(advice["money"][0]["value"], 200.00);
}

TEST_F(Commands, TheReportOfChannelsAnswersForASpanOfDays) {
  pages_ = {won_deals(1, 2)};
  work(true);
  auto asked = [&](std::vector<std::string> more) {
    std::vector<std::string> line{"report", "channels", "-c", main_file(), "--format", "json"};
    line.insert(line.end(), more.begin(), more.end());
    return run_line(line);
  };
  const json all = asked({"--model", "last"}).parsed();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0]["won_deals"], 2);
  EXPECT_EQ(all[0]["won"], 200.00);
  EXPECT_THAT(asked({"--to", "2000-01-01"}).parsed(), IsEmpty());
  EXPECT_THAT(asked({"--from", "2000-02-01", "--to", "2000-01-01"}).err, HasSubstr("--to lies before --from"));
  EXPECT_EQ(asked({"--model", "best"}).code, kUsage);
}

}  // namespace
}  // namespace hw::cli
