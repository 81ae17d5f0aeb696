#include "service/sync.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "ledger/transitions.h"
#include "service/commands.h"
#include "service/cut_after.h"
#include "service/expiry_watch.h"
#include "service/store_watch.h"
#include "store/backup.h"
#include "store/ledger_rows.h"
#include "store/lookups.h"
#include "store/records.h"
#include "store/service_rows.h"
#include "store/source_fields.h"
#include "store/touches.h"

namespace hw::service {
namespace {

using store::Durability;
using store::Tx;

/// A rate lane that has room again within a minute is waited for, and a job that is to be looked at again within it;
/// anything later is left to the next run.
constexpr std::chrono::seconds kPatience(60);
/// A clock that is corrected by less has misjudged nothing.
constexpr std::chrono::seconds kClockSlack(60);
/// Rows that one transaction of a walk through everything takes.
constexpr std::int64_t kChunk = 1000;

bool wait_a_little(App& app, const std::optional<Timestamp>& next, std::stop_token stop) {
  if (!next || *next > app.clock->system_now() + kPatience) return false;
  return app.clock->waiter("sync")->wait_until(*next, stop);
}

using Look = Result<ingest::Pass> (*)(ingest::Puller&, std::stop_token);

/// One source, until it has nothing more to give now. Returns whether it gave anything.
Result<bool> read_through(App& app, std::size_t i, Look look, SyncResult& sum, std::stop_token stop,
                          const std::function<void(const std::string&)>& progress) {
  bool gave = false;
  for (bool more = true; more && !stop.stop_requested();) {
    auto pass = look(*app.pullers[i], stop);
    if (!pass) return pass.error();
    sum.rows += pass->rows;
    sum.rejected += pass->rejected;
    sum.retrying = sum.retrying || pass->retrying;
    gave = gave || pass->rows > 0 || pass->answered > 0;
    more = pass->more || ((pass->resting || pass->job_runs) && wait_a_little(app, pass->next, stop));
    if (!more) sum.retrying = sum.retrying || pass->resting;
    progress("reading " + app.puller_names[i] + ": " + std::to_string(sum.rows) + " rows");
  }
  return gave;
}

/// Reads every source to the present. What one told may be asked of another, until no new identifier appears.
Status pull(App& app, SyncResult& sum, std::stop_token stop, const std::function<void(const std::string&)>& progress) {
  const Look read = [](ingest::Puller& p, std::stop_token s) { return p.step(std::move(s)); };
  const Look ask = [](ingest::Puller& p, std::stop_token s) { return p.ask(std::move(s)); };
  for (std::size_t i = 0; i < app.pullers.size(); ++i)
    if (auto gave = read_through(app, i, read, sum, stop, progress); !gave) return gave.error();
  for (bool asked = true; asked && !stop.stop_requested();) {
    asked = false;
    for (std::size_t i = 0; i < app.pullers.size(); ++i) {
      auto gave = read_through(app, i, ask, sum, stop, progress);
      if (!gave) return gave.error();
      asked = asked || *gave;
    }
  }
  return {};
}

/// One page of every stream, cursors untouched.
Status pull_trial(App& app, SyncResult& sum, std::stop_token stop,
                  const std::function<void(const std::string&)>& progress) {
  for (std::size_t i = 0; i < app.pullers.size() && !stop.stop_requested(); ++i) {
    auto pass = app.pullers[i]->trial(stop);
    if (!pass) return pass.error();
    sum.rows += pass->rows;
    sum.rejected += pass->rejected;
    sum.retrying = sum.retrying || pass->retrying || pass->resting;
    progress("reading " + app.puller_names[i] + ": " + std::to_string(sum.rows) + " rows");
  }
  return {};
}

/// Why what was made and not sent gives its place back.
struct TakenBack {
  const char *code, *detail;
};
constexpr TakenBack kTrialEnded{"trial", "the trial ended before it was sent"};
constexpr TakenBack kClockSetBack{"clock_set_back", "made under a clock that was ahead: judged anew"};

void take_back(Tx& tx, store::StoredUpload u, const TakenBack& why, Timestamp now) {
  if (ledger::sent(u)) return;
  const UploadState from = u.state;
  u.state = UploadState::superseded;
  u.code = why.code;
  u.detail = why.detail;
  store::ledger_rows::move(tx, u, from, "sync", now);
  if (auto c = store::ledger_rows::conversion(tx, u.conversion_id))
    store::service_rows::mark_dirty(tx, c->record_id, why.code);
}

/// A trial before the first sweep knew a part of the story: what it made and nobody was told gives its place back.
Status take_back_unsent(App& app, Timestamp since, const TakenBack& why) {
  for (const char* state : {"pending", "retrying"})
    for (std::int64_t after = 0; after >= 0;) {
      auto last = app.db->transact(Durability::ledger, [&](Tx& tx) -> Result<std::int64_t> {
        const auto page = store::ledger_rows::list_uploads(tx, {.destination = {},
                                                                .state = state,
                                                                .code = {},
                                                                .made_before = {},
                                                                .made_after = since - Duration(1),
                                                                .after_id = after,
                                                                .limit = kChunk});
        for (const auto& u : page) take_back(tx, u, why, app.clock->system_now());
        return page.empty() ? -1 : page.back().id;
      });
      if (!last) return last.error();
      after = *last;
    }
  return {};
}

constexpr const char* kTrialSince = "trial_since";

Status note_trial(App& app, const std::string& since) {
  return app.db->transact(Durability::ledger, [&](Tx& tx) -> Status {
    store::service_rows::set_meta(tx, kTrialSince, since);
    return {};
  });
}

/// Also of one that was killed.
Status end_trial(App& app) {
  auto since = app.db->read(
      [](Tx& tx) -> Result<std::string> { return store::service_rows::meta(tx, kTrialSince).value_or(""); });
  if (!since) return since.error();
  if (since->empty()) return {};
  if (auto s = take_back_unsent(app, from_micros(std::stoll(*since)), kTrialEnded); !s) return s;
  return note_trial(app, "");
}

Result<bool> reconcile(App& app, SyncResult& sum, std::stop_token stop,
                       const std::function<void(const std::string&)>& progress) {
  bool worked = false;
  while (!stop.stop_requested()) {
    auto pass = app.reconciler->step(stop);
    if (!pass) return pass.error();
    sum.gated = pass->gated;
    if (pass->gated || pass->subjects == 0) return worked;
    worked = true;
    sum.subjects += pass->subjects;
    progress("reconciling: " + std::to_string(sum.subjects) + " subjects");
  }
  return worked;
}

Result<bool> deliver(App& app, SyncResult& sum, std::optional<std::int64_t>& left, std::stop_token stop,
                     std::stop_token cut, const std::function<void(const std::string&)>& progress) {
  bool worked = false;
  for (std::size_t i = 0; i < app.senders.size() && !stop.stop_requested(); ++i) {
    if (left && *left == 0) return worked;
    auto round = app.senders[i]->step(stop, left.value_or(delivery::Sender::kClaimRows), cut);
    if (!round) return round.error();
    sum.sent += round->sent;
    sum.settled += round->settled;
    if (left) *left -= std::min<std::int64_t>(*left, static_cast<std::int64_t>(round->sent));
    worked = worked || round->settled > 0 || (round->resting && wait_a_little(app, round->next, stop));
    progress("delivering to " + app.sender_names[i] + ": " + std::to_string(sum.sent) + " rows");
  }
  return worked;
}

Result<bool> write_fields(App& app, SyncResult& sum, std::stop_token stop, std::stop_token cut,
                          const std::function<void(const std::string&)>& progress) {
  bool worked = false;
  for (std::size_t i = 0; i < app.field_writers.size() && !stop.stop_requested(); ++i) {
    auto round = app.field_writers[i]->step(stop, cut);
    if (!round) return round.error();
    sum.fields_written += round->accepted;
    worked = worked || round->settled > 0;
    progress("writing " + app.field_writer_names[i] + ": " + std::to_string(sum.fields_written) + " records");
  }
  return worked;
}

/// Every touch gets the channel that today's rules give it, once after they changed; in chunks, so that memory stays
/// bounded.
Status rechannel(App& app, const std::stop_token& stop) {
  constexpr const char* kKey = "fingerprint:channels";
  const std::string now_is = channels_fingerprint(app.settings, app.channels_text);
  auto was =
      app.db->read([&](Tx& tx) -> Result<std::optional<std::string>> { return store::service_rows::meta(tx, kKey); });
  if (!was) return was.error();
  if (*was == now_is) return {};
  std::int64_t after = was->has_value() ? 0 : -1;  // a new store has nothing to rewrite
  while (after >= 0) {
    if (stop.stop_requested()) return {};
    auto next = app.db->transact(Durability::bulk, [&](Tx& tx) -> Result<std::int64_t> {
      return store::touches::rechannel(tx, after, 5000, [&](const Touch& t) { return app.channels->channel(t); });
    });
    if (!next) return next.error();
    after = *next == 0 ? -1 : *next;
  }
  return app.db->transact(Durability::bulk, [&](Tx& tx) -> Status {
    store::service_rows::set_meta(tx, kKey, now_is);
    return {};
  });
}

/// Facts of a field are written from the day on which a setting names it; of records seen before there is only what
/// they hold.
Status observe_new_fields(App& app, const std::stop_token& stop) {
  constexpr const char* kKey = "tracked_fields";
  const std::vector<std::string> tracked = app.settings.tracked_fields();
  std::string now_are;
  for (const std::string& field : tracked) now_are += field + "\n";
  auto were =
      app.db->read([&](Tx& tx) -> Result<std::string> { return store::service_rows::meta(tx, kKey).value_or(""); });
  if (!were) return were.error();
  if (*were == now_are) return {};
  std::vector<std::string> grown;
  for (const std::string& field : tracked)
    if (("\n" + *were).find("\n" + field + "\n") == std::string::npos) grown.push_back(field);
  for (std::int64_t after = grown.empty() ? -1 : 0; after >= 0;) {
    if (stop.stop_requested()) return {};
    auto last = app.db->transact(Durability::bulk, [&](Tx& tx) -> Result<std::int64_t> {
      return store::records::observe_fields(tx, grown, after, kChunk, app.clock->system_now(), [&](std::int64_t id) {
        store::service_rows::mark_dirty(tx, id, "configuration");
      });
    });
    if (!last) return last.error();
    after = *last == 0 ? -1 : *last;
  }
  return app.db->transact(Durability::bulk, [&](Tx& tx) -> Status {
    store::service_rows::set_meta(tx, kKey, now_are);
    return {};
  });
}

/// A connector that mirrors now, or that left the configuration, owes no answer. One that is disabled may come back.
Status forget_lookups(App& app) {
  auto left = app.db->read([&](Tx& tx) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (const std::string& name : store::lookups::connectors(tx)) {
      const settings::ConnectorInstance* c = app.settings.connector(name);
      const bool asked = std::find(app.lookup_names.begin(), app.lookup_names.end(), name) != app.lookup_names.end();
      if (!asked && (c == nullptr || c->enabled)) out.push_back(name);
    }
    return out;
  });
  if (!left) return left.error();
  if (left->empty()) return {};
  return app.db->transact(Durability::bulk, [&](Tx& tx) -> Status {
    for (const std::string& name : *left) store::lookups::forget(tx, name);
    return {};
  });
}

Result<bool> rows_retry(App& app) {
  return app.db->read([&](Tx& tx) -> Result<bool> {
    const auto& all = app.settings.destinations;
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& d) { return store::ledger_rows::any_retrying(tx, d.name, d.mode); });
  });
}

Result<bool> fields_retry(App& app) {
  return app.db->read([&](Tx& tx) -> Result<bool> {
    const auto& all = app.field_writer_names;
    return std::any_of(all.begin(), all.end(), [&](const std::string& name) {
      return store::source_fields::any_retrying(tx, name) || store::service_rows::pause(tx, "source_fields", name);
    });
  });
}

Status work_off(App& app, SyncResult& sum, std::optional<std::int64_t> left, std::stop_token stop,
                const std::function<void(const std::string&)>& progress) {
  const CutAfter cut(stop, app.settings.service.stop_deadline);
  for (bool worked = true; worked && !stop.stop_requested();) {
    // Who pauses a connector need not wait for the end of a long pass.
    if (auto asked = take_up_commands(app, stop); !asked) return asked.error();
    auto reconciled = reconcile(app, sum, stop, progress);
    if (!reconciled) return reconciled.error();
    auto delivered = deliver(app, sum, left, stop, cut.token(), progress);
    if (!delivered) return delivered.error();
    // A trial tries conversions: the CRM stays as it is.
    auto written = left ? Result<bool>(false) : write_fields(app, sum, stop, cut.token(), progress);
    if (!written) return written.error();
    worked = *reconciled || *delivered || *written;
  }
  return {};
}

/// Pulls one page a stream and sends at most `limit` rows of what is due then.
Status trial(App& app, SyncResult& sum, std::int64_t limit, std::stop_token stop,
             const std::function<void(const std::string&)>& progress) {
  auto swept = app.reconciler->sources_swept();
  if (!swept) return swept.error();
  const Timestamp since = app.clock->system_now();
  if (auto s = pull_trial(app, sum, stop, progress); !s) return s;
  // After a restore one page is no ground to judge what the backup holds: the gate stays shut.
  auto restored = app.db->read([](Tx& tx) -> Result<bool> { return store::backups::gap(tx).has_value(); });
  if (!restored) return restored.error();
  if (*swept || *restored) return work_off(app, sum, limit, stop, progress);
  if (auto s = note_trial(app, std::to_string(to_micros(since))); !s) return s;
  crash_point("trial.noted");
  app.reconciler->open_gate(true);
  auto worked = work_off(app, sum, limit, stop, progress);
  app.reconciler->open_gate(false);
  auto ended = end_trial(app);
  return worked ? ended : worked;
}

/// After a restore what the first reading shows may be news of the time before.
Status note_reading(App& app) {
  if (app.options.access != AppOptions::Access::work) return {};
  return app.db->transact(store::Durability::ledger, [&](Tx& tx) -> Status {
    store::backups::note_reading(tx, app.clock->system_now());
    return {};
  });
}

}  // namespace

Result<SyncResult> sync(App& app, std::optional<std::int64_t> limit, std::stop_token stop,
                        const std::function<void(const std::string&)>& progress) {
  SyncResult sum;
  if (stop.stop_requested()) return sum;
  if (auto s = take_up_commands(app, stop); !s) return s.error();
  if (auto s = ExpiryWatch(app).look(); !s) return s.error();
  if (limit) {
    if (auto s = trial(app, sum, *limit, stop, progress); !s) return s.error();
  } else {
    if (auto s = pull(app, sum, stop, progress); !s) return s.error();
    if (auto s = work_off(app, sum, std::nullopt, stop, progress); !s) return s.error();
  }
  auto retrying = rows_retry(app);
  if (!retrying) return retrying.error();
  auto writing = fields_retry(app);
  if (!writing) return writing.error();
  sum.retrying = sum.retrying || *retrying || *writing;
  return sum;
}

Result<bool> undo_later_times(App& app) {
  const Timestamp now = app.clock->system_now();
  auto latest =
      app.db->read([](Tx& tx) -> Result<std::optional<Timestamp>> { return store::service_rows::latest_time(tx); });
  if (!latest) return latest.error();
  if (!*latest || **latest <= now + kClockSlack) return false;
  log_event(Level::warn, "clock_set_back",
            {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(**latest - now).count()},
             {"action",
              "what it named is due now and everything is judged again; what was won since a go-live that it "
              "named is sent by headwater backfill"}});
  if (auto s = take_back_unsent(app, now, kClockSetBack); !s) return s.error();
  return app.db->transact(Durability::ledger, [&](Tx& tx) -> Result<bool> {
    store::service_rows::forget_later_times(tx, now);
    for (const Object object : {Object::lead, Object::contact, Object::account, Object::deal})
      store::service_rows::mark_all(tx, to_string(object), "clock");
    return true;
  });
}

Status start(App& app, const std::stop_token& stop) {
  if (auto s = refuse_damaged(app, stop); !s) return s;
  if (auto back = undo_later_times(app); !back) return back.error();
  if (auto s = end_trial(app); !s) return s;
  if (auto s = rechannel(app, stop); !s) return s;
  if (auto s = observe_new_fields(app, stop); !s) return s;
  if (stop.stop_requested()) return {};
  if (auto s = note_reading(app); !s) return s;
  if (auto s = forget_lookups(app); !s) return s;
  for (auto& writer : app.field_writers)
    if (auto s = writer->start(); !s) return s;
  return app.reconciler->start();
}

}  // namespace hw::service
