#include "http/lane.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/zone.h"
#include "http/test_kit.h"
#include "model/timestamp.h"

namespace hw::http {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SystemTime kMidday = read_time("2026-11-20T12:00:00Z", Zone::utc())->at;

Lane lane(const std::string& key, int requests, Duration per, int per_day = 0) {
  return Lane{.key = key, .requests = requests, .per = per, .per_day = per_day};
}

class HttpLanes : public testing::Test {
 protected:
  /// nullopt = went; otherwise how long the lane asks to wait.
  std::optional<Duration> wait_of(const std::vector<Lane>& wanted) {
    const auto status = lanes_->enter(wanted, {});
    if (status) return std::nullopt;
    EXPECT_EQ(status.error().action, Action::retry);
    EXPECT_EQ(status.error().code, "lane_full");
    EXPECT_FALSE(status.error().maybe_applied);
    return status.error().retry_after;
  }
  bool goes(const Lane& wanted) { return !wait_of({wanted}); }
  void use(const Lane& wanted, int times) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(goes(wanted)) << i;
  }
  void restart() {
    lanes_.reset();
    lanes_ = std::make_unique<Lanes>(&state_, clock_, /*may_sleep=*/false);
  }
  FakeClock clock_{kMidday};
  test::MemoryState state_;
  std::unique_ptr<Lanes> lanes_ = std::make_unique<Lanes>(&state_, clock_, /*may_sleep=*/false);
};

TEST_F(HttpLanes, TheWaitIsExactToTheMicrosecond) {
  const Lane search = lane("crm/search", 2, seconds(1));
  use(search, 1);
  clock_.advance(milliseconds(400));
  use(search, 1);
  clock_.advance(milliseconds(100));
  EXPECT_EQ(wait_of({search}), milliseconds(500));
  clock_.advance(milliseconds(500) - microseconds(1));
  EXPECT_EQ(wait_of({search}), microseconds(1));
  clock_.advance(microseconds(1));
  EXPECT_TRUE(goes(search));
  EXPECT_EQ(wait_of({search}), milliseconds(400));
}

TEST_F(HttpLanes, NoWindowEverHoldsMoreThanItsRequests) {
  const Lane limited = lane("crm/burst", 10, seconds(10));
  const auto random = make_seeded_random(7);
  std::vector<SteadyTime> went;
  for (int i = 0; i < 3000; ++i) {
    clock_.advance(milliseconds(random->below(400)));
    if (goes(limited)) went.push_back(clock_.steady_now());
  }
  ASSERT_GT(went.size(), 500U);
  for (std::size_t i = 10; i < went.size(); ++i) ASSERT_GE(went[i] - went[i - 10], seconds(10)) << i;
}

TEST_F(HttpLanes, AFullLaneTakesNothingFromTheOthers) {
  const Lane wide = lane("crm/all", 2, seconds(10));
  const Lane narrow = lane("crm/search", 1, seconds(1));
  EXPECT_EQ(wait_of({wide, narrow}), std::nullopt);
  EXPECT_EQ(wait_of({wide, narrow}), seconds(1));
  EXPECT_EQ(wait_of({wide, narrow}), seconds(1));
  EXPECT_TRUE(goes(wide));
  EXPECT_EQ(wait_of({wide, narrow}), seconds(10));
}

TEST_F(HttpLanes, EachKeyHasItsOwnPlaces) {
  use(lane("one", 1, seconds(1)), 1);
  EXPECT_TRUE(goes(lane("two", 1, seconds(1))));
  EXPECT_FALSE(goes(lane("one", 1, seconds(1))));
}

TEST_F(HttpLanes, ALoweredLimitHoldsAtOnce) {
  use(lane("crm", 5, seconds(10)), 5);
  clock_.advance(seconds(4));
  EXPECT_EQ(wait_of({lane("crm", 2, seconds(10))}), seconds(6));
}

TEST_F(HttpLanes, AClosedLaneOpensWhenTheServerSaid) {
  const Lane crm = lane("crm", 100, seconds(10));
  lanes_->close({crm}, seconds(30));
  lanes_->close({crm}, seconds(5));
  EXPECT_EQ(wait_of({crm}), seconds(30));
  clock_.advance(seconds(30));
  EXPECT_TRUE(goes(crm));
}

TEST_F(HttpLanes, WhatTheLastWindowHeldSurvivesARestart) {
  const Lane search = lane("crm/search", 3, seconds(10));
  use(search, 2);
  clock_.advance(seconds(4));
  restart();
  use(search, 1);
  EXPECT_EQ(wait_of({search}), seconds(6)) << "the two of before count until their window is over";
  clock_.advance(seconds(6));
  use(search, 2);
  restart();
  clock_.advance(seconds(10));
  use(search, 3);
}

TEST_F(HttpLanes, WhatTheLastWindowHeldSurvivesAKill) {
  const Lane minute = lane("ads/ingest", 3, minutes(1));
  use(minute, 2);
  clock_.advance(seconds(20));
  Lanes after_kill(&state_, clock_,
                   /*may_sleep=*/false);  // the first one has not ended, so it saved nothing at its end
  EXPECT_TRUE(after_kill.enter({minute}, {}));
  Lanes after_another(&state_, clock_, /*may_sleep=*/false);
  const auto refused = after_another.enter({minute}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, minutes(1)) << "each counts as late as the last: fuller, never emptier";
  clock_.advance(minutes(1));
  EXPECT_TRUE(after_another.enter({minute}, {}));
}

TEST_F(HttpLanes, TheDailyUseOfALaneThatHasAWindowTooSurvivesAKill) {
  const Lane both = lane("ads/ingest", 100, minutes(1), 3);
  use(both, 2);
  Lanes after_kill(&state_, clock_, /*may_sleep=*/false);
  EXPECT_TRUE(after_kill.enter({both}, {}));
  EXPECT_FALSE(after_kill.enter({both}, {}));
}

TEST_F(HttpLanes, ARetryAfterSurvivesARestart) {
  const Lane crm = lane("crm", 100, seconds(10));
  use(crm, 1);
  lanes_->close({crm}, minutes(30));
  clock_.advance(minutes(10));
  restart();
  EXPECT_EQ(wait_of({crm}), minutes(20));
  restart();
  clock_.advance(minutes(20));
  EXPECT_TRUE(goes(crm));
}

TEST_F(HttpLanes, ARetryAfterSurvivesAKill) {
  const Lane crm = lane("crm", 100, seconds(10), 50);
  use(crm, 3);
  lanes_->close({crm}, minutes(30));
  Lanes after_kill(&state_, clock_, /*may_sleep=*/false);  // the first one saved nothing at its end
  const auto refused = after_kill.enter({crm}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, minutes(30));
  EXPECT_EQ(lane_use(state_.load("lane/crm").value_or(""), clock_.system_now()).used, 3);
}

TEST_F(HttpLanes, AClosureOfAClockThatWasYearsAheadEndsWithinADay) {
  (void)state_.save("lane/crm", "closed:" + std::to_string(to_micros(kMidday + hours(24 * 900))), false);
  EXPECT_EQ(wait_of({lane("crm", 1, seconds(1))}), hours(24));
}

TEST_F(HttpLanes, WhatIsKeptOfALaneTellsItsUse) {
  const Lane daily = lane("crm", 0, Duration::zero(), 40);
  clock_.advance(minutes(20));
  use(daily, 3);
  clock_.advance(hours(2));
  use(daily, 4);
  lanes_->close({daily}, minutes(5));
  const auto use = [&] { return lane_use(state_.load("lane/crm").value_or(""), clock_.system_now()); };
  EXPECT_EQ(use().used, 7);
  EXPECT_EQ(use().per_day, 40);
  EXPECT_EQ(use().closed_until, clock_.system_now() + minutes(5));
  EXPECT_EQ(use().frees_at, kMidday + hours(25));
  clock_.advance(hours(23));
  EXPECT_EQ(use().used, 4);
  EXPECT_EQ(use().closed_until, std::nullopt);
  EXPECT_EQ(lane_use("", kMidday).frees_at, std::nullopt);
}

TEST_F(HttpLanes, NoServerClosesALaneForMoreThanADay) {
  lanes_->close({lane("crm", 1, seconds(1))}, hours(24 * 300));
  EXPECT_EQ(wait_of({lane("crm", 1, seconds(1))}), hours(24));
}

TEST_F(HttpLanes, TheDailyLimitSurvivesARestart) {
  const Lane daily = lane("crm", 0, Duration::zero(), 3);
  use(daily, 2);
  restart();
  use(daily, 1);
  restart();
  EXPECT_FALSE(goes(daily));
}

TEST_F(HttpLanes, TheDailyLimitSurvivesAKillOnceItHasRefused) {
  const Lane daily = lane("crm", 0, Duration::zero(), 3);
  use(daily, 3);
  EXPECT_FALSE(goes(daily));
  Lanes after_kill(&state_, clock_,
                   /*may_sleep=*/false);  // the first one has not ended, so it saved nothing at its end
  EXPECT_FALSE(after_kill.enter({daily}, {}));
}

TEST_F(HttpLanes, ADailyPlaceComesBackWhenItsHourHasPassedOutOfTheLastDay) {
  const Lane daily = lane("crm", 0, Duration::zero(), 2);
  clock_.advance(minutes(20));
  use(daily, 1);
  clock_.advance(hours(3));
  use(daily, 1);
  EXPECT_EQ(wait_of({daily}), hours(25) - hours(3) - minutes(20));
  restart();
  clock_.advance(hours(25) - hours(3) - minutes(20) - microseconds(1));
  EXPECT_EQ(wait_of({daily}), microseconds(1));
  clock_.advance(microseconds(1));
  use(daily, 1);
  EXPECT_EQ(wait_of({daily}), hours(3));
}

TEST_F(HttpLanes, DailyUseIsSavedAFewSecondsApartAndAtARefusal) {
  const Lane daily = lane("crm", 0, Duration::zero(), 100);
  use(daily, 50);
  EXPECT_EQ(state_.saves(), 1);
  clock_.advance(seconds(5));
  use(daily, 50);
  EXPECT_EQ(state_.saves(), 2);
  EXPECT_FALSE(goes(daily));
  EXPECT_FALSE(goes(daily));
  EXPECT_EQ(state_.saves(), 3);
}

TEST_F(HttpLanes, AFailedSaveIsMadeGoodLater) {
  const Lane daily = lane("crm", 0, Duration::zero(), 1);
  state_.full = true;
  use(daily, 1);
  state_.full = false;
  restart();
  EXPECT_FALSE(goes(daily));
}

TEST_F(HttpLanes, HoursOfAClockThatWasYearsAheadAreForgotten) {
  const Lane daily = lane("crm", 0, Duration::zero(), 1);
  clock_.set(kMidday + hours(24 * 900));
  use(daily, 1);
  clock_.set(kMidday);
  EXPECT_TRUE(goes(daily));
}

TEST_F(HttpLanes, UnreadableStateCountsAsNone) {
  (void)state_.save("lane/crm", "rubbish 12: :5 x:y 490000", false);
  EXPECT_TRUE(goes(lane("crm", 0, Duration::zero(), 1)));
}

TEST_F(HttpLanes, ThreadsShareOneLimit) {
  const Lane shared = lane("crm", 50, seconds(10), 1000);
  std::atomic<int> went{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 40; ++i) went += lanes_->enter({shared}, {}).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(went, 50);
}

TEST(HttpLanesReal, AShortWaitIsSlept) {
  const auto clock = make_system_clock();
  Lanes lanes(nullptr, *clock, /*may_sleep=*/true);
  const Lane quick = lane("crm", 1, milliseconds(60));
  const SteadyTime start = clock->steady_now();
  ASSERT_TRUE(lanes.enter({quick}, {}));
  ASSERT_TRUE(lanes.enter({quick}, {}));
  EXPECT_GE(clock->steady_now() - start, milliseconds(60));
}

TEST(HttpLanesReal, ALongWaitIsNotSlept) {
  const auto clock = make_system_clock();
  Lanes lanes(nullptr, *clock, /*may_sleep=*/true);
  const Lane slow = lane("crm", 1, seconds(60));
  ASSERT_TRUE(lanes.enter({slow}, {}));
  const auto second = lanes.enter({slow}, {});
  ASSERT_FALSE(second);
  EXPECT_GT(second.error().retry_after, seconds(50));
}

TEST(HttpLanesReal, AStopEndsTheSleep) {
  const auto clock = make_system_clock();
  Lanes lanes(nullptr, *clock, /*may_sleep=*/true);
  std::stop_source stop;
  stop.request_stop();
  const Lane quick = lane("crm", 1, milliseconds(290));
  ASSERT_TRUE(lanes.enter({quick}, {}));
  const auto second = lanes.enter({quick}, stop.get_token());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "stopped");
}

}  // namespace
}  // namespace hw::http
