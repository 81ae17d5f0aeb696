#include "base/clock.h"

#include <algorithm>
#include <vector>

namespace hw {
namespace {

SystemTime machine_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

class SystemWaiter final : public Waiter {
 public:
  SystemWaiter() { look_.since_last(machine_now()); }

  bool wait_until(SystemTime t, std::stop_token stop) override {
    std::unique_lock lock(mu_);
    for (;;) {
      const SystemTime now = machine_now();
      if (look_.since_last(now) || now >= t || woken_ || stop.stop_requested()) break;
      // Looked at again each second: the machine's clock may have been set.
      cv_.wait_for(lock, stop, std::min<Duration>(t - now, std::chrono::seconds(1)), [this] { return woken_; });
    }
    woken_ = false;
    return !stop.stop_requested();
  }

  void wake() override {
    {
      std::lock_guard lock(mu_);
      woken_ = true;
    }
    cv_.notify_all();
  }

 private:
  std::mutex mu_;
  std::condition_variable_any cv_;
  bool woken_ = false;
  SetBack look_;  ///< of its thread
};

class SystemClock final : public Clock {
 public:
  SystemTime system_now() const override { return machine_now(); }
  SteadyTime steady_now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
  std::unique_ptr<Waiter> waiter(std::string) override { return std::make_unique<SystemWaiter>(); }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() { return std::make_unique<SystemClock>(); }

struct FakeClock::State {
  std::mutex mu;
  std::condition_variable_any cv;
  SystemTime now;
  Duration steady{};
};

namespace {

/// Sleeps on the clock's own condition, which every move of the clock and every wake() signals.
template <class State>
class FakeWaiter final : public Waiter {
 public:
  explicit FakeWaiter(std::shared_ptr<State> state) : state_(std::move(state)) {
    std::lock_guard lock(state_->mu);
    look_.since_last(state_->now);
  }

  bool wait_until(SystemTime t, std::stop_token stop) override {
    std::unique_lock lock(state_->mu);
    state_->cv.wait(lock, stop, [&] { return look_.since_last(state_->now) || state_->now >= t || woken_; });
    woken_ = false;
    return !stop.stop_requested();
  }

  void wake() override {
    {
      std::lock_guard lock(state_->mu);
      woken_ = true;
    }
    state_->cv.notify_all();
  }

 private:
  std::shared_ptr<State> state_;
  bool woken_ = false;
  SetBack look_;
};

}  // namespace

FakeClock::FakeClock(SystemTime start) : state_(std::make_shared<State>()) { state_->now = start; }
FakeClock::~FakeClock() = default;

SystemTime FakeClock::system_now() const {
  std::lock_guard lock(state_->mu);
  return state_->now;
}

SteadyTime FakeClock::steady_now() const {
  std::lock_guard lock(state_->mu);
  return SteadyTime(state_->steady);
}

std::unique_ptr<Waiter> FakeClock::waiter(std::string) { return std::make_unique<FakeWaiter<State>>(state_); }

void FakeClock::advance(Duration d) {
  {
    std::lock_guard lock(state_->mu);
    const Duration forward = std::max(d, Duration::zero());
    state_->now += forward;
    state_->steady += forward;
  }
  state_->cv.notify_all();
}

void FakeClock::set(SystemTime t) {
  {
    std::lock_guard lock(state_->mu);
    state_->steady += std::max(t - state_->now, Duration::zero());
    state_->now = t;
  }
  state_->cv.notify_all();
}

}  // namespace hw
