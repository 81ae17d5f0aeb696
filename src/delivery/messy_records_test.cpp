#include <gmock/gmock.h>

#include <vector>

#include "delivery/messy_kit.h"

/// Records that are deleted, merged, hidden and joined, at every kind of platform.
namespace hw::delivery::messy {
namespace {

class MessyRecords : public testing::TestWithParam<Case> {};
TEST_P(MessyRecords, EndAsThePlatformsRulesAllow) { expect_ends(GetParam()); }

const std::vector<Case> kRecordsDeleted{
    {"BeforeUpload",
     [](Story& s) {
       s.hold_back();
       s.won("D1");
       s.settle();
       s.remove("D1");
     },
     {{kAll, "none not_wanted 0/0", 0}}},
    {"AfterTelling",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1");
     },
     {{kTakingBack, "none not_wanted 0/0", 2}, {kStuck, "excess uncorrectable 0/100", 1}}},
    {"AndRestoredWithinSettle",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1");
       s.pass(kDay * 2);
       s.remove("D1", Removal::Kind::restored);
     },
     {{kAll, "taken 100/100", 1}}},
    {"AndRestoredLater",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.remove("D1");
       s.pass(kDay * 4);
       s.remove("D1", Removal::Kind::restored);
     },
     {{final_zero | zeroing | by_counts, "none not_wanted 0/0; taken 100/100", 3},
      {refunding, "none not_wanted 0/0; missing expired 100/0", 2},
      {once_per_click, "missing lost_by_final_retraction 100/0", 2},
      {kStuck, "taken 100/100", 1}}},
    {"WhileTheAnswerIsLostAndRestored",
     [](Story& s) {
       s.won("D1");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.remove("D1");
       s.pass(kDay);
       s.remove("D1", Removal::Kind::restored);
     },
     {{kAll & ~kWithoutKey, "taken 100/100", 2}, {kWithoutKey, "uncertain 100/0..100", 1}}}};
INSTANTIATE_TEST_SUITE_P(Deleted, MessyRecords, testing::ValuesIn(kRecordsDeleted), name_of);

const std::vector<Case> kRecordsDealsMerged{
    {"AfterBothWereTold",
     [](Story& s) {
       s.won("loser", "70");
       s.won("winner", "130");
       s.pass(kDay);
       s.merge(Object::deal, "loser", "winner");
     },
     {{kTakingBack, "loser none merged 0/0; winner taken 130/130", 3},
      {kStuck, "loser excess uncorrectable 0/70; winner taken 130/130", 2}}},
    {"AfterBothWereToldAndTheWinnerHasTheSum",
     [](Story& s) {
       s.won("loser", "70");
       s.won("winner", "130");
       s.pass(kDay);
       s.merge(Object::deal, "loser", "winner");
       s.set("winner", "amount", "200");
     },
     {{kTakingBack & kRestating, "loser none merged 0/0; winner taken 200/200", 4},
      {refunding, "loser none merged 0/0; winner missing uncorrectable 200/130", 3},
      {overwriting | zero_refused, "loser excess uncorrectable 0/70; winner taken 200/200", 3},
      {kUncorrecting, "loser excess uncorrectable 0/70; winner missing uncorrectable 200/130", 2}}},
    {"AfterBothWereToldAndUndoneWithinSettle",
     [](Story& s) {
       s.won("loser", "70");
       s.won("winner", "130");
       s.pass(kDay);
       s.merge(Object::deal, "loser", "winner");
       s.pass(kDay);
       s.clock.advance(std::chrono::seconds(1));
       s.take({Merge{{"crm", Object::deal, "loser"}, "winner", s.clock.system_now(), true}});
     },
     {{kAll, "loser taken 70/70; winner taken 130/130", 2}}},
    Case{"WhenOnlyTheLoserWasTold",
         [](Story& s) {
           s.won("loser", "70");
           s.pass(kDay);
           s.hold_back();
           s.won("winner", "130");
           s.settle();
           s.merge(Object::deal, "loser", "winner");
         },
         {{kRestating, "loser none merged 0/0; winner taken 130/130", 2},
          {kUncorrecting | refunding, "loser none merged 0/0; winner missing uncorrectable 130/70", 1}}},
    {"TheSurvivorIsWonAnHourAfterTheMerge",
     [](Story& s) {
       s.person("C2", "click-2");
       s.of("winner", "C2", "new", "130");
       s.pass(kDay * 4);
       s.won("loser", "70");
       s.pass(kDay);
       s.merge(Object::deal, "loser", "winner");
       s.pass(kHour);
       s.set("winner", "stage", "won");
     },
     {{kRestating, "winner taken 130/130; loser none merged 0/0", 2},
      {kUncorrecting | refunding, "winner missing uncorrectable 130/70; loser none merged 0/0", 1}}},
    {"WhenOnlyTheLoserWasToldAndUndone",
     [](Story& s) {
       s.won("loser", "70");
       s.pass(kDay);
       s.person("C2", "click-2");
       s.of("winner", "C2", "new", "130");
       s.merge(Object::deal, "loser", "winner");
       s.pass(kHour);
       s.clock.advance(std::chrono::seconds(1));
       s.take({Merge{{"crm", Object::deal, "loser"}, "winner", s.clock.system_now(), true}});
     },
     {{kAll, "loser taken 70/70; winner none not_wanted 0/0", 1}}},
    {"WhenOnlyTheWinnerWasTold",
     [](Story& s) {
       s.won("winner", "130");
       s.pass(kDay);
       s.hold_back();
       s.won("loser", "70");
       s.settle();
       s.merge(Object::deal, "loser", "winner");
     },
     {{kAll, "winner taken 130/130; loser none merged 0/0", 1}}},
    {"WhileTheLosersAnswerIsLost",
     [](Story& s) {
       s.won("loser", "70");
       s.sink().faults = {PlatformFault::lost_after};
       s.settle();
       s.person("C2", "click-2");
       s.of("winner", "C2", "new", "130");
       s.merge(Object::deal, "loser", "winner");
       s.settle();
       s.set("winner", "stage", "won");
     },
     // The survivor goes on under the key that may have been told.
     {{kRestating, "loser none merged 0/0; winner taken 130/130", 3},
      {two_days | refunding, "loser none merged 0/0; winner missing uncorrectable 130/70", 2},
      {kWithoutKey, "loser none merged 0/0; winner uncertain 130/0..70", 1}}}};
INSTANTIATE_TEST_SUITE_P(DealsMerged, MessyRecords, testing::ValuesIn(kRecordsDealsMerged), name_of);

/// A contact is merged into the one of the deal.
const std::vector<Case> kRecordsPeopleJoined{
    {"AClickComesWithAMergedContactBeforeUpload",
     [](Story& s) {
       s.contact("C1", "");
       s.of("D1", "C1", "won", "100");
       s.pass(kHour);
       EXPECT_EQ(s.stands("D1"), "missing no_identifier");
       s.person("C2", "click");
       s.merge(Object::contact, "C1", "C2");
     },
     {{kAll, "taken 100/100", 1}}},
    {"AClickComesWithAMergedContactAfterTelling",
     [](Story& s) {
       s.won("D1");
       s.pass(kDay);
       s.person("C2", "another-click");
       s.merge(Object::contact, "CD1", "C2");
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"AClickComesWithAMergedContactAfterTheWindow",
     [](Story& s) {
       s.contact("C1", "");
       s.of("D1", "C1", "won", "100");
       s.pass(kDay * 100);
       s.person("C2", "click");
       s.merge(Object::contact, "C1", "C2");
     },
     // The click is younger than the deal: no platform counts it.
     {{kAll & ~kBrowsers, "missing no_identifier 100/0", 0}, {kBrowsers, "missing expired 100/0", 0}}},
    {"AFirstTouchIsFoundAfterTelling",
     [](Story& s) {
       s.settings.goals[0].click = settings::Goal::ClickRule::first;
       s.start();
       s.won("D1");
       s.pass(kDay);
       s.touch("t0", "earlier-click", "CD1", conformance::kStart - kDay * 20);
       s.set("D1", "amount", "150");
     },
     {{kRestating, "taken 150/150", 2}, {kUncorrecting | refunding, "missing uncorrectable 150/100", 1}}},
    {"AFirstTouchIsFoundWhileItIsGathered",
     [](Story& s) {
       s.settings.goals[0].click = settings::Goal::ClickRule::first;
       s.settings.gather = kHour;
       s.start();
       s.won("D1");
       s.settle();
       s.touch("t0", "earlier-click", "CD1", conformance::kStart - kDay * 20);
       s.pass(kDay);
       const bool by_click = !s.sink().rules.click_types.empty();
       EXPECT_THAT(s.sink().log.at(0).body, testing::EndsWith(by_click ? "earlier-click" : "browser-CD1"));
     },
     {{kAll, "taken 100/100", 1}}}};
INSTANTIATE_TEST_SUITE_P(PeopleJoined, MessyRecords, testing::ValuesIn(kRecordsPeopleJoined), name_of);

/// Two deals of one person: the second is won a day after the first.
void two_deals(Story& s) {
  s.person("C1", "click");
  s.of("D1", "C1", "won", "100");
  s.pass(kDay);
  s.of("D2", "C1", "won", "50");
  s.settle();
}

const std::vector<Case> kRecordsTwoDealsOfOnePerson{
    {"OnOneClick",
     two_deals,
     {{kAll & ~once_per_click, "D1 taken 100/100; D2 taken 50/50", 2},
      {once_per_click, "D1 taken 100/100; D2 missing platform_counts_once 50/0", 1}}},
    {"OnOneClickWhereTheGoalCountsOne",
     [](Story& s) {
       s.settings.goals[0].count = settings::Goal::Count::once_per_person;
       s.settings.goals[0].per_person_within = kDay * 30;
       s.start();
       two_deals(s);
     },
     {{kAll, "D1 taken 100/100; D2 none not_wanted 0/0", 1}}},
    {"OnOneClickWhereTheGoalCountsOneAndTheFirstIsLost",
     [](Story& s) {
       s.settings.goals[0].count = settings::Goal::Count::once_per_person;
       s.settings.goals[0].per_person_within = kDay * 30;
       s.start();
       two_deals(s);
       s.set("D1", "stage", "lost");
     },
     // The person's place is the goal's own and free again; the click's is the platform's and is
     // not. Where the second is too old by then it stays untold.
     {{final_zero | zeroing | by_counts, "D1 none not_wanted 0/0; D2 taken 50/50", 3},
      {refunding, "D1 none not_wanted 0/0; D2 missing expired 50/0", 2},
      {once_per_click, "D1 none not_wanted 0/0; D2 missing platform_counts_once 50/0", 2},
      {kStuck, "D1 excess uncorrectable 0/100; D2 none not_wanted 0/0", 1}}},
    {"OnOneClickAndTheFirstIsLost",
     [](Story& s) {
       two_deals(s);
       s.set("D1", "stage", "lost");
     },
     {{kAgain, "D1 none not_wanted 0/0; D2 taken 50/50", 3},
      {once_per_click, "D1 none not_wanted 0/0; D2 missing platform_counts_once 50/0", 2},
      {kStuck, "D1 excess uncorrectable 0/100; D2 taken 50/50", 2}}},
    {"OnOneClickAndTheFirstIsRefused",
     [](Story& s) {
       s.hold_back();
       s.person("C1", "click");
       s.of("D1", "C1", "won", "100");
       s.settle();
       s.sink().refused[s.dedup_id("D1")] = "bad_amount";
       s.pass(kDay);
       s.of("D2", "C1", "won", "50");
     },
     {{kAll, "D1 missing rejected 100/0; D2 taken 50/50", 1}}},
    {"InTheSameSecond",
     [](Story& s) {
       s.person("C1", "click");
       s.of("D1", "C1", "won", "100");
       s.clock.set(s.clock.system_now() - std::chrono::seconds(1));
       s.of("D2", "C1", "won", "50");
     },
     {{kAll & ~once_per_click, "D1 taken 100/100; D2 taken 50/50", 2},
      {once_per_click, "D1 taken 100/100; D2 missing platform_counts_once 50/0", 1}}}};
INSTANTIATE_TEST_SUITE_P(TwoDealsOfOnePerson, MessyRecords, testing::ValuesIn(kRecordsTwoDealsOfOnePerson), name_of);

}  // namespace
}  // namespace hw::delivery::messy
