#pragma once
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "connectors/google_data_manager/peer_answers.h"

namespace hw::sandbox::data_manager {

/// One event that passed every rule of ingestion.
struct Event {
  std::string transaction;  ///< transactionId, "" if none was sent
  Timestamp at;
  std::optional<std::int64_t> micros;
  std::string currency;                 ///< "" = the action's own
  std::string click_type, click_value;  ///< "" = user data alone
  std::set<std::string> email_hashes;   ///< lower-case hex
  std::set<std::string> phone_hashes;   ///< the same
  bool consent_denied = false;          ///< ad user data
  bool has_custom_variables = false;
  std::string payload;  ///< the event's JSON, to know an identical repeat
  std::vector<std::size_t> destinations;
};

struct Ingestion {
  struct Destination {
    std::string account, action;
  };
  std::vector<Destination> destinations;
  std::vector<Event> events;
  bool validate_only = false;
};

/// Judges a whole body at world.now: all or nothing.
std::variant<Ingestion, Fault> judge(const std::string& body, const World& world);

}  // namespace hw::sandbox::data_manager
