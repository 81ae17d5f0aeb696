#include "base/clock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

namespace hw {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

SystemTime at(std::int64_t us) { return SystemTime(Duration(us)); }

/// Every clock keeps the same promises about waking and stopping.
void check_wake_before_wait_returns_at_once(Clock& clock) {
  const auto waiter = clock.waiter("t");
  waiter->wake();
  EXPECT_TRUE(waiter->wait_until(clock.system_now() + hours(1), {}));
}

void check_stop_ends_a_wait(Clock& clock) {
  const auto waiter = clock.waiter("t");
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(waiter->wait_until(clock.system_now() + hours(1), stop.get_token()));
  waiter->wake();
  EXPECT_FALSE(waiter->wait_until(clock.system_now() + hours(1), stop.get_token()));
}

/// Two threads hand a turn back and forth by wake() alone; one lost wake-up would leave both asleep for ever.
void check_no_wake_is_lost(Clock& clock) {
  constexpr int kTurns = 2000;
  const std::array waiters{clock.waiter("a"), clock.waiter("b")};
  std::atomic<int> turn{0};
  const auto play = [&](int me) {
    while (turn < kTurns) {
      if (turn % 2 == me) {
        ++turn;
        waiters[static_cast<std::size_t>(1 - me)]->wake();
      } else {
        waiters[static_cast<std::size_t>(me)]->wait_until(clock.system_now() + hours(1), {});
      }
    }
  };
  std::jthread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, kTurns);
}

TEST(SystemClock, ReturnsWhenTheTimeHasCome) {
  const auto clock = make_system_clock();
  const auto waiter = clock->waiter("t");
  const SystemTime due = clock->system_now() + milliseconds(2);
  EXPECT_TRUE(waiter->wait_until(due, {}));
  EXPECT_GE(clock->system_now(), due);
  EXPECT_TRUE(waiter->wait_until(at(0), {}));
}

TEST(SystemClock, WakesAndStopsWithoutLoss) {
  const auto clock = make_system_clock();
  check_wake_before_wait_returns_at_once(*clock);
  check_stop_ends_a_wait(*clock);
  check_no_wake_is_lost(*clock);
}

TEST(FakeClock, WakesAndStopsWithoutLoss) {
  FakeClock clock(at(1'000'000));
  check_wake_before_wait_returns_at_once(clock);
  check_stop_ends_a_wait(clock);
  check_no_wake_is_lost(clock);
}

TEST(FakeClock, WakesTheWaitersWhoseTimeHasCome) {
  FakeClock clock(at(0));
  std::atomic<int> done{0};
  std::stop_source stop;
  const auto sleep_until = [&](SystemTime t) {
    const auto waiter = clock.waiter("t");
    if (waiter->wait_until(t, stop.get_token())) ++done;
  };
  std::jthread soon(sleep_until, at(10)), late(sleep_until, at(1000));
  clock.advance(Duration(10));
  soon.join();
  EXPECT_EQ(done, 1);
  clock.advance(Duration(990));
  late.join();
  EXPECT_EQ(done, 2);
}

TEST(FakeClock, SteadyTimeNeverGoesBack) {
  FakeClock clock(at(500));
  const SteadyTime start = clock.steady_now();
  clock.advance(Duration(-5));
  EXPECT_EQ(clock.system_now(), at(500));
  clock.set(at(100));
  EXPECT_EQ(clock.system_now(), at(100));
  EXPECT_EQ(clock.steady_now(), start);
  clock.advance(Duration(7));
  EXPECT_EQ(clock.steady_now() - start, Duration(7));
}

/// The sandbox's side of the protocol: it owns `now` and moves it only while the daemon says how far.
class Sandbox {
 public:
  explicit Sandbox(std::int64_t now) {
    std::array<std::int64_t, 2> words{now, 77};
    const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(write(fd, words.data(), sizeof words), static_cast<ssize_t>(sizeof words));
    void* const at = mmap(nullptr, sizeof words, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT_NE(at, MAP_FAILED);
    words_ = static_cast<std::int64_t*>(at);
    close(fd);
  }
  ~Sandbox() {
    munmap(words_, 16);
    std::filesystem::remove(path_);
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::int64_t now() const { return std::atomic_ref(words_[0]).load(); }
  [[nodiscard]] std::int64_t idle_until() const { return std::atomic_ref(words_[1]).load(); }
  void set_now(std::int64_t t) { std::atomic_ref(words_[0]).store(t); }

  /// Waits until every thread of the daemon sleeps, and returns how far time may go.
  std::int64_t idle() const {
    while (idle_until() <= now()) std::this_thread::yield();
    return idle_until();
  }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / ("hw_clock_" + std::to_string(getpid()));
  std::int64_t* words_ = nullptr;
};

TEST(FollowedClock, WakesAndStopsWithoutLoss) {
  const Sandbox sandbox(1'000'000);
  const auto clock = make_followed_clock(sandbox.path()).value();
  check_wake_before_wait_returns_at_once(*clock);
  check_stop_ends_a_wait(*clock);
  check_no_wake_is_lost(*clock);
}

TEST(FollowedClock, ALookAtTheTimeSaysNothingForTheDaemon) {
  const Sandbox sandbox(100);
  EXPECT_EQ(make_followed_clock(sandbox.path()).value()->system_now(), at(100));
  EXPECT_EQ(sandbox.idle_until(), 77) << "what the daemon wrote stands";
}

TEST(FollowedClock, IsBusyWithoutWaitersAndWhileOneIsOutsideOfWait) {
  const Sandbox sandbox(100);
  const auto clock = make_followed_clock(sandbox.path()).value();
  auto busy = clock->waiter("busy");
  EXPECT_EQ(sandbox.idle_until(), 0);
  {
    const auto sleeper = clock->waiter("sleeper");
    std::stop_source stop;
    std::jthread thread([&] { sleeper->wait_until(at(500), stop.get_token()); });
    EXPECT_EQ(sandbox.idle_until(), 0);
    busy.reset();
    EXPECT_EQ(sandbox.idle(), 500);
    stop.request_stop();
  }
  EXPECT_EQ(sandbox.idle_until(), 0);
}

TEST(FollowedClock, TellsTheEarliestDeadlineAndFollowsBothTimes) {
  Sandbox sandbox(100);
  const auto clock = make_followed_clock(sandbox.path()).value();
  EXPECT_EQ(clock->system_now(), at(100));
  const std::array waiters{clock->waiter("a"), clock->waiter("b")};
  std::jthread late([&] { waiters[0]->wait_until(at(900), {}); });
  std::jthread soon([&] { waiters[1]->wait_until(at(300), {}); });
  EXPECT_EQ(sandbox.idle(), 300);
  sandbox.set_now(300);
  soon.join();
  EXPECT_EQ(sandbox.idle_until(), 0);
  EXPECT_EQ(clock->steady_now().time_since_epoch().count(), 300);
  soon = std::jthread([&] { waiters[1]->wait_until(at(1000), {}); });
  EXPECT_EQ(sandbox.idle(), 900);
  sandbox.set_now(1000);
}

TEST(FollowedClock, AWaitEndsWhenTheClockIsSetBackToBeforeIt) {
  Sandbox sandbox(1'000);
  const auto clock = make_followed_clock(sandbox.path()).value();
  const SteadyTime steady = clock->steady_now();
  const auto waiter = clock->waiter("t");
  std::jthread thread([&] { EXPECT_TRUE(waiter->wait_until(at(9'000), {})); });
  EXPECT_EQ(sandbox.idle(), 9'000);
  sandbox.set_now(100);
  thread.join();
  EXPECT_EQ(clock->steady_now(), steady) << "only the time of day was wrong";
  sandbox.set_now(150);
  EXPECT_EQ(clock->steady_now() - steady, Duration(50));
}

/// What it named while it worked may lie as far ahead as the clock was wrong.
void check_set_back_at_work_ends_the_next_wait(Clock& clock, const std::function<void(std::int64_t)>& set) {
  const auto waiter = clock.waiter("t");
  EXPECT_TRUE(waiter->wait_until(clock.system_now(), {}));
  set(100);
  EXPECT_TRUE(waiter->wait_until(at(9'000), {}));
}

TEST(FakeClock, ClockSetBackWhileItsThreadWorksEndsTheNextWait) {
  FakeClock clock(at(1'000));
  check_set_back_at_work_ends_the_next_wait(clock, [&](std::int64_t t) { clock.set(at(t)); });
}

TEST(FollowedClock, ClockSetBackWhileItsThreadWorksEndsTheNextWait) {
  Sandbox sandbox(1'000);
  const auto clock = make_followed_clock(sandbox.path()).value();
  check_set_back_at_work_ends_the_next_wait(*clock, [&](std::int64_t t) { sandbox.set_now(t); });
}

TEST(SetBack, IsSeenOnce) {
  SetBack look;
  EXPECT_FALSE(look.since_last(at(100)));
  EXPECT_FALSE(look.since_last(at(100)));
  EXPECT_TRUE(look.since_last(at(99)));
  EXPECT_FALSE(look.since_last(at(99)));
}

TEST(FollowedClock, AWokenWaiterIsBusyAtOnce) {
  const Sandbox sandbox(100);
  const auto clock = make_followed_clock(sandbox.path()).value();
  const auto waiter = clock->waiter("t");
  std::jthread thread([&] {
    waiter->wait_until(at(500), {});
    waiter->wait_until(at(700), {});
  });
  EXPECT_EQ(sandbox.idle(), 500);
  waiter->wake();
  EXPECT_NE(sandbox.idle_until(), 500);
  EXPECT_EQ(sandbox.idle(), 700);
  waiter->wake();
}

/// Three threads work at their own hours for a month while the sandbox jumps from one to the next. Each must see its
/// own hour exactly: time that moved under a busy thread would show as a late one.
TEST(FollowedClock, NoThreadEverFindsThatTimeMovedWhileItWasBusy) {
  constexpr std::int64_t kEnd = 3000;
  Sandbox sandbox(1);
  const auto clock = make_followed_clock(sandbox.path()).value();
  std::atomic<int> late{0}, passes{0}, running{3};
  const auto work = [&](std::int64_t every, std::unique_ptr<Waiter> waiter) {
    for (std::int64_t due = every; due < kEnd; due += every) {
      waiter->wait_until(at(due), {});
      if (clock->system_now() != at(due)) ++late;
      ++passes;
    }
    --running;
  };
  std::vector<std::jthread> threads;
  for (const std::int64_t every : {7, 11, 13}) {
    threads.emplace_back([&, every, w = clock->waiter("t")]() mutable { work(every, std::move(w)); });
  }
  while (running > 0) {
    const std::int64_t until = sandbox.idle_until();
    if (until > sandbox.now()) {
      sandbox.set_now(until);
    } else {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(late, 0);
  EXPECT_EQ(passes, (kEnd - 1) / 7 + (kEnd - 1) / 11 + (kEnd - 1) / 13);
}

TEST(FollowedClock, RefusesAFileThatIsMissingOrShort) {
  const std::string path = std::filesystem::temp_directory_path() / ("hw_short_" + std::to_string(getpid()));
  EXPECT_EQ(make_followed_clock(path).error().code, "clock_file");
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fputs("short", file);
  std::fclose(file);
  const auto refused = make_followed_clock(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "clock_file");
  EXPECT_NE(refused.error().detail.find("shorter"), std::string::npos);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace hw
