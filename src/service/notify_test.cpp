#include "service/notify.h"

#include <gtest/gtest.h>

#include <thread>

#include "service/notify_socket.h"
#include "service/slow_platform.h"
#include "service/status_line.h"
#include "service/sync.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

constexpr Duration kTooLong = Heartbeats::kStuckAfter + std::chrono::seconds(1);

class Beat : public testing::Test {
 protected:
  NotifySocket systemd_;
  FakeClock clock_{from_micros(1'700'000'000'000'000)};
  Heartbeats beats_{clock_};
  notify::Watchdog watchdog_{beats_};
};

TEST_F(Beat, PingsGoOutWhileEveryLoopGetsOn) {
  Heartbeats::Loop loop(beats_, "deliver ads");
  loop.works();
  clock_.advance(Heartbeats::kStuckAfter);
  EXPECT_TRUE(watchdog_.ping());
  EXPECT_EQ(systemd_.next(), "WATCHDOG=1");
}

TEST_F(Beat, ALoopThatIsStuckInOneStepStopsThePings) {
  Heartbeats::Loop loop(beats_, "deliver ads");
  loop.works();
  clock_.advance(kTooLong);
  EXPECT_FALSE(watchdog_.ping());
  EXPECT_EQ(systemd_.next(), "");
  ASSERT_TRUE(beats_.stuck());
  EXPECT_EQ(beats_.stuck()->loop, "deliver ads");
}

TEST_F(Beat, ALoopThatWaitsMayWaitForDays) {
  Heartbeats::Loop loop(beats_, "pull crm");
  loop.works();
  loop.waits();
  clock_.advance(std::chrono::hours(48));
  EXPECT_TRUE(watchdog_.ping());
}

TEST_F(Beat, EachExchangeOfALongStepIsASignOfLife) {
  Heartbeats::Loop loop(beats_, "pull crm");
  loop.works();
  clock_.advance(Heartbeats::kStuckAfter);
  Heartbeats::got_on();
  clock_.advance(Heartbeats::kStuckAfter);
  EXPECT_TRUE(watchdog_.ping());
}

TEST_F(Beat, TheSignOfAnotherThreadIsNotThisLoops) {
  Heartbeats::Loop loop(beats_, "pull crm");
  loop.works();
  clock_.advance(kTooLong);
  std::thread([] { Heartbeats::got_on(); }).join();
  EXPECT_FALSE(watchdog_.ping());
}

TEST_F(Beat, PingsGoOnWhenTheLoopGetsOnAgainOrHasEnded) {
  auto loop = std::make_unique<Heartbeats::Loop>(beats_, "pull crm");
  loop->works();
  clock_.advance(kTooLong);
  EXPECT_FALSE(watchdog_.ping());
  loop->works();
  EXPECT_TRUE(watchdog_.ping());
  clock_.advance(kTooLong);
  loop.reset();
  EXPECT_TRUE(watchdog_.ping());
}

TEST(Watchdog, PingsByItselfWhenSystemdAsksForIt) {
  const NotifySocket systemd;
  ::setenv("WATCHDOG_USEC", "2000", 1);
  {
    FakeClock clock(from_micros(1'700'000'000'000'000));
    const Heartbeats beats(clock);
    const notify::Watchdog watchdog(beats);
    systemd.await("WATCHDOG=1");
    systemd.await("WATCHDOG=1");
  }
  ::unsetenv("WATCHDOG_USEC");
}

class Line : public AppFixture {};

TEST_F(Line, SaysWhatWaitsAndWhatIsPaused) {
  pages_ = {won_deals(1, 2)};
  auto app = open();
  EXPECT_EQ(status_line(*app, true), "1 source, 1 destination, 0 rows due; reading the sources first");
  ASSERT_TRUE(start(*app));
  ASSERT_TRUE(app->pullers[0]->step({}));
  ASSERT_TRUE(app->reconciler->step({}));
  ASSERT_TRUE(app->db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    store::service_rows::set_pause(tx, {.scope = "connector",
                                        .name = "ads",
                                        .code = "credential",
                                        .detail = "refused",
                                        .since = from_micros(0),
                                        .retry_at = {}});
    return {};
  }));
  EXPECT_EQ(status_line(*app, false), "1 source, 1 destination, 2 rows due; paused: ads");
}

}  // namespace
}  // namespace hw::service
