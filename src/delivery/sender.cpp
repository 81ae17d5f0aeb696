#include "delivery/sender.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/log.h"
#include "store/service_rows.h"

/// The round, and what pauses it.
namespace hw::delivery {
namespace {

using connect::Outcome;
using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

constexpr Duration kFirstRetryOfPause = std::chrono::minutes(5);
constexpr Operation kOperations[] = {Operation::upload, Operation::restate, Operation::retract};

}  // namespace

Sender::Sender(const settings::Destination& destination, settings::SinkSet sinks, store::Db& db, const Clock& clock,
               Random& random)
    : destination_(destination), sinks_(std::move(sinks)), db_(db), clock_(clock), random_(random) {
  policy_ = {.contract = sinks_.contract(destination),
             .resend_uncertain = destination.resend_uncertain,
             .max_attempts = destination.max_attempts,
             .max_retry_age = destination.max_retry_age,
             .mode = destination.mode};
}

const Policy& Sender::policy_of(const StoredUpload& row) {
  const connect::Target& today = sinks_.target;
  if ((row.account.empty() || row.account == today.account) && (row.action.empty() || row.action == today.action))
    return policy_;
  const connect::Target at = target_of(row, sinks_);
  const auto [it, is_new] = elsewhere_.try_emplace({at.account, at.action}, policy_);
  if (is_new) it->second.contract = sinks_.contract(destination_, at);
  return it->second;
}

Result<Round> Sender::step(std::stop_token stop, std::int64_t limit, std::stop_token cut) {
  Round round;
  if (destination_.mode == Mode::shadow) return round;
  if (set_back_.since_last(clock_.system_now())) rests_.clear();
  const Tokens tokens{.stop = std::move(stop), .cut = std::move(cut)};
  auto recovered = recover_in_flight();
  if (!recovered) return recovered.error();
  round.settled += *recovered;
  if (auto read = read_pauses(); !read) return read.error();
  if (paused_.size() == std::size(kOperations)) {
    round.next = first_end();
    return round;
  }
  auto confirmed = confirm(tokens);
  if (!confirmed) return confirmed.error();
  round.settled += *confirmed;
  const std::size_t held_before = held_operations();
  round.resting =
      std::any_of(std::begin(kOperations), std::end(kOperations), [&](Operation o) { return is_resting(o); });
  if (held_before == std::size(kOperations)) {
    round.next = first_end();
    return round;
  }
  while (limit > 0 && !tokens.stop.stop_requested() && held_operations() == held_before) {
    auto claimed = claim(limit);
    if (!claimed) return claimed.error();
    if (claimed->rows == 0) break;
    limit -= claimed->rows;
    round.settled += claimed->given_up;
    if (auto sent = send_all(claimed->requests, tokens, round); !sent) return sent.error();
  }
  auto next = next_due();
  if (!next) return next.error();
  round.next = *next;
  if (round.next && held_operations() == std::size(kOperations)) round.next = std::max(*round.next, *first_end());
  return round;
}

/// A row in flight at the start of a round was claimed by a round whose answer was never recorded: a kill, or a commit
/// that failed.
Result<std::size_t> Sender::recover_in_flight() {
  auto found = db_.read([&](Tx& tx) -> Result<std::size_t> { return rows::in_flight(tx, destination_.name).size(); });
  if (!found || *found == 0) return found;
  const Timestamp now = clock_.system_now();
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<std::size_t> {
    auto lost = rows::in_flight(tx, destination_.name);
    for (StoredUpload& u : lost) {
      recover(u, policy_of(u), now);
      settle(tx, u, UploadState::in_flight, now);
    }
    return lost.size();
  });
}

/// One that only a person ends is looked at again and again, and holds until then.
Status Sender::read_pauses() {
  paused_.clear();
  const Timestamp now = clock_.system_now();
  return db_.read([&](Tx& tx) -> Status {
    auto consider = [&](const char* scope, const std::string& name) {
      const auto p = store::service_rows::pause(tx, scope, name);
      if (!p) return;
      const Timestamp until = p->retry_at.value_or(now + kRetryOfPause);
      if (until > now)
        hold(std::string_view(scope) == "connector" ? connect::Scope::connector : connect::Scope::destination, name,
             until);
    };
    consider("destination", destination_.name);
    for (const std::string& connector :
         std::set<std::string>{sinks_.upload_connector, sinks_.restate_connector, sinks_.retract_connector}) {
      consider("connector", connector);
      if (store::service_rows::is_paused_by_person(tx, connector))
        hold(connect::Scope::connector, connector, now + kRetryOfPause);
    }
    return {};
  });
}

/// Holds what a pause of the connector, or of the whole destination, concerns.
void Sender::hold(connect::Scope scope, const std::string& connector, Timestamp until) {
  for (const Operation operation : kOperations) {
    if (scope == connect::Scope::connector && sinks_.connector_of(operation) != connector) continue;
    Timestamp& known = paused_[operation];
    known = std::max(known, until);
  }
}

bool Sender::is_resting(Operation operation) const {
  const auto rest = rests_.find(sinks_.connector_of(operation));
  return rest != rests_.end() && rest->second.until > clock_.system_now();
}

std::optional<Timestamp> Sender::held_until(Operation operation) const {
  if (const auto paused = paused_.find(operation); paused != paused_.end()) return paused->second;
  if (is_resting(operation)) return rests_.at(sinks_.connector_of(operation)).until;
  return {};
}

std::size_t Sender::held_operations() const {
  return static_cast<std::size_t>(std::count_if(std::begin(kOperations), std::end(kOperations),
                                                [&](Operation o) { return held_until(o).has_value(); }));
}

/// When the first operation that is held may go on.
std::optional<Timestamp> Sender::first_end() const {
  std::optional<Timestamp> first;
  for (const Operation o : kOperations)
    if (const auto until = held_until(o)) first = std::min(first.value_or(*until), *until);
  return first;
}

/// Why nothing more of this operation leaves in this round; nullptr when something may.
const char* Sender::held(Operation operation, const std::stop_token& stop) const {
  if (stop.stop_requested()) return "stopped";
  if (paused_.contains(operation)) return "paused";
  return is_resting(operation) ? "resting" : nullptr;
}

/// Said once, not at every attempt.
void Sender::note_pause(Tx& tx, const Outcome& o, const std::string& connector, Timestamp now) {
  const bool whole = o.scope == connect::Scope::connector;
  const std::string scope = whole ? "connector" : "destination";
  const std::string name = whole ? connector : destination_.name;
  auto known = store::service_rows::pause(tx, scope, name);
  const Duration wait = o.after.value_or(known ? kRetryOfPause : kFirstRetryOfPause);
  store::service_rows::set_pause(tx, {.scope = scope,
                                      .name = name,
                                      .code = o.code,
                                      .detail = o.detail,
                                      .since = known ? known->since : now,
                                      .retry_at = now + wait});
  hold(whole ? connect::Scope::connector : connect::Scope::destination, connector, now + wait);
  if (!known)
    log_event(Level::error, "paused", {{scope, name}, {"code", o.code}, {"detail", o.detail}, {"action", "pause"}});
}

void Sender::note_working(Tx& tx, const std::string& connector) {
  resume(tx, "connector", connector);
  resume(tx, "destination", destination_.name);
}

void Sender::resume(Tx& tx, const std::string& scope, const std::string& name) {
  if (!store::service_rows::pause(tx, scope, name)) return;
  store::service_rows::clear_pause(tx, scope, name);
  log_event(Level::info, "resumed", {{scope, name}});
}

/// Every change of a row looks at its subject again, in the same commit.
void Sender::settle(Tx& tx, const StoredUpload& row, UploadState from, Timestamp now) {
  rows::move(tx, row, from, kActor, now);
  store::service_rows::mark_subject_of(tx, row.conversion_id, "ledger");
}

Result<std::optional<Timestamp>> Sender::next_due() {
  return db_.read([&](Tx& tx) -> Result<std::optional<Timestamp>> {
    auto send_at = rows::next_due_upload(tx, destination_.name, clock_.system_now());
    auto poll_at = rows::next_poll(tx, destination_.name);
    if (send_at && poll_at) return std::optional(std::min(*send_at, *poll_at));
    return send_at ? send_at : poll_at;
  });
}

}  // namespace hw::delivery
