#include "reconcile/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/test_kit.h"

/// Scenarios over the whole way: CRM facts in, what stands and what the platform believes out.
namespace hw::reconcile {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;
using test::final_zero;
using test::win;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// The last row that reached the platform, as it came.
std::string last_arrival(Loop& l) { return l.sink().log.empty() ? "nothing" : l.sink().log.back().body; }

TEST(Reconciler, AWonDealIsToldWithItsAmount) {
  Loop l;
  win(l);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, NoConversionIsMadeBeforeEverySourceFinishedItsFirstSweep) {
  Loop l;
  auto crm = std::make_unique<conformance::FakeConnector>();
  crm->source = std::make_unique<conformance::FakeRecords>();
  l.connectors["crm"] = std::move(crm);
  l.start();
  win(l);
  EXPECT_TRUE(l.reconcile()->gated);
  EXPECT_TRUE(l.conversions("D1").empty());
  ASSERT_TRUE(l.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    store::service_rows::note_swept(tx, "crm", "records", kStart);
    return {};
  }));
  EXPECT_FALSE(l.reconcile()->gated);
  EXPECT_EQ(l.conversions("D1").size(), 1U);
}

TEST(Reconciler, NothingIsSentWithinGatherOfTheLastChange) {
  Loop l;
  l.settings.gather = kHour;
  win(l);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  EXPECT_EQ(l.history("D1"), "");
  l.pass(std::chrono::minutes(59));
  EXPECT_EQ(l.history("D1"), "");
  l.pass(std::chrono::minutes(1));
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, AClickThatArrivesWithinGatherIsTheOneThatIsSent) {
  Loop l;
  l.settings.gather = kHour;
  l.contact("C1", "");
  l.deal("D1", "C1", "won");
  l.settle();
  l.pass(std::chrono::minutes(30));
  l.touch("t1", "late-click", "C1", kStart - kDay);
  l.pass(kHour * 2);
  ASSERT_EQ(l.sink().bodies.size(), 1U);
  EXPECT_THAT(l.sink().bodies[0], HasSubstr("late-click"));
}

TEST(Reconciler, AChangeWhileARowWaitsKeepsItsClick) {
  Loop l;
  l.settings.gather = kHour;
  l.sink().minimum_wait = kHour * 6;
  win(l);
  l.pass(kHour * 2);
  EXPECT_EQ(l.history("D1"), "upload pending 100");
  l.set(Object::contact, "CD1", "owner", "someone else");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.pass(kHour * 6);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_THAT(l.sink().bodies.at(0), HasSubstr("click-D1"));
}

TEST(Reconciler, WithheldBecomesSendableWhenItsClickArrives) {
  Loop l;
  l.contact("C1", "");
  l.deal("D1", "C1", "won");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing no_identifier");
  l.touch("t1", "found", "C1", kStart - kDay);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 100);
}

TEST(Reconciler, WithheldBecomesSendableWhenConsentIsGranted) {
  Loop l(generous());
  l.sink().rules.needs_consent = true;
  l.start();
  l.contact("C1", "c1");
  l.consent("C1", ConsentState::unknown);
  l.deal("D1", "C1", "won");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing consent");
  EXPECT_EQ(l.sink().calls, 0U);
  l.consent("C1", ConsentState::granted);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, WithdrawnConsentStopsWhatWaitsAndEveryCorrection) {
  Loop l;
  win(l, "told");
  l.settle();
  l.sink().minimum_wait = kHour * 6;
  win(l, "waits");
  l.settle();
  EXPECT_EQ(l.history("waits"), "upload pending 100");
  l.consent("Ctold", ConsentState::denied);
  l.consent("Cwaits", ConsentState::denied);
  l.set("told", "amount", "150");
  l.pass(kDay * 5);
  EXPECT_EQ(l.stands("waits"), "missing consent");
  EXPECT_EQ(l.believed("waits"), -1);
  EXPECT_EQ(l.stands("told"), "missing consent");
  EXPECT_EQ(l.believed("told"), 100);
}

TEST(Reconciler, WithdrawnConsentStopsARowWhoseAnswerWasLost) {
  Loop l;
  win(l);
  l.sink().faults = {PlatformFault::lost_before};
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload retrying 100");
  l.consent("CD1", ConsentState::denied);
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, 1U) << "nothing was sent again";
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

TEST(Reconciler, ARaiseIsRestatedAndALoweringAfterSettle) {
  Loop l;
  win(l);
  l.settle();
  l.set("D1", "amount", "250");
  l.settle();
  EXPECT_EQ(l.believed("D1"), 250);
  l.set("D1", "amount", "40");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "excess settling");
  l.pass(kHour * 71);
  EXPECT_EQ(l.believed("D1"), 250);
  l.pass(kHour);
  EXPECT_EQ(l.believed("D1"), 40);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, ASlipOfTheHandRetractsNothing) {
  Loop l;
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kHour * 10);
  l.set("D1", "stage", "won");
  l.pass(kDay * 10);
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, ADeletedDealIsTakenBackAndOneOutOfSightIsNot) {
  Loop l;
  win(l, "deleted");
  win(l, "gone");
  l.settle();
  l.remove("deleted");
  l.remove("gone", Removal::Kind::gone);
  l.pass(kDay * 4);
  EXPECT_EQ(l.believed("deleted"), 0);
  EXPECT_EQ(l.believed("gone"), 100);
  EXPECT_EQ(l.stands("gone"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, ACorrectionToZeroOfADealThatGoesOutOfSightIsNotSent) {
  Loop l;
  l.settings.goals[0].send_zero = true;
  l.start();
  win(l);
  l.settle();
  l.set("D1", "amount", "0");
  l.sink().weather = [] { return PlatformFault::busy; };
  l.pass(kHour * 73);
  EXPECT_THAT(l.history("D1"), HasSubstr("restate retrying 0"));
  l.remove("D1", Removal::Kind::gone);
  l.sink().weather = nullptr;
  l.pass(kDay);
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, ADealWonAgainAfterAFinalZeroIsANewOccurrence) {
  Loop l(final_zero());
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kDay * 4);
  EXPECT_EQ(l.stands("D1"), "none not_wanted");
  EXPECT_EQ(l.believed("D1"), 0);
  l.set("D1", "stage", "won");
  l.set("D1", "amount", "120");
  l.settle();
  const auto all = l.conversions("D1");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all[0].dedup_id, all[1].dedup_id);
  EXPECT_GT(all[1].at, all[0].at) << "another moment, else the platform takes both for one";
  EXPECT_EQ(l.believed("D1"), 120);
  EXPECT_EQ(l.stands("D1"), "taken");
  l.pass(kDay * 10);
  EXPECT_EQ(l.conversions("D1").size(), 2U);
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, ANewOccurrenceOfOneDestinationIsNoneWhereZeroIsNotFinal) {
  Loop l(final_zero());
  connect::Contract other = final_zero();
  other.zero = connect::ZeroRule::ordinary;
  l.add_sink("other_connector", other);
  l.settings.destinations.push_back(conformance::destination("other", "won", "other_connector"));
  l.start();
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kDay * 5);
  l.set("D1", "stage", "won");
  l.pass(kDay);
  EXPECT_EQ(l.conversions("D1").size(), 2U);
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.believed("D1", "other_connector"), 100);
  EXPECT_EQ(l.sink("other_connector").believed.size(), 1U) << "told under its first key alone";
}

TEST(Reconciler, ASecondDealOfOneLeadHasAKeyOfItsOwn) {
  Loop l;
  l.contact("C1", "c1");
  for (const char* id : {"D1", "D2"}) {
    l.deal(id, "C1");
    l.shown(Object::deal, id).converted_from = RecordRef{"crm", Object::contact, "C1"};
    l.set(id, "stage", "won");
  }
  l.pass(std::chrono::minutes(2));
  EXPECT_EQ(l.conversions("D1").at(0).lineage, "crm/contact/C1");
  EXPECT_EQ(l.conversions("D2").at(0).lineage, "crm/deal/D2");
  EXPECT_EQ(l.conversions("D2").at(0).occurrence, 1);
}

TEST(Reconciler, WhereTheActionCountsOncePerClickAFinalZeroIsTheEnd) {
  connect::Contract c = final_zero();
  c.counting = connect::Counting::once_per_click;
  Loop l(c);
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kDay * 4);
  l.set("D1", "stage", "won");
  l.pass(kDay);
  EXPECT_EQ(l.conversions("D1").size(), 1U);
  EXPECT_EQ(l.stands("D1"), "missing lost_by_final_retraction");
  EXPECT_EQ(l.standing("D1").t_micros, 100 * kUnit);
}

TEST(Reconciler, WhereZeroIsRefusedALossIsUncorrectable) {
  connect::Contract c = final_zero();
  c.zero = connect::ZeroRule::refused;
  Loop l(c);
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kDay * 4);
  EXPECT_EQ(l.stands("D1"), "excess uncorrectable");
  EXPECT_EQ(l.believed("D1"), 100);
}

TEST(Reconciler, AnOriginalPastThePlatformsLimitIsUncorrectable) {
  connect::Contract c = generous();
  c.adjust_until = kDay * 54;
  Loop l(c);
  win(l);
  l.settle();
  l.pass(kDay * 54);
  l.set("D1", "amount", "150");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing uncorrectable");
}

TEST(Reconciler, ALoserThatAloneWasToldIsAdopted) {
  Loop l;
  win(l, "loser");
  l.settle();
  const std::string key = l.dedup_id("loser");
  l.contact("C2", "c2");
  l.deal("winner", "C2", "won", "130");
  l.sink().minimum_wait = kHour;  // the survivor was not told yet
  ASSERT_TRUE(l.reconcile());
  l.merge(Object::deal, "loser", "winner");
  l.pass(kDay * 5);
  EXPECT_EQ(l.dedup_id("winner"), key);
  EXPECT_EQ(l.believed("winner"), 130);
  EXPECT_EQ(l.stands("winner"), "taken");
  EXPECT_EQ(l.believed("loser"), -1) << "what it took in exchange was never told";
  EXPECT_EQ(l.stands("loser"), "none merged");
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, OfTwoToldTheLoserIsTakenBack) {
  Loop l;
  win(l, "loser", "70");
  win(l, "winner", "130");
  l.settle();
  l.merge(Object::deal, "loser", "winner");
  l.settle();
  EXPECT_EQ(l.stands("loser"), "excess settling");
  l.pass(kDay * 4);
  EXPECT_EQ(l.believed("loser"), 0);
  EXPECT_EQ(l.stands("loser"), "none merged");
  EXPECT_EQ(l.believed("winner"), 130);
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, OncePerPersonTellsTheFirstOfOnePersonsDeals) {
  Loop l;
  l.settings.goals[0].count = settings::Goal::Count::once_per_person;
  l.settings.goals[0].per_person_within = kDay * 30;
  l.start();
  l.contact("C1", "c1");
  l.deal("D1", "C1", "won", "10");
  l.settle();
  l.deal("D2", "C1", "won", "20");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.stands("D2"), "none not_wanted");
  EXPECT_THAT(l.standing("D2").detail, HasSubstr("same person"));
  l.pass(kDay * 31);
  l.deal("D3", "C1", "won", "30");
  l.settle();
  EXPECT_EQ(l.believed("D3"), 30) << "the time between has passed";
}

TEST(Reconciler, TwoDealsOfOneContactAreTwoKeysMovedApartOnTheirClick) {
  Loop l;
  l.contact("C1", "c1");
  l.deal("D1", "C1", "won", "10");
  l.settle();
  l.clock.set(l.clock.system_now() - std::chrono::seconds(1));
  l.deal("D2", "C1", "won", "20");  // within the same second
  l.pass(std::chrono::minutes(2));  // the later one was moved past the present
  EXPECT_NE(l.dedup_id("D1"), l.dedup_id("D2"));
  ASSERT_EQ(l.sink().bodies.size(), 2U);
  auto time_of = [](const std::string& body) { return body.substr(body.find("EUR|") + 4, 10); };
  EXPECT_NE(time_of(l.sink().bodies[0]), time_of(l.sink().bodies[1]));
}

TEST(Reconciler, ACorrectionCarriesTheTimeThatWasTold) {
  Loop l;
  l.contact("C1", "c1");
  l.deal("D1", "C1", "won", "10");
  l.settle();
  l.clock.set(l.clock.system_now() - std::chrono::seconds(1));
  l.deal("D2", "C1", "won", "20");
  l.pass(std::chrono::minutes(2));
  l.set("D2", "stage", "lost");
  l.pass(kDay * 5);
  const auto rows = l.uploads("D2");
  ASSERT_EQ(rows.size(), 2U) << l.history("D2");
  EXPECT_NE(rows[0].conversion_at, l.conversions("D2").at(0).at) << "it was moved apart";
  EXPECT_EQ(rows[1].conversion_at, rows[0].conversion_at);
}

TEST(Reconciler, WithoutAClickThePrimaryContactsDataIsSent) {
  Loop l;
  for (const char* id : {"C1", "C2"}) {
    l.contact(id, "");
    l.shown(Object::contact, id).hashes["email"] = {std::string("hash-of-") + id};
    l.show(l.shown(Object::contact, id));
  }
  l.deal("D1", "", "won");
  Association ties;
  ties.from = {"crm", Object::deal, "D1"};
  ties.to = {{.id = "C1", .role = "", .primary = false}, {.id = "C2", .role = "primary", .primary = true}};
  ties.at = l.clock.system_now();
  l.take({ties});
  l.settle();
  ASSERT_EQ(l.sink().bodies.size(), 1U);
  EXPECT_THAT(l.sink().bodies[0], HasSubstr("hash-of-C2"));
}

TEST(Reconciler, ADeletedPersonsDataIsNotSent) {
  Loop l;
  l.settings.gather = kHour;
  l.start();
  l.contact("C1", "");
  l.shown(Object::contact, "C1").hashes["email"] = {"hash"};
  l.show(l.shown(Object::contact, "C1"));
  l.deal("D1", "C1", "won");
  l.take({Removal{{"crm", Object::contact, "C1"}, Removal::Kind::deleted, l.clock.system_now()}});
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "missing consent");
  EXPECT_EQ(l.sink().calls, 0U);
}

TEST(Reconciler, ARouteExcludesUntilItHolds) {
  Loop l;
  l.settings.destinations[0].route = {{settings::Condition::Op::equals, "region", {"north"}}};
  l.start();
  win(l);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "none excluded_by_goal");
  l.set("D1", "region", "north");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, GoLiveIsTheFirstStartAndStaysThere) {
  Loop l;
  l.settings.goals[0].go_live.reset();
  l.settings.destinations[0].go_live.reset();
  l.start();
  win(l);
  l.clock.advance(kHour);
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, WhatWasReachedBeforeGoLiveIsNotTold) {
  Loop l;
  l.settings.destinations[0].go_live = kStart + kDay;
  l.start();
  win(l);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "none before_go_live");
  l.pass(kDay * 2);
  win(l, "D2");
  l.settle();
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.believed("D1"), -1);
}

TEST(Reconciler, ARefusedRowIsTriedAgainOnlyWhenItWouldBeAnother) {
  Loop l;
  l.sink().minimum_wait = std::chrono::seconds(1);
  win(l);
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "amount_too_small";
  l.pass(kHour);
  EXPECT_EQ(l.stands("D1"), "missing rejected");
  EXPECT_THAT(l.standing("D1").detail, HasSubstr("amount_too_small"));
  const std::size_t calls = l.sink().calls;
  l.set("D1", "owner", "another");
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, calls);
  l.sink().refused.clear();
  l.set("D1", "amount", "500");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 500);
}

TEST(Reconciler, ARefusalStandsAsOneWhenItsTimeIsOver) {
  Loop l;
  l.sink().rules.conversion_window = kDay * 30;
  win(l);
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "unknown_click";
  l.settle();
  ASSERT_EQ(l.stands("D1"), "missing rejected");
  l.pass(kDay * 40);
  l.set("D1", "owner", "another");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing rejected");
  EXPECT_THAT(l.standing("D1").detail, HasSubstr("unknown_click"));
}

TEST(Reconciler, ATestConversionIsSentOnceForEachValueAndNeverCounts) {
  Loop l;
  l.settings.destinations[0].mode = Mode::test;
  l.start();
  win(l);
  l.settle();
  EXPECT_EQ(l.sink().validated, 1U);
  EXPECT_EQ(l.sink().believed.size(), 0U);
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.set("D1", "owner", "another");
  l.settle();
  EXPECT_EQ(l.sink().validated, 1U);
  l.set("D1", "amount", "300");
  l.settle();
  EXPECT_EQ(l.sink().validated, 2U);
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.settle();
  EXPECT_EQ(l.believed("D1"), 300);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Reconciler, ShadowComputesAndSendsNothing) {
  Loop l;
  l.settings.destinations[0].mode = Mode::shadow;
  l.start();
  win(l);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  EXPECT_THAT(l.standing("D1").detail, HasSubstr("shadow"));
  EXPECT_EQ(l.history("D1"), "");
}

TEST(Reconciler, ALiveRowThatWaitsSurvivesASwitchToShadowAndBack) {
  Loop l;
  l.sink().minimum_wait = kHour;
  win(l);
  l.settle();
  l.settings.destinations[0].mode = Mode::shadow;
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, 0U);
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.settle();
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.differences(), "");
}

TEST(Reconciler, AStageWhoseHistoryIsCorrectedAwayIsTakenBack) {
  Loop l;
  win(l);
  l.settle();
  l.shown(Object::deal, "D1").fields["pipeline"] = "other";
  l.settings.stages[1].pipeline = "sales";
  l.start();
  l.pass(kDay * 4);
  EXPECT_EQ(l.believed("D1"), 0);
  EXPECT_EQ(l.stands("D1"), "none not_wanted");
}

TEST(Reconciler, AGoalThatLeftTheConfigurationMakesNoEndlessWork) {
  Loop l;
  win(l);
  l.settle();
  l.set("D1", "stage", "lost");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "excess settling");
  l.settings.goals.clear();
  l.settings.destinations.clear();
  l.start();
  l.clock.advance(kDay * 5);
  l.settle();
  EXPECT_EQ(l.reconcile()->subjects, 0U);
}

TEST(Reconciler, ALaterClickIsNotedAndMovesNothing) {
  Loop l;
  win(l);
  l.settle();
  RecordState person = l.shown(Object::contact, "CD1");
  person.identifiers = {{"gclid", "another"}};
  person.modified = l.clock.system_now() + std::chrono::seconds(1);
  l.clock.advance(std::chrono::seconds(2));
  l.show(person);
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_THAT(l.standing("D1").flags, HasSubstr("identity_changed_after_upload"));
  l.set("D1", "amount", "150");
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 150");
  EXPECT_THAT(last_arrival(l), EndsWith("|click-D1")) << "a correction is of what was told";
  EXPECT_THAT(l.standing("D1").flags, HasSubstr("identity_changed_after_upload"));
}

TEST(Reconciler, AClickThatComesWithAMergedPersonIsNotedAndMovesNothing) {
  Loop l;
  win(l);
  l.settle();
  l.contact("C2", "another");
  l.merge(Object::contact, "CD1", "C2");
  l.set("D1", "amount", "150");
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 150");
  EXPECT_THAT(last_arrival(l), EndsWith("|click-D1"));
  EXPECT_THAT(l.standing("D1").flags, HasSubstr("identity_changed_after_upload"));
}

/// Another click of the same person is found after the deal was told, and then the amount changes.
void find_another_click(Loop& l, settings::Goal::ClickRule rule, Timestamp at) {
  l.settings.goals[0].click = rule;
  l.start();
  win(l);
  l.settle();
  ASSERT_THAT(last_arrival(l), EndsWith("|click-D1"));
  l.touch("t0", "found-later", "CD1", at);
  l.set("D1", "amount", "150");
  l.pass(kDay);
  EXPECT_THAT(last_arrival(l), AllOf(StartsWith("restate|"), HasSubstr("|150000000|"), EndsWith("|click-D1")));
}

TEST(Reconciler, AFirstTouchThatIsFoundAfterTellingIsPassedOverAsTheClickWasChosenOnce) {
  for (const auto rule : {settings::Goal::ClickRule::first, settings::Goal::ClickRule::lead}) {
    Loop l;
    find_another_click(l, rule, kStart - kDay * 20);
    EXPECT_EQ(l.standing("D1").flags, "");
    EXPECT_THAT(l.standing("D1").story, HasSubstr(R"("value":"found-later","why":"not_first_choice")"));
  }
}

TEST(Reconciler, ALastTouchThatIsFoundAfterTellingIsNotedAndMovesNothing) {
  Loop l;
  find_another_click(l, settings::Goal::ClickRule::last, kStart - kHour);
  EXPECT_THAT(l.standing("D1").flags, HasSubstr("identity_changed_after_upload"));
}

TEST(Reconciler, APassWithNothingChangedTakesTheSameStepsAtEverySize) {
  auto steps_at = [](int deals) {
    Loop l;
    std::vector<Record> page;
    for (int i = 0; i < deals; ++i) {
      RecordState deal;
      deal.ref = {"crm", Object::deal, "D" + std::to_string(i)};
      deal.created = deal.modified = kStart;
      deal.fields = {{"stage", "won"}, {"amount", "5"}, {"currency", "EUR"}};
      deal.identifiers = {{"gclid", "k" + std::to_string(i)}};
      deal.click_times["gclid"] = kStart - kDay;
      page.push_back(deal);
    }
    l.take(page);
    l.settle();
    EXPECT_EQ(l.stands("D0"), "taken");
    l.clock.advance(kHour);
    l.db->steps = 0;
    EXPECT_EQ(l.reconcile()->subjects, 0U);
    EXPECT_EQ(l.deliver()->sent, 0U);
    return l.db->steps;
  };
  EXPECT_EQ(steps_at(50), steps_at(1500));
}

TEST(Reconciler, WhatIsTakenAfterItsGoalLeftStandsAsTold) {
  Loop l;
  l.contact("C1", "click");
  l.deal("D1", "C1", "won", "100");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {conformance::PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  l.settings.goals.push_back(conformance::goal("qualified", "qualified"));
  l.settings.destinations[0].goal = "qualified";
  l.start();
  l.pass(kDay);
  EXPECT_EQ(l.differences(), "");
  EXPECT_EQ(l.standing("D1").b_micros, 100'000'000);
}

TEST(Reconciler, WhatWasAdoptedStaysThereWhenAnotherDealOfTheLeadIsRead) {
  Loop l;
  const auto deal_of_lead = [&l](const std::string& deal) {
    l.contact("C" + deal, "click-" + deal);
    l.deal(deal, "C" + deal, "new", "70");
    RecordState of_lead = l.shown(Object::deal, deal);
    of_lead.converted_from = RecordRef{"crm", Object::lead, "L1"};
    l.show(of_lead);
    l.set(deal, "stage", "won");
    l.pass(kDay);
  };
  deal_of_lead("D1");
  const std::string told = l.dedup_id("D1");
  l.contact("C2", "click-2");
  l.deal("winner", "C2", "new", "130");
  l.merge(Object::deal, "D1", "winner");
  l.set("winner", "stage", "won");
  l.pass(kDay * 4);
  ASSERT_EQ(l.dedup_id("winner"), told);
  deal_of_lead("D3");
  EXPECT_EQ(l.dedup_id("winner"), told);
  EXPECT_EQ(l.differences(), "");
}

}  // namespace
}  // namespace hw::reconcile
