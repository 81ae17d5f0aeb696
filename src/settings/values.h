#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "settings/settings.h"

/// The small languages inside texts of goals. Every Error's detail says what was expected.
namespace hw::settings {

/// none | amount | field NAME | fixed 150 [EUR] | share 20%
Result<ValueRule> parse_value_rule(std::string_view text);

/// withhold (nullopt) | fixed 100
Result<std::optional<std::int64_t>> parse_missing_value(std::string_view text);

struct CountRule {
  Goal::Count count = Goal::Count::once_per_lineage;
  Duration within{};
};
/// once_per_lineage | once_per_person within 30d | each
Result<CountRule> parse_count(std::string_view text);

}  // namespace hw::settings
