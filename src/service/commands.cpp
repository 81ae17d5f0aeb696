#include "service/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/log.h"
#include "base/zone.h"
#include "reconcile/backfill.h"
#include "reconcile/brake.h"
#include "reconcile/retry.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using store::Durability;
using store::StoredCommand;
using store::Tx;
namespace service_rows = store::service_rows;

/// Rows that a pause put off are due again within this time of it; a platform's own wish may be later.
constexpr std::chrono::hours kPutOff(1);

std::string take_up_backfill(App& app, Tx& tx, const StoredCommand& c, Timestamp now) {
  auto asked = reconcile::backfill_from(c.args);
  if (!asked) return asked.error().detail;
  asked->actor = c.actor;
  asked->created_at = now;
  return reconcile::take_up(tx, app.settings, *asked);
}

std::string approve(Tx& tx, const StoredCommand& c, Timestamp now) {
  const std::int64_t id = std::strtoll(c.args.c_str(), nullptr, 10);
  return reconcile::approve_brake(tx, id, c.actor, now) ? "approved" : "no brake " + c.args + " waits";
}

/// Many rows take many commits: one that is carried out again goes on where it stopped. nullopt: stopped before the
/// last.
Result<std::optional<std::string>> retry(App& app, const StoredCommand& c, const std::stop_token& stop) {
  auto asked = reconcile::retry_from(c.args);
  if (!asked) return std::optional(asked.error().detail);
  const auto go_on = [&stop] {
    Heartbeats::got_on();
    return !stop.stop_requested();
  };
  auto done = reconcile::retry(app.settings, app.connectors, *app.db, *app.clock, *asked, c.actor, go_on,
                               {.so_far = c.result, .keep = [&c](Tx& tx, const std::string& so_far) {
                                  service_rows::note_progress(tx, c.id, so_far);
                                }});
  if (!done) return done.error();
  if (!*done) return std::optional<std::string>();
  for (const auto& r : **done)
    log_event(Level::info, r.again ? "rows_retried" : "rows_not_retried",
              {{"destination", r.destination}, {"rows", r.n}, {"code", r.why}, {"actor", c.actor}});
  return std::optional(reconcile::to_text(**done));
}

std::string carry_out(App& app, Tx& tx, const StoredCommand& c, Timestamp now) {
  if (c.kind == "backfill") return take_up_backfill(app, tx, c, now);
  if (c.kind == "plan_approve") return approve(tx, c, now);
  if (c.kind == "pause") return pause_connector(tx, c.args, c.actor, now, app.settings.zone);
  if (c.kind == "resume") return resume_connector(tx, app.settings, c.args, c.actor, now);
  return "unknown command";
}

/// False: stopped before the end, the next holder goes on.
Result<bool> take_up(App& app, const StoredCommand& c, const std::stop_token& stop) {
  const bool is_retry = c.kind == "uploads_retry";
  auto retried = is_retry ? retry(app, c, stop) : Result<std::optional<std::string>>(std::nullopt);
  if (!retried) return retried.error();
  if (is_retry && !*retried) return false;
  const Timestamp now = app.clock->system_now();
  return app.db->transact(Durability::ledger, [&](Tx& tx) -> Result<bool> {
    service_rows::finish_command(tx, c.id, is_retry ? **retried : carry_out(app, tx, c, now), now);
    return true;
  });
}

/// Destinations to which the connector carries anything.
std::set<std::string> destinations_of(const settings::Settings& settings, const std::string& connector) {
  std::set<std::string> out;
  for (const auto& d : settings.destinations)
    if (d.upload_by == connector || d.restate_by == connector || d.retract_by == connector) out.insert(d.name);
  return out;
}

bool concerns(const store::StoredPause& p, const settings::Settings& settings, const std::string& connector) {
  if (p.scope == "destination") return destinations_of(settings, connector).contains(p.name);
  if (p.scope != "source_fields") return p.name == connector;
  return std::any_of(settings.source_fields.begin(), settings.source_fields.end(),
                     [&](const auto& f) { return f.name == p.name && f.connector == connector; });
}

}  // namespace

Result<std::size_t> take_up_commands(App& app, const std::stop_token& stop) {
  auto open =
      app.db->read([&](Tx& tx) -> Result<std::vector<StoredCommand>> { return service_rows::open_commands(tx); });
  if (!open) return open.error();
  std::size_t taken_up = 0;
  for (const StoredCommand& c : *open) {
    if (stop.stop_requested()) break;
    const auto done = take_up(app, c, stop);
    if (!done) return done.error();
    if (*done) ++taken_up;
  }
  return taken_up;
}

bool CommandWatch::sees_another() {
  const auto open =
      db_.read([](Tx& tx) -> Result<std::vector<StoredCommand>> { return service_rows::open_commands(tx); });
  if (!open) return false;
  std::set<std::int64_t> now;
  for (const StoredCommand& c : *open) now.insert(c.id);
  const bool another = !std::includes(waiting_.begin(), waiting_.end(), now.begin(), now.end());
  waiting_ = std::move(now);
  return another;
}

std::string pause_connector(Tx& tx, const std::string& connector, const std::string& actor, Timestamp now,
                            const Zone& zone) {
  if (const auto known = service_rows::pause(tx, store::kByPerson, connector))
    return fmt::format("paused already: {}, by {} since {}", connector, known->detail,
                       format_local(known->since, zone));
  service_rows::set_pause(tx, {.scope = store::kByPerson,
                               .name = connector,
                               .code = "by_person",
                               .detail = actor,
                               .since = now,
                               .retry_at = {}});
  log_event(Level::warn, "paused", {{"connector", connector}, {"code", "by_person"}, {"actor", actor}});
  return fmt::format(
      "paused: {}: nothing is read from it and nothing sent by it until headwater resume {}; what waits stays, and "
      "platforms' windows go on (headwater report windows)",
      connector, connector);
}

std::string resume_connector(Tx& tx, const settings::Settings& settings, const std::string& connector,
                             const std::string& actor, Timestamp now) {
  std::string lifted;
  for (const auto& p : service_rows::pauses(tx)) {
    if (!concerns(p, settings, connector)) continue;
    service_rows::clear_pause(tx, p.scope, p.name);
    const bool by_person = p.scope == store::kByPerson;
    lifted += fmt::format("{}{} {} ({})", lifted.empty() ? "" : ", ", by_person ? "connector" : p.scope, p.name,
                          by_person ? "by " + p.detail : p.code);
  }
  if (lifted.empty()) return connector + " was not paused";
  for (const std::string& d : destinations_of(settings, connector))
    store::ledger_rows::let_go(tx, d, now, now + kPutOff);
  for (const settings::SourceFields& f : settings.source_fields)
    if (f.connector == connector) store::source_fields::let_go(tx, f.name, now, now + kPutOff);
  log_event(Level::info, "resumed", {{"connector", connector}, {"actor", actor}});
  return "resumed: " + lifted;
}

}  // namespace hw::service
