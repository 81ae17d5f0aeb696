// Commands that show what would be sent. They read the store beside a running daemon and send nothing.
#include <iostream>

#include "cli/command.h"
#include "delivery/preview.h"
#include "model/money.h"
#include "reconcile/plan.h"

namespace hw::cli {
namespace {

report::Table planned(const std::vector<reconcile::PlannedChange>& changes) {
  report::Table t{.name = "plan",
                  .title = "What would newly be sent",
                  .columns = {{"destination", "Destination"},
                              {"mode", "Mode"},
                              {"goal", "Goal"},
                              {"operation", "Operation"},
                              {"conversions", "Conversions", report::Holds::number},
                              {"value", "Value", report::Holds::number},
                              {"currency", "Currency"}},
                  .rows = {},
                  .note = {}};
  bool shadow = false;
  for (const auto& c : changes) {
    auto code_of = Currency::parse(c.currency);
    t.rows.push_back({c.destination, to_string(c.mode), c.goal, c.operation, std::to_string(c.n),
                      decimal(c.micros, code_of ? code_of->minor_digits() : 2), c.currency});
    shadow = shadow || c.mode == Mode::shadow;
  }
  if (shadow) t.note = "Destinations in mode shadow send nothing: this is what they would send.";
  return t;
}

Result<report::Table> brakes(service::App& app) {
  report::Table t{.name = "brakes",
                  .title = "Brakes",
                  .columns = {{"id", "Id", report::Holds::id},
                              {"destination", "Destination"},
                              {"since", "Since"},
                              {"state", "State"}},
                  .rows = {},
                  .note = {}};
  return app.db->read([&](store::Tx& tx) -> Result<report::Table> {
    for (const auto& b : store::ledger_rows::brakes(tx))
      if (!b.released_at)
        t.rows.push_back({std::to_string(b.id), b.destination, format_local(b.braked_at, app.settings.zone),
                          b.approved_at ? "approved by " + b.approved_by : "waits"});
    if (!t.rows.empty()) t.note = "headwater plan approve ID lets the braked rows of one go.";
    return t;
  });
}

Result<std::vector<delivery::Preview>> requests_of(service::App& app, const settings::Destination& d,
                                                   const settings::SinkSet& sinks, std::int64_t limit) {
  if (d.mode != Mode::shadow)
    return app.db->read([&](store::Tx& tx) -> Result<std::vector<delivery::Preview>> {
      return delivery::preview(tx, d, sinks, app.clock->system_now(), limit);
    });
  auto rows = reconcile::shadow_rows(app.settings, app.connectors, *app.db, *app.clock, d.name,
                                     static_cast<std::size_t>(limit));
  if (!rows) return rows.error();
  return delivery::preview(std::move(*rows), d, sinks);
}

}  // namespace

int plan(const Common& common, const std::string& candidate) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::look, code, candidate);
  if (!app) return code;
  auto changes = reconcile::plan(app->settings, app->connectors, *app->db, *app->clock);
  if (!changes) return fail(changes.error());
  auto braked = brakes(*app);
  if (!braked) return fail(braked.error());
  print(common, {planned(*changes), *braked});
  return kOk;
}

int preview(const Common& common, const std::string& destination, std::int64_t limit) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::look, code);
  if (!app) return code;
  if (!destination.empty() && app->settings.destination(destination) == nullptr)
    return fail({Action::reject_row, "usage", "there is no destination '" + destination + "'", {}, false});
  report::Table t{.name = "preview",
                  .title = "Exact requests, nothing is sent",
                  .columns = {{"destination", "Destination"},
                              {"mode", "Mode"},
                              {"operation", "Operation"},
                              {"rows", "Rows", report::Holds::number},
                              {"body", "Body"}},
                  .rows = {},
                  .note = {}};
  for (const auto& d : app->settings.destinations) {
    if (!destination.empty() && d.name != destination) continue;
    const auto sinks = settings::sinks_of(d, app->connectors);
    if (sinks.upload == nullptr) continue;
    auto requests = requests_of(*app, d, sinks, limit);
    if (!requests) return fail(requests.error());
    for (const auto& p : *requests)
      t.rows.push_back({p.destination, to_string(d.mode), to_string(p.operation), std::to_string(p.rows), p.body});
  }
  print(common, {t});
  return kOk;
}

}  // namespace hw::cli
