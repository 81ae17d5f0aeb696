#include "service/runner.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "service/commands.h"
#include "service/cut_after.h"
#include "service/expiry_watch.h"
#include "service/notify.h"
#include "service/status_line.h"
#include "service/store_watch.h"
#include "service/sync.h"

namespace hw::service {
namespace {

/// A full disk or a busy store passes: the step is tried again; nothing was acknowledged.
constexpr std::chrono::seconds kStoreRetry(30);

using Step = std::function<Result<std::optional<Timestamp>>(std::stop_token)>;

/// What one thread does.
struct Work {
  std::string name;
  Waiter* waiter = nullptr;
  Step step;
  bool takes_long = false;  ///< nobody can tell by its silence that it is stuck
};

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

  void loop(const Work& work, std::stop_token stop) {
    Heartbeats::Loop beat(app_.vitals->beats, work.name);
    while (!stop.stop_requested()) {
      if (const auto damage = app_.db->damage()) return fail(*damage);
      if (!work.takes_long) beat.works();
      const Timestamp began = app_.clock->system_now();
      auto next = work.step(stop);
      if (!next && next.error().action != Action::retry) return fail(next.error());
      if (!next)
        log_event(
            Level::error, "step_failed",
            {{"code", next.error().code}, {"detail", next.error().detail}, {"retry_in_seconds", kStoreRetry.count()}});
      const Timestamp now = app_.clock->system_now();
      if (now < began) continue;  // set back meanwhile: the next time was named by a wrong clock
      if (!next) next = std::optional(now + kStoreRetry);
      // What is due but waits for another thread is looked at again when that thread wakes this one, or soon.
      const Timestamp until =
          !*next ? now + std::chrono::hours(24) : std::max(**next, now + std::chrono::milliseconds(200));
      beat.waits();
      if (!work.waiter->wait_until(until, stop)) return;
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
    app.vitals->metrics.pulled(app.puller_names[i], *pass, app.clock->system_now());
    crew.wake_reconciler();
    return pass->more ? std::optional(app.clock->system_now()) : pass->next;
  };
}

Step reconcile_step(App& app, Crew& crew) {
  return [&app, &crew, line = std::make_shared<StatusLine>(app), expiry = std::make_shared<ExpiryWatch>(app),
          set_back = std::make_shared<SetBack>(),
          is_back = std::make_shared<bool>(false)](std::stop_token stop) -> Result<std::optional<Timestamp>> {
    *is_back = set_back->since_last(app.clock->system_now()) || *is_back;
    if (*is_back) {
      const auto undone = undo_later_times(app);
      if (!undone) return undone.error();  // tried again with this step
      *is_back = false;
      if (*undone) crew.wake_all();
    }
    if (auto s = expiry->look(); !s) return s.error();
    std::optional<Timestamp> next;
    for (;;) {
      const auto asked = take_up_commands(app, stop);
      if (!asked) return asked.error();
      if (*asked > 0) crew.wake_all();  // a pause that was lifted, rows that go again
      auto pass = app.reconciler->step(stop);
      if (!pass) return pass.error();
      Heartbeats::got_on();
      app.vitals->swept = !pass->gated;
      line->tell(pass->gated);
      next = pass->next;
      if (pass->subjects == 0 || stop.stop_requested()) break;
      crew.wake_senders();
    }
    tell_held_events();
    const Timestamp soon = app.clock->system_now() + app.look_every;
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

Step watch_store_step(App& app) {
  return [&app](std::stop_token stop) { return StoreWatch(app).step(stop); };
}

Step write_step(App& app, std::size_t i, std::stop_token cut) {
  return [&app, i, cut](std::stop_token stop) -> Result<std::optional<Timestamp>> {
    auto round = app.field_writers[i]->step(stop, cut);
    if (!round) return round.error();
    return round->next;
  };
}

/// Until the stop. A command that waits wakes the reconciler.
void watch_for_commands(App& app, Crew& crew, std::stop_token stop) {
  std::mutex m;
  std::condition_variable_any cv;
  std::unique_lock lock(m);
  CommandWatch watch(*app.db);
  while (!stop.stop_requested()) {
    cv.wait_for(lock, stop, app.command_poll, [] { return false; });
    if (watch.sees_another()) crew.wake_reconciler();
  }
}

}  // namespace

Status note_last_reads(App& app) {
  auto known = app.db->read([](store::Tx& tx) -> Result<std::map<std::string, Timestamp>> { return last_reads(tx); });
  if (!known) return known.error();
  std::map<std::string, Duration> every;
  for (const std::string& name : app.puller_names)
    if (const settings::ConnectorInstance* c = app.settings.connector(name)) every[name] = c->pull_every;
  app.vitals->metrics.keep_connectors(every);
  const Timestamp now = app.clock->system_now();
  for (const std::string& name : app.puller_names)
    app.vitals->metrics.read_before(name, known->contains(name) ? known->at(name) : now);
  return {};
}

Status run(App& app, std::stop_token stop) {
  if (auto s = start(app, stop); !s) return s;
  if (stop.stop_requested()) return {};
  if (auto s = note_last_reads(app); !s) return s;
  app.vitals->metrics.keep_destinations(app.sender_names);
  app.vitals->set_destinations(app.sender_names);
  app.vitals->set_lookups(app.lookup_names);
  app.vitals->set_source_fields(app.field_writer_names);
  Crew crew(app);
  const CutAfter cut(crew.stop_.get_token(), app.settings.service.stop_deadline);
  std::vector<Work> work;
  auto add = [&](const std::string& name) -> Work& {
    work.push_back({.name = name, .waiter = &crew.add(name), .step = {}, .takes_long = false});
    return work.back();
  };
  Work& reconciling = add("reconcile");
  crew.reconciler_ = reconciling.waiter;
  reconciling.step = reconcile_step(app, crew);
  for (std::size_t i = 0; i < app.senders.size(); ++i) {
    Work& delivering = add("deliver " + app.sender_names[i]);
    crew.senders_.push_back(delivering.waiter);
    delivering.step = send_step(app, crew, i, cut.token());
  }
  for (std::size_t i = 0; i < app.field_writers.size(); ++i) {
    Work& writing = add("write " + app.field_writer_names[i]);
    crew.senders_.push_back(writing.waiter);  // it too is woken by what the reconciler found
    writing.step = write_step(app, i, cut.token());
  }
  for (std::size_t i = 0; i < app.pullers.size(); ++i)
    add("pull " + app.puller_names[i]).step = pull_step(app, crew, i);
  Work& watching = add("look for damage in the store");
  watching.step = watch_store_step(app);
  watching.takes_long = true;
  std::stop_callback on_stop(stop, [&] {
    crew.stop_.request_stop();
    crew.wake_all();
  });
  notify::ready();
  log_event(Level::info, "started", {{"sources", app.pullers.size()}, {"destinations", app.senders.size()}});
  {
    std::vector<std::jthread> threads;
    for (const Work& w : work) threads.emplace_back([&crew, &w] { crew.loop(w, crew.stop_.get_token()); });
    watch_for_commands(app, crew, crew.stop_.get_token());
    crew.wake_all();
  }
  Status ended = crew.failure();
  if (!ended) note_damage(app, ended.error());
  return ended;
}

}  // namespace hw::service
