#pragma once
#include <vector>

#include "reconcile/subject.h"
#include "store/ledger_rows.h"

namespace hw::reconcile {

/// Merged into the survivor, or into what was merged into it.
std::vector<std::int64_t> losers_of(store::Tx& tx, std::int64_t survivor);

/// A merge's survivor keeps its own key; where only the loser was told, the survivor adopts the loser's conversion, so
/// that what the platform believes goes on under one key (DESIGN section 10, Merge). The loser takes the survivor's
/// untold one in exchange. The loser is marked to be looked at again: its place in the accounts is another one now.
void adopt_from_merged(store::Tx& tx, const Subject& survivor);
/// A merge was undone: what was adopted from the record is its own again, and what it took in exchange goes back.
void take_back_after_merge(store::Tx& tx, const Subject& subject);
/// When a record last went into it: what settles counts from then, too. The beginning of time where none did.
Timestamp last_merge(store::Tx& tx, std::int64_t survivor);

/// The subject's conversions as they would be after that, for its survivor as for its losers. Writes nothing.
std::vector<store::StoredConversion> conversions_after_merges(store::Tx& tx, const Subject& subject);

}  // namespace hw::reconcile
