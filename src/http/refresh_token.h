#pragma once
#include <optional>
#include <string>

#include "http/client.h"

/// The refresh token of a credential as it is kept: the one secret at rest. It is bound to a hash of its seed, the
/// token in the configuration (which may hold none), so that a new seed there wins over whatever is kept.
namespace hw::http {

struct RefreshToken {
  Secret token;
  bool by_login = false;  ///< it, or the one that it followed, came of a person's login; else from the configuration
  bool rotated = false;   ///< the server put it in the place of that one
  std::optional<SystemTime> since{};  ///< when it was given; unknown of the seed itself
};

/// Key under which a StateStore keeps it, and whose hold() its only refresher has.
std::string refresh_token_key(const Credential& credential);

/// The one that is good now: what is kept, else the seed. Empty: nobody has signed in yet.
RefreshToken present_refresh_token(StateStore& state, const Credential& credential);

/// Durable when it returns. To be called by who holds its key.
Status keep_refresh_token(StateStore& state, const Credential& credential, const RefreshToken& token);

}  // namespace hw::http
