#include "connectors/ga4_measurement_protocol/encode.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/hash.h"
#include "connectors/ga4_measurement_protocol/event_name.h"

namespace hw::connectors::ga4_measurement_protocol {

namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

// Between the client's part and the event's part of a row. It stands in no JSON string, where quotes are escaped.
constexpr std::string_view kEvents = R"(,"events":[)";
constexpr std::string_view kEnd = "]}";

void text(Writer& w, std::string_view s) { w.String(s.data(), static_cast<rapidjson::SizeType>(s.size())); }

void member(Writer& w, std::string_view name, std::string_view value) {
  w.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  text(w, value);
}

void write_consent_member(Writer& w, std::string_view name, ConsentState state) {
  if (state == ConsentState::unknown) return;
  member(w, name, state == ConsentState::granted ? "GRANTED" : "DENIED");
}

void write_client(Writer& w, const Client& client) {
  member(w, client.kind == StreamKind::web ? "client_id" : "app_instance_id", client.id);
  if (!client.user_id.empty()) member(w, "user_id", client.user_id);
  if (client.consent == Consent{}) return;
  w.Key("consent");
  w.StartObject();
  write_consent_member(w, "ad_user_data", client.consent.ad_user_data);
  write_consent_member(w, "ad_personalization", client.consent.ad_personalization);
  w.EndObject();
}

void write_amount(Writer& w, const Amount& amount) {
  w.Key("value");
  w.RawValue(amount.number.data(), amount.number.size(), rapidjson::kNumberType);
  member(w, "currency", amount.currency);
}

void write_event(Writer& w, const Event& e) {
  const bool is_transaction = e.name == kPurchase || e.name == kRefund;
  w.StartObject();
  member(w, "name", e.name);
  w.Key("timestamp_micros");
  w.Int64(to_micros(e.at));
  w.Key("params");
  w.StartObject();
  member(w, is_transaction ? "transaction_id" : "hw_id", e.id);
  if (e.amount) write_amount(w, *e.amount);
  if (!e.session_id.empty()) member(w, "session_id", e.session_id);
  // Without it an event counts in no report of active users.
  w.Key("engagement_time_msec");
  w.Int(1);
  w.EndObject();
  w.EndObject();
}

/// One row's text, taken apart where kEvents stands.
struct Parts {
  std::string_view client, event;
};

std::optional<Parts> parts_of(std::string_view row) {
  const auto at = row.find(kEvents);
  if (at == std::string_view::npos || !row.starts_with('{') || !row.ends_with(kEnd)) return std::nullopt;
  const auto begin = at + kEvents.size();
  return Parts{row.substr(0, at), row.substr(begin, row.size() - kEnd.size() - begin)};
}

std::string string_in(const rapidjson::Value& object, const char* name) {
  if (!object.HasMember(name) || !object[name].IsString()) return "";
  return {object[name].GetString(), object[name].GetStringLength()};
}

const rapidjson::Value* object_in(const rapidjson::Value& object, const char* name) {
  return object.HasMember(name) && object[name].IsObject() ? &object[name] : nullptr;
}

/// The parameters of the row's one purchase.
const rapidjson::Value* purchase_params(const rapidjson::Value& row) {
  if (!row.HasMember("events") || !row["events"].IsArray()) return nullptr;
  const rapidjson::Value& events = row["events"];
  if (events.Size() != 1 || !events[0].IsObject()) return nullptr;
  return string_in(events[0], "name") == kPurchase ? object_in(events[0], "params") : nullptr;
}

}  // namespace

std::string row_json(const Client& client, const Event& event) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  write_client(w, client);
  w.Key("events");
  w.StartArray();
  write_event(w, event);
  w.EndArray();
  w.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string group_of(const Client& client) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  write_client(w, client);
  w.EndObject();
  return sha256_hex(std::string_view(buffer.GetString(), buffer.GetSize()));
}

std::string request_json(std::span<const connect::Item> items, bool validate_only) {
  std::string client, events;
  for (const connect::Item& item : items) {
    const auto parts = parts_of(item.body);
    if (!parts) continue;
    if (client.empty())
      client = parts->client;
    else
      events += ',';
    events += parts->event;
  }
  if (client.empty()) return "{}";
  if (validate_only) client += R"(,"validation_behavior":"ENFORCE_RECOMMENDATIONS")";
  return client + std::string(kEvents) + events + std::string(kEnd);
}

std::optional<Purchase> read_purchase(const std::string& row) {
  rapidjson::Document d;
  d.Parse<rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag>(row.data(), row.size());
  if (d.HasParseError() || !d.IsObject()) return std::nullopt;
  const rapidjson::Value* params = purchase_params(d);
  if (!params) return std::nullopt;
  Purchase p;
  p.client.id = string_in(d, "client_id");
  if (p.client.id.empty()) {
    p.client.kind = StreamKind::app;
    p.client.id = string_in(d, "app_instance_id");
  }
  p.client.user_id = string_in(d, "user_id");
  p.transaction_id = string_in(*params, "transaction_id");
  p.amount = {string_in(*params, "value"), string_in(*params, "currency")};
  const bool whole =
      !p.client.id.empty() && !p.transaction_id.empty() && !p.amount.number.empty() && !p.amount.currency.empty();
  return whole ? std::optional(p) : std::nullopt;
}

}  // namespace hw::connectors::ga4_measurement_protocol
