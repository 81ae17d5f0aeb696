#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/identities.h"

/// Identifiers whose history a source is asked for (connect::TouchLookup): one row per connector instance and
/// identifier. A row repeats no value: what is asked for stands in `identifier`, among what a CRM record knows or what
/// is linked to it, so that the queue adds no personal data to the store.
///
///     queued ---> asked ---> answered        asked: in the batch under way, of which a connector has one at a time
///        \----> resting (---> asked)         resting: no record stands behind it; looked at again at `ask_at`
///
/// An answered one with an `ask_at` is asked again then. Unanswered is what was never answered, whatever its state.
namespace hw::store {

struct StoredLookup {
  std::string state;  ///< "queued", "asked", "answered", "resting"
  Timestamp queued_at;
  std::optional<Timestamp> asked_at;     ///< begin of its last batch
  std::optional<Timestamp> answered_at;  ///< of its last answer; set for good
  std::optional<Timestamp> ask_at;       ///< not before; none: never again
};

namespace lookups {

/// Is there an identifier that queue_known() has not walked over? Probes an index.
bool any_unwalked(Tx&, std::string_view connector, const std::set<std::string>& types);
/// Walks over the next `limit` identifiers, oldest first, and queues those of these types; what was queued before stays
/// as it is. Returns whether there may be more. Other types than last time: begins anew.
bool queue_known(Tx&, std::string_view connector, const std::set<std::string>& types, std::int64_t limit,
                 Timestamp now);

/// To be asked at `moment`, at most `limit`: the queued ones first, each by (ask_at, id). None of the batch under way.
std::vector<StoredIdentifier> due(Tx&, std::string_view connector, Timestamp moment, std::int64_t limit);
/// The earliest ask_at outside the batch under way.
std::optional<Timestamp> next_due(Tx&, std::string_view connector);
/// The batch under way, by identifier id.
std::vector<StoredIdentifier> asked(Tx&, std::string_view connector);
std::optional<StoredLookup> find(Tx&, std::string_view connector, std::int64_t identifier);

void ask(Tx&, std::string_view connector, std::int64_t identifier, Timestamp now);
void answer(Tx&, std::string_view connector, std::int64_t identifier, Timestamp now, std::optional<Timestamp> ask_at);
void rest(Tx&, std::string_view connector, std::int64_t identifier, Timestamp until);
/// No longer of a type that the source answers for.
void drop(Tx&, std::string_view connector, std::int64_t identifier);
/// All of a connector: it is not asked any more.
void forget(Tx&, std::string_view connector);
/// The batch under way is given up: its identifiers are due as they were before it.
void put_back(Tx&, std::string_view connector);

struct LookupCount {
  std::string connector;
  std::int64_t queued = 0, asked = 0, answered = 0, resting = 0;
  std::optional<Timestamp> oldest;       ///< queued_at of the one that waits longest for its first answer, not resting
  std::optional<Timestamp> last_answer;  ///< answered_at of the latest
};
std::vector<LookupCount> counts(Tx&);  ///< by scan: for status, never for the loop
/// Queued and asked ones, counted to `limit`, by an index.
std::int64_t count_waiting(Tx&, std::string_view connector, std::int64_t limit);
/// Since when the one that waits longest among them was to be asked, by an index.
std::optional<Timestamp> oldest_waiting(Tx&, std::string_view connector);
/// Connector instances that identifiers were ever queued for.
std::vector<std::string> connectors(Tx&);

}  // namespace lookups
}  // namespace hw::store
