// Commands about what was before Headwater, or before a destination went live.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <tuple>

#include "base/text.h"
#include "base/zone.h"
#include "cli/command.h"
#include "cli/pasteable.h"
#include "reconcile/backfill.h"
#include "reconcile/import.h"
#include "report/advise.h"
#include "report/cells.h"
#include "report/channels.h"
#include "report/windows.h"

namespace hw::cli {
namespace {

/// A date alone is its first instant in the reporting zone; `end`: the first instant after it.
Result<Timestamp> instant(const std::string& text, const Zone& zone, bool end) {
  auto read = read_time(text, zone);
  if (!read) return bad_argument("'" + text + "' is no date: write 2026-01-31, or 2026-01-31 16:00");
  if (!read->date_only) return read->at;
  // Noon of the day is known; a day later it is between 11:00 and 13:00 of the next.
  Civil day = zone.to_civil(read->at + std::chrono::hours(end ? 24 : 0));
  day.hour = day.minute = day.second = day.micros = 0;
  day.has_time = true;
  return zone.to_utc(day);
}

Result<store::StoredBackfill> asked(const service::App& app, const BackfillArgs& args) {
  if (args.stop) return reconcile::stop_of(args.goal, args.destination);
  if (auto ok = check_names(app.settings, args.destination, args.goal); !ok) return ok.error();
  const settings::Destination* d = app.settings.destination(args.destination);
  if (d->goal != args.goal)
    return bad_argument("destination " + args.destination + " is told of goal " + d->goal + ", not of " + args.goal);
  store::StoredBackfill b;
  b.goal = args.goal;
  b.destination = args.destination;
  b.per_hour = args.per_hour;
  b.mode = d->mode;
  b.created_at = app.clock->system_now();
  if (args.from.empty()) return bad_argument("--from is missing: the first day of the history to send");
  auto from = instant(args.from, app.settings.zone, /*end=*/false);
  if (!from) return from.error();
  b.from = *from;
  b.to = b.created_at;
  if (!args.to.empty()) {
    auto to = instant(args.to, app.settings.zone, /*end=*/true);
    if (!to) return to.error();
    b.to = *to;
  }
  if (b.to <= b.from) return bad_argument(args.to.empty() ? "--from lies in the future" : "--to lies before --from");
  return b;
}

int try_it(const Common& common, const BackfillArgs& args) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::look, code);
  if (!app) return code;
  auto b = asked(*app, args);
  if (!b) return fail(b.error());
  auto sums = reconcile::try_backfill(app->settings, app->connectors, *app->db, *app->clock, *b);
  if (!sums) return fail(sums.error());
  report::Table t{.name = "backfill",
                  .title = "What this backfill would do; nothing was written",
                  .columns = {{"becomes", "Becomes"},
                              {"reason", "Reason"},
                              {"conversions", "Conversions", report::Holds::number},
                              {"value", "Value", report::Holds::number},
                              {"currency", "Currency"}},
                  .rows = {},
                  .note = {}};
  std::int64_t sent = 0;
  for (const auto& s : *sums) {
    t.rows.push_back({s.state, s.reason, std::to_string(s.n), report::amount_cell(s.micros, s.currency), s.currency});
    if (s.state == "sent") sent += s.n;
  }
  if (sent > 0)
    t.note = "At " + std::to_string(b->per_hour) + " rows an hour this takes about " +
             std::to_string((sent + b->per_hour - 1) / b->per_hour) + " hours.";
  const auto* destination = app->settings.destination(b->destination);
  if (destination != nullptr && destination->mode == Mode::shadow)
    t.note = "Destination " + b->destination + " is in shadow: nothing is sent before it is live.";
  print(common, {t});
  return kOk;
}

report::Table imported(const reconcile::Imported& done, bool dry_run) {
  report::Table t{.name = "import",
                  .title = dry_run ? "What would be adopted; nothing was written" : "Adopted",
                  .columns = {{"destination", "Destination"},
                              {"conversions", "Conversions", report::Holds::number},
                              {"value", "Value", report::Holds::number},
                              {"currency", "Currency"}},
                  .rows = {},
                  .note = std::to_string(done.known) + " lines are in the ledger already; " +
                          std::to_string(done.bare) + " name nothing that a correction could refer to."};
  for (const auto& [key, sum] : done.adopted)
    t.rows.push_back({key.first, std::to_string(sum.n), report::amount_cell(sum.micros, key.second), key.second});
  return t;
}

Result<reconcile::Imported> import_text(service::App& app, const connect::Registry& registry, const std::string& text,
                                        const std::string& file, bool dry_run,
                                        std::vector<connect::OptionError>& errors) {
  auto frame = app.reconciler->frame();
  if (!frame) return frame.error();
  frame->brake_closed = [](const auto&...) { return false; };
  const auto lines = reconcile::read_import(text, file, reconcile::import_identifiers(frame->plans), errors);
  auto body = [&](store::Tx& tx) -> Result<reconcile::Imported> {
    auto done = reconcile::import_lines(tx, *frame, registry, lines, !dry_run, errors);
    if (errors.empty()) return done;
    return Error{Action::reject_row, "import", "nothing was written", {}, false};
  };
  return dry_run ? app.db->read(body) : app.db->transact(store::Durability::ledger, body);
}

}  // namespace

int ledger_import(const Common& common, const std::string& file, bool dry_run) {
  using Access = service::AppOptions::Access;
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail({Action::reject_row, "no_file", file + ": " + std::strerror(errno), {}, false});
  std::ostringstream text;
  text << in.rdbuf();
  int code = kOk;
  auto app = open(common, dry_run ? Access::look : Access::hold, code);
  if (!app) return code;
  std::vector<connect::OptionError> errors;
  auto done = import_text(*app, *common.registry, text.str(), file, dry_run, errors);
  for (const auto& e : errors) std::cerr << connect::to_string(e) << "\n";
  if (!done) return fail(done.error());
  print(common, {imported(*done, dry_run)});
  return kOk;
}

int backfill(const Common& common, const BackfillArgs& args) {
  if (args.dry_run) return try_it(common, args);
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  auto b = asked(*app, args);
  if (!b) return fail(b.error());
  auto said = ask_holder(*app, "backfill", reconcile::to_text(*b));
  if (!said) return fail(said.error());
  std::cout << pasteable(*said) << "\n";
  return said->starts_with("backfill:") ? kOk : kDifference;
}

int report_windows(const Common& common, std::int64_t days) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    return std::vector{report::windows(tx, app.settings, app.connectors, app.clock->system_now(),
                                       std::chrono::hours(24 * std::min<std::int64_t>(days, 36'500)))};
  });
}

int report_channels(const Common& common, const ChannelsArgs& args) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    report::ChannelsAsked asked;
    asked.model = report::credit_model(args.model).value_or(asked.model);
    for (const auto& [text, bound, end] : {std::tuple{&args.from, &asked.from, false}, {&args.to, &asked.to, true}}) {
      if (text->empty()) continue;
      auto at = instant(*text, app.settings.zone, end);
      if (!at) return at.error();
      *bound = *at;
    }
    if (asked.to <= asked.from) return bad_argument("--to lies before --from");
    return report::channels(tx, app.settings, asked);
  });
}

int advise_stages(const Common& common) {
  return show(common, [](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    return report::advise_stages(tx, app.settings, app.connectors, app.clock->system_now());
  });
}

}  // namespace hw::cli
