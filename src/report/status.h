#pragma once
#include <vector>

#include "report/table.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// What an operator looks at first: sources with their streams and when they were last read, destinations with what
/// waits, what is paused and why, brakes, rows set aside, and what is not marked as looked at yet.
std::vector<Table> status(store::Tx& tx, const settings::Settings& settings, Timestamp now);

}  // namespace hw::report
