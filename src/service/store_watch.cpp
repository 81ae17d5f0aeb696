#include "service/store_watch.h"

#include "base/log.h"
#include "report/store_check.h"

namespace hw::service {
namespace {

/// A damaged store may not be able to take the note; the daemon ends all the same.
void keep_note(App& app, Timestamp now, const std::string& damage) {
  const Status noted = app.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    report::note_store_check(tx, now, damage);
    return {};
  });
  if (!noted) log_event(Level::warn, "note_not_kept", {{"code", noted.error().code}});
}

}  // namespace

void note_damage(App& app, const Error& damage) {
  if (damage.code == "store_corrupt") keep_note(app, app.clock->system_now(), damage.detail);
}

Result<std::optional<Timestamp>> StoreWatch::step(const std::stop_token& stop) {
  const Timestamp now = app_.clock->system_now();
  // A clock that went back has made the last look one of the future.
  const std::optional<Timestamp> last = app_.vitals->store_checked_at();
  if (last && *last <= now && now < *last + app_.check_store_every)
    return std::optional(*last + app_.check_store_every);
  const Status found = app_.db->quick_check(stop);
  if (stop.stop_requested()) return std::optional<Timestamp>();
  const bool looked = found || found.error().code == "store_corrupt";
  if (looked) note(found, now);
  if (!found) return found.error();
  return std::optional(now + app_.check_store_every);
}

void StoreWatch::note(const Status& found, Timestamp now) {
  app_.vitals->store_checked(now);
  app_.vitals->metrics.store_checked(found.has_value(), now);
  if (found) {
    log_event(Level::info, "store_checked", {{"damaged", false}});
  } else {
    log_event(Level::error, "store_damaged", {{"code", found.error().code}, {"detail", found.error().detail}});
  }
  keep_note(app_, now, found ? "" : found.error().detail);
}

Status refuse_damaged(App& app, const std::stop_token& stop) {
  auto damaged = app.db->read([](store::Tx& tx) -> Result<bool> { return report::was_damaged(tx); });
  if (!damaged) return damaged.error();
  if (!*damaged) return {};
  const Status found = app.db->quick_check(stop);
  if (!found || stop.stop_requested()) return found;
  return app.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    report::note_store_check(tx, app.clock->system_now(), "");
    return {};
  });
}

}  // namespace hw::service
