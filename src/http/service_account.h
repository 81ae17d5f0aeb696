#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secret.h"

namespace hw::http {

/// The parts of a service account's JSON key file that signing in needs.
struct ServiceAccountKey {
  std::string client_email, private_key_id;
  Secret private_key;  ///< PEM
};

/// Pause "credential": not JSON, a field missing. The detail never quotes the file.
Result<ServiceAccountKey> parse_service_account(const Secret& key_json);

/// The JWT (RS256) that a service account trades for an access token (RFC 7523). Issued 30 s ago, since a clock that is
/// ahead of the server's makes tokens invalid, and good for an hour, which is the longest that servers take.
/// Pause "credential" when the private key is not an RSA key in PEM.
Result<Secret> sign_jwt(const ServiceAccountKey& key, std::string_view token_url, std::string_view scope,
                        SystemTime now);

}  // namespace hw::http
