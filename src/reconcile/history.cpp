#include "reconcile/history.h"

#include <algorithm>

#include "base/zone.h"
#include "identity/persons.h"
#include "store/lookups.h"

namespace hw::reconcile {
namespace {

/// Before a window closes: room for a platform's outage.
constexpr std::chrono::hours kRoomToSend(24);
/// A source that owes an answer for so long is waited for no more.
constexpr std::chrono::hours kPatience(24 * 14);

/// Of all people, each identifier once. A deal carries identifiers of its own.
std::vector<store::StoredIdentifier> identifiers_of(store::Tx& tx, const Subject& subject) {
  std::vector<store::StoredIdentifier> out;
  std::set<std::int64_t> seen;
  auto add = [&](const store::StoredRecord& record) {
    for (auto& id : identity::persons_of(tx, record))
      if (seen.insert(id.id).second) out.push_back(std::move(id));
  };
  add(subject.record);
  for (const store::StoredRecord& person : subject.people) add(person);
  return out;
}

/// Not yet queued stands for the youngest.
bool waits_longer(const std::optional<Timestamp>& a, const std::optional<Timestamp>& b) { return a && (!b || *a < *b); }

}  // namespace

std::vector<HistorySource> history_sources(const settings::Connectors& connectors) {
  std::vector<HistorySource> out;
  for (const auto& [name, connector] : connectors)
    if (auto* lookup = connector->lookup()) out.push_back({name, lookup->limits().types});
  return out;
}

std::optional<PendingHistory> pending_history(store::Tx& tx, const std::vector<HistorySource>& sources,
                                              const Subject& subject) {
  if (sources.empty()) return std::nullopt;
  std::optional<PendingHistory> out;
  for (const store::StoredIdentifier& id : identifiers_of(tx, subject)) {
    for (const HistorySource& source : sources) {
      if (!source.types.contains(id.identifier.type)) continue;
      const auto row = store::lookups::find(tx, source.connector, id.id);
      if (row && row->answered_at) continue;
      PendingHistory one{.connector = source.connector,
                         .type = id.identifier.type,
                         .identifiers = 1,
                         .since = row ? std::optional(row->queued_at) : std::nullopt};
      if (!out) {
        out = std::move(one);
        continue;
      }
      one.identifiers = out->identifiers + 1;
      if (waits_longer(one.since, out->since)) {
        out = std::move(one);
      } else {
        ++out->identifiers;
      }
    }
  }
  return out;
}

std::string to_text(const PendingHistory& pending) {
  return "connector " + pending.connector + " has not answered for " + std::to_string(pending.identifiers) +
         (pending.identifiers == 1 ? " identifier" : " identifiers") + " yet (" + pending.type + ")";
}

std::optional<connect::Refusal> waits_for_history(const PendingHistory& pending, Timestamp now, const Zone& zone,
                                                  const store::StoredUpload* row, const connect::Refusal* refusal) {
  if (refusal != nullptr && refusal->reason != "too_recent") return std::nullopt;
  Timestamp until = pending.since.value_or(now) + kPatience;
  if (row != nullptr) until = std::min(until, row->expires_at - kRoomToSend);
  if (now >= until) return std::nullopt;
  return connect::Refusal{
      .reason = "history_pending",
      .detail = to_text(pending) + "; goes without at the latest " + format_local(until, zone),
      .look_again = refusal != nullptr && refusal->look_again ? std::min(until, *refusal->look_again) : until};
}

}  // namespace hw::reconcile
