// Commands about the store itself: backups, and the way back.
#include <sys/stat.h>

#include <iostream>

#include "base/zone.h"
#include "cli/command.h"
#include "cli/pasteable.h"
#include "service/lock.h"
#include "service/sync.h"
#include "settings/settings.h"
#include "store/backup.h"
#include "store/ledger_rows.h"

namespace hw::cli {
namespace {

/// The settings alone: the store may be damaged or gone, and the secrets elsewhere.
Result<settings::Settings> settings_of(const Common& common) {
  auto loaded =
      settings::load(common.config, *common.registry, {.credentials_directory = {}, .resolve_secrets = false});
  if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded))
    return Error{Action::pause, "config", service::lines(*errors), {}, false};
  return std::get<settings::Loaded>(std::move(loaded)).settings;
}

Result<Timestamp> now_of(const Common& common) {
  auto followed = followed_clock(common);
  if (!followed) return followed.error();
  return (*followed ? std::move(*followed) : make_system_clock())->system_now();
}

Result<store::Restored> put_back(const Common& common, const settings::Settings& settings, const std::string& file) {
  auto now = now_of(common);
  if (!now) return now.error();
  ::mkdir(settings.state_dir.c_str(), 0700);
  auto lock = service::Lock::take(settings.state_dir);
  if (!lock) return lock.error();
  return store::restore(settings.state_dir, file, *now);
}

/// What the first start would do anyway is done now, so that its outcome can be told.
int mark_unknown(const Common& common) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::hold, code);
  if (!app) {
    std::cerr << "headwater: the backup is in place; what may have been sent since is marked at the next start\n";
    return code;
  }
  if (auto started = service::start(*app); !started) return fail(started.error());
  std::int64_t n = 0;
  auto counted = app->db->read([&](store::Tx& tx) -> Status {
    for (const auto& c : store::ledger_rows::upload_states(tx))
      if (c.state == "uncertain" && c.code == "restored") n += c.n;
    return {};
  });
  if (!counted) return fail(counted.error());
  std::cout << n << " rows may have been sent since and are uncertain ("
            << pasteable("headwater uploads list --state uncertain --reason restored)\n");
  return kOk;
}

}  // namespace

int backup(const Common& common, const std::string& file) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::ask, code);
  if (!app) return code;
  auto made = store::back_up(*app->db, app->settings.state_dir, file, app->clock->system_now());
  if (!made) return fail(made.error());
  std::cout << file << "\n";
  return kOk;
}

int restore(const Common& common, const std::string& file) {
  const auto settings = settings_of(common);
  if (!settings) return fail(settings.error());
  auto restored = put_back(common, *settings, file);
  if (!restored) return fail(restored.error());
  std::cout << "restored the backup of " << format_local(restored->gap.from, settings->zone) << " as generation "
            << restored->generation << "\n";
  std::cout << "what people asked for since is forgotten with it: retries, backfills, imports, pauses, approvals; ask "
               "again\n";
  if (!restored->kept_as.empty()) std::cout << "the replaced store is kept as " << restored->kept_as << "\n";
  return mark_unknown(common);
}

}  // namespace hw::cli
