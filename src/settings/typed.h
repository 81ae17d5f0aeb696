#pragma once
#include <vector>

#include "connect/options.h"
#include "settings/settings.h"

namespace hw::settings {

/// Where findings go. Errors refuse the configuration; warnings are shown.
struct Findings {
  std::vector<OptionError> errors, warnings;
  void error(const Mark& at, std::string message) { errors.push_back({at, std::move(message)}); }
  void warn(const Mark& at, std::string message) { warnings.push_back({at, std::move(message)}); }
};

/// Turns read sections into Settings, value by value; what is wrong inside one value is told here, what is wrong
/// between values by cross_check(). `root` may be incomplete where errors were found: the result is then only fit for
/// more checks. goals[i], stages[i] and destinations[i] come from the i-th entry of their section.
Settings typed(const connect::Options& root, Findings& findings);

}  // namespace hw::settings
