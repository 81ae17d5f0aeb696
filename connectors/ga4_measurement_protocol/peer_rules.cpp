#include "connectors/ga4_measurement_protocol/peer_rules.h"

#include <algorithm>
#include <initializer_list>
#include <set>

namespace hw::sandbox::measurement_protocol {

using nlohmann::json;

namespace {

constexpr std::size_t kMostBytes = 130'000;
constexpr std::size_t kMostEvents = 25;
constexpr std::size_t kMostUserProperties = 25;

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_letter(char c) { return is_word(c) && c != '_' && !(c >= '0' && c <= '9'); }

bool is_text(const json& j) { return j.is_string() && !j.get_ref<const std::string&>().empty(); }

void judge_members(const json& request, std::vector<Message>& messages) {
  static const std::set<std::string> known = {"client_id",  "app_instance_id",      "user_id",     "timestamp_micros",
                                              "consent",    "user_properties",      "events",      "user_data",
                                              "device",     "non_personalized_ads", "ip_override", "user_location",
                                              "user_agent", "validation_behavior"};
  for (const auto& [name, value] : request.items())
    if (!known.contains(name)) messages.push_back({name, "VALUE_INVALID", "Cannot find field: " + name});
}

void judge_client(const json& request, bool is_app, std::vector<Message>& messages) {
  const char* const wanted = is_app ? "app_instance_id" : "client_id";
  if (!request.contains(wanted))
    messages.push_back({wanted, "VALUE_REQUIRED", std::string("Measurement requires ") + wanted + "."});
  else if (!is_text(request[wanted]))
    messages.push_back({wanted, "VALUE_INVALID", std::string(wanted) + " must be a non-empty string."});
  if (request.contains("user_id") && !is_text(request["user_id"]))
    messages.push_back({"user_id", "VALUE_INVALID", "user_id must be a non-empty string."});
}

void judge_consent(const json& request, std::vector<Message>& messages) {
  if (!request.contains("consent")) return;
  if (!request["consent"].is_object()) return messages.push_back({"consent", "VALUE_INVALID", "consent is an object."});
  for (const auto& [name, value] : request["consent"].items()) {
    const bool known = name == "ad_user_data" || name == "ad_personalization";
    if (!known || (value != "GRANTED" && value != "DENIED"))
      messages.push_back({"consent." + name, "VALUE_INVALID", "Consent must be GRANTED or DENIED."});
  }
}

void judge_user_properties(const json& request, std::vector<Message>& messages) {
  constexpr std::size_t kMostUserName = 24, kMostUserValue = 36;
  if (!request.contains("user_properties")) return;
  const json& all = request["user_properties"];
  if (!all.is_object()) return messages.push_back({"user_properties", "VALUE_INVALID", "It must be an object."});
  if (all.size() > kMostUserProperties)
    messages.push_back({"user_properties", "EXCEEDED_MAX_ENTITIES", "At most 25 user properties are allowed."});
  for (const auto& [name, property] : all.items()) {
    const std::string path = "user_properties." + name;
    judge_name(name, kMostUserName, path, messages);
    const json value = property.is_object() ? property.value("value", json()) : json();
    if (value.is_string() && value.get_ref<const std::string&>().size() > kMostUserValue)
      messages.push_back({path, "VALUE_OUT_OF_BOUNDS", "User property values have at most 36 characters."});
  }
}

/// True when enforced; a message for any other word than the two that exist.
bool judge_behavior(const json& request, std::vector<Message>& messages) {
  if (!request.contains("validation_behavior")) return false;
  const json& behavior = request["validation_behavior"];
  if (behavior != "RELAXED" && behavior != "ENFORCE_RECOMMENDATIONS")
    messages.push_back({"validation_behavior", "VALUE_INVALID", "It must be RELAXED or ENFORCE_RECOMMENDATIONS."});
  return behavior == "ENFORCE_RECOMMENDATIONS";
}

/// The events, if there is a list of them.
const json* judge_list(const json& request, std::vector<Message>& messages) {
  if (!request.contains("events") || request["events"].empty()) {
    messages.push_back({"events", "VALUE_REQUIRED", "Measurement requires at least one event."});
    return nullptr;
  }
  if (!request["events"].is_array()) {
    messages.push_back({"events", "VALUE_INVALID", "events must be a list."});
    return nullptr;
  }
  if (request["events"].size() > kMostEvents)
    messages.push_back({"events", "EXCEEDED_MAX_ENTITIES", "At most 25 events are allowed in a request."});
  return &request["events"];
}

}  // namespace

bool judge_name(std::string_view name, std::size_t most, const std::string& path, std::vector<Message>& messages) {
  for (std::string_view prefix : {"firebase_", "ga_", "google_", "gtag."})
    if (name.starts_with(prefix)) {
      messages.push_back({path, "NAME_RESERVED", "The name begins with a reserved prefix."});
      return false;
    }
  const char* fault = nullptr;
  if (name.size() > most) fault = "Names must be short enough.";
  if (!std::all_of(name.begin(), name.end(), is_word))
    fault = "Only alphanumeric characters and underscores are allowed.";
  if (name.empty() || !is_letter(name.front())) fault = "Names must start with an alphabetic character.";
  if (fault == nullptr) return true;
  messages.push_back({path, "NAME_INVALID", fault});
  return false;
}

std::optional<Timestamp> read_time(const json& holder, const std::string& path, Timestamp preset, const Frame& frame,
                                   std::vector<Message>& messages) {
  if (!holder.contains("timestamp_micros")) return preset;
  const json& micros = holder["timestamp_micros"];
  if (!micros.is_number_integer() || micros.get<std::int64_t>() <= 0) {
    messages.push_back({path + "timestamp_micros", "VALUE_INVALID", "It must be Unix microseconds."});
    return std::nullopt;
  }
  const Timestamp at = from_micros(micros.get<std::int64_t>());
  if (frame.is_enforced && at < frame.now - kBackdating) {
    messages.push_back({path + "timestamp_micros", "VALUE_OUT_OF_BOUNDS", "Events can be backdated up to 72 hours."});
    return std::nullopt;
  }
  return at;
}

Judged judge(const std::string& body, bool is_app, Timestamp now) {
  Judged out;
  if (body.size() >= kMostBytes) {
    out.messages.push_back({"", "VALUE_OUT_OF_BOUNDS", "The body must be smaller than 130 kB."});
    return out;
  }
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object()) {
    out.messages.push_back({"", "VALUE_INVALID", "Unable to parse the JSON payload."});
    return out;
  }
  judge_members(request, out.messages);
  judge_client(request, is_app, out.messages);
  judge_consent(request, out.messages);
  judge_user_properties(request, out.messages);
  Frame frame{.now = now, .at = now, .is_enforced = judge_behavior(request, out.messages)};
  frame.at = read_time(request, "", now, frame, out.messages).value_or(now);
  const json* events = judge_list(request, out.messages);
  const bool is_lost = !out.messages.empty();
  for (std::size_t i = 0; events && i < events->size(); ++i) {
    const std::string path = "events[" + std::to_string(i) + "]";
    auto counted = judge_event((*events)[i], path, frame, out.messages);
    if (counted && !is_lost) out.counted.push_back(std::move(*counted));
  }
  if (!is_lost) out.user = request.value("user_id", request.value(is_app ? "app_instance_id" : "client_id", ""));
  return out;
}

}  // namespace hw::sandbox::measurement_protocol
