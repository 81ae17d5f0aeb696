// Commands that hold the lock of the state directory, or ask its holder for something.
#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "cli/command.h"
#include "cli/pasteable.h"
#include "cli/signals.h"
#include "service/commands.h"
#include "service/daemon.h"
#include "service/lock.h"
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

/// Cron and containers leave USER empty.
std::string who_asks() {
  for (const char* name : {"SUDO_USER", "USER"})
    if (const char* user = std::getenv(name); user != nullptr && *user != '\0') return user;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : "uid " + std::to_string(::getuid());
}

}  // namespace

int run(const Common& common) {
  Signals signals;  // before the first thread
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::work, code);
  if (!app) return code;
  for (const auto& w : app->warnings) std::cerr << connect::to_string(w) << " (warning)\n";
  service::Daemon daemon(std::move(app), *common.registry);
  signals.on_hangup([&] { daemon.reload(); });
  auto done = daemon.run(signals.stop_token());
  signals.on_hangup({});
  return done ? static_cast<int>(kOk) : fail(done.error());
}

int sync(const Common& common, std::optional<std::int64_t> limit) {
  Signals signals;
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::work, code);
  if (!app) return code;
  if (auto started = service::start(*app, signals.stop_token()); !started) return fail(started.error());
  Result<service::SyncResult> result = service::SyncResult{};
  {
    Progress progress;
    result = service::sync(*app, limit, signals.stop_token(), [&](const std::string& text) { progress.show(text); });
  }
  if (!result) return fail(result.error());
  report::Table t{.name = "sync",
                  .title = "",
                  .columns = {{"what", "What"}, {"n", "Number", report::Holds::number}},
                  .rows = {},
                  .note = {}};
  t.rows = {{"rows read", std::to_string(result->rows)},
            {"rows set aside", std::to_string(result->rejected)},
            {"subjects reconciled", std::to_string(result->subjects)},
            {"rows sent", std::to_string(result->sent)},
            {"records written to", std::to_string(result->fields_written)},
            {"rows settled", std::to_string(result->settled)}};
  print(common, {t});
  if (limit)
    std::cerr
        << "headwater: a trial: no cursor moved, the next pass reads the same pages again. Records rest for `gather` "
           "after their last change before anything is made of them\n";
  if (result->gated) {
    std::cerr << pasteable(
        "headwater: no conversion is made until every source has been read through (after a restore, anew): `headwater "
        "status` says how "
        "far it is\n");
    return kTempFail;
  }
  if (!result->retrying) return kOk;
  std::cerr << pasteable("headwater: rows or sources wait for a retry: `headwater status` says which\n");
  return kTempFail;
}

Result<std::string> ask_holder(service::App& app, const std::string& kind, const std::string& args) {
  auto id = app.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Result<std::int64_t> {
    return store::service_rows::add_command(tx, kind, args, who_asks(), app.clock->system_now());
  });
  if (!id) return id.error();
  std::string so_far;  // as long as it gets on it is waited for
  for (int quiet = 0; quiet < 150; ++quiet) {
    if (quiet % 10 == 0) {  // nobody is at work, or no longer
      if (auto lock = service::Lock::take(app.settings.state_dir))
        if (auto s = service::take_up_commands(app); !s) return s.error();
    }
    auto c = app.db->read([&](store::Tx& tx) -> Result<std::optional<store::StoredCommand>> {
      return store::service_rows::command(tx, *id);
    });
    if (!c) return c.error();
    if (*c && (*c)->done_at) return (*c)->result;
    if (*c && (*c)->result != so_far) {
      so_far = (*c)->result;
      quiet = 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return Error{Action::retry,
               "not_yet",
               so_far.empty()
                   ? "the headwater at work has not taken it up yet; it will, or the next `run` or `sync` does"
                   : "the headwater at work has done a part of it, and goes on with the rest",
               {},
               false};
}

int plan_approve(const Common& common, std::int64_t brake) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  auto said = ask_holder(*app, "plan_approve", std::to_string(brake));
  if (!said) return fail(said.error());
  std::cout << pasteable(*said) << "\n";
  return *said == "approved" ? kOk : kDifference;
}

}  // namespace hw::cli
