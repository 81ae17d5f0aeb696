#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/result.h"

/// Time is a parameter. `system_clock::now` appears in src/base alone; all else is handed a Clock&, and what is due
/// waits on it. By the machine's time waits what persons, sockets, locks and the service manager wait for.
namespace hw {

/// UTC, microseconds since 1970: for people, vendors and rows.
using SystemTime = std::chrono::sys_time<std::chrono::microseconds>;
/// For time-outs, rate lanes and back-off; never stored.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

class Clock;

/// Whether a clock was set back between two looks: times that were named meanwhile may lie far ahead.
class SetBack {
 public:
  bool since_last(SystemTime now) {
    const bool is_back = now < last_;
    last_ = now;
    return is_back;
  }

 private:
  SystemTime last_{};
};

/// One thread's place to sleep. Created by Clock::waiter(), used by one thread; wake() may be called from any.
/// A clock that follows a world's file counts a thread as busy whenever it is not inside wait_until(), and a waiter
/// that was woken as busy at once, so that no wake-up is lost between two idle threads.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Sleeps until `t`, a wake() or a stop, or until the clock is set back: then `t` may lie as far ahead as that clock
  /// was wrong. Returns false if stopped. A wake() that came before the call returns at once, and so does a clock that
  /// stands before the last time that this waiter saw.
  virtual bool wait_until(SystemTime t, std::stop_token stop) = 0;
  /// Makes the current or the next wait_until() return. Any thread.
  virtual void wake() = 0;
};

/// Thread-safe. The daemon's work waits on system time, since due times are stored; a jump ends a wait, forwards where
/// its time has come by it, backwards as Waiter says (looked at each second). Persons wait by the machine's time: what
/// their commands ask is looked for by it (service/runner.cpp), also while a followed clock stands.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SystemTime system_now() const = 0;
  virtual SteadyTime steady_now() const = 0;
  virtual std::unique_ptr<Waiter> waiter(std::string name) = 0;
};

/// The machine's clock.
std::unique_ptr<Clock> make_system_clock();

/// A clock that a sandbox owns: `path` is a file of 16 bytes, two little-endian int64 in microseconds: `now` (written
/// by the sandbox) and `idle_until` (written by the daemon, 0 while any waiter is busy). The sandbox moves `now` only
/// while idle_until > now, to the earlier of its next event and idle_until. Steady time follows it too. Fails with code
/// "clock_file" when the file is missing or short.
Result<std::unique_ptr<Clock>> make_followed_clock(const std::string& path);

/// Moves only when told, and wakes the waiters whose time has come. For tests.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(SystemTime start);
  ~FakeClock() override;
  SystemTime system_now() const override;
  SteadyTime steady_now() const override;
  std::unique_ptr<Waiter> waiter(std::string name) override;
  /// Never goes back except by set(), which tests of clock jumps use.
  void advance(Duration d);
  void set(SystemTime t);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hw
