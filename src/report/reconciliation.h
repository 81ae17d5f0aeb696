#pragma once
#include <string>
#include <vector>

#include "base/zone.h"
#include "report/table.h"
#include "store/engine/db.h"

namespace hw::report {

/// The accounts of DESIGN section 5 from the ledger's running totals: per destination, goal and currency what is
/// wanted, taken, missing (by reason), told and told too much; for the goal marked `revenue: true` what the CRM holds
/// as closed-won beside it. Every row adds up to the cent: wanted = taken + missing, told = taken + correction_waiting
/// + uncorrectable. The reasons' lines add up to them: taken is what conversions of state taken are worth and the taken
/// part (`also_taken`) of missing and excess ones, for which the standings are read where there are such.
std::vector<Table> reconciliation(store::Tx& tx);

/// Which conversions; empty members mean all. `reason` is any that the report shows: a conversion's own, or the class
/// of what was told too much (correction_waiting, uncorrectable).
struct Behind {
  std::string destination, goal, reason, state;
  std::int64_t limit = 0;  ///< 0 = all
};
/// The subjects behind the accounts, one row a conversion and destination.
Table conversions(store::Tx& tx, const Behind& behind, const Zone& zone);

}  // namespace hw::report
