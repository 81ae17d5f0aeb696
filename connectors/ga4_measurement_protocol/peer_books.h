#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "connectors/ga4_measurement_protocol/peer_rules.h"
#include "sandbox/peer.h"

namespace hw::sandbox::measurement_protocol {

/// What a property's reports show.
class Books {
 public:
  void take(const std::string& stream, const Judged& request);
  [[nodiscard]] std::vector<Belief> believed() const;

 private:
  /// stream, event name, key, currency
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  struct Total {
    std::int64_t micros = 0, count = 0;
    bool is_moved = false, has_refund = false, is_refund_moved = false;
  };

  static const char* state_of(const Total& total);
  void take_event(const std::string& stream, const std::string& user, const Counted& event);

  std::map<Key, Total> totals_;
  /// stream, user, transaction id of every purchase
  std::set<std::tuple<std::string, std::string, std::string>> transactions_;
};

}  // namespace hw::sandbox::measurement_protocol
