#include <gmock/gmock.h>

#include <vector>

#include "delivery/messy_kit.h"

/// A configuration that changes while there is history, at every kind of platform.
namespace hw::delivery::messy {
namespace {

class MessyConfig : public testing::TestWithParam<Case> {};
TEST_P(MessyConfig, EndAsThePlatformsRulesAllow) { expect_ends(GetParam()); }

/// A goal whose destination is live from now on.
void add_goal_from_now_on(Story& s) {
  s.add_early_goal();
  s.settings.destinations.back().go_live.reset();
  s.start();
}

const std::vector<Case> kConfigGoal{
    {"AddedTellsNoHistory",
     [](Story& s) {
       s.person("C1", "click");
       s.of("D1", "C1", "qualified", "100");
       s.pass(kDay * 2);
       add_goal_from_now_on(s);
       s.pass(kDay);
       s.set("D1", "stage", "won");
     },
     {{kAll, "early none before_go_live 0/0; taken 100/100", 1}}},
    {"RenamedTellsNoHistoryAgain",
     [](Story& s) {
       s.settings.destinations[0].go_live.reset();
       s.start();
       s.won("D1");
       s.pass(kDay);
       s.settings.goals[0].name = s.settings.destinations[0].goal = "closed";
       s.start();
     },
     {{kAll, "none before_go_live 0/0; taken 100/100", 1}}},
    {"AddedTellsWhatComesAfter",
     [](Story& s) {
       s.person("C1", "click");
       s.of("D1", "C1", "new", "100");
       s.pass(kDay * 2);
       add_goal_from_now_on(s);
       s.set("D1", "stage", "qualified");
     },
     {{kAll, "early taken 100/100", 1}}},
    {"ChangedToAShareOfTheAmount",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.settings.goals[0].value.kind = settings::ValueRule::Kind::share;
       s.settings.goals[0].value.millionths = 333'333;
       s.start();
     },
     {{kRestating, "taken 33.33/33.33", 2}, {kUncorrecting | refunding, "excess uncorrectable 33.33/100", 1}}},
    {"ChangedToAFixedHigherValue",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.settings.goals[0].value.kind = settings::ValueRule::Kind::fixed;
       s.settings.goals[0].value.micros = 500'000'000;
       s.start();
     },
     {{kRestating, "taken 500/500", 2}, {kUncorrecting | refunding, "missing uncorrectable 500/100", 1}}},
    {"ChangedToAConditionThatDoesNotHold",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay * 5);
       s.settings.goals[0].when = {{settings::Condition::Op::equals, "deal_type", {"new business"}}};
       s.start();
     },
     {{kTakingBack, "none excluded_by_goal 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"ChangedBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.settings.goals[0].value.kind = settings::ValueRule::Kind::share;
       s.settings.goals[0].value.millionths = 500'000;
       s.start();
     },
     {{kAll, "taken 50/50", 1}}},
    {"RemovedKeepsWhatWasTold",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.settings.goals.clear();
       s.settings.destinations.clear();
       s.start();
       s.pass(kDay);
       s.set("D1", "stage", "lost");
     },
     {{kAll, "taken 100/100", 1}}},
    {"RemovedAndBackWithTheDealRaised",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       const auto goals = s.settings.goals;
       const auto destinations = s.settings.destinations;
       s.settings.goals.clear();
       s.settings.destinations.clear();
       s.start();
       s.pass(kDay);
       s.set("D1", "amount", "150");
       s.pass(kDay);
       s.settings.goals = goals;
       s.settings.destinations = destinations;
       s.start();
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"RemovedBeforeUploadAndBack",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       const auto destinations = s.settings.destinations;
       s.settings.destinations.clear();
       s.start();
       s.pass(kDay);
       s.settings.destinations = destinations;
       s.start();
     },
     {{kAll, "taken 100/100", 1}}},
    {"RemovedWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.settings.goals.clear();
       s.settings.destinations.clear();
       s.start();
     },
     // Nobody is left to send it again, or to hear of it.
     {{kAll, "uncertain 100/0..100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Goal, MessyConfig, testing::ValuesIn(kConfigGoal), name_of);

const std::vector<Case> kConfigDestination{
    {"AddedAYearLater",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay * 365);
       s.add_sink("late_connector", s.platform.contract);
       s.settings.destinations.push_back(conformance::destination("late", "won", "late_connector"));
       s.settings.destinations.back().go_live.reset();
       s.start();
       s.pass(kDay);
       s.set("D1", "owner", "another");
       s.won("D2", "50");
     },
     {{kAll, "D1 taken 100/100; D1 late none before_go_live 0/0; D2 taken 50/50; D2 late taken 50/50", 3}}},
    {"AddedAYearLaterWithTheDealLostSince",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay * 365);
       s.add_sink("late_connector", s.platform.contract);
       s.settings.destinations.push_back(conformance::destination("late", "won", "late_connector"));
       s.settings.destinations.back().go_live.reset();
       s.start();
       s.pass(kDay);
       s.set("D1", "stage", "lost");
     },
     {{final_zero | zeroing | once_per_click, "excess uncorrectable 0/100; late none not_wanted 0/0", 1},
      {by_counts | refunding, "none not_wanted 0/0; late none not_wanted 0/0", 2},
      {kStuck, "excess uncorrectable 0/100; late none not_wanted 0/0", 1}}},
    {"WithAnotherActionIdCorrectsWhereItTold",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.settings.destinations[0].action = "9";
       s.start();
       s.set("D1", "amount", "150");
       s.won("D2", "50");
     },
     {{kRestating, "D1 taken 150/150; D2 taken 50/50", 3},
      {kUncorrecting | refunding, "D1 missing uncorrectable 150/100; D2 taken 50/50", 2}}},
    {"WithAnotherActionIdAndTheDealWonAgain",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.settings.destinations[0].action = "9";
       s.start();
       s.set("D1", "stage", "lost");
       s.pass(kDay * 4);
       s.set("D1", "stage", "won");
     },
     {{kAgain, "none not_wanted 0/0; taken 100/100", 3},
      {once_per_click, "missing lost_by_final_retraction 100/0", 2},
      {kStuck, "taken 100/100", 1}}},
    {"WithAnotherActionIdBeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.settings.destinations[0].action = "9";
       s.start();
       s.pass(kDay);
       EXPECT_EQ(s.sink().log.at(0).target, "1/9");
     },
     {{kAll, "taken 100/100", 1}}},
    {"WithAnotherActionIdWhileTheAnswerIsLost",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.settings.destinations[0].action = "9";
       s.start();
     },
     {{kAll & ~kWithoutKey, "taken 100/100", 2}, {kWithoutKey, "uncertain 100/0..100", 1}}},
    {"WithARouteThatHoldsNoLonger",
     [](Story& s) {
       s.settings.destinations[0].route = {{settings::Condition::Op::equals, "region", {"north"}}};
       s.start();
       s.won("D1");
       s.set("D1", "region", "north");
       s.pass(kDay);
       s.set("D1", "region", "south");
     },
     {{kTakingBack, "none excluded_by_goal 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"WithARouteThatHoldsAgainLater",
     [](Story& s) {
       s.settings.destinations[0].route = {{settings::Condition::Op::equals, "region", {"north"}}};
       s.start();
       s.won("D1");
       s.set("D1", "region", "north");
       s.pass(kDay);
       s.set("D1", "region", "south");
       s.pass(kDay * 5);
       s.set("D1", "region", "north");
     },
     {{final_zero | zeroing | by_counts, "none not_wanted 0/0; taken 100/100", 3},
      {refunding, "none not_wanted 0/0; missing expired 100/0", 2},
      {once_per_click, "missing lost_by_final_retraction 100/0", 2},
      {kStuck, "taken 100/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Destination, MessyConfig, testing::ValuesIn(kConfigDestination), name_of);

}  // namespace
}  // namespace hw::delivery::messy
