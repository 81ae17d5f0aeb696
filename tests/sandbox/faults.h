#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/timestamp.h"
#include "sandbox/peer.h"

namespace hw::sandbox {

/// A fault on demand, for the next `times` requests that match.
struct Fault {
  std::string peer;         ///< "" = any
  std::string path;         ///< a part of the path, "" = any
  std::string kind;         ///< "status", "html", "truncated", "invalid_json", "reset_before", "reset_after", "slow"
  int status = 503;         ///< of kind status
  std::string retry_after;  ///< header text: seconds or an HTTP date; "" = absent
  int times = 1;
  int delay_ms = 0;  ///< of kind slow
};

/// "Thu, 26 Nov 2026 12:00:00 GMT".
std::string http_date(Timestamp t);

/// The faults that wait. "reset_after": the peer handles the request, then the connection is cut without an answer, so
/// that the client cannot know. Not thread-safe: the server's lock guards it.
class Faults {
 public:
  void add(Fault fault) { waiting_.push_back(std::move(fault)); }
  /// Takes the first that matches, else what `weather` brings.
  std::optional<Fault> take(const std::string& peer, const std::string& path, Timestamp now);
  /// Asked for every request that no fault waits for; empty: fair weather.
  void weather(std::function<std::optional<Fault>(const std::string& peer, Timestamp now)> strike) {
    weather_ = std::move(strike);
  }

 private:
  std::vector<Fault> waiting_;
  std::function<std::optional<Fault>(const std::string&, Timestamp)> weather_;
};

}  // namespace hw::sandbox
