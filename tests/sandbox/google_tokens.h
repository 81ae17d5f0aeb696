#pragma once
#include <map>
#include <optional>
#include <string>

#include "sandbox/consent.h"
#include "sandbox/peer.h"

namespace hw::sandbox {

/// Google's sign-in page and OAuth token endpoint, as the peers of its APIs share them: refresh_token, jwt-bearer
/// (RS256) and authorization_code grants for one scope; tokens live 3600 s.
class GoogleTokens {
 public:
  GoogleTokens(World& world, std::string scope) : world_(world), scope_(std::move(scope)) {}
  /// GET /o/oauth2/v2/auth, as a person's browser asks for it; the person answers at once. The client is one for
  /// desktop applications: any port of loopback is a redirect address of it.
  HttpResponse consent_page(const HttpRequest& request);
  /// POST /token.
  HttpResponse grant(const HttpRequest& request);
  /// May this call be let in?
  enum class Bearer : std::uint8_t { good, missing, unknown, expired };
  [[nodiscard]] Bearer bearer_of(const HttpRequest& request) const;

 private:
  HttpResponse refresh(const std::map<std::string, std::string>& form);
  HttpResponse exchange(const std::map<std::string, std::string>& form);
  HttpResponse jwt_bearer(const std::map<std::string, std::string>& form);
  HttpResponse issue();
  [[nodiscard]] HttpResponse with_refresh_token(HttpResponse out, const std::string& token) const;
  [[nodiscard]] bool is_asked(std::string_view scopes) const;

  World& world_;
  const std::string scope_;
  CodeDesk codes_{"4/0Ab-sandbox-"};
  LoginTokens logins_{world_, "1//sandbox-login-"};
  std::map<std::string, Timestamp> tokens_;  ///< token -> its end
  std::uint64_t issued_ = 0;
};

}  // namespace hw::sandbox
