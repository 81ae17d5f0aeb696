#pragma once
#include <map>
#include <optional>
#include <string>

#include "sandbox/consent.h"
#include "sandbox/peer.h"

namespace hw::sandbox::data_manager {

/// Google's sign-in page, its OAuth token endpoint, and who may call the API with what they gave.
class TokenDesk {
 public:
  explicit TokenDesk(World& world) : world_(world) {}
  /// GET /o/oauth2/v2/auth, as a person's browser asks for it; the person answers at once. The client is one for
  /// desktop applications: any port of loopback is a redirect address of it.
  HttpResponse consent_page(const HttpRequest& request);
  /// POST /token.
  HttpResponse grant(const HttpRequest& request);
  /// Why a call is not let in: no bearer token, an unknown or an expired one.
  std::optional<HttpResponse> refusal(const HttpRequest& request) const;

 private:
  HttpResponse refresh(const std::map<std::string, std::string>& form);
  HttpResponse exchange(const std::map<std::string, std::string>& form);
  HttpResponse bearer(const std::map<std::string, std::string>& form);
  HttpResponse issue();

  World& world_;
  CodeDesk codes_{"4/0Ab-sandbox-"};
  LoginTokens logins_{world_, "1//sandbox-login-"};
  std::map<std::string, Timestamp> tokens_;  ///< token -> its end
  std::uint64_t issued_ = 0;
};

}  // namespace hw::sandbox::data_manager
