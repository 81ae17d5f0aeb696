#pragma once
#include <string>

#include "base/zone.h"
#include "report/table.h"
#include "store/engine/db.h"

namespace hw::report {

/// Keeps what the last look for damage in the store found ("" = nothing), for `status` and for the next start.
void note_store_check(store::Tx& tx, Timestamp at, const std::string& damage);
/// Did the last look find damage?
bool was_damaged(store::Tx& tx);
/// When the store was last looked through and what was found; no rows before the first time.
Table store_check(store::Tx& tx, const Zone& zone);

}  // namespace hw::report
