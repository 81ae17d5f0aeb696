#pragma once
#include <map>
#include <optional>
#include <string>

#include "sandbox/peer.h"

namespace hw::sandbox::data_manager {

/// Google's OAuth token endpoint, and who may call the API with what it gave.
class TokenDesk {
 public:
  explicit TokenDesk(const World& world) : world_(world) {}
  /// POST /token.
  HttpResponse grant(const HttpRequest& request);
  /// Why a call is not let in: no bearer token, an unknown or an expired one.
  std::optional<HttpResponse> refusal(const HttpRequest& request) const;

 private:
  HttpResponse refresh(const std::map<std::string, std::string>& form);
  HttpResponse bearer(const std::map<std::string, std::string>& form);
  HttpResponse issue();

  const World& world_;
  std::map<std::string, Timestamp> tokens_;  ///< token -> its end
  std::uint64_t issued_ = 0;
};

}  // namespace hw::sandbox::data_manager
