#include "ingest/trouble.h"

#include "base/backoff.h"
#include "base/log.h"
#include "http/client.h"
#include "store/service_rows.h"

namespace hw::ingest {
namespace {

namespace service_rows = store::service_rows;

}  // namespace

std::optional<Timestamp> Trouble::rests_until(const std::string& where) const {
  const auto rest = rest_until_.find(where);
  if (rest == rest_until_.end() || rest->second <= clock_.system_now()) return std::nullopt;
  return rest->second;
}

Status Trouble::note(const std::string& where, const Error& error, Pass& pass) {
  const Timestamp now = clock_.system_now();
  if (error.code == "stopped") {  // the daemon ends: nobody's trouble
    pass.resting = true;
    return {};
  }
  if (error.code == http::kLaneFull && error.retry_after) {  // no trouble: the vendor's pace
    pass.next = now + *error.retry_after;
    rest_until_[where] = *pass.next;
    pass.resting = true;
    return {};
  }
  const Duration wait = backoff(failures_[where]++, error.retry_after, random_);
  noted_ = true;
  pass.retrying = true;
  pass.next = now + wait;
  rest_until_[where] = now + wait;
  return db_.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    const bool pauses = error.action == Action::pause;
    const auto known = service_rows::pause(tx, "source", connector_);
    // What needs a person stays until its own stream says otherwise, whatever another one meets meanwhile.
    if (known && !known->retrying && !pauses && !known->detail.starts_with(where + ": ")) return {};
    const bool is_said = known && (!known->retrying || !pauses);
    service_rows::set_pause(tx, {.scope = "source",
                                 .name = connector_,
                                 .code = error.code,
                                 .detail = where + ": " + error.detail,
                                 .since = is_said ? known->since : now,
                                 .retry_at = now + wait,
                                 .retrying = !pauses});
    if (!is_said)
      log_event(pauses ? Level::error : Level::warn, "pull_failed",
                {{"connector", connector_},
                 {"stream", where},
                 {"code", error.code},
                 {"action", to_string(error.action)},
                 {"detail", error.detail},
                 {"retry_in_seconds", std::chrono::duration_cast<std::chrono::seconds>(wait).count()}});
    return {};
  });
}

Status Trouble::over(const std::string& where) {
  failures_.erase(where);
  if (!failures_.empty() || !noted_) return {};
  noted_ = false;
  return db_.transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    if (!service_rows::pause(tx, "source", connector_)) return {};
    service_rows::clear_pause(tx, "source", connector_);
    log_event(Level::info, "pull_resumed", {{"connector", connector_}});
    return {};
  });
}

void Trouble::lifted() {
  for (const auto& [where, times] : failures_) rest_until_.erase(where);
  failures_.clear();
}

}  // namespace hw::ingest
