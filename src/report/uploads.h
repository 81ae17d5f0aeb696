#pragma once
#include <optional>
#include <vector>

#include "base/zone.h"
#include "report/table.h"
#include "store/ledger_rows.h"

namespace hw::report {

/// Ledger rows by filter: `headwater uploads list`.
Table uploads(store::Tx& tx, const store::ledger_rows::UploadFilter& filter, const Zone& zone);
/// One ledger row with its frozen item and its audit trail: `headwater uploads show ID`. Empty when there is none.
std::vector<Table> upload(store::Tx& tx, std::int64_t id, const Zone& zone);

}  // namespace hw::report
