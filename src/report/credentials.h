#pragma once
#include <optional>
#include <string>
#include <vector>

#include "http/credential_facts.h"
#include "report/table.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// What is known of one credential that a connector uses. Holds no secret that the settings do not.
struct CredentialState {
  http::Credential credential;
  std::vector<std::string> connectors;  ///< that use it
  http::CredentialFacts facts;
  std::optional<Timestamp> ends_at;
  /// Nobody can sign in with it before a person did something: no token yet, or the last try was refused.
  [[nodiscard]] bool is_signed_out() const;
  /// It ends within http::kWarnAhead, or has ended.
  [[nodiscard]] bool ends_soon(Timestamp now) const;
};

/// @param tx  null where there is no store yet
std::vector<CredentialState> credential_states(store::Tx* tx, const settings::Settings& settings);

/// `headwater auth status`.
Table credentials(const std::vector<CredentialState>& states, const Zone& zone);

/// What a person does when it ends.
std::string renewal_of(const CredentialState& state);

}  // namespace hw::report
