#pragma once
#include <string>
#include <vector>

#include "report/table.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// The whole story of one record: what it is, how its person was resolved (with the evidence of each step), the
/// journey, the stage history, its conversions, the click chosen and those passed over, and per destination every
/// upload, answer and adjustment or the reason for none. `id` is the CRM's id, or "crm:id" where several CRMs share it.
/// Error code "not_found" tells what was looked for.
Result<std::vector<Table>> explain(store::Tx& tx, const settings::Settings& settings, Object object,
                                   const std::string& id);

}  // namespace hw::report
