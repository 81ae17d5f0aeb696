#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/upload.h"
#include "store/engine/db.h"

/// History that a person had sent: conversions of a goal that were reached before go-live, in a span of time, for one
/// destination in the mode that it had then: what was tried in test is no word about live. It stays until it is
/// stopped, corrections of what was sent go on for good, and asking again changes at most its rate.
namespace hw::store {

struct StoredBackfill {
  std::int64_t id = 0;
  std::string goal, destination, actor;
  Timestamp from, to;  ///< [from, to)
  std::int64_t per_hour = 0;
  Timestamp created_at;
  Mode mode = Mode::live;
};

namespace backfills {

/// The same span again takes the new rate.
void add(Tx&, const StoredBackfill&);
std::vector<StoredBackfill> list(Tx&);
/// Forgets every span of the goal at the destination, whatever its mode; says which there were.
std::vector<StoredBackfill> remove(Tx&, std::string_view goal, std::string_view destination);
struct Progress {
  std::int64_t done = 0;  ///< rows that have left, whatever was answered
  std::int64_t left = 0;  ///< rows that wait for their turn
};
Progress progress(Tx&, const StoredBackfill&);
/// Marks the records of the goal's conversions that entered within the span; says how many.
std::int64_t mark(Tx&, std::string_view goal, Timestamp from, Timestamp to, std::string_view cause);
/// How many rows of the destination's backfills may be claimed now, by the rate asked for last. What a clock that was
/// ahead attempted later than now does not count.
std::int64_t room(Tx&, std::string_view destination, Timestamp now);
/// When room() is next above zero; nullopt: it is.
std::optional<Timestamp> room_at(Tx&, std::string_view destination, Timestamp now);

}  // namespace backfills
}  // namespace hw::store
