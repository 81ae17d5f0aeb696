#pragma once
#include <map>
#include <string>

#include "sandbox/consent.h"
#include "sandbox/peer.h"

namespace hw::sandbox::hubspot {

/// HubSpot's install page for OAuth apps, its token endpoint, and who may call the API with what they gave. Refusals
/// are thrown as Refused.
class SignInDesk {
 public:
  explicit SignInDesk(World& world) : world_(world) {}
  /// GET /oauth/authorize, as a person's browser asks for it; the person answers at once. The redirect address must be
  /// entered with the app, which must have every scope that is asked for.
  HttpResponse consent_page(const HttpRequest& request);
  /// POST /oauth/<version>/token
  HttpResponse grant(const HttpRequest& request);
  void check(const HttpRequest& request) const;

 private:
  using Form = std::map<std::string, std::string>;
  HttpResponse exchange(const Form& form);
  HttpResponse refresh(const Form& form);
  HttpResponse issue(const std::string& refresh_token);

  World& world_;
  CodeDesk codes_{"sandbox-hubspot-code-"};
  LoginTokens logins_{world_, "sandbox-hubspot-login-"};
  std::map<std::string, Timestamp> tokens_;  ///< access token: its end
  std::uint64_t issued_ = 0;
};

}  // namespace hw::sandbox::hubspot
