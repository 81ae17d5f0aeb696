#pragma once
#include <string>
#include <utility>
#include <vector>

#include "connect/options.h"

namespace hw::conformance {

/// Overrides as a test writes them: {{"account", "123"}, {"rows", 5}, {"token", Secret("x")}}. Durations are
/// microseconds.
using Overrides = std::vector<std::pair<std::string, decltype(connect::OptionValue::value)>>;

/// Options as src/settings would give them: every declared option has an entry, with its default where nothing is
/// given. The n-th declaration stands at line n of "test.yaml". Throws std::invalid_argument for an override that is
/// not declared and for a default that its own type does not read: both are mistakes of the test or the declaration.
connect::Options fill_defaults(const std::vector<connect::OptionDecl>& declarations, const Overrides& overrides = {});

}  // namespace hw::conformance
