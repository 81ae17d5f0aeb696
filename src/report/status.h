#pragma once
#include <string>
#include <vector>

#include "report/table.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// What an operator looks at first: sources with their streams and when they were last read, destinations with what
/// waits, backfills, what of the day's quotas is used, what is paused and why, credentials that end soon, brakes, rows
/// set aside, and what is not marked as looked at yet. `connectors` know which platforms confirm what they get.
std::vector<Table> status(store::Tx& tx, const settings::Settings& settings, Timestamp now,
                          const settings::Connectors& connectors = {});

/// Errors (a line each) of a configuration that the running daemon was asked to take and refused: status() shows them
/// until they are "".
void note_refused_configuration(store::Tx& tx, const std::string& errors, Timestamp now);

}  // namespace hw::report
