#pragma once
#include "reconcile/assess.h"

/// No pass lowers much unasked (DESIGN section 5, The brake, and section 10).
namespace hw::reconcile {

/// Do lowerings of the destination wait for a person? Judged when one of `conversion` by `micros` is about to be made:
/// what went in the last 24 hours, what waits, and this one, against `max_lowering`. Sets the brake, and says so once,
/// when it is too much.
bool brake_closed(store::Tx& tx, const DestinationPlan& plan, std::int64_t conversion, const std::string& currency,
                  std::int64_t micros, Timestamp now);

/// What goes besides, and the ledger does not know yet.
struct Lowered {
  std::int64_t n = 0, micros = 0;
};
/// As brake_closed(), but sets none: whether this one would have to wait.
bool would_brake(store::Tx& tx, const DestinationPlan& plan, std::int64_t conversion, const std::string& currency,
                 std::int64_t micros, Timestamp now, const Lowered& besides);

/// Lets what waits behind the brake go. False: no such brake waits.
bool approve_brake(store::Tx& tx, std::int64_t id, const std::string& actor, Timestamp now);

/// A brake ends when nothing waits behind it any more: let go by a person, or wanted no longer.
Status release_brakes(store::Db& db, Timestamp now);

}  // namespace hw::reconcile
