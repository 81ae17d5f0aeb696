#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "base/log.h"
#include "conformance/loop.h"
#include "delivery/outcomes.h"
#include "delivery/sender.h"
#include "ledger/item_json.h"

namespace hw::delivery {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Outcome;
using connect::Receipt;
using connect::Verdict;
using testing::HasSubstr;

void win(Loop& l, const std::string& deal, const std::string& amount = "100") {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", amount);
}

connect::Contract confirming(Receipt receipt) {
  connect::Contract c = generous();
  c.receipt = receipt;
  return c;
}

/// Several won deals whose rows wait to be sent in one request.
void batch(Loop& l, int deals) {
  l.settings.destinations[0].batch = 100;
  l.start();
  for (int i = 0; i < deals; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
}

Outcome later(Verdict verdict, const std::string& code) {
  Outcome o;
  o.verdict = verdict;
  o.code = code;
  return o;
}

// ------------------------------------------------------------------------------------------------------- one row's
// answer

TEST(Delivery, ATimeOutIsSentAgainAsTheSameItem) {
  Loop l;
  win(l, "D1");
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload retrying 100");
  const std::string frozen = l.uploads("D1").front().item;
  l.set("D1", "amount", "700");
  l.pass(kHour * 2);
  EXPECT_EQ(l.uploads("D1").front().item, frozen) << "never a newly prepared one";
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 700");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARowThatWasCertainlyNotTakenIsPreparedAnew) {
  Loop l;
  win(l, "D1");
  l.sink().faults = {PlatformFault::busy};
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload retrying 100");
  l.set("D1", "amount", "700");
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload superseded 100, upload received 700");
}

TEST(Delivery, WithoutADedupKeyALostAnswerIsUncertainAtOnce) {
  connect::Contract c = generous();
  c.dedup.exists = false;
  for (const PlatformFault fault : {PlatformFault::lost_before, PlatformFault::lost_after, PlatformFault::crash_before,
                                    PlatformFault::crash_after}) {
    Loop l(c);
    win(l, "D1");
    l.sink().faults = {fault};
    l.settle();
    l.pass(kDay);
    EXPECT_EQ(l.stands("D1"), "uncertain");
    EXPECT_EQ(l.standing("D1").b_low, 0);
    EXPECT_EQ(l.standing("D1").b_high, 100 * kUnit);
    EXPECT_EQ(l.sink().calls, 1U);
    EXPECT_EQ(l.differences(), "");
  }
}

TEST(Delivery, ResendUncertainSendsAgainWhereTheAdminSaysSo) {
  connect::Contract c = generous();
  c.dedup.exists = false;
  Loop l(c);
  l.settings.destinations[0].resend_uncertain = true;
  l.start();
  win(l, "D1");
  l.sink().faults = {PlatformFault::lost_before};
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, ADedupWindowThatClosedMakesTheRowUncertain) {
  connect::Contract c = generous();
  c.dedup.window = kHour * 24;
  Loop l(c);
  win(l, "D1");
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  l.clock.advance(kHour * 22);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "uncertain") << "two hours before its end";
  EXPECT_EQ(l.sink().calls, 1U);
}

TEST(Delivery, ARowAnsweredLaterGivesUpAfterItsAttempts) {
  Loop l;
  l.settings.destinations[0].max_attempts = 3;
  l.start();
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  const std::string id = l.dedup_id("D1");
  l.sink().weather = [&] {
    l.sink().postponed[id] = later(Verdict::retry, "not_ready");
    return PlatformFault::none;
  };
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload rejected 100");
  EXPECT_THAT(l.standing("D1").detail, HasSubstr("gave up after 3 attempts"));
}

TEST(Delivery, AnOutageSpendsNoAttempt) {
  Loop l;
  l.settings.destinations[0].max_attempts = 3;
  l.start();
  win(l, "D1");
  l.sink().weather = [] { return PlatformFault::busy; };
  l.pass(kDay * 3);
  EXPECT_GT(l.sink().calls, 10U);
  EXPECT_EQ(l.uploads("D1").front().attempts, 0);
  l.sink().weather = nullptr;
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, ARowOfUnknownFateIsNotRetriedForEver) {
  Loop l;
  win(l, "D1");
  l.sink().weather = [] { return PlatformFault::lost_before; };
  l.settle();
  l.clock.advance(kDay * 14);
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "uncertain") << "max_retry_age is 14 days";
}

TEST(Delivery, ARowThatExpiresBeforeItLeftIsJudgedAnew) {
  Loop l;
  win(l, "D1");
  l.sink().weather = [] { return PlatformFault::busy; };
  l.settle();
  l.clock.advance(kDay * 90);
  l.pass(kHour);
  EXPECT_EQ(l.stands("D1"), "missing expired");
  EXPECT_EQ(l.believed("D1"), -1);
}

TEST(Delivery, ARowThatMayHaveBeenTakenIsUncertainWhenItExpires) {
  Loop l;
  l.settings.destinations[0].max_retry_age = kDay * 200;
  l.start();
  win(l, "D1");
  l.sink().weather = [] { return PlatformFault::lost_before; };
  l.settle();
  l.clock.advance(kDay * 90);
  l.settle();
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

TEST(Delivery, AnEarlierAttemptThatMayHaveBeenTakenKeepsTheRowFrozen) {
  Loop l(confirming(Receipt::row));
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  // The second attempt is received, and its processing fails for a while: that says nothing about the first.
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::retry, "internal");
  l.pass(std::chrono::minutes(50));
  l.sink().refused_later.clear();
  l.set("D1", "amount", "700");
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload processed 100, restate processed 700");
  EXPECT_EQ(l.differences(), "");
}

// ------------------------------------------------------------------------------------------------------------- batches

TEST(Delivery, OneBadRowNeverHoldsBackGoodOnes) {
  Loop l;
  batch(l, 9);
  l.sink().poison = {l.dedup_id("D3")};
  l.settle();
  for (int i = 0; i < 9; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), i == 3 ? "missing rejected" : "taken") << i;
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ABisectedRequestIsConfirmedByTheReceiptsOfItsParts) {
  for (const Receipt receipt : {Receipt::count, Receipt::row}) {
    Loop l(confirming(receipt));
    batch(l, 5);
    l.sink().poison = {l.dedup_id("D3")};
    l.sink().refused_later[l.dedup_id("D4")] = later(Verdict::reject_row, "bad_click");
    l.pass(kDay);
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(l.stands("D" + std::to_string(i)), i >= 3 ? "missing rejected" : "taken") << i;
    EXPECT_EQ(l.differences(), "");
  }
}

TEST(Delivery, ACrashAndARefusalInTheSameInstantKeepTheRowFrozen) {
  Loop l;
  win(l, "D1");
  l.sink().faults = {PlatformFault::crash_after, PlatformFault::busy};
  l.settle();  // a followed clock stands still while the daemon is busy
  l.set("D1", "amount", "700");
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 700");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARowSentAloneToBeLocatedStaysAlone) {
  Loop l(confirming(Receipt::count));
  batch(l, 4);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  l.sink().faults = {PlatformFault::busy};
  l.settle();
  EXPECT_EQ(l.stands("D0"), "unlocated");
  l.pass(kDay);
  for (std::size_t i = 1; i < l.sink().arrived.size(); ++i) EXPECT_EQ(l.sink().arrived[i].size(), 1U);
  EXPECT_EQ(l.sink().arrived.size(), 5U);
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARequestConfirmedByCountsIsTakenWhole) {
  Loop l(confirming(Receipt::count));
  batch(l, 4);
  l.settle();
  EXPECT_EQ(l.stands("D2"), "missing waiting");
  EXPECT_EQ(l.history("D2"), "upload received 100");
  l.pass(kHour);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "taken");
  EXPECT_EQ(l.sink().arrived.size(), 1U);
}

TEST(Delivery, ARequestRefusedAlikeIsRejectedWithoutSendingAgain) {
  Loop l(confirming(Receipt::count));
  batch(l, 4);
  l.sink().refuses_all_later = true;
  l.pass(kDay);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "missing rejected");
  EXPECT_EQ(l.sink().arrived.size(), 1U);
}

TEST(Delivery, ARequestRefusedInPartIsSentRowByRowAndLocated) {
  Loop l(confirming(Receipt::count));
  batch(l, 4);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  ASSERT_TRUE(l.deliver("ads", {}, 0));
  ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(l.stands("D1"), "unlocated");
  l.pass(kHour * 2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), i == 2 ? "missing rejected" : "taken") << i;
  for (std::size_t i = 1; i < l.sink().arrived.size(); ++i) EXPECT_EQ(l.sink().arrived[i].size(), 1U) << "each alone";
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, WhereResendingHarmsARequestRefusedInPartIsUncertain) {
  connect::Contract c = confirming(Receipt::count);
  c.resend_is_harmless = false;
  Loop l(c);
  batch(l, 3);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.pass(kDay);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "uncertain");
  EXPECT_EQ(l.sink().arrived.size(), 1U);
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, RowsConfirmedByNameFindTheirOwnAlsoWhenOneWaitedLonger) {
  Loop l(confirming(Receipt::row));
  batch(l, 3);
  Outcome wait = later(Verdict::retry, "not_ready");
  wait.after = kHour;
  l.sink().postponed[l.dedup_id("D0")] = wait;
  l.settle();
  l.sink().refused_later[l.dedup_id("D0")] = later(Verdict::reject_row, "bad_click");
  // The younger rows are due before D0 and go with it.
  win(l, "D3");
  win(l, "D4");
  ASSERT_TRUE(l.reconcile());
  l.clock.advance(kHour * 4);
  l.settle();
  ASSERT_EQ(l.sink().arrived.back().size(), 3U);
  l.pass(kDay);
  EXPECT_EQ(l.stands("D0"), "missing rejected");
  for (const char* other : {"D1", "D2", "D3", "D4"}) EXPECT_EQ(l.stands(other), "taken") << other;
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARowRefusedInTheAnswerDoesNotShiftTheConfirmationOfTheOthers) {
  Loop l(confirming(Receipt::row));
  batch(l, 3);
  l.sink().refused[l.dedup_id("D0")] = "malformed";
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::reject_row, "bad_click");
  l.pass(kDay);
  EXPECT_EQ(l.stands("D0"), "missing rejected");
  EXPECT_EQ(l.stands("D1"), "missing rejected");
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, AForgottenReceiptIsUncertainWhenItsTimeHasPassed) {
  Loop l(confirming(Receipt::count));
  batch(l, 2);
  l.sink().forgets = true;
  l.pass(kHour * 23);
  EXPECT_EQ(l.history("D0"), "upload received 100");
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D0"), "uncertain");
  EXPECT_EQ(l.uploads("D0").front().code, "unconfirmed");
  const std::size_t asked = l.sink().confirms;
  l.pass(kDay * 3);
  EXPECT_EQ(l.sink().confirms, asked) << "nobody asks any more";
}

TEST(Delivery, AnOutageOfTheConfirmationIsNoAnswer) {
  Loop l(confirming(Receipt::count));
  batch(l, 2);
  for (int i = 0; i < 20; ++i) l.sink().confirm_errors.push_back({Action::retry, "http_503", "", kHour * 3, false});
  l.pass(kDay * 2);
  EXPECT_EQ(l.history("D0"), "upload received 100") << "its time counts by answers, not by outages";
  l.pass(kDay * 2);
  EXPECT_EQ(l.stands("D0"), "taken");
}

// ------------------------------------------------------------------------------------------------------ pauses and
// stops

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

TEST(Delivery, ASignInRefusedWhileConfirmingPausesToo) {
  Loop l(confirming(Receipt::count));
  win(l, "D1");
  l.settle();
  l.sink().confirm_errors.push_back({Action::pause, "credentials", "", {}, false});
  l.clock.advance(kHour);
  l.settle();
  auto paused = [&] { return l.read([](store::Tx& tx) { return store::service_rows::pauses(tx).size(); }); };
  EXPECT_EQ(paused(), 1U);
  l.pass(kHour * 3);
  EXPECT_EQ(paused(), 0U);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, AStopInTheMiddleOfAClaimLeavesUnsentRowsUnharmed) {
  Loop l;
  win(l, "D1");
  win(l, "D2");
  ASSERT_TRUE(l.reconcile());
  std::stop_source stop;
  stop.request_stop();
  ASSERT_TRUE(l.deliver("ads", stop.get_token()));
  EXPECT_EQ(l.sink().calls, 0U);
  EXPECT_EQ(l.history("D1"), "upload retrying 100");
  EXPECT_FALSE(l.uploads("D1").front().first_attempt_at) << "its item is not frozen";
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.stands("D2"), "taken");
}

TEST(Delivery, OurOwnRateLaneIsWaitedForWithoutBackOff) {
  Loop l;
  win(l, "D1");
  l.sink().faults = {PlatformFault::lane_full};
  ASSERT_TRUE(l.reconcile());
  auto round = l.deliver();
  ASSERT_TRUE(round);
  EXPECT_TRUE(round->resting || round->settled > 0);
  l.clock.advance(std::chrono::seconds(10));
  l.settle();
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, RowsOfAnotherModeAreNeverSent) {
  Loop l;
  win(l, "D1");
  l.sink().faults = {PlatformFault::busy};
  l.settle();
  l.settings.destinations[0].mode = Mode::test;
  l.start();
  l.pass(kHour * 2);
  EXPECT_EQ(l.sink().validated, 1U);
  EXPECT_EQ(l.standing("D1").b_micros, 0) << "what was only validated is not believed";
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, AnExpiredRowCountsAsSettledSoThatSyncGoesOn) {
  Loop l;
  l.sink().minimum_wait = kHour;
  win(l, "D1");
  l.settle();
  l.clock.advance(kDay * 100);
  auto round = l.deliver();
  ASSERT_TRUE(round);
  EXPECT_EQ(round->sent, 0U);
  EXPECT_EQ(round->settled, 1U);
}

TEST(Delivery, PreviewShowsExactlyWhatIsSentAndChangesNothing) {
  Loop l;
  batch(l, 3);
  const auto before = conformance::tables_of(*l.db);
  const auto sinks = settings::sinks_of(l.settings.destinations[0], l.connectors);
  auto shown =
      l.read([&](store::Tx& tx) { return preview(tx, l.settings.destinations[0], sinks, l.clock.system_now(), 10); });
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown[0].rows, 3U);
  EXPECT_EQ(conformance::tables_of(*l.db), before);
  l.settle();
  std::string sent;
  for (const auto& body : l.sink().bodies) sent += body + "\n";
  EXPECT_EQ(shown[0].body, sent);
}

}  // namespace
}  // namespace hw::delivery
