#include "reconcile/backfill.h"

#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::reconcile {
namespace {

using conformance::Crash;
using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;

/// A destination that went live long after its first deals were won.
class Backfill : public testing::Test {
 protected:
  explicit Backfill() {
    loop_.settings.destinations[0].go_live = kStart + kDay * 30;
    loop_.start();
    for (int i = 0; i < 4; ++i) win("old" + std::to_string(i));
    loop_.pass(kDay * 31);
  }
  void win(const std::string& deal, const std::string& click = "click-") {
    loop_.contact("C" + deal, click.empty() ? "" : click + deal);
    loop_.deal(deal, "C" + deal, "won", "100");
  }
  static store::StoredBackfill asked(std::int64_t per_hour = 1000) {
    return {.id = 0,
            .goal = "won",
            .destination = "ads",
            .actor = "someone",
            .from = kStart - kDay,
            .to = kStart + kDay * 20,
            .per_hour = per_hour,
            .created_at = kStart};
  }
  std::string ask(const store::StoredBackfill& b = asked()) {
    return *loop_.db->transact(store::Durability::ledger,
                               [&](store::Tx& tx) -> Result<std::string> { return take_up(tx, loop_.settings, b); });
  }
  std::vector<Backfilled> tried(const store::StoredBackfill& b = asked()) {
    auto out = try_backfill(loop_.settings, loop_.connectors, *loop_.db, loop_.clock, b);
    EXPECT_TRUE(out) << out.error().detail;
    return *out;
  }
  std::size_t known() { return loop_.sink().believed.size(); }

  Loop loop_;
};

TEST_F(Backfill, HistoryIsSentOnlyWhenAskedForAndOnlyWithinItsSpan) {
  EXPECT_EQ(known(), 0U);
  auto b = asked();
  b.to = loop_.conversions("old2")[0].entered_at;
  ask(b);
  loop_.settle();
  EXPECT_EQ(known(), 2U);
  EXPECT_EQ(loop_.stands("old0"), "taken");
  EXPECT_EQ(loop_.stands("old2"), "none before_go_live");
  EXPECT_EQ(loop_.differences(), "");
}

TEST_F(Backfill, RunTwiceItSendsNothingTwice) {
  ask();
  loop_.settle();
  const auto calls = loop_.sink().calls;
  ask();
  loop_.pass(kDay);
  EXPECT_EQ(loop_.sink().calls, calls);
  EXPECT_EQ(known(), 4U);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_F(Backfill, KilledInBetweenItGoesOnWhereItWas) {
  loop_.settings.destinations[0].batch = 1;
  loop_.start();
  loop_.sink().faults = {PlatformFault::none, PlatformFault::crash_after};
  ask();
  ASSERT_TRUE(loop_.reconcile());
  EXPECT_THROW((void)loop_.deliver(), Crash);
  loop_.start();
  ask();
  loop_.pass(kHour);
  EXPECT_EQ(known(), 4U);
  EXPECT_EQ(loop_.differences(), "");
}

TEST_F(Backfill, WhatWasSentIsCorrectedLater) {
  ask();
  loop_.settle();
  loop_.set("old1", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.believed("old1"), 300);
  EXPECT_EQ(loop_.stands("old1"), "taken");
}

TEST_F(Backfill, LiveConversionsGoFirstAndHistoryNoFasterThanAskedFor) {
  loop_.settings.destinations[0].batch = 1;
  loop_.start();
  ask(asked(/*per_hour=*/2));
  win("live");
  loop_.settle();
  ASSERT_EQ(loop_.sink().arrived.size(), 3U);
  EXPECT_EQ(loop_.sink().arrived[0][0], loop_.dedup_id("live"));
  loop_.pass(kHour + std::chrono::minutes(1));
  EXPECT_EQ(known(), 5U);
}

TEST_F(Backfill, TryingItTellsCountMoneyAndReasonsAndWritesNothing) {
  win("bare", "");
  loop_.settle();
  auto b = asked();
  b.to = kStart + kDay * 40;
  loop_.settings.destinations[0].go_live = kStart + kDay * 50;
  loop_.start();
  loop_.settle();
  const auto before = conformance::tables_of(*loop_.db);
  const auto sums = tried(b);
  EXPECT_EQ(conformance::tables_of(*loop_.db), before);
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums[0].state + " " + sums[0].reason, "missing no_identifier");
  EXPECT_EQ(sums[0].n, 1);
  EXPECT_EQ(sums[1].state, "sent");
  EXPECT_EQ(sums[1].n, 4);
  EXPECT_EQ(sums[1].micros, 400 * kUnit);
  EXPECT_EQ(sums[1].currency, "EUR");
}

TEST_F(Backfill, TryingItLeavesOutWhatIsToldWithoutIt) {
  win("new");
  auto b = asked();
  b.to = kStart + kDay * 40;
  loop_.sink().faults = {PlatformFault::busy};
  ASSERT_TRUE(loop_.reconcile());
  const auto sums = tried(b);
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].state, "sent");
  EXPECT_EQ(sums[0].n, 4);
}

TEST_F(Backfill, AskedForInTestItIsNoWordAboutLive) {
  loop_.settings.destinations[0].mode = Mode::test;
  loop_.start();
  auto b = asked();
  b.mode = Mode::test;
  ask(b);
  loop_.settle();
  EXPECT_EQ(loop_.sink().validated, 4U);
  loop_.settings.destinations[0].mode = Mode::live;
  loop_.start();
  loop_.pass(kDay);
  EXPECT_EQ(known(), 0U);
  EXPECT_EQ(loop_.stands("old0"), "none before_go_live");
  EXPECT_NE(ask(b).find("is in mode live"), std::string::npos) << "asked with another configuration";
  ask();
  loop_.settle();
  EXPECT_EQ(known(), 4U) << "asked for again, it goes";
}

TEST_F(Backfill, StoppedItLeavesTheRestAndCorrectsWhatWasTold) {
  loop_.settings.destinations[0].batch = 1;
  loop_.start();
  ask(asked(/*per_hour=*/2));
  loop_.settle();
  ASSERT_EQ(known(), 2U);
  EXPECT_EQ(ask(stop_of("won", "ads")), "backfill: stopped; 2 rows had not left");
  loop_.pass(kDay);
  EXPECT_EQ(known(), 2U);
  EXPECT_EQ(loop_.stands("old3"), "none before_go_live");
  loop_.set("old0", "amount", "300");
  loop_.settle();
  EXPECT_EQ(loop_.believed("old0"), 300);
  EXPECT_EQ(loop_.differences(), "");
  EXPECT_NE(ask(stop_of("won", "ads")).find("there is no backfill"), std::string::npos);
}

TEST_F(Backfill, ARequestIsReadAsItWasWritten) {
  auto b = asked(7);
  b.mode = Mode::test;
  const auto back = backfill_from(to_text(b));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->goal, b.goal);
  EXPECT_EQ(back->destination, b.destination);
  EXPECT_TRUE(back->from == b.from && back->to == b.to);
  EXPECT_EQ(back->per_hour, 7);
  EXPECT_EQ(back->mode, Mode::test);
  for (const char* bad : {"", "{}", "[1]", R"({"goal": 1})"}) EXPECT_EQ(backfill_from(bad).error().code, "backfill");
}

TEST_F(Backfill, ADestinationOfAnotherGoalIsRefused) {
  auto b = asked();
  b.goal = "qualified";
  EXPECT_NE(ask(b).find("has no destination"), std::string::npos);
  EXPECT_TRUE(loop_.read([](store::Tx& tx) { return store::backfills::list(tx).empty(); }));
}

}  // namespace
}  // namespace hw::reconcile
