#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/timestamp.h"

/// What GA4 takes, judged from the documentation alone.
namespace hw::sandbox::measurement_protocol {

/// One entry of validationMessages.
struct Message {
  std::string field, code, description;
};

/// An event that counts.
struct Counted {
  std::string name;
  std::string key;  ///< transaction_id of purchase and refund, else hw_id
  Timestamp at;
  bool is_moved = false;               ///< it was older than 72 hours
  std::optional<std::int64_t> micros;  ///< revenue: a value with a currency
  std::string currency;
};

/// One request, judged.
struct Judged {
  std::vector<Message> messages;
  std::string user;              ///< user id, else client id
  std::vector<Counted> counted;  ///< those that no message is about; none where one is about the request
};

/// `is_app`: the URL named a Firebase app, not a web stream.
Judged judge(const std::string& body, bool is_app, Timestamp now);

/// What the events of a request inherit from it.
struct Frame {
  Timestamp now;
  Timestamp at;              ///< the request's own time, else now
  bool is_enforced = false;  ///< validation_behavior ENFORCE_RECOMMENDATIONS
};

/// Adds what is wrong to `messages`; the event if nothing is.
std::optional<Counted> judge_event(const nlohmann::json& event, const std::string& path, const Frame& frame,
                                   std::vector<Message>& messages);

/// nullopt, and a message, when `holder` has a timestamp_micros that is none or, enforced, is too old. The default
/// where it has none.
std::optional<Timestamp> read_time(const nlohmann::json& holder, const std::string& path, Timestamp preset,
                                   const Frame& frame, std::vector<Message>& messages);

/// [A-Za-z][A-Za-z0-9_]*, at most `most` characters, no reserved prefix; else a message. True when good. A leading
/// underscore is an invalid name to the validator, no reserved one.
bool judge_name(std::string_view name, std::size_t most, const std::string& path, std::vector<Message>& messages);

constexpr auto kBackdating = std::chrono::hours(72);

}  // namespace hw::sandbox::measurement_protocol
