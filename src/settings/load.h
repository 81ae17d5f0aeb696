#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings/settings.h"

/// load() in two parts, so that tests and the fuzzer need no files.
namespace hw::settings {

/// Gives the files that a pattern of `include:` names, sorted. What is wrong is added to the errors or warnings at
/// `at`.
using Include = std::function<std::vector<Document>(
    const std::string& pattern, const Mark& at, std::vector<OptionError>& errors, std::vector<OptionError>& warnings)>;

/// @param base_dir  where relative paths begin; "" = the working directory
std::variant<Loaded, std::vector<OptionError>> load_text(const Document& main, const std::string& base_dir,
                                                         const Include& include, const connect::Registry&,
                                                         const LoadOptions&);

}  // namespace hw::settings
