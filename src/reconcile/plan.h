#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "reconcile/assess.h"

namespace hw::reconcile {

/// What a configuration would newly send, restate and retract, per destination: count and money. Destinations in
/// shadow are shown as if they sent.
struct PlannedChange {
  std::string destination, goal, operation, currency;
  Mode mode = Mode::live;
  std::int64_t n = 0, micros = 0;  ///< micros: value to be sent; for lowerings the amount taken away
};
/// Reads only. `settings` and `connectors` may be a candidate configuration's.
Result<std::vector<PlannedChange>> plan(const settings::Settings& settings, const settings::Connectors& connectors,
                                        store::Db& db, const Clock& clock);

/// The rows that destinations in shadow would send now, up to `limit`, by record.
Result<std::vector<store::StoredUpload>> shadow_rows(const settings::Settings& settings,
                                                     const settings::Connectors& connectors, store::Db& db,
                                                     const Clock& clock, std::string_view destination,
                                                     std::size_t limit);

/// Every destination of the configuration whose connector is enabled, as an assessment sees it.
std::vector<DestinationPlan> destination_plans(store::Tx& tx, const settings::Settings& settings,
                                               const settings::Connectors& connectors, Timestamp now);

/// Where the configuration of a destination is kept as the last start knew it, and the id of the last row from before
/// it changed.
std::string fingerprint_key(const std::string& destination);
std::string mended_key(const std::string& destination);

/// Where the go-live of a destination is kept: it belongs to its mode, a test run never makes live history.
std::string go_live_scope(Mode mode);
/// At a start: a destination counts from its first one in its mode and, told of another goal than at the last one (one
/// with another name, too), from now on; `go_live:` of the goal says otherwise.
void note_go_live(store::Tx& tx, const settings::Destination& d, Timestamp now);
/// Notes where the destination tells. At the first start after a restore what the backup noted otherwise says that the
/// daemon of the gap may have told it there.
void note_place(store::Tx&, const settings::Destination&, bool first_after_restore);

}  // namespace hw::reconcile
