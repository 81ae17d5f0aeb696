#include <gmock/gmock.h>

#include <vector>

#include "delivery/messy_kit.h"

/// Stages that are skipped, left and entered again, and dates that move, at every kind of platform.
namespace hw::delivery::messy {
namespace {

class MessyStages : public testing::TestWithParam<Case> {};
TEST_P(MessyStages, EndAsThePlatformsRulesAllow) { expect_ends(GetParam()); }

const std::vector<Case> kStagesWonAgain{
    {"ReopenedLostAndWonAgainAtAnotherAmount",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "qualified");
       s.pass(kDay * 4);
       s.set("D1", "stage", "lost");
       s.pass(kDay * 4);
       s.set("D1", "stage", "won");
       s.set("D1", "amount", "120");
     },
     {{kAgain, "none not_wanted 0/0; taken 120/120", 3},
      {once_per_click, "missing lost_by_final_retraction 120/0", 2},
      {overwriting | zero_refused, "taken 120/120", 2},
      {kUncorrecting, "missing uncorrectable 120/100", 1}}},
    {"ReopenedByMistakeAndBackWithinSettle",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "qualified");
       s.pass(kDay * 2);
       EXPECT_THAT(s.stands("D1"), testing::StartsWith("excess "));
       s.set("D1", "stage", "won");
     },
     {{kAll, "taken 100/100", 1}}},
    {"ReopenedByMistakeAndBackWithAnotherAmountWithinSettle",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "qualified");
       s.pass(kDay * 2);
       s.set("D1", "stage", "won");
       s.set("D1", "amount", "120");
     },
     {{kRestating, "taken 120/120", 2}, {kUncorrecting | refunding, "missing uncorrectable 120/100", 1}}},
    {"ReopenedBeforeUploadAndWonAgain",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.set("D1", "stage", "qualified");
       s.pass(kDay);
       EXPECT_EQ(s.stands("D1"), "none not_wanted");
       s.set("D1", "stage", "won");
       s.set("D1", "amount", "120");
     },
     {{kAll, "taken 120/120", 1}}},
    {"Lost",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "lost");
     },
     {{kTakingBack, "none not_wanted 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"WonThreeTimes",
     [](Story& s) {
       s.won("D1");
       for (const char* amount : {"120", "140"}) {
         s.pass(kDay);
         s.set("D1", "stage", "lost");
         s.pass(kDay * 4);
         s.set("D1", "stage", "won");
         s.set("D1", "amount", amount);
       }
     },
     {{kAgain, "none not_wanted 0/0; none not_wanted 0/0; taken 140/140", 5},
      {once_per_click, "missing lost_by_final_retraction 140/0", 2},
      {overwriting | zero_refused, "taken 140/140", 3},
      {kUncorrecting, "missing uncorrectable 140/100", 1}}},
    {"WonAgainWithTheRetractionUnanswered",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "lost");
       s.clock.advance(kDay * 3);
       s.sink().faults = {PlatformFault::lost_before};
       s.settle();
       s.set("D1", "stage", "won");
     },
     // What is on its way goes its way first: one revision of a key at a time.
     {{final_zero | zeroing | by_counts, "none not_wanted 0/0; taken 100/100", 3},
      {once_per_click, "missing lost_by_final_retraction 100/0", 2},
      {refunding, "uncertain 100/0..100", 1},
      {kStuck, "taken 100/100", 1}}},
    {"EachTimeItIsWonCounts",
     [](Story& s) {
       s.settings.goals[0].count = settings::Goal::Count::each;
       s.start();
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "lost");
       s.pass(kDay * 4);
       s.set("D1", "stage", "won");
     },
     {{kAgain, "none not_wanted 0/0; taken 100/100", 3},
      {once_per_click, "none not_wanted 0/0; missing platform_counts_once 100/0", 2},
      {kStuck, "excess uncorrectable 0/100; taken 100/100", 2}}}};
INSTANTIATE_TEST_SUITE_P(WonAgain, MessyStages, testing::ValuesIn(kStagesWonAgain), name_of);

const std::vector<Case> kStagesEarly{
    {"SkippedIsNotReached",
     [](Story& s) {
       s.add_early_goal();
       s.won("D1");
     },
     {{kAll, "taken 100/100", 1}}},
    {"EachIsToldOnItsOwn",
     [](Story& s) {
       s.add_early_goal();
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.pass(kDay);
       s.set("D1", "stage", "won");
     },
     {{kAll, "early taken 100/100; taken 100/100", 2}}},
    {"RegressedKeepsTheEarlyOne",
     [](Story& s) {
       s.add_early_goal();
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.pass(kDay);
       s.set("D1", "stage", "won");
       s.pass(kDay);
       s.set("D1", "stage", "qualified");
     },
     {{kTakingBack, "early taken 100/100; none not_wanted 0/0", 3},
      {kStuck, "early taken 100/100; excess uncorrectable 0/100", 2}}},
    {"SkippedAndEnteredLater",
     [](Story& s) {
       s.add_early_goal();
       s.won("D1");
       s.pass(kDay);
       s.set("D1", "stage", "qualified");
       s.pass(kDay);
       s.set("D1", "stage", "won");
     },
     {{kAll, "early taken 100/100; taken 100/100", 2}}},
    {"EnteredAgainIsTheSame",
     [](Story& s) {
       s.add_early_goal();
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.pass(kDay);
       s.set("D1", "stage", "new");
       s.pass(kDay * 5);
       s.set("D1", "stage", "qualified");
     },
     {{kAll, "early taken 100/100", 1}}},
    {"EnteredAgainCountsWhereEachDoes",
     [](Story& s) {
       s.add_early_goal();
       s.settings.goals[1].count = settings::Goal::Count::each;
       s.start();
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.pass(kDay);
       s.set("D1", "stage", "new");
       s.pass(kDay * 5);
       s.set("D1", "stage", "qualified");
     },
     {{kAll & ~once_per_click, "early taken 100/100; early taken 100/100", 2},
      {once_per_click, "early taken 100/100; early missing platform_counts_once 100/0", 1}}},
    {"LeftBeforeUploadStaysReached",
     [](Story& s) {
       s.add_early_goal();
       s.hold_back();
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.settle();
       s.set("D1", "stage", "lost");
     },
     {{kAll, "early taken 100/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Early, MessyStages, testing::ValuesIn(kStagesEarly), name_of);

/// A date in the field "closed" says when a deal was won.
void by_close_date(Story& s, const std::string& closed) {
  s.settings.goals[0].time = settings::Goal::Time::close_date;
  s.settings.gather = kHour;
  s.start();
  s.won("D1");
  s.set("D1", "closed", closed);
}

const std::vector<Case> kStagesDates{
    {"MovedAcrossAMonthAfterTelling",
     [](Story& s) {
       by_close_date(s, "2026-02-28");
       s.pass(kDay);
       s.set("D1", "closed", "2026-03-02");
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedAcrossAMonthBeforeUpload",
     [](Story& s) {
       by_close_date(s, "2026-02-28");
       s.settle();
       s.set("D1", "closed", "2026-03-01");
       s.pass(kDay);
       EXPECT_THAT(s.sink().log.at(0).body, testing::HasSubstr("|1772366400000000|")) << "noon of that day";
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedAcrossTheWindowBeforeUpload",
     [](Story& s) {
       by_close_date(s, "2026-02-28");
       s.settle();
       s.set("D1", "closed", "2026-02-24");
     },
     // The click came days after it, and no click is credited with what was before it.
     {{kAll & ~kBrowsers, "missing no_identifier 100/0", 0}, {kBrowsers, "missing expired 100/0", 0}}},
    {"MovedIntoTheWindowBeforeUpload",
     [](Story& s) {
       by_close_date(s, "2026-02-24");
       s.settle();
       s.set("D1", "closed", "2026-02-28");
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedIntoTheWindowAfterItWasWithheld",
     [](Story& s) {
       by_close_date(s, "2026-02-24");
       s.pass(kDay);
       s.set("D1", "closed", "2026-03-01");
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedAcrossTheWindowAfterTelling",
     [](Story& s) {
       by_close_date(s, "2026-02-28");
       s.pass(kDay);
       s.set("D1", "closed", "2025-10-01");
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedToTheFuture",
     [](Story& s) {
       by_close_date(s, "2026-03-01");
       s.settle();
       s.set("D1", "closed", "2026-04-15");
     },
     {{kAll, "taken 100/100", 1}}},
    {"MovedAndRaisedAfterTelling",
     [](Story& s) {
       by_close_date(s, "2026-02-28");
       s.pass(kDay);
       s.set("D1", "closed", "2026-03-02");
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Dates, MessyStages, testing::ValuesIn(kStagesDates), name_of);

}  // namespace
}  // namespace hw::delivery::messy
