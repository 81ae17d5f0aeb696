#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/zone.h"
#include "model/timestamp.h"

namespace hw::report {

/// An amount as a numeric cell: exact decimal text with the currency's minor digits ("18250.00").
std::string amount_cell(std::int64_t micros, const std::string& currency);
/// A time in the reporting zone, "-" where there is none.
std::string time_cell(const std::optional<Timestamp>& at, const Zone& zone);

}  // namespace hw::report
