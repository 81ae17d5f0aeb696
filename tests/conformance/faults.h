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

/// One way in which a request goes wrong, and what the connector must make of it.
struct Fault {
  std::string name;
  std::function<Result<http::Response>(const http::Response& good)> answer;
  std::set<Action> actions;               ///< any of these
  std::optional<Duration> retry_after{};  ///< the server's wish, to be handed on
  bool maybe_applied = false;             ///< of a sink's request
};

/// 401, 403, 429 with seconds, with a date and with nothing, 500, 503, time-out, reset, an answer cut in half, a page
/// of HTML and broken JSON under 200.
std::vector<Fault> faults(SystemTime now);

}  // namespace hw::conformance
