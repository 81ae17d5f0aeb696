#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

#include "delivery/sender.h"
#include "delivery/test_deals.h"

/// What becomes of requests that were received.
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

TEST(Delivery, ARowReceivedAgainStaysUnlocatedUntilItsOwnFateIsKnown) {
  Loop l(confirming(Receipt::count));
  batch(l, 3);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  l.settle();
  EXPECT_EQ(l.history("D0"), "upload received 100") << "sent alone at once";
  EXPECT_EQ(l.stands("D0"), "unlocated") << "the platform may believe it since the first time";
  EXPECT_EQ(l.differences(), "");
  l.pass(kHour);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.uploads("D0").front().code, "");
  EXPECT_EQ(l.stands("D2"), "missing rejected");
}

TEST(Delivery, ACrashWhileARowIsLocatedKeepsItAlone) {
  Loop l(confirming(Receipt::count));
  batch(l, 3);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  l.sink().faults = {PlatformFault::crash_before};
  l.settle();
  l.pass(kDay);
  for (std::size_t i = 1; i < l.sink().arrived.size(); ++i) EXPECT_EQ(l.sink().arrived[i].size(), 1U);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.stands("D2"), "missing rejected");
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

TEST(Delivery, WhicheverRowsOfARequestAreRefusedLaterTheOthersAreTaken) {
  for (const Receipt receipt : {Receipt::count, Receipt::row}) {
    for (const std::set<int>& refused :
         std::initializer_list<std::set<int>>{{0}, {3}, {0, 3}, {1, 2, 3}, {0, 1, 2, 3}}) {
      Loop l(confirming(receipt));
      batch(l, 4);
      for (const int i : refused)
        l.sink().refused_later[l.dedup_id("D" + std::to_string(i))] = later(Verdict::reject_row, "bad_click");
      l.pass(kDay);
      for (int i = 0; i < 4; ++i)
        EXPECT_EQ(l.stands("D" + std::to_string(i)), refused.contains(i) ? "missing rejected" : "taken")
            << (receipt == Receipt::count ? "counts, D" : "rows, D") << i << " of " << testing::PrintToString(refused);
      EXPECT_EQ(l.differences(), "");
    }
  }
}

TEST(Delivery, CountsOfAnotherNumberOfRowsAreFoundOutRowByRow) {
  Loop l(confirming(Receipt::count));
  batch(l, 4);
  l.sink().uncounted = 1;
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  ASSERT_TRUE(l.deliver("ads", {}, 0));
  ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(l.stands("D1"), "unlocated");
  l.pass(kHour * 2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "taken") << i;
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARowRefusedAloneForAnotherReasonMayHaveBeenTakenWithItsRequest) {
  Loop l(confirming(Receipt::count));
  batch(l, 2);
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.clock.advance(std::chrono::minutes(30));
  ASSERT_TRUE(l.deliver("ads", {}, 0));
  ASSERT_TRUE(l.reconcile());
  ASSERT_EQ(l.stands("D0"), "unlocated");
  l.sink().refused[l.dedup_id("D0")] = "closed";
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D0"), "uncertain");
  EXPECT_EQ(l.stands("D1"), "missing rejected");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, ARowLocatedAfterAnAnswerWasLostMayHaveBeenTakenByTheFirstAttempt) {
  Loop l(confirming(Receipt::count));
  batch(l, 2);
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::reject_row, "bad_click");
  l.pass(kDay);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, VerdictsOfAnotherNumberOfRowsAreGivenToNone) {
  Loop l(confirming(Receipt::row));
  batch(l, 4);
  l.sink().confirms_short = true;
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::reject_row, "bad_click");
  l.settle();
  l.pass(kHour * 2);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), i == 1 ? "missing rejected" : "taken") << i;
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

TEST(Delivery, AnUnconfirmedRowGoesAgainWhereTheAdminSaysSo) {
  Loop l(confirming(Receipt::count));
  l.settings.destinations[0].resend_uncertain = true;
  batch(l, 2);
  l.sink().forgets = true;
  l.pass(kHour * 25);
  l.sink().forgets = false;
  l.pass(kHour * 3);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.sink().arrived.size(), 2U);
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, AnUnconfirmedRowIsNotSentForEver) {
  Loop l(confirming(Receipt::count));
  l.settings.destinations[0].resend_uncertain = true;
  batch(l, 1);
  l.sink().forgets = true;
  l.pass(kDay * 20);
  EXPECT_EQ(l.stands("D0"), "uncertain");
  EXPECT_LE(l.sink().arrived.size(), 15U) << "max_retry_age is 14 days";
}

TEST(Delivery, ARequestRefusedInPartGoesAgainWhereTheAdminSaysSo) {
  connect::Contract c = confirming(Receipt::count);
  c.resend_is_harmless = false;
  Loop l(c);
  l.settings.destinations[0].resend_uncertain = true;
  batch(l, 3);
  l.sink().refused_later[l.dedup_id("D2")] = later(Verdict::reject_row, "bad_click");
  l.pass(kDay);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.stands("D2"), "missing rejected");
}

TEST(Delivery, AConfirmationThatFailsForGoodEndsAsUncertain) {
  struct Case {
    const char* name;
    Action action;
    Duration ends_within;
  };
  for (const Case& c : std::initializer_list<Case>{{"refused", Action::reject_row, kDay + kHour * 2},
                                                   {"unreachable", Action::retry, kDay * 16}}) {
    Loop l(confirming(Receipt::count));
    batch(l, 1);
    l.settle();
    for (int i = 0; i < 10'000; ++i) l.sink().confirm_errors.push_back({c.action, "http_400", "", kHour, false});
    l.pass(c.ends_within);
    EXPECT_EQ(l.stands("D0"), "uncertain") << c.name;
    EXPECT_EQ(l.uploads("D0").front().code, "unconfirmed") << c.name;
  }
}

TEST(Delivery, AReceiptWithoutAnAnswerHoldsBackNoOther) {
  Loop l(confirming(Receipt::count));
  for (int i = 0; i < 3; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  l.sink().unanswered = {"r1"};
  l.pass(kHour * 30);
  EXPECT_EQ(l.history("D0"), "upload received 100") << "no answer is an outage";
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.stands("D2"), "taken");
  l.sink().unanswered.clear();
  l.pass(kHour);
  EXPECT_EQ(l.stands("D0"), "taken");
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

TEST(Delivery, ASignInThatStaysRefusedLeavesItsReceiptsToAPerson) {
  Loop l(confirming(Receipt::count));
  win(l, "D1");
  l.settle();
  for (int i = 0; i < 10'000; ++i) l.sink().confirm_errors.push_back({Action::pause, "credentials", "", {}, false});
  l.pass(kDay * 30);
  EXPECT_EQ(l.history("D1"), "upload received 100");
  l.sink().confirm_errors.clear();
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, AStopBetweenReceiptsEndsTheAsking) {
  Loop l(confirming(Receipt::count));
  l.settings.destinations[0].batch = 1;
  l.start();
  for (int i = 0; i < 12; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  l.clock.advance(kHour);
  std::stop_source stop;
  stop.request_stop();
  ASSERT_TRUE(l.deliver("ads", stop.get_token()));
  EXPECT_EQ(l.sink().confirms, 0U);
  l.settle();
  EXPECT_EQ(l.stands("D11"), "taken");
}

}  // namespace
}  // namespace hw::delivery
