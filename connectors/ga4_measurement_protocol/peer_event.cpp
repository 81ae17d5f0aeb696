#include <fmt/format.h>

#include <cmath>
#include <set>

#include "connectors/ga4_measurement_protocol/peer_rules.h"
#include "model/money.h"

namespace hw::sandbox::measurement_protocol {

using nlohmann::json;

namespace {

constexpr std::size_t kMostName = 40;
constexpr std::size_t kMostValue = 100;
constexpr std::size_t kMostParams = 25;
constexpr std::size_t kMostCustomItemParams = 10;

/// Reserved event names, by the Measurement Protocol reference.
bool is_reserved(const std::string& name) {
  static const std::set<std::string> names = {"ad_activeview",
                                              "ad_click",
                                              "ad_exposure",
                                              "ad_impression",
                                              "ad_query",
                                              "adunit_exposure",
                                              "app_clear_data",
                                              "app_install",
                                              "app_update",
                                              "app_remove",
                                              "error",
                                              "first_open",
                                              "first_visit",
                                              "in_app_purchase",
                                              "notification_dismiss",
                                              "notification_foreground",
                                              "notification_open",
                                              "notification_receive",
                                              "os_update",
                                              "screen_view",
                                              "session_start",
                                              "user_engagement"};
  return names.contains(name);
}

/// Of an event's name Google's validation gives no path, it names the event in words (validating-events, read 2026-11).
Message about_name(const std::string& path, const char* code, const std::string& what) {
  const std::string index = path.substr(std::string_view("events").size());
  return {"events", code, fmt::format("Event at index: {} {}", index, what)};
}

bool judge_event_name(const json& event, const std::string& path, std::vector<Message>& messages) {
  if (!event.contains("name") || event["name"] == json("")) {
    messages.push_back(about_name(path, "VALUE_REQUIRED", "must have a name."));
    return false;
  }
  if (!event["name"].is_string()) {
    messages.push_back(about_name(path, "NAME_INVALID", "has a name that is no text."));
    return false;
  }
  const std::string name = event["name"];
  if (is_reserved(name)) {
    messages.push_back(about_name(path, "NAME_RESERVED", fmt::format("has name [{}] which is reserved.", name)));
    return false;
  }
  std::vector<Message> faults;
  if (judge_name(name, kMostName, path, faults)) return true;
  for (const Message& m : faults)
    messages.push_back(about_name(path, m.code.c_str(), fmt::format("has invalid name [{}]. {}", name, m.description)));
  return false;
}

void judge_item(const json& item, const std::string& path, std::vector<Message>& messages) {
  static const std::set<std::string> known = {
      "item_id",      "item_name",      "affiliation",    "coupon",         "discount",       "index",
      "item_brand",   "item_category",  "item_category2", "item_category3", "item_category4", "item_category5",
      "item_list_id", "item_list_name", "item_variant",   "location_id",    "price",          "quantity",
      "promotion_id", "promotion_name", "creative_name",  "creative_slot"};
  if (!item.is_object()) return messages.push_back({path, "VALUE_INVALID", "An item is an object."});
  std::size_t custom = 0;
  for (const auto& [name, value] : item.items()) custom += known.contains(name) ? 0 : 1;
  if (custom > kMostCustomItemParams)
    messages.push_back({path, "EXCEEDED_MAX_ENTITIES", "At most 10 custom item parameters are allowed."});
}

void judge_param(const std::string& name, const json& value, const std::string& path, std::vector<Message>& messages) {
  judge_name(name, kMostName, path, messages);
  if (name == "items" && value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) judge_item(value[i], path + "[" + std::to_string(i) + "]", messages);
    return;
  }
  if (!value.is_string() && !value.is_number())
    messages.push_back({path, "VALUE_INVALID", "A parameter is text or a number."});
  else if (value.is_string() && value.get_ref<const std::string&>().size() > kMostValue)
    messages.push_back({path, "VALUE_OUT_OF_BOUNDS", "Parameter values have at most 100 characters."});
}

/// Value and currency. A value without currency is no revenue, and enforced a fault.
void judge_revenue(const json& params, const std::string& path, const Frame& frame, Counted& out,
                   std::vector<Message>& messages) {
  if (!params.contains("value")) return;
  if (!params["value"].is_number())
    return messages.push_back({path + ".value", "VALUE_INVALID", "value must be a number."});
  if (!params.contains("currency")) {
    if (frame.is_enforced) messages.push_back({path + ".currency", "VALUE_REQUIRED", "A value needs a currency."});
    return;
  }
  const std::string code = params["currency"].is_string() ? params["currency"].get<std::string>() : "";
  const auto currency = Currency::parse(code);
  if (!currency || currency->str() != code)
    return messages.push_back({path + ".currency", "VALUE_INVALID", "currency must be a code of ISO 4217."});
  out.micros = std::llround(params["value"].get<double>() * 1'000'000);
  out.currency = code;
}

void judge_key(const json& params, const std::string& path, const Frame& frame, Counted& out,
               std::vector<Message>& messages) {
  const bool is_transaction = out.name == "purchase" || out.name == "refund";
  const char* const name = is_transaction ? "transaction_id" : "hw_id";
  if (params.contains(name) && params[name].is_string()) out.key = params[name];
  // A refund of nothing refunds nothing; a purchase without an id counts each time it comes.
  if (out.key.empty() && (out.name == "refund" || (out.name == "purchase" && frame.is_enforced)))
    messages.push_back({path + ".transaction_id", "VALUE_REQUIRED", "The event needs a transaction_id."});
}

void judge_params(const json& event, const std::string& path, const Frame& frame, Counted& out,
                  std::vector<Message>& messages) {
  const json params = event.value("params", json::object());
  if (!params.is_object()) return messages.push_back({path, "VALUE_INVALID", "params must be an object."});
  if (params.size() > kMostParams)
    messages.push_back({path, "EXCEEDED_MAX_ENTITIES", "At most 25 parameters are allowed in an event."});
  for (const auto& [name, value] : params.items()) judge_param(name, value, fmt::format("{}.{}", path, name), messages);
  judge_revenue(params, path, frame, out, messages);
  judge_key(params, path, frame, out, messages);
}

}  // namespace

std::optional<Counted> judge_event(const json& event, const std::string& path, const Frame& frame,
                                   std::vector<Message>& messages) {
  const std::size_t before = messages.size();
  if (!event.is_object()) {
    messages.push_back({path, "VALUE_INVALID", "An event is an object."});
    return std::nullopt;
  }
  for (const auto& [name, value] : event.items())
    if (name != "name" && name != "params" && name != "timestamp_micros")
      messages.push_back({fmt::format("{}.{}", path, name), "VALUE_INVALID", "Cannot find field: " + name});
  Counted out;
  if (judge_event_name(event, path, messages)) out.name = event["name"];
  const auto at = read_time(event, path + ".", frame.at, frame, messages);
  judge_params(event, path + ".params", frame, out, messages);
  if (messages.size() != before || !at) return std::nullopt;
  out.is_moved = *at < frame.now - kBackdating;
  out.at = out.is_moved ? frame.now - kBackdating : *at;
  return out;
}

}  // namespace hw::sandbox::measurement_protocol
