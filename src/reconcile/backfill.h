#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "reconcile/assess.h"

namespace hw::reconcile {

/// What a backfill would do, by what becomes of each conversion of its span: count and money.
struct Backfilled {
  std::string state;   ///< "sent", or as in the accounts: "taken", "missing", "none", ...
  std::string reason;  ///< why not: "expired", "no_identifier", ...; "" when it is or was sent
  std::string currency;
  std::int64_t n = 0, micros = 0;
};
/// As if `backfill` had been asked for. Reads only.
Result<std::vector<Backfilled>> try_backfill(const settings::Settings& settings, const settings::Connectors& connectors,
                                             store::Db& db, const Clock& clock, const store::StoredBackfill& backfill);

/// The request row's text, and back. Error code "backfill".
std::string to_text(const store::StoredBackfill& backfill);
Result<store::StoredBackfill> backfill_from(std::string_view text);

/// A request that stops every backfill of the goal for the destination: none an hour.
store::StoredBackfill stop_of(std::string goal, std::string destination);

/// Takes a backfill up: from the next pass on its conversions are wanted, in the mode that the destination has. Or, at
/// no rows an hour, stops it: what has not left is wanted no more. Says what was done, for who asked.
std::string take_up(store::Tx& tx, const settings::Settings& settings, const store::StoredBackfill& backfill);

}  // namespace hw::reconcile
