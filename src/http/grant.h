#pragma once
#include <optional>
#include <string>

#include "http/client.h"
#include "http/refresh_token.h"
#include "http/token_form.h"

namespace hw::http {

struct AccessToken {
  Secret token;
  Duration life{};  ///< from the answer's expires_in
};

/// Trades one refresh_token or service_account credential for access tokens, and keeps the refresh token that the
/// server put in the place of the one before. One caller at a time; among processes one refresher at a time, who reads
/// what is kept first, so that another's rotation or a person's new login is taken up and never undone.
class Grant {
 public:
  Grant(Credential credential, StateStore* state);

  /// Errors as of Tokens::get, and those of StateStore::hold and save: a rotated refresh token that could not be made
  /// durable is never used, but kept and saved first at the next call.
  Result<AccessToken> fetch(const Auth& auth, SystemTime now, const PostToken& post, const std::stop_token& stop);

 private:
  Result<AccessToken> exchange(const Auth& auth, SystemTime now, const PostToken& post, const std::stop_token& stop);
  Result<std::string> form(const Auth& auth, SystemTime now);
  Status take_up();
  Status rotate(const Secret& answered, SystemTime now);
  void note(const Result<AccessToken>& outcome, SystemTime now);
  Error explained(Error error) const;

  const Credential credential_;
  StateStore* const state_;
  RefreshToken present_;                  ///< what the last exchange was made with
  std::optional<RefreshToken> unsaved_;   ///< the server's successor of it, not durable yet
  std::optional<Duration> refresh_life_;  ///< what the last answer told
};

}  // namespace hw::http
