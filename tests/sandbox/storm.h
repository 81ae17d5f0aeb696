#pragma once
#include <map>
#include <optional>
#include <random>
#include <string>

#include "model/timestamp.h"
#include "sandbox/faults.h"

namespace hw::sandbox {

/// Faults at random, as vendors have them: a few of all requests go wrong in one of the ways of faults.h, and now and
/// then a vendor is out for some hours, takes no credentials or sends everybody elsewhere. The seed makes another
/// weather of the same kind. Not thread-safe: the server's lock guards it.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : random_(seed) {}
  /// What goes wrong with this request, at the world's time.
  std::optional<Fault> strike(const std::string& peer, Timestamp now);
  [[nodiscard]] const std::map<std::string, int>& census() const { return census_; }  ///< kind -> how often
  [[nodiscard]] int struck(const std::string& peer) const;  ///< its answers that got lost, or may have

 private:
  bool is_out(const std::string& peer, Timestamp now);
  Fault any(Timestamp now);
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  struct Outage {
    Timestamp from, to;
    int status = 503;
  };
  std::mt19937_64 random_;
  std::map<std::string, Outage> outages_;  ///< the current or next one of each peer
  std::map<std::string, int> census_, struck_;
};

}  // namespace hw::sandbox
