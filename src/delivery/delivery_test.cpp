#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/log.h"
#include "conformance/loop.h"
#include "delivery/outcomes.h"
#include "delivery/preview.h"
#include "delivery/sender.h"
#include "delivery/test_deals.h"
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

// -------------------------------------------------------------------------------------------------- one row's answer

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

/// Also where something else would let it go: the end of a pause.
TEST(Delivery, WhatMayHaveBeenTakenGoesAgainNoSoonerThanThePlatformKnowsItsKey) {
  connect::Contract c = generous();
  c.dedup.resend_after = std::chrono::minutes(30);
  for (const PlatformFault fault : {PlatformFault::lost_after, PlatformFault::crash_after}) {
    Loop l(c);
    win(l, "D1");
    l.sink().faults = {fault};
    l.settle();
    ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      store::ledger_rows::let_go(tx, "ads", l.clock.system_now(), l.clock.system_now() + kHour);
      return {};
    }));
    l.pass(std::chrono::minutes(29));
    EXPECT_EQ(l.sink().calls, 1U);
    EXPECT_EQ(l.history("D1"), "upload retrying 100");
    l.pass(std::chrono::minutes(2));
    EXPECT_EQ(l.sink().calls, 2U);
    EXPECT_EQ(l.stands("D1"), "taken");
  }
}

TEST(Delivery, WhatWasGivenUpWaitsAsLongBeforeAPersonCanHaveItSentAgain) {
  connect::Contract c = generous();
  c.dedup.resend_after = std::chrono::minutes(30);
  Loop l(c);
  l.settings.destinations[0].max_retry_age = {};
  l.start();
  win(l, "D1");
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  ASSERT_EQ(l.stands("D1"), "uncertain");
  const store::StoredUpload row = l.uploads("D1").front();
  EXPECT_GE(row.not_before, *row.last_attempt_at + c.dedup.resend_after);
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

TEST(Delivery, WhereOnlyUploadsAreDeduplicatedALostCorrectionIsUncertainAtOnce) {
  connect::Contract c = generous();
  c.dedup.of_uploads_alone = true;
  Loop l(c);
  win(l, "D1");
  l.sink().faults = {PlatformFault::lost_after};
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload received 100");
  l.set("D1", "amount", "700");
  l.sink().faults = {PlatformFault::lost_after};
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate uncertain 700");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, WhereOnlyUploadsAreDeduplicatedACrashLeavesOneCorrectionUncertain) {
  connect::Contract c = generous();
  c.dedup.of_uploads_alone = true;
  Loop l(c);
  for (const char* deal : {"D1", "D2", "D3"}) win(l, deal);
  l.settle();
  for (const char* deal : {"D1", "D2", "D3"}) l.set(deal, "amount", "700");
  l.sink().faults = {PlatformFault::crash_after};
  l.pass(kHour);
  EXPECT_EQ(l.stands("D1") + " " + l.stands("D2") + " " + l.stands("D3"), "uncertain taken taken");
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

TEST(Delivery, AnAnswerAboutAnotherNumberOfRowsIsBelievedOfNone) {
  Loop l;
  batch(l, 3);
  l.sink().answers_short = true;
  l.settle();
  l.sink().answers_short = false;
  l.pass(kHour);
  for (const auto& u : l.uploads("D0")) EXPECT_NE(u.first_attempt_at, u.last_attempt_at) << "sent again";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "taken") << i;
  EXPECT_EQ(l.differences(), "");
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

TEST(Delivery, ACorrectionThatIsRefusedAfterALostAnswerMayHaveBeenTaken) {
  Loop l;
  win(l, "D1");
  l.settle();
  l.set("D1", "amount", "200");
  l.sink().faults = {PlatformFault::lost_after};
  ASSERT_TRUE(l.reconcile());
  l.settle();
  ASSERT_EQ(l.believed("D1"), 200);
  l.sink().refused[l.dedup_id("D1")] = "malformed";
  l.pass(kHour);
  EXPECT_EQ(l.differences(), "");
  l.set("D1", "amount", "100");
  l.pass(kDay);
  EXPECT_EQ(l.differences(), "") << l.history("D1") << ": " << l.stands("D1");
  EXPECT_EQ(l.stands("D1"), "uncertain");
  l.sink().refused.clear();
  l.set("D1", "amount", "300");
  l.pass(kDay);
  EXPECT_EQ(l.differences(), "");
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 300);
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

TEST(Delivery, WhicheverRowsOfARequestAreRefusedTheOthersAreTaken) {
  for (const bool names_rows : {true, false}) {
    for (const std::set<int>& refused :
         std::initializer_list<std::set<int>>{{0}, {3}, {0, 3}, {1, 2, 3}, {0, 1, 2, 3}}) {
      Loop l;
      batch(l, 4);
      for (const int i : refused) {
        const std::string id = l.dedup_id("D" + std::to_string(i));
        if (names_rows)
          l.sink().refused[id] = "malformed";
        else
          l.sink().poison.insert(id);
      }
      l.settle();
      for (int i = 0; i < 4; ++i)
        EXPECT_EQ(l.stands("D" + std::to_string(i)), refused.contains(i) ? "missing rejected" : "taken")
            << (names_rows ? "named, D" : "unnamed, D") << i << " of " << testing::PrintToString(refused);
      EXPECT_EQ(l.differences(), "");
    }
  }
}

/// As a platform that knows a repeat by its click and second, and not by its key.
TEST(Delivery, ARepeatThatIsRefusedAsADuplicateAfterALostAnswerMayHaveBeenTaken) {
  for (const bool is_told_later : {false, true}) {
    Loop l(confirming(Receipt::row));
    win(l, "D1");
    win(l, "D2");
    ASSERT_TRUE(l.reconcile());
    const std::string id = l.dedup_id("D1");
    l.sink().refused[l.dedup_id("D2")] = "duplicate_gclid";
    l.sink().faults = {PlatformFault::lost_after};
    l.settle();
    if (is_told_later)
      l.sink().refused_later[id] = later(Verdict::reject_row, "duplicate_gclid");
    else
      l.sink().refused[id] = "duplicate_gclid";
    l.pass(kDay);
    EXPECT_EQ(l.believed("D1"), 100);
    EXPECT_EQ(l.stands("D1"), "uncertain");
    EXPECT_EQ(l.uploads("D1").front().code, "duplicate_gclid");
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

// ------------------------------------------------------------------------------------------------ commits and crashes

TEST(Delivery, WhatIsMadeClaimedAnsweredAndConfirmedOutlivesAPowerCut) {
  Loop l(confirming(connect::Receipt::count));
  win(l, "D1");
  int commits = 0;
  l.db->committing = [&](store::Durability durability) {
    ++commits;
    EXPECT_EQ(durability, store::Durability::ledger) << "commit " << commits;
  };
  l.pass(kDay);
  EXPECT_GE(commits, 4);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Delivery, WhatWasAnsweredIsRecordedEveryFiftyMilliseconds) {
  Loop l;
  for (int i = 0; i < 5; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
  std::vector<std::string> seen;
  l.sink().weather = [&] {
    l.clock.advance(std::chrono::milliseconds(20));
    seen.push_back(l.history("D0") + ", " + l.history("D4"));
    return PlatformFault::none;
  };
  ASSERT_TRUE(l.deliver());
  const std::string claimed = "upload in_flight 100, upload in_flight 100";
  EXPECT_THAT(seen, testing::ElementsAre(claimed, claimed, claimed, "upload received 100, upload in_flight 100",
                                         "upload received 100, upload in_flight 100"));
  EXPECT_EQ(l.history("D4"), "upload received 100");
}

TEST(Delivery, ACrashBetweenTwoRecordsSendsOnlyTheUnansweredAgain) {
  Loop l;
  for (int i = 0; i < 3; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
  l.sink().weather = [&] {
    l.clock.advance(std::chrono::milliseconds(60));
    return l.sink().calls == 2 ? PlatformFault::crash_after : PlatformFault::none;
  };
  EXPECT_THROW((void)l.deliver(), conformance::Crash);
  l.sink().weather = nullptr;
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.sink().arrived.size(), 4U) << "D0 once, D1 twice under its key, D2 once";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(l.stands("D" + std::to_string(i)), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, WithoutADedupKeyEachRequestIsClaimedAlone) {
  connect::Contract c = generous();
  c.dedup.exists = false;
  Loop l(c);
  for (int i = 0; i < 3; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::none, PlatformFault::crash_before};
  EXPECT_THROW((void)l.deliver(), conformance::Crash);
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.stands("D0"), "taken");
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.stands("D2"), "taken") << "it had not been claimed with D1";
}

TEST(Delivery, ARoundSendsAllThatIsDueInClaimsOfBoundedSize) {
  Loop l;
  const int deals = static_cast<int>(Sender::kClaimedAtOnce) + 5;
  for (int i = 0; i < deals; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
  std::string last;
  l.sink().weather = [&] {
    if (last.empty()) last = l.history("D" + std::to_string(deals - 1));
    return PlatformFault::none;
  };
  auto round = l.deliver();
  ASSERT_TRUE(round);
  EXPECT_EQ(last, "upload pending 100") << "not claimed with the first";
  EXPECT_EQ(round->sent, static_cast<std::size_t>(deals));
}

TEST(Delivery, ARowGoesToTheAccountItWasMadeFor) {
  store::StoredUpload row;
  settings::SinkSet sinks;
  sinks.target.account = "new";
  sinks.target.action = "9";
  EXPECT_EQ(target_of(row, sinks).account, "new") << "a row of before this was kept";
  row.account = "old";
  row.action = "7";
  EXPECT_EQ(target_of(row, sinks).account, "old");
  EXPECT_EQ(target_of(row, sinks).action, "7");
}

// ------------------------------------------------------------------------------------------- lanes, modes, preview

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

TEST(Delivery, AShadowsSenderTouchesNothing) {
  Loop l;
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  settings::Destination shadow = l.settings.destinations[0];
  shadow.mode = Mode::shadow;
  Sender sender(shadow, settings::sinks_of(shadow, l.connectors), *l.db, l.clock, *l.random);
  ASSERT_TRUE(sender.step({}));
  EXPECT_EQ(l.history("D1"), "upload pending 100");
  EXPECT_EQ(l.sink().calls, 0U);
}

TEST(Delivery, ARowWhoseItemCannotBeReadIsMadeAnewAndNeverSentEmpty) {
  Loop l;
  batch(l, 2);
  auto damaged = l.uploads("D0").front();
  damaged.item = "{";
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::ledger_rows::replace_unsent(tx, damaged.id, damaged);
    return {};
  }));
  auto round = l.deliver();
  ASSERT_TRUE(round);
  EXPECT_EQ(round->sent, 1U);
  EXPECT_EQ(l.history("D0"), "upload superseded 100");
  EXPECT_EQ(l.uploads("D0").front().code, "item");
  l.pass(kHour);
  EXPECT_EQ(l.history("D0"), "upload superseded 100, upload received 100");
  EXPECT_EQ(l.differences(), "");
}

TEST(Delivery, WhatWasMadeForAnotherKindOfConnectorIsNeverSentByThisOne) {
  Loop l;
  batch(l, 2);
  l.sink().rules.max_items = 1;
  l.sink().faults = {PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  const std::size_t calls = l.sink().calls;
  l.sink().rules.form = "another";
  l.pass(kHour * 2);
  EXPECT_THAT((std::vector{l.stands("D0"), l.stands("D1")}), testing::UnorderedElementsAre("uncertain", "taken"));
  EXPECT_EQ(l.sink().calls, calls + 1) << "the row that had not left was made anew";
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

TEST(Delivery, PreviewShowsWhatGoesAgainAndNotWhatWaits) {
  Loop l;
  batch(l, 2);
  l.sink().faults = {conformance::PlatformFault::busy};
  ASSERT_TRUE(l.deliver());
  const auto sinks = settings::sinks_of(l.settings.destinations[0], l.connectors);
  const auto rows = [&] {
    std::size_t n = 0;
    for (const auto& p : l.read(
             [&](store::Tx& tx) { return preview(tx, l.settings.destinations[0], sinks, l.clock.system_now(), 10); }))
      n += p.rows;
    return n;
  };
  EXPECT_EQ(rows(), 0U) << "their back-off has begun";
  l.clock.advance(conformance::kDay);
  ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(rows(), 2U);
}

}  // namespace
}  // namespace hw::delivery
