#pragma once
#include <functional>
#include <string>

#include "http/client.h"

namespace hw::http {

struct AccessToken {
  Secret token;
  Duration life{};  ///< from the answer's expires_in
};

/// Posts to a token endpoint.
using PostToken = std::function<Result<Response>(const Request&, const std::stop_token&)>;

/// Trades one refresh_token or service_account credential for access tokens, and keeps the refresh token that the
/// server put in the place of the configured one (the seed). One caller at a time.
class Grant {
 public:
  Grant(Credential credential, StateStore* state);

  /// Errors as of Tokens::get, and those of StateStore::save: a rotated refresh token that could not be made durable is
  /// never used, but kept and saved first at the next call.
  Result<AccessToken> fetch(const Auth& auth, SystemTime now, const PostToken& post, const std::stop_token& stop);

 private:
  Result<std::string> form(const Auth& auth, SystemTime now);
  Result<AccessToken> read(const Response& response, const Auth& auth, SystemTime now);
  Error refused(const Response& response, const Auth& auth) const;
  Error explained(Error error) const;
  Status rotate(const std::string& answered);
  void load_rotated();
  Status save_rotated();

  const Credential credential_;
  StateStore* const state_;
  Secret refresh_token_;
  bool loaded_ = false;
  bool unsaved_ = false;  ///< refresh_token_ came from the server and is not durable yet
};

}  // namespace hw::http
