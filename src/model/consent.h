#pragma once
#include <optional>
#include <string>

#include "model/timestamp.h"

namespace hw {

enum class ConsentState : std::uint8_t { unknown, granted, denied };
const char* to_string(ConsentState s);
/// Reads true/false, yes/no, granted/denied, 1/0, opt_in/opt_out in any case; anything else is unknown.
ConsentState consent_from(std::string_view text);

/// What a person allowed, as last known. `region` is an upper-case ISO 3166 alpha-2 country or "".
struct Consent {
  ConsentState ad_user_data = ConsentState::unknown;
  ConsentState ad_personalization = ConsentState::unknown;
  friend bool operator==(const Consent&, const Consent&) = default;
};

}  // namespace hw
