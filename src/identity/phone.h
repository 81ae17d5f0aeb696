#pragma once
#include <optional>
#include <string>
#include <string_view>

/// The one place that knows libphonenumber: heavy to include and about 15 microseconds a number, so it is called once
/// per value, as a page is read.
namespace hw::identity {

/// E.164 ("+14155550123") of a number as people write it: an extension is cut, "00" and "+" mean international, a
/// national number is read by `country` (alpha-2). Without a country the digits are taken as international. nullopt
/// when no rule reads it: letters alone, too short or too long for its country, not 7 to 15 digits.
std::optional<std::string> phone_e164(std::string_view text, std::string_view country);

}  // namespace hw::identity
