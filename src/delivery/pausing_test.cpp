#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

#include "base/log.h"
#include "delivery/sender.h"
#include "delivery/test_deals.h"

/// Pauses and stops; uploads and corrections by two connectors.
namespace hw::delivery {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Outcome;
using connect::Receipt;
using connect::Verdict;

int g_paused = 0, g_resumed = 0;
void count_lines(std::string_view line) {
  if (line.find("event=paused") != std::string_view::npos) ++g_paused;
  if (line.find("event=resumed") != std::string_view::npos) ++g_resumed;
}

TEST(Delivery, APauseIsSaidOnceAndEndsByItself) {
  g_paused = g_resumed = 0;
  set_log_sink_for_test(count_lines);
  Loop l;
  for (int i = 0; i < 20; ++i) win(l, "D" + std::to_string(i));
  l.sink().weather = [] { return PlatformFault::sign_in; };
  l.settle();
  EXPECT_EQ(l.sink().calls, 1U) << "one refusal is enough";
  l.pass(kHour * 12);
  EXPECT_EQ(g_paused, 1);
  EXPECT_LE(l.sink().calls, 14U) << "after five minutes, then every hour";
  EXPECT_EQ(l.uploads("D3").front().attempts, 0);
  l.sink().weather = nullptr;
  l.pass(kHour * 2);
  EXPECT_EQ(g_resumed, 1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "taken");
  set_log_sink_for_test(nullptr);
}

TEST(Delivery, AStopBeforeARoundClaimsNothing) {
  Loop l;
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  std::stop_source stop;
  stop.request_stop();
  ASSERT_TRUE(l.deliver("ads", stop.get_token()));
  EXPECT_EQ(l.sink().calls, 0U);
  EXPECT_EQ(l.history("D1"), "upload pending 100");
}

TEST(Delivery, AStopLetsTheRequestUnderWayEndAndRecordsItsOutcome) {
  Loop l;
  win(l, "D1");
  win(l, "D2");
  ASSERT_TRUE(l.reconcile());
  std::stop_source stop;
  std::stop_source cut;
  l.sink().weather = [&] {
    stop.request_stop();
    EXPECT_FALSE(l.sink().token.stop_requested()) << "a stop ends no request";
    cut.request_stop();
    EXPECT_TRUE(l.sink().token.stop_requested());
    return PlatformFault::none;
  };
  auto round = l.deliver("ads", stop.get_token(), 500, cut.get_token());
  ASSERT_TRUE(round);
  EXPECT_EQ(round->sent, 1U);
  EXPECT_EQ(l.sink().calls, 1U);
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_EQ(l.history("D2"), "upload retrying 100");
  EXPECT_FALSE(l.uploads("D2").front().first_attempt_at) << "its item is not frozen";
  l.sink().weather = nullptr;
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.stands("D2"), "taken");
}

TEST(Delivery, AStopWhileABatchIsHalvedGivesTheOtherHalfBack) {
  Loop l;
  batch(l, 4);
  l.sink().poison = {l.dedup_id("D1")};
  std::stop_source stop;
  l.sink().weather = [&] {
    if (l.sink().calls == 2) stop.request_stop();
    return PlatformFault::none;
  };
  ASSERT_TRUE(l.deliver("ads", stop.get_token()));
  EXPECT_EQ(l.sink().calls, 2U);
  EXPECT_EQ(l.history("D3"), "upload retrying 100");
  EXPECT_FALSE(l.uploads("D3").front().first_attempt_at);
  l.sink().weather = nullptr;
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.stands("D3"), "taken");
  EXPECT_EQ(l.stands("D1"), "missing rejected");
}

/// Uploads by ads_connector, corrections by "adjuster", which knows what ads_connector took.
void compose(Loop& l) {
  l.add_adjuster(generous());
  win(l, "D1");
  l.settle();
  l.set("D1", "amount", "700");
  win(l, "D2");
}

void pause(Loop& l, const char* scope, const std::string& name) {
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::service_rows::set_pause(tx, {.scope = scope,
                                        .name = name,
                                        .code = "credentials",
                                        .detail = "",
                                        .since = l.clock.system_now(),
                                        .retry_at = l.clock.system_now() + kHour});
    return {};
  }));
}

void by_person(Loop& l, const std::string& connector, bool pauses) {
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::service_rows::clear_pause(tx, store::kByPerson, connector);
    if (pauses)
      store::service_rows::set_pause(tx, {.scope = store::kByPerson,
                                          .name = connector,
                                          .code = "by_person",
                                          .detail = "ada",
                                          .since = l.clock.system_now(),
                                          .retry_at = {}});
    return {};
  }));
}

TEST(Delivery, APersonsPauseHoldsEverythingUnharmedAndOverRestarts) {
  Loop l;
  win(l, "D1");
  by_person(l, "ads_connector", true);
  l.pass(kDay * 3);
  l.start();
  l.pass(kDay * 3);
  EXPECT_EQ(l.sink().calls, 0U);
  EXPECT_EQ(l.history("D1"), "upload pending 100");
  auto round = l.deliver();
  ASSERT_TRUE(round);
  EXPECT_GE(round->next.value_or(Timestamp{}), l.clock.system_now() + kHour) << "nothing spins meanwhile";
  by_person(l, "ads_connector", false);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken") << "at once";
}

TEST(Delivery, NoSuccessEndsAPersonsPause) {
  Loop l;
  compose(l);
  by_person(l, "adjuster", true);
  l.settle();
  EXPECT_EQ(l.stands("D2"), "taken") << "the uploading connector works";
  l.pass(kDay * 2);
  EXPECT_EQ(l.sink("adjuster").calls, 0U);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate pending 700");
}

TEST(Delivery, TheSuccessOfARequestUnderWayEndsNoPersonsPause) {
  Loop l;
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().weather = [&] {
    by_person(l, "ads_connector", true);
    return PlatformFault::none;
  };
  ASSERT_TRUE(l.deliver());
  l.sink().weather = nullptr;
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_TRUE(l.read([](store::Tx& tx) { return store::service_rows::is_paused_by_person(tx, "ads_connector"); }));
  win(l, "D2");
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, 1U);
}

TEST(Delivery, APersonsPauseOutlivesThatOfACredential) {
  Loop l;
  win(l, "D1");
  l.sink().weather = [] { return PlatformFault::sign_in; };
  l.settle();
  by_person(l, "ads_connector", true);
  l.sink().weather = nullptr;
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, 1U) << "the hourly try of the credential waits too";
  by_person(l, "ads_connector", false);
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, WhatMayNotGoAgainIsUncertainDuringAPersonsPauseAlready) {
  connect::Contract c = generous();
  c.dedup = {};
  for (const PlatformFault fault : {PlatformFault::crash_after, PlatformFault::lost_after}) {
    Loop l(c);
    win(l, "D1");
    ASSERT_TRUE(l.reconcile());
    l.sink().faults = {fault};
    try {
      (void)l.deliver();
    } catch (const conformance::Crash&) {
    }
    by_person(l, "ads_connector", true);
    l.start();
    l.pass(kDay);
    EXPECT_EQ(l.stands("D1"), "uncertain") << l.history("D1");
    EXPECT_EQ(l.sink().calls, 1U);
  }
}

TEST(Delivery, WhatExpiresDuringAPersonsPauseStandsAsExpired) {
  Loop l;
  l.sink().rules.click_window = kDay * 30;
  l.sink().rules.hash_forms.clear();
  l.start();
  win(l, "D1");
  by_person(l, "ads_connector", true);
  l.pass(kDay * 40);
  by_person(l, "ads_connector", false);
  l.settle();
  EXPECT_EQ(l.sink().calls, 0U) << "the platform's window is respected";
  EXPECT_EQ(l.stands("D1"), "missing expired");
}

TEST(Delivery, APausedAdjustingConnectorHoldsCorrectionsAlone) {
  Loop l;
  compose(l);
  pause(l, "connector", "adjuster");
  l.settle();
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.history("D1"), "upload received 100, restate pending 700");
  auto round = l.deliver();
  ASSERT_TRUE(round);
  ASSERT_TRUE(round->next);
  EXPECT_GE(*round->next, l.clock.system_now() + kHour - std::chrono::minutes(1)) << "nothing spins meanwhile";
  l.pass(kHour * 2);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 700");
}

TEST(Delivery, APausedUploadingConnectorHoldsUploadsAlone) {
  Loop l;
  compose(l);
  pause(l, "connector", "ads_connector");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 700");
  EXPECT_EQ(l.history("D2"), "upload pending 100");
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D2"), "taken");
}

TEST(Delivery, APausedDestinationHoldsAll) {
  Loop l;
  compose(l);
  pause(l, "destination", "ads");
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100, restate pending 700");
  EXPECT_EQ(l.history("D2"), "upload pending 100");
}

TEST(Delivery, ASignInRefusedToTheAdjusterLeavesUploadsAlone) {
  Loop l;
  compose(l);
  l.sink("adjuster").weather = [] { return PlatformFault::sign_in; };
  l.settle();
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.sink("adjuster").calls, 1U);
}

TEST(Delivery, AnOutageOfTheAdjusterLeavesUploadsAlone) {
  Loop l;
  compose(l);
  l.sink("adjuster").weather = [] { return PlatformFault::busy; };
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload received 100, restate retrying 700");
  win(l, "D3");
  l.settle();
  EXPECT_EQ(l.stands("D3"), "taken");
  l.sink("adjuster").weather = nullptr;
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 700");
}

TEST(Delivery, ReceiptsOfAPausedConnectorWaitAndTheOthersAreAsked) {
  Loop l(confirming(Receipt::count));
  l.add_adjuster(confirming(Receipt::count));
  win(l, "D1");
  l.pass(kHour);
  l.set("D1", "amount", "700");
  win(l, "D2");
  l.settle();
  pause(l, "connector", "adjuster");
  l.pass(std::chrono::minutes(40));
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.sink("adjuster").confirms, 0U);
  l.pass(kHour * 2);
  EXPECT_EQ(l.history("D1"), "upload processed 100, restate processed 700");
}

}  // namespace
}  // namespace hw::delivery
