#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/options.h"

/// One value by its declaration: reading it, saying what was expected, and showing it again. Lists, maps, groups and
/// secrets are the reader's.
namespace hw::settings {

using Value = decltype(connect::OptionValue::value);

/// Reads a scalar as a person writes it. With error code "option" the detail is a hint that follows what was expected
/// ("did you mean 'send'?") or ""; with any other code it is the whole explanation.
Result<Value> read_scalar(const connect::OptionDecl& decl, std::string_view text);

/// "a whole number from 1 to 500", "one of withhold, send".
std::string expected(const connect::OptionDecl& decl);

/// The short name of a type for the reference page: "whole number", "duration".
std::string type_name(const connect::OptionDecl& decl);

/// A number of that type as a person writes it: seconds as "5m", bytes as "64KiB", millionths as "20%".
std::string shown(connect::OptionType type, std::int64_t number);

/// "from 1 to 500", "at least 30s", "".
std::string range(const connect::OptionDecl& decl);

/// "30s", "5m", "1h", "7d".
Result<Duration> parse_duration(std::string_view text);
/// "20%" or "0.2", in millionths.
Result<std::int64_t> parse_share(std::string_view text);

}  // namespace hw::settings
