#include "service/expiry_watch.h"

#include <cstdlib>
#include <map>

#include "base/log.h"
#include "report/credentials.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using report::CredentialState;

constexpr std::chrono::minutes kLookEvery(1);
constexpr std::chrono::hours kTellAgain(24);

std::string told_key(const CredentialState& s) { return "credential_told/" + s.credential.name; }

bool was_told(store::Tx& tx, const CredentialState& s, Timestamp now) {
  const auto at = store::service_rows::state(tx, told_key(s));
  return at && now - from_micros(std::strtoll(at->c_str(), nullptr, 10)) < kTellAgain;
}

void tell(const CredentialState& s, Timestamp now) {
  const auto hours = std::chrono::floor<std::chrono::hours>(*s.ends_at - now).count();
  log_event(Level::warn, *s.ends_at > now ? "credential_ends_soon" : "credential_ended",
            {{"credential", s.credential.name},
             {"connector", s.connectors.front()},
             {"ends_at", rfc3339(*s.ends_at)},
             {"hours_left", hours},
             {"action", report::renewal_of(s)}});
}

}  // namespace

Status ExpiryWatch::look() {
  const SteadyTime steady = app_.clock->steady_now();
  if (looked_at_ && steady - *looked_at_ < kLookEvery) return {};
  looked_at_ = steady;
  const Timestamp now = app_.clock->system_now();
  std::map<std::string, Timestamp> ends;
  std::vector<CredentialState> due;
  auto read = app_.db->read([&](store::Tx& tx) -> Status {
    for (auto& s : report::credential_states(&tx, app_.settings)) {
      if (s.ends_at) ends[s.credential.name] = *s.ends_at;
      if (s.ends_soon(now) && !was_told(tx, s, now)) due.push_back(std::move(s));
    }
    return {};
  });
  if (!read) return read;
  app_.vitals->metrics.credentials_end(ends);
  if (due.empty()) return {};
  for (const auto& s : due) tell(s, now);
  return app_.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    for (const auto& s : due) store::service_rows::set_state(tx, told_key(s), std::to_string(to_micros(now)));
    return {};
  });
}

}  // namespace hw::service
