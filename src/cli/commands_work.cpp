// Commands that hold the lock of the state directory, or ask its holder for something.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "cli/command.h"
#include "cli/signals.h"
#include "model/money.h"
#include "service/lock.h"
#include "service/runner.h"
#include "service/sync.h"
#include "store/service_rows.h"

namespace hw::cli {
namespace {

/// One line that is written over, on a terminal only.
class Progress {
 public:
  void show(const std::string& text) {
    if (!terminal_) return;
    std::cerr << "\r\x1b[K" << text << std::flush;
    shown_ = true;
  }
  ~Progress() {
    if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

}  // namespace

int run(const Common& common) {
  Signals signals;  // before the first thread
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::work, code);
  if (!app) return code;
  for (const auto& w : app->warnings) std::cerr << connect::to_string(w) << " (warning)\n";
  auto done = service::run(*app, signals.stop_token());
  return done ? static_cast<int>(kOk) : fail(done.error());
}

int sync(const Common& common, std::optional<std::int64_t> limit) {
  Signals signals;
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::work, code);
  if (!app) return code;
  if (auto started = service::start(*app); !started) return fail(started.error());
  Result<service::SyncResult> result = service::SyncResult{};
  {
    Progress progress;
    result = service::sync(*app, limit, signals.stop_token(), [&](const std::string& text) { progress.show(text); });
  }
  if (!result) return fail(result.error());
  report::Table t{
      .name = "sync", .title = "", .columns = {{"what", "What"}, {"n", "Number", true}}, .rows = {}, .note = {}};
  t.rows = {{"rows read", std::to_string(result->rows)},
            {"rows set aside", std::to_string(result->rejected)},
            {"subjects reconciled", std::to_string(result->subjects)},
            {"rows sent", std::to_string(result->sent)},
            {"rows settled", std::to_string(result->settled)}};
  std::cout << report::render({t}, common.output());
  if (result->gated) {
    std::cerr << "headwater: no conversion is made until every source has been read through once: `headwater status` "
                 "says how far it is\n";
    return kTempFail;
  }
  if (!result->retrying) return kOk;
  std::cerr << "headwater: rows or sources wait for a retry: `headwater status` says which\n";
  return kTempFail;
}

int plan(const Common& common, const std::string& candidate) {
  Common other = common;
  if (!candidate.empty()) other.config = candidate;
  int code = kOk;
  auto app = open(other, service::AppOptions::Access::look, code);
  if (!app) return code;
  auto changes = reconcile::plan(app->settings, app->connectors, *app->db, *app->clock);
  if (!changes) return fail(changes.error());
  report::Table t{.name = "plan",
                  .title = "What would newly be sent",
                  .columns = {{"destination", "Destination"},
                              {"goal", "Goal"},
                              {"operation", "Operation"},
                              {"conversions", "Conversions", true},
                              {"value", "Value", true},
                              {"currency", "Currency"}},
                  .rows = {},
                  .note = {}};
  for (const auto& c : *changes) {
    auto code_of = Currency::parse(c.currency);
    t.rows.push_back({c.destination, c.goal, c.operation, std::to_string(c.n),
                      decimal(c.micros, code_of ? code_of->minor_digits() : 2), c.currency});
  }
  report::Table brakes{
      .name = "brakes",
      .title = "Brakes",
      .columns = {{"id", "Id", true}, {"destination", "Destination"}, {"since", "Since"}, {"state", "State"}},
      .rows = {},
      .note = "headwater plan approve ID lets the braked rows of one go."};
  auto read = app->db->read([&](store::Tx& tx) -> Status {
    for (const auto& b : store::ledger_rows::brakes(tx))
      if (!b.released_at)
        brakes.rows.push_back({std::to_string(b.id), b.destination, format_local(b.braked_at, app->settings.zone),
                               b.approved_at ? "approved" : "waits"});
    return {};
  });
  if (!read) return fail(read.error());
  std::cout << report::render({t, brakes}, common.output());
  return kOk;
}

/// Written as a request row; the holder of the lock takes it up within seconds. Without a holder it is carried out
/// here.
int plan_approve(const Common& common, std::int64_t brake) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  const char* user = std::getenv("SUDO_USER") != nullptr ? std::getenv("SUDO_USER") : std::getenv("USER");
  auto id = app->db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Result<std::int64_t> {
    return store::service_rows::add_command(tx, "plan_approve", std::to_string(brake),
                                            user != nullptr ? user : "unknown", app->clock->system_now());
  });
  if (!id) return fail(id.error());
  if (auto lock = service::Lock::take(app->settings.state_dir)) {
    if (auto s = service::take_up_commands(*app); !s) return fail(s.error());
  }
  for (int tries = 0; tries < 150; ++tries) {
    auto c = app->db->read([&](store::Tx& tx) -> Result<std::optional<store::StoredCommand>> {
      return store::service_rows::command(tx, *id);
    });
    if (!c) return fail(c.error());
    if (*c && (*c)->done_at) {
      std::cout << (*c)->result << "\n";
      return (*c)->result == "approved" ? kOk : kDifference;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::cerr << "headwater: the running daemon has not taken it up yet; it will\n";
  return kTempFail;
}

int preview(const Common& common, const std::string& destination, std::int64_t limit) {
  return show(common, [&](service::App& app, store::Tx& tx) -> Result<std::vector<report::Table>> {
    report::Table t{.name = "preview",
                    .title = "Exact requests, nothing is sent",
                    .columns = {{"destination", "Destination"},
                                {"operation", "Operation"},
                                {"rows", "Rows", true},
                                {"body", "Body"}},
                    .rows = {},
                    .note = {}};
    for (const auto& d : app.settings.destinations) {
      if (!destination.empty() && d.name != destination) continue;
      const auto sinks = settings::sinks_of(d, app.connectors);
      if (sinks.upload == nullptr) continue;
      for (const auto& p : delivery::preview(tx, d, sinks, app.clock->system_now(), limit))
        t.rows.push_back({p.destination, to_string(p.operation), std::to_string(p.rows), p.body});
    }
    return std::vector{t};
  });
}

}  // namespace hw::cli
