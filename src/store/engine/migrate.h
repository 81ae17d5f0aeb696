#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/engine/driver.h"
#include "store/schema.h"

namespace hw::store {

/// A migration's statements in an engine's dialect: comments gone, divided by ";" at a line's end.
std::vector<std::string> migration_statements(std::string_view sql, const Dialect& dialect);

/// Brings the store forward to the last of `known`, each migration with its version in one transaction of its own, so
/// that a failure leaves the version before it. Errors: "store_newer", "store_corrupt" (another program's tables).
Status migrate(Db& db, Driver& driver, std::span<const Migration> known);

/// For stores opened to read: exactly the last of `known`, else "store_newer", "store_older" or "store_missing".
Status check_version(Db& db, Driver& driver, std::span<const Migration> known);

}  // namespace hw::store
