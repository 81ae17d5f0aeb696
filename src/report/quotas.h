#pragma once
#include "report/table.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// What of a day's budget is used, of how much, and when there is more: the vendors' lanes, and the entries of
/// `source_fields`. Lanes that a server closed for a while are told too. As last kept: some seconds old.
Table quotas(store::Tx& tx, const settings::Settings& settings, Timestamp now);

}  // namespace hw::report
