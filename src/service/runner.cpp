#include "service/runner.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "service/cut_after.h"
#include "service/sync.h"

namespace hw::service {
namespace {

/// A full disk or a busy store passes: the step is tried again; nothing was acknowledged.
constexpr std::chrono::seconds kStoreRetry(30);

using Step = std::function<Result<std::optional<Timestamp>>(std::stop_token)>;

/// What the threads share: each other's waiters, and the first failure.
class Crew {
 public:
  explicit Crew(App& app) : app_(app) {}

  Waiter& add(const std::string& name) {
    waiters_.push_back(app_.clock->waiter(name));
    return *waiters_.back();
  }
  void wake_senders() {
    for (std::size_t i = 0; i < senders_.size(); ++i) senders_[i]->wake();
  }
  void wake_reconciler() { reconciler_->wake(); }
  void wake_all() {
    for (auto& w : waiters_) w->wake();
  }

  void loop(Waiter& waiter, std::stop_token stop, const Step& step) {
    while (!stop.stop_requested()) {
      auto next = step(stop);
      if (!next && next.error().action != Action::retry) return fail(next.error());
      if (!next)
        log_event(
            Level::error, "step_failed",
            {{"code", next.error().code}, {"detail", next.error().detail}, {"retry_in_seconds", kStoreRetry.count()}});
      const Timestamp now = app_.clock->system_now();
      if (!next) next = std::optional(now + kStoreRetry);
      // What is due but waits for another thread is looked at again when that thread wakes this one, or soon.
      const Timestamp until =
          !*next ? now + std::chrono::hours(24) : std::max(**next, now + std::chrono::milliseconds(200));
      if (!waiter.wait_until(until, stop)) return;
    }
  }

  void fail(const Error& error) {
    {
      MutexLock lock(mu_);
      if (!failure_) failure_ = error;
    }
    log_event(Level::error, "stopped_by_failure", {{"code", error.code}, {"detail", error.detail}});
    stop_.request_stop();
    wake_all();
  }

  Status failure() {
    MutexLock lock(mu_);
    return failure_ ? Status(*failure_) : Status();
  }

  std::stop_source stop_;
  std::vector<Waiter*> senders_;
  Waiter* reconciler_ = nullptr;

 private:
  App& app_;
  std::vector<std::unique_ptr<Waiter>> waiters_;
  Mutex mu_;
  std::optional<Error> failure_ GUARDED_BY(mu_);
};

Step pull_step(App& app, Crew& crew, std::size_t i) {
  return [&app, &crew, i](std::stop_token stop) -> Result<std::optional<Timestamp>> {
    auto pass = app.pullers[i]->step(stop);
    if (!pass) return pass.error();
    crew.wake_reconciler();
    return pass->more ? std::optional(app.clock->system_now()) : pass->next;
  };
}

Step reconcile_step(App& app, Crew& crew) {
  return [&app, &crew](std::stop_token stop) -> Result<std::optional<Timestamp>> {
    if (auto s = take_up_commands(app); !s) return s.error();
    std::optional<Timestamp> next;
    for (;;) {
      auto pass = app.reconciler->step(stop);
      if (!pass) return pass.error();
      next = pass->next;
      if (pass->subjects == 0 || stop.stop_requested()) break;
      crew.wake_senders();
    }
    const Timestamp soon = app.clock->system_now() + app.command_poll;
    return std::optional(next ? std::min(*next, soon) : soon);
  };
}

Step send_step(App& app, Crew& crew, std::size_t i, std::stop_token cut) {
  return [&app, &crew, i, cut](std::stop_token stop) -> Result<std::optional<Timestamp>> {
    auto round = app.senders[i]->step(stop, delivery::Sender::kClaimRows, cut);
    if (!round) return round.error();
    if (round->settled > 0) crew.wake_reconciler();
    return round->next;
  };
}

void wait_for(std::stop_token stop) {
  std::mutex m;
  std::condition_variable_any cv;
  std::unique_lock lock(m);
  cv.wait(lock, stop, [] { return false; });
}

}  // namespace

Status run(App& app, std::stop_token stop) {
  if (auto s = start(app); !s) return s;
  Crew crew(app);
  const CutAfter cut(crew.stop_.get_token(), app.settings.service.stop_deadline);
  std::vector<std::pair<Waiter*, Step>> work;
  crew.reconciler_ = &crew.add("reconcile");
  work.emplace_back(crew.reconciler_, reconcile_step(app, crew));
  for (std::size_t i = 0; i < app.senders.size(); ++i) {
    crew.senders_.push_back(&crew.add("deliver " + app.sender_names[i]));
    work.emplace_back(crew.senders_.back(), send_step(app, crew, i, cut.token()));
  }
  for (std::size_t i = 0; i < app.pullers.size(); ++i)
    work.emplace_back(&crew.add("pull " + app.puller_names[i]), pull_step(app, crew, i));
  std::stop_callback on_stop(stop, [&] {
    crew.stop_.request_stop();
    crew.wake_all();
  });
  sd_notify(0, "READY=1\nSTATUS=working");
  log_event(Level::info, "started", {{"sources", app.pullers.size()}, {"destinations", app.senders.size()}});
  {
    std::vector<std::jthread> threads;
    for (auto& [waiter, step] : work)
      threads.emplace_back([&crew, w = waiter, s = step] { crew.loop(*w, crew.stop_.get_token(), s); });
    wait_for(crew.stop_.get_token());
    sd_notify(0, "STOPPING=1");
    crew.wake_all();
  }
  log_event(Level::info, "stopped");
  return crew.failure();
}

}  // namespace hw::service
