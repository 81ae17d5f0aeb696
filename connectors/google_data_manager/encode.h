#pragma once
#include <span>
#include <string>
#include <vector>

#include "connect/connector.h"
#include "connectors/google_data_manager/config.h"
#include "model/conversion.h"

/// Pure: conversions to the JSON that the API takes. No double touches a value, no locale a number.
namespace hw::connectors::google_data_manager {

/// What one event identifies by. `click` may be null; so may the hashes be empty, but not both.
struct Identifiers {
  const Click* click = nullptr;
  std::vector<std::string> emails, phones;  ///< hex SHA-256, at most ten identifiers in all
  std::string given_name, family_name;      ///< hex SHA-256; sent only together with country and postal code
  std::string country, postal_code;

  [[nodiscard]] bool has_user_data() const { return !emails.empty() || !phones.empty() || has_address(); }
  [[nodiscard]] bool has_address() const {
    return !given_name.empty() && !family_name.empty() && !country.empty() && !postal_code.empty();
  }
  /// Types and hash forms, as Item::identifier_types wants them.
  [[nodiscard]] std::vector<std::string> types() const;
};

/// The hashes of a conversion that the configuration lets go out: well-formed, lower-case, never that of the empty
/// string, at most ten identifiers (the API's limit per event).
Identifiers user_data_of(const Conversion& conversion, const Config& config);

/// The frozen text of one event.
std::string event_json(const Conversion& conversion, const Identifiers& identifiers, const std::string& event_source);

/// The accepted event with another value: everything else stays as it went out, since Google overwrites value and
/// currency alone and wants the original's identifiers again. Error reject_row "original" when the text is not an event
/// of ours.
Result<std::string> restated_json(const std::string& original, const Money& value);

/// The request body: one destination, hexadecimal hashes, the events as frozen.
std::string request_json(std::span<const connect::Item> items, const connect::Target& target,
                         const std::string& login_account, bool validate_only);

}  // namespace hw::connectors::google_data_manager
