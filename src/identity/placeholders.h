#pragma once
#include <string_view>

/// Values that stand for "nothing": they join no one and are never hashed.
namespace hw::identity {

/// "", "undefined", "null", "(not set)", "n/a", "[object Object]", an un-expanded macro ("{gclid}", "${CLICK}"), zeros
/// alone. Any case.
bool is_placeholder(std::string_view value);
/// Addresses that forms are filled with when no one wants to give theirs: "test@test.com", "none@none.com". Normalised
/// input.
bool is_placeholder_email(std::string_view normalised);
/// The SHA-256 of a placeholder address, or of nothing.
bool is_placeholder_hash(std::string_view lower_hex);
/// One digit all along, or counting up: "+11111111111", "1234567890". With or without "+" and punctuation.
bool is_placeholder_phone(std::string_view text);
/// A user id that a site gives to everybody: "anonymous", "guest", "test".
bool is_placeholder_user(std::string_view value);

/// A name field that holds no name. Narrower than is_placeholder(): "Na", "Nan" and "True" are names.
bool is_placeholder_name(std::string_view value);

}  // namespace hw::identity
