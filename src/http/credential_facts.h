#pragma once
#include <optional>
#include <string>

#include "http/client.h"
#include "http/refresh_token.h"

/// What may be told of a credential, kept beside the lanes' budgets in the StateStore: when it last signed in, when it
/// failed and why, when its token ends. No secret.
namespace hw::http {

struct CredentialFacts {
  bool by_login = false, rotated = false;  ///< of the present refresh token, as RefreshToken has them
  std::optional<SystemTime> since{};       ///< when that token was given
  std::optional<SystemTime> ends_at{};     ///< when it ends, where the server told
  std::optional<SystemTime> refreshed_at{}, failed_at{};
  std::string failure{};     ///< the last one, for people
  bool signed_out = false;   ///< the last try was refused, and only a person can mend it
  std::string token_mark{};  ///< tells one refresh token from the next; nothing follows from it
  bool is_known() const { return refreshed_at || failed_at || since; }
};

std::string facts_key(const std::string& credential);
CredentialFacts read_facts(const std::string& text);
std::string facts_text(const CredentialFacts& facts);

/// The facts after an exchange that gave access with `token`; `told_life`: how long the refresh token lives on, if the
/// server said so.
CredentialFacts after_success(CredentialFacts facts, const RefreshToken& token, std::optional<Duration> told_life,
                              SystemTime now);
CredentialFacts after_failure(CredentialFacts facts, const Error& error, SystemTime now);

/// The earlier of what the configuration says and what the server told.
std::optional<SystemTime> ends_at(const std::optional<SystemTime>& configured, const CredentialFacts& facts);

/// How long ahead people are told that a credential ends.
inline constexpr Duration kWarnAhead = std::chrono::hours(24 * 14);

}  // namespace hw::http
