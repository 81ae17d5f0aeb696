#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conformance/fake_http.h"

namespace hw::conformance {

/// Stands in every faulty body: wherever else it is found, a body was copied.
inline constexpr std::string_view kBodyCanary = "zq-body-canary";
/// Where a redirect of the faults leads: nobody may ask there, with or without credentials.
inline constexpr std::string_view kElsewhere = "https://elsewhere.example.com";

/// One way in which a request goes wrong, and what the connector must make of it.
struct Fault {
  std::string name;
  std::function<Result<http::Response>(const http::Response& good)> answer;
  std::set<Action> actions;               ///< any of these
  std::optional<Duration> retry_after{};  ///< the server's wish, to be handed on
  bool maybe_applied = false;             ///< of a sink's request
};

/// 401, 403, redirects to this and another host, 408, 429 and 503 with Retry-After in seconds, 429 with a date and with
/// nothing, 500, 502, 503, 504; what the HTTP client says of the network, of certificates, of its lanes and of signing
/// in; and under 200 an answer cut in half, a page of HTML, and JSON that is broken, no object, null or not UTF-8.
std::vector<Fault> faults(SystemTime now);

}  // namespace hw::conformance
