#pragma once
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connect/registry.h"
#include "http/client.h"
#include "settings/settings.h"

namespace hw::service {

/// What one connector's login is about.
struct LoginTarget {
  std::string connector;
  http::Credential credential;
  http::LoginPlace place;            ///< scopes of all connectors that share credential and token_url
  std::vector<std::string> sharing;  ///< every connector that uses the credential, this one too
};

/// Errors "usage": no such connector (with the nearest name), or none that a person signs in to.
Result<LoginTarget> login_target(const settings::Settings& settings, const connect::Registry& registry,
                                 const std::string& connector);

/// Error "usage" with the nearest name, or all.
Error unknown_connector(const settings::Settings& settings, const std::string& name);

struct LoginOptions {
  std::string connector;
  bool paste = false;  ///< no browser on this machine: the person brings the address by hand
  int port = 0;        ///< of the redirect address; 0: a free one, or kPastePort
  Duration patience = std::chrono::minutes(5);
  /// A sandbox's clock, which says when the login was. Waiting is on the machine's, for the sandbox would let months
  /// pass meanwhile.
  const Clock* followed = nullptr;
};
inline constexpr int kPastePort = 8975;

/// How a login talks with the person.
struct LoginTalk {
  std::function<void(const std::string& text)> say;
  std::function<std::optional<std::string>()> read_line;  ///< nullopt: nothing more comes
};

/// `headwater auth login`: leads a person through the vendor's page, exchanges the code, and keeps the refresh token
/// where rotated ones are kept. It works beside a running daemon, which reads what is kept before every refresh and so
/// goes on with the new token; pauses for want of a sign-in are lifted. Returns what to tell the person.
/// Errors: those of login_target, LoginCallback and http::Login, and the store's.
Result<std::string> log_in(const settings::Settings& settings, const connect::Registry& registry,
                           const LoginOptions& options, const LoginTalk& talk, Clock& clock, std::stop_token stop);

}  // namespace hw::service
