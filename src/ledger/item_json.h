#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/connector.h"

namespace hw::ledger {

/// The frozen request item as the ledger keeps it. Exact: reading what was written gives the same item, byte for byte.
std::string item_to_json(const connect::Item& item);
/// Error code "item": the row was not written by this program.
Result<connect::Item> item_from_json(std::string_view json);

}  // namespace hw::ledger
