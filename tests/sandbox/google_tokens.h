#pragma once
#include <map>
#include <optional>
#include <string>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// Google's OAuth token endpoint, as the peers of its APIs share it: refresh_token and jwt-bearer (RS256) grants for
/// one scope; tokens live 3600 s.
class GoogleTokens {
 public:
  GoogleTokens(const World& world, std::string scope) : world_(world), scope_(std::move(scope)) {}
  /// POST /token.
  HttpResponse grant(const HttpRequest& request);
  /// May this call be let in?
  enum class Bearer : std::uint8_t { good, missing, unknown, expired };
  [[nodiscard]] Bearer bearer_of(const HttpRequest& request) const;

 private:
  HttpResponse refresh(const std::map<std::string, std::string>& form);
  HttpResponse jwt_bearer(const std::map<std::string, std::string>& form);
  HttpResponse issue();
  [[nodiscard]] bool is_asked(std::string_view scopes) const;

  const World& world_;
  const std::string scope_;
  std::map<std::string, Timestamp> tokens_;  ///< token -> its end
  std::uint64_t issued_ = 0;
};

}  // namespace hw::sandbox
