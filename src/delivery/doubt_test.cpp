#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/test_deals.h"

/// Rows of which nobody knows what the platform made: what is made of them next.
namespace hw::delivery {
namespace {

using conformance::Crash;
using conformance::FakeSink;
using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;

/// The next attempt arrives and its answer is lost; every one after it is refused.
void lose_then_refuse(Loop& l, const std::string& deal) {
  const std::string key = l.dedup_id(deal);
  FakeSink& sink = l.sink();
  sink.faults = {PlatformFault::lost_after};
  sink.weather = [&sink, key] {
    if (sink.faults.empty()) sink.refused[key] = "bad_row";
    return PlatformFault::none;
  };
}
void be_fair(Loop& l) {
  l.sink().weather = nullptr;
  l.sink().refused.clear();
}

/// Told 100; of 150 nobody knows.
void doubt_a_correction(Loop& l) {
  win(l, "D1");
  l.settle();
  lose_then_refuse(l, "D1");
  l.set("D1", "amount", "150");
  l.pass(kDay);
  ASSERT_EQ(l.stands("D1"), "uncertain");
  be_fair(l);
}

TEST(Doubt, OfAFinalZeroIsNotSettledByAnotherValue) {
  connect::Contract c = generous();
  c.operations = {Operation::upload, Operation::restate};
  c.zero = connect::ZeroRule::final_retraction;
  c.dedup.repeat_overwrites = true;
  Loop l(c);
  win(l, "D1");
  l.settle();
  l.set("D1", "stage", "lost");
  l.pass(kDay * 3 - kHour);
  lose_then_refuse(l, "D1");
  l.pass(kDay);
  ASSERT_EQ(l.history("D1"), "upload received 100, restate uncertain 0");
  be_fair(l);
  l.set("D1", "stage", "won");
  l.set("D1", "amount", "120");
  l.pass(kDay * 5);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate uncertain 0") << "it would be ignored without a word";
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.differences(), "");
}

TEST(Doubt, ALoweringOfADoubtedValueWaitsBehindTheBrakeUntilItIsApproved) {
  Loop l;
  l.settings.destinations[0].max_lowering_count = 0;
  l.start();
  doubt_a_correction(l);
  l.set("D1", "amount", "120");
  l.pass(kDay * 4);
  EXPECT_EQ(l.stands("D1"), "uncertain braked");
  l.approve_brakes();
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 120);
  EXPECT_EQ(l.differences(), "");
}

TEST(Doubt, ARowThatNeverLeftKeepsTheWordOfTheAttemptThatDid) {
  connect::Contract c = generous();
  c.dedup = {.exists = true, .known = true, .window = kHour * 6};
  Loop l(c);
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::lost_after};
  l.sink().weather = [] { return PlatformFault::lane_full; };
  l.pass(kDay);
  const auto row = l.uploads("D1").front();
  EXPECT_EQ(to_string(row.state), std::string("uncertain"));
  EXPECT_NE(row.code, "lane_full") << row.detail;
  EXPECT_EQ(l.differences(), "");
}

TEST(Doubt, AKeyThatNobodyReliesOnPutsOneRequestAtStake) {
  for (const bool exists : {false, true}) {
    connect::Contract c = generous();
    c.dedup = {.exists = exists, .known = !exists, .window = {}};
    Loop l(c);
    for (int i = 0; i < 5; ++i) win(l, "D" + std::to_string(i));
    ASSERT_TRUE(l.reconcile());
    l.sink().faults = {PlatformFault::crash_before};
    l.settle();
    int uncertain = 0;
    for (int i = 0; i < 5; ++i) uncertain += l.stands("D" + std::to_string(i)) == "uncertain";
    EXPECT_EQ(uncertain, 1) << exists;
  }
}

TEST(Doubt, OfARowIsJudgedByTheActionThatItWasSentTo) {
  connect::Contract c = generous();
  c.dedup = {};
  c.operations = {Operation::upload};
  Loop l(c);
  l.sink().rules_there = [](const connect::Target& target, connect::Contract& there) {
    if (target.action == "purchase") there.dedup = {.exists = true, .known = true, .window = {}};
  };
  l.settings.destinations[0].action = "lead";
  l.start();
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::crash_after};
  EXPECT_THROW((void)l.deliver(), Crash);
  l.settings.destinations[0].action = "purchase";
  l.start();
  l.settle();
  EXPECT_EQ(l.stands("D1"), "uncertain") << "a repeat would count again there";
  EXPECT_EQ(l.sink().believed.begin()->second.counted, 1);
}

TEST(Doubt, AnAnswerAboutARowWhoseDestinationWasAwayIsTaken) {
  for (const bool refuses : {false, true}) {
    Loop l(confirming(connect::Receipt::count));
    win(l, "D1");
    ASSERT_TRUE(l.reconcile());
    if (refuses) l.sink().refused_later[l.dedup_id("D1")] = later(connect::Verdict::reject_row, "not_allowed");
    l.settle();
    ASSERT_EQ(l.history("D1"), "upload received 100");
    const auto kept = l.settings.destinations;
    l.settings.destinations.clear();
    l.start();
    l.settle();
    ASSERT_EQ(l.history("D1"), "upload uncertain 100");
    l.settings.destinations = kept;
    l.start();
    l.pass(kDay * 2);
    EXPECT_EQ(l.stands("D1"), refuses ? "missing rejected" : "taken") << l.history("D1");
  }
}

/// Until it is set right, so long after the attempt.
void lose_an_answer_under_a_clock_that_is_ahead(Loop& l, Duration after) {
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  const Timestamp now = l.clock.system_now();
  l.clock.set(now + kDay * 40);
  l.sink().faults = {PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  l.clock.set(now + after);
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::service_rows::forget_later_times(tx, l.clock.system_now());
    return {};
  }));
}

TEST(Doubt, OfAnAttemptUnderAClockThatWasAheadHasNoWindow) {
  connect::Contract c = generous();
  c.dedup = {.exists = true, .known = true, .window = kHour * 48};
  Loop l(c);
  lose_an_answer_under_a_clock_that_is_ahead(l, kDay * 3);  // the key is forgotten by now
  l.settle();
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.sink().believed.begin()->second.counted, 1);
}

TEST(Doubt, OfAnAttemptUnderAClockThatWasAheadIsHeldAsLongAsAnyOther) {
  connect::Contract c = generous();
  c.dedup.resend_after = std::chrono::minutes(30);
  Loop l(c);
  lose_an_answer_under_a_clock_that_is_ahead(l, kHour * 2);
  l.pass(std::chrono::minutes(29));
  EXPECT_EQ(l.sink().calls, 1U);
  l.pass(std::chrono::minutes(2));
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(TestMode, ARowThatWaitsIsJudgedAnewLikeAnyOther) {
  struct Change {
    const char *field, *value, *history;
  };
  for (const Change& c : {Change{"owner", "another", "upload pending 100"},
                          Change{"amount", "200", "upload superseded 100, upload pending 200"},
                          Change{"stage", "lost", "upload superseded 100"}}) {
    Loop l;
    l.settings.destinations[0].mode = Mode::test;
    l.start();
    win(l, "D1");
    ASSERT_TRUE(l.reconcile());
    l.set("D1", c.field, c.value);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(l.reconcile()) << c.field;
    EXPECT_EQ(l.history("D1"), c.history);
    l.settle();
    EXPECT_TRUE(l.sink().believed.empty());
  }
}

TEST(TestMode, ARowThatIsTriedAgainIsJudgedAnew) {
  Loop l;
  l.settings.destinations[0].mode = Mode::test;
  l.sink().minimum_wait = kHour * 6;
  l.start();
  win(l, "D1");
  l.settle();
  l.set("D1", "amount", "200");
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload superseded 100, upload processed 200");
  EXPECT_EQ(l.sink().validated, 1U);
}

TEST(TestMode, WhatCorrectsADoubtedValueIsValidatedOnce) {
  Loop l;
  doubt_a_correction(l);
  l.settings.destinations[0].mode = Mode::test;
  l.start();
  l.set("D1", "amount", "170");
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(l.reconcile());
    ASSERT_TRUE(l.deliver());
  }
  EXPECT_EQ(l.sink().validated, 1U);
  EXPECT_EQ(l.uploads("D1").size(), 3U);
}

TEST(Zero, HasNoCurrency) {
  Loop l;
  l.settings.goals[0].send_zero = true;
  l.start();
  win(l, "D1", "0");
  l.settle();
  l.set("D1", "currency", "USD");
  l.pass(kDay * 4);
  EXPECT_EQ(l.history("D1"), "upload received 0");
  EXPECT_EQ(l.stands("D1"), "taken");
  l.set("D1", "amount", "30");
  l.pass(kDay * 4);
  EXPECT_EQ(l.history("D1"), "upload received 0, restate received 30");
  EXPECT_EQ(l.differences(), "");
}

}  // namespace
}  // namespace hw::delivery
