#include <gtest/gtest.h>

#include <initializer_list>

#include "delivery/test_deals.h"

/// DESIGN section 7: what delivery keeps of it.
namespace hw::delivery {
namespace {

using conformance::Crash;
using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Outcome;
using connect::Receipt;
using connect::Verdict;
using connect::ZeroRule;

struct Weather {
  const char* name;
  std::optional<Duration> window;
  bool dedup;
  Receipt receipt;
  connect::ZeroRule zero;
  std::optional<connect::Contract> adjuster{};  ///< of the connector that sends corrections, if it is another one
};

connect::Contract answering(Receipt receipt, connect::DedupRule dedup) {
  connect::Contract c = generous();
  c.receipt = receipt;
  c.dedup = dedup;
  return c;
}
constexpr connect::DedupRule kEndless{.exists = true, .known = true, .window = std::nullopt};

/// A world under faults: deals change, the process dies between claimed, sent and recorded, answers are lost, commits
/// fail, platforms are away for days.
void live_through(const Weather& weather, std::uint64_t seed) {
  connect::Contract c = generous();
  c.receipt = weather.receipt;
  c.dedup = {.exists = weather.dedup, .known = true, .window = weather.window};
  c.zero = weather.zero;
  Loop l(c, seed);
  l.settings.destinations[0].batch = 1 + seed % 3;
  l.settings.destinations[0].settle = kHour * 6;
  l.settings.destinations[0].max_lowering_count = 1000;
  l.settings.destinations[0].max_lowering_millionths = 1'000'000;
  l.start();
  if (weather.adjuster) l.add_adjuster(*weather.adjuster);
  l.sink().rules.dedup.repeat_overwrites = seed % 2 == 0;
  auto dice = make_seeded_random(seed * 1000 + 7);
  Timestamp away_until = l.clock.system_now();  // nothing gets through before
  const auto troubles = [&] {
    if (l.clock.system_now() < away_until)
      return dice->below(2) == 0 ? PlatformFault::lost_before : PlatformFault::busy;
    static constexpr PlatformFault faults[] = {PlatformFault::lost_before, PlatformFault::lost_after,
                                               PlatformFault::busy,        PlatformFault::crash_before,
                                               PlatformFault::crash_after, PlatformFault::lane_full};
    return dice->below(3) == 0 ? faults[dice->below(6)] : PlatformFault::none;
  };
  l.sink().weather = troubles;
  if (weather.adjuster) l.sink("adjuster").weather = troubles;
  int failing = 0;  // commits to come that fail
  l.db->commit_fails = [&failing] { return failing > 0 && failing-- > 0; };
  for (int i = 0; i < 4; ++i) win(l, "D" + std::to_string(i), std::to_string(100 * (i + 1)));
  for (int step = 0; step < 16; ++step) {
    const std::string id = "D" + std::to_string(dice->below(4));
    switch (dice->below(8)) {
      case 0:
        l.set(id, "stage", "lost");
        break;
      case 1:
        l.set(id, "stage", "won");
        break;
      case 2:
        l.set(id, "amount", std::to_string(1 + dice->below(900)));
        break;
      case 3:
        l.sink().postponed[l.dedup_id(id)] = later(Verdict::retry, "not_ready");
        break;
      case 4:
        l.clock.advance(kHour * static_cast<std::int64_t>(dice->below(60)));
        break;
      case 5:  // what is sent now arrives, its answer does not, and then the platform is away
        l.set(id, "amount", std::to_string(1 + dice->below(900)));
        l.sink().faults = {PlatformFault::lost_after};
        away_until = l.clock.system_now() + kHour * static_cast<std::int64_t>(dice->below(100));
        break;
      case 6:
        l.set(id, "amount", std::to_string(1 + dice->below(900)));
        break;
      default:
        failing = 1 + static_cast<int>(dice->below(2));
        break;
    }
    try {
      (void)l.reconcile();
      (void)l.deliver();
    } catch (const Crash&) {
      failing = 0;
      l.start();
    }
    failing = 0;
    l.pass(std::chrono::minutes(dice->below(3) == 0 ? dice->below(1800) : dice->below(60)));
    ASSERT_EQ(l.differences(), "") << weather.name << ", seed " << seed << ", step " << step;
  }
  for (auto& [name, connector] : l.connectors) {
    l.sink(name).weather = nullptr;
    l.sink(name).faults.clear();
  }
  l.pass(kDay * 3);
  ASSERT_EQ(l.differences(), "") << weather.name << ", seed " << seed << ", at the end";
  for (int i = 0; i < 4; ++i) {
    const std::string stands = l.stands("D" + std::to_string(i));
    EXPECT_NE(stands, "missing waiting") << weather.name << ", seed " << seed << ": "
                                         << l.history("D" + std::to_string(i));
    const auto s = l.standing("D" + std::to_string(i));
    EXPECT_TRUE(stands != "taken" || s.t_micros == s.b_micros) << weather.name << ", seed " << seed;
  }
}

class Invariant2 : public testing::TestWithParam<Weather> {};

TEST_P(Invariant2, NothingIsCountedTwiceUnderAnySequenceOfTroubles) {
  for (std::uint64_t seed = 1; seed <= 15 && !HasFatalFailure(); ++seed) live_through(GetParam(), seed);
}

INSTANTIATE_TEST_SUITE_P(
    Platforms, Invariant2,
    testing::Values(
        Weather{"NoDedupKey", {}, false, Receipt::request, ZeroRule::ordinary},
        Weather{"NoDedupKeyConfirmedByRow", {}, false, Receipt::row, ZeroRule::refused},
        Weather{"WindowOfHours", Duration(kHour * 8), true, Receipt::request, ZeroRule::ordinary},
        Weather{"WindowOfDays", Duration(kDay * 2), true, Receipt::count, ZeroRule::final_retraction},
        Weather{"Unbounded", {}, true, Receipt::request, ZeroRule::final_retraction},
        Weather{"UnboundedConfirmedByCounts", {}, true, Receipt::count, ZeroRule::ordinary},
        Weather{"CorrectedWithoutKey", {}, true, Receipt::request, ZeroRule::ordinary, answering(Receipt::request, {})},
        Weather{
            "CorrectionsAreConfirmed", {}, true, Receipt::none, ZeroRule::ordinary, answering(Receipt::row, kEndless)},
        Weather{"CorrectionsAloneHaveAKey",
                {},
                false,
                Receipt::count,
                ZeroRule::ordinary,
                answering(Receipt::none, kEndless)}),
    [](const auto& platform) { return std::string(platform.param.name); });

TEST(Invariant9, OneDestinationsOutageDelaysNoOther) {
  Loop l;
  l.add_sink("other_connector", generous());
  l.settings.destinations.push_back(conformance::destination("other", "won", "other_connector"));
  l.start();
  l.sink().weather = [] { return PlatformFault::lost_before; };
  for (int i = 0; i < 5; ++i) {
    win(l, "D" + std::to_string(i));
    l.settle();
    EXPECT_EQ(l.stands("D" + std::to_string(i), "other"), "taken");
    EXPECT_EQ(l.stands("D" + std::to_string(i)), "missing waiting");
  }
  EXPECT_EQ(l.sink().calls, 1U) << "the other four wait until the outage's back-off has passed";
  EXPECT_EQ(l.history("D4"), "upload pending 100") << "and were not even claimed";
}

TEST(Invariant9, OneFailedRequestIsEnoughForARound) {
  Loop l;
  l.sink().weather = [] { return PlatformFault::lost_before; };
  for (int i = 0; i < 5; ++i) win(l, "D" + std::to_string(i));
  l.settle();
  EXPECT_EQ(l.sink().calls, 1U);
  EXPECT_FALSE(l.uploads("D4").front().first_attempt_at) << "what was claimed with it goes back unharmed";
}

TEST(Invariant9, APauseOfOneDestinationLeavesItsNeighbourOnTheSameConnectorAlone) {
  Loop l;
  l.settings.destinations.push_back(conformance::destination("other", "won", "ads_connector"));
  l.start();
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  Outcome closed = later(Verdict::pause, "action_gone");
  closed.scope = connect::Scope::destination;
  l.sink().postponed[l.dedup_id("D1")] = closed;
  ASSERT_TRUE(l.deliver("ads"));
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.deliver("other"));
  ASSERT_TRUE(l.reconcile());
  EXPECT_EQ(l.stands("D1", "ads"), "missing waiting");
  EXPECT_EQ(l.stands("D1", "other"), "taken");
}

TEST(Invariant9, NoMoreRowsAreInMemoryThanAreClaimed) {
  Loop l;
  for (int i = 0; i < 7; ++i) win(l, "D" + std::to_string(i));
  ASSERT_TRUE(l.reconcile());
  auto round = l.deliver("ads", {}, 3);
  ASSERT_TRUE(round);
  EXPECT_EQ(round->sent, 3U);
}

}  // namespace
}  // namespace hw::delivery
