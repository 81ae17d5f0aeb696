#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

#include "conformance/loop.h"

/// Who has a place at the platform, where a row goes, and of whom it speaks.
namespace hw::reconcile {
namespace {

using conformance::destination;
using conformance::generous;
using conformance::goal;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::Loop;
using conformance::PlatformFault;
using testing::HasSubstr;

connect::Contract counting(connect::Counting how) {
  connect::Contract c = generous();
  c.counting = how;
  return c;
}

TEST(Places, OfTwoDealsOnOneClickAnActionThatCountsOnceIsToldTheFirst) {
  Loop l(counting(connect::Counting::once_per_click));
  l.contact("C1", "click");
  l.deal("first", "C1", "won", "100");
  l.settle();
  l.deal("second", "C1", "won", "50");
  l.settle();
  EXPECT_EQ(l.stands("first"), "taken");
  EXPECT_EQ(l.stands("second"), "missing platform_counts_once");
  EXPECT_EQ(l.history("second"), "");
}

TEST(Places, TwoThatAreMadeInOnePassDoNotBothTakeThePlace) {
  Loop l(counting(connect::Counting::once_per_click));
  l.settings.goals[0] = conformance::goal("won", "qualified");
  l.settings.goals[0].revenue = false;
  l.settings.goals[0].count = settings::Goal::Count::each;
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1", "qualified", "100");
  l.set("D1", "stage", "new");
  l.set("D1", "stage", "qualified");
  l.settle();
  EXPECT_EQ(l.conversions("D1").size(), 2U);
  EXPECT_EQ(l.sink().bodies.size(), 1U);
}

TEST(Places, WhatAnActionThatCountsOnceHasCountedKeepsThePlaceAlsoWhenItIsTakenBack) {
  for (const auto how : {connect::Counting::once_per_click, connect::Counting::once_per_member}) {
    Loop l(counting(how));
    l.contact("C1", "click");
    l.deal("first", "C1", "won", "100");
    l.settle();
    l.deal("second", "C1", "won", "50");
    l.settle();
    l.set("first", "stage", "lost");
    l.pass(kDay * 5);
    EXPECT_EQ(l.stands("first"), "none not_wanted");
    EXPECT_EQ(l.stands("second"), "missing platform_counts_once");
  }
}

TEST(Places, APlaceWhoseHolderWasRefusedIsFreeForTheOther) {
  Loop l(counting(connect::Counting::once_per_click));
  l.sink().minimum_wait = kHour;
  l.contact("C1", "click");
  l.deal("first", "C1", "won", "100");
  l.settle();
  l.deal("second", "C1", "won", "50");
  l.settle();
  EXPECT_EQ(l.stands("second"), "missing platform_counts_once");
  l.sink().refused[l.dedup_id("first")] = "invalid_amount";
  l.pass(kDay);
  EXPECT_EQ(l.stands("first"), "missing rejected");
  EXPECT_EQ(l.stands("second"), "taken");
}

TEST(Places, OncePerMemberKnowsThePersonNotTheClick) {
  Loop l(counting(connect::Counting::once_per_member));
  l.contact("C1", "click");
  l.deal("first", "C1", "won", "100");
  l.settle();
  l.touch("t1", "other-click", "C1", l.clock.system_now());
  l.deal("second", "C1", "won", "50");
  l.settle();
  EXPECT_EQ(l.stands("second"), "missing platform_counts_once");
}

TEST(Places, AMembersPlaceIsThatOfWhoseDataWasTold) {
  Loop l(counting(connect::Counting::once_per_member));
  l.contact("P", "click-P");
  l.contact("Q", "click-Q");
  l.deal("of_q", "Q", "won", "100");
  l.merge(Object::contact, "Q", "P");
  l.settle();
  ASSERT_EQ(l.stands("of_q"), "taken");
  l.take({Merge{{"crm", Object::contact, "Q"}, "P", l.clock.system_now(), true}});
  l.deal("of_p", "P", "won", "50");
  l.pass(kDay);
  EXPECT_EQ(l.stands("of_p"), "missing platform_counts_once") << "Q's deal was told as P's";
}

TEST(Places, OfOnePersonTwoThatAreMadeInOnePassDoNotBothTakeThePlace) {
  Loop l(counting(connect::Counting::once_per_member));
  l.settings.goals[0] = conformance::goal("won", "qualified");
  l.settings.goals[0].revenue = false;
  l.settings.goals[0].count = settings::Goal::Count::each;
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1", "qualified", "100");
  l.set("D1", "stage", "new");
  l.set("D1", "stage", "qualified");
  l.settle();
  EXPECT_EQ(l.conversions("D1").size(), 2U);
  EXPECT_EQ(l.sink().bodies.size(), 1U);
}

TEST(Places, WhereTheFirstOfAPersonIsRefusedTheSecondIsTold) {
  Loop l;
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.sink().minimum_wait = kHour;
  l.start();
  l.contact("C1", "click");
  l.deal("first", "C1", "won", "100");
  l.settle();
  l.deal("second", "C1", "won", "50");
  l.settle();
  EXPECT_EQ(l.stands("second"), "none not_wanted");
  l.sink().refused[l.dedup_id("first")] = "invalid_click";
  l.pass(kDay);
  EXPECT_EQ(l.stands("first"), "missing rejected");
  EXPECT_EQ(l.stands("second"), "taken");
}

TEST(Places, StagesOfOneLineageAtOneAccountSpeakOfOneClick) {
  Loop l;
  l.settings.goals.push_back(goal("qualified", "qualified"));
  l.settings.destinations.push_back(destination("early", "qualified", "ads_connector"));
  l.settings.destinations.back().action = "8";
  l.start();
  l.contact("C1", "first-click");
  l.deal("D1", "C1", "qualified");
  l.settle();
  RecordState person = l.shown(Object::contact, "C1");
  person.identifiers = {{"gclid", "later-click"}};
  person.click_times["gclid"] = l.clock.system_now();
  person.modified = l.clock.system_now() + std::chrono::seconds(1);
  l.clock.advance(std::chrono::seconds(2));
  l.show(person);
  l.touch("t1", "first-click", "C1", kStart - kDay);
  l.set("D1", "stage", "won");
  l.settle();
  ASSERT_EQ(l.uploads("D1", "ads").size(), 1U);
  EXPECT_EQ(l.uploads("D1", "ads")[0].click_value, "first-click");
}

TEST(Places, ConsentIsJudgedOnThePersonWhoseDataTheRowCarries) {
  Loop l;
  l.contact("A", "click-a");
  l.contact("B", "click-b");
  l.deal("D1", "A", "won", "100");
  l.settle();
  Association now_b;
  now_b.from = {"crm", Object::deal, "D1"};
  now_b.to = {{.id = "B", .role = "primary", .primary = true}};
  now_b.complete = true;
  now_b.at = l.clock.system_now();
  l.take({now_b});
  l.consent("A", ConsentState::denied);
  l.set("D1", "amount", "150");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_EQ(l.stands("D1"), "missing consent");
}

TEST(Places, ADenialOnAnotherRecordOfTheSameHumanStopsToo) {
  Loop l;
  l.sink().minimum_wait = kHour;
  l.contact("A", "click-a");
  l.contact("B", "click-b");
  for (const char* id : {"A", "B"}) {
    RecordState r = l.shown(Object::contact, id);
    r.identifiers.push_back({"email_sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"});
    r.modified = l.clock.system_now() + std::chrono::seconds(1);
    l.clock.advance(std::chrono::seconds(2));
    l.show(r);
  }
  l.deal("D1", "A", "won", "100");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.consent("B", ConsentState::denied);
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "missing consent");
  EXPECT_EQ(l.sink().bodies.size(), 0U);
}

TEST(Places, AnUnsentRowFollowsItsDestinationToAnotherAccount) {
  Loop l;
  l.sink().minimum_wait = kHour;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  EXPECT_EQ(l.uploads("D1").at(0).account, "1");
  l.settings.destinations[0].account = "2";
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.uploads("D1").at(0).account, "2");
  EXPECT_THAT(l.sink().told_at, testing::ElementsAre("2/7"));
}

TEST(Places, ACorrectionGoesWhereTheOriginalWent) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.settings.destinations[0].account = "2";
  l.start();
  l.set("D1", "amount", "150");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_THAT(l.sink().told_at, testing::ElementsAre("1/7", "1/7"));
}

TEST(Places, AFrozenRowGoesAgainToTheAccountItWasMadeFor) {
  Loop l;
  l.sink().faults = {PlatformFault::lost_after};
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.settings.destinations[0].account = "2";
  l.settings.destinations[0].action = "9";
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_THAT(l.sink().told_at, testing::ElementsAre("1/7", "1/7"));
}

TEST(Places, WhatADestinationThatIsGoneHadNotSentGoesBack) {
  Loop l;
  l.sink().minimum_wait = kHour;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  const auto destinations = l.settings.destinations;
  l.settings.destinations.clear();
  l.start();
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload superseded 100");
  EXPECT_EQ(l.stands("D1"), "none not_wanted");
  l.settings.destinations = destinations;
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Places, AGoalThatIsGoneKeepsWhatWasTold) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.settings.goals.clear();
  l.settings.destinations.clear();
  l.start();
  l.set("D1", "stage", "lost");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.standing("D1").crm_micros, 0);
}

TEST(Places, AStayWhoseBeginningHistoryRefinesIsNoSecondConversion) {
  Loop l;
  l.settings.goals[0].count = settings::Goal::Count::each;
  l.start();
  l.contact("C1", "click");
  RecordState deal;
  deal.ref = {"crm", Object::deal, "D1"};
  deal.created = l.clock.system_now() - kDay;
  deal.modified = l.clock.system_now();
  deal.fields = {{"stage", "won"}, {"amount", "100"}, {"currency", "EUR"}};
  Association tie;
  tie.from = deal.ref;
  tie.to = {{.id = "C1", .role = "primary", .primary = true}};
  l.show(deal);
  l.take({tie});
  l.settle();
  ASSERT_EQ(l.conversions("D1").size(), 1U);
  l.take({FieldChange{deal.ref, "stage", "won", l.clock.system_now() - kHour, Basis::crm_history}});
  l.settle();
  EXPECT_EQ(l.conversions("D1").size(), 1U);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Places, ARouteThatHoldsNoLongerWaitsSettleFromThatChange) {
  Loop l;
  l.settings.destinations[0].route = {{.op = settings::Condition::Op::equals, .field = "region", .values = {"north"}}};
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.set("D1", "region", "north");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  l.pass(kDay * 10);
  l.set("D1", "region", "south");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "excess settling");
}

TEST(Places, ABrakeEndsWhenItsRowsAreWantedAgain) {
  Loop l;
  l.settings.destinations[0].max_lowering_count = 1;
  l.settings.destinations[0].settle = Duration{};
  l.start();
  for (const char* id : {"D1", "D2", "D3"}) {
    l.contact(std::string("C") + id, std::string("click-") + id);
    l.deal(id, std::string("C") + id, "won", "100");
  }
  l.settle();
  for (const char* id : {"D1", "D2", "D3"}) l.set(id, "stage", "lost");
  l.settle();
  EXPECT_EQ(l.stands("D3"), "excess braked");
  for (const char* id : {"D2", "D3"}) l.set(id, "stage", "won");
  l.settle();
  EXPECT_FALSE(l.read([](store::Tx& tx) { return store::ledger_rows::open_brake(tx, "ads"); }));
}

TEST(Places, TheLoweringThatIsOneTooManyIsCountedItself) {
  Loop l;
  l.settings.destinations[0].max_lowering_count = 1;
  l.settings.destinations[0].settle = Duration{};
  l.start();
  for (const char* id : {"D1", "D2"}) {
    l.contact(std::string("C") + id, std::string("click-") + id);
    l.deal(id, std::string("C") + id, "won", "100");
  }
  l.settle();
  l.set("D1", "stage", "lost");
  l.settle();
  l.set("D2", "stage", "lost");
  l.settle();
  EXPECT_EQ(l.believed("D1"), 0);
  EXPECT_EQ(l.stands("D2"), "excess braked");
}

TEST(Places, AChainOfMergesAdoptsWhatItsFirstLoserWasTold) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.deal("D2", "C1", "new", "100");
  l.deal("D3", "C1", "won", "100");
  l.merge(Object::deal, "D1", "D2");
  l.merge(Object::deal, "D2", "D3");
  l.settle();
  l.pass(kDay * 4);
  EXPECT_EQ(l.sink().believed.size(), 1U);
  EXPECT_EQ(l.stands("D3"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Places, ASurvivorWithoutAConversionOfItsOwnAdoptsTheLosers) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  const std::string key = l.dedup_id("D1");
  l.deal("D2", "C1", "new", "100");
  l.merge(Object::deal, "D1", "D2");
  l.settle();
  ASSERT_EQ(l.conversions("D2").size(), 1U);
  EXPECT_EQ(l.dedup_id("D2"), key);
  EXPECT_EQ(l.stands("D1"), "none merged");
}

/// Its connector is disabled: what is due waits, and nothing turns in circles meanwhile.
TEST(Places, ADueStandingOfADestinationThatIsDisabledWaitsQuietly) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.set("D1", "stage", "lost");
  l.settle();
  ASSERT_EQ(l.stands("D1"), "excess settling");
  auto away = l.connectors.extract("ads_connector");
  l.settings.connectors.push_back(
      {.name = "ads_connector", .type = "fake", .options = {}, .pull_every = {}, .enabled = false, .at = {}});
  l.start();
  l.clock.advance(kDay * 5);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(l.reconcile()->subjects, 0U);
  l.connectors.insert(std::move(away));
  l.settings.connectors.back().enabled = true;
  l.start();
  l.settle();
  EXPECT_EQ(l.believed("D1"), 0);
}

TEST(Places, ADestinationWaitsWholeWhileItsAdjustingConnectorIsDisabled) {
  Loop l;
  l.settings.destinations[0].restate_by = l.settings.destinations[0].retract_by = "other";
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  EXPECT_EQ(l.sink().calls, 0U);
  l.add_sink("other", generous());
  l.settings.connectors.push_back(
      {.name = "other", .type = "fake", .options = {}, .pull_every = {}, .enabled = true, .at = {}});
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Places, AGoalThatMovesToAnotherKindOfSubjectLeavesNothingBehind) {
  Loop l;
  l.sink().minimum_wait = kHour;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  l.settings.goals[0].subject = Object::contact;
  l.settings.stages[1].subject = Object::contact;
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload superseded 100");
  EXPECT_EQ(l.stands("D1"), "none not_wanted");
  EXPECT_EQ(l.reconcile()->subjects, 0U);
}

TEST(Places, WhatAConnectorSaysOfItsPlatformIsPartOfTheConfiguration) {
  Loop l;
  l.sink().rules.click_types.clear();
  l.start();
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing no_identifier");
  l.sink().rules.click_types = generous().click_types;
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

}  // namespace
}  // namespace hw::reconcile
