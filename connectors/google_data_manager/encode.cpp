#include "connectors/google_data_manager/encode.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/zone.h"

namespace hw::connectors::google_data_manager {

namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr std::size_t kMaxIdentifiers =
    10;  // event.proto / user_data.proto, 2026-08: at most 10 userIdentifiers an event

void text(Writer& w, std::string_view s) { w.String(s.data(), static_cast<rapidjson::SizeType>(s.size())); }

void member(Writer& w, std::string_view name, std::string_view value) {
  w.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  text(w, value);
}

void write_value(Writer& w, const Money& value) {
  const std::string number = decimal(value);
  w.Key("conversionValue");
  w.RawValue(number.data(), number.size(), rapidjson::kNumberType);
  member(w, "currency", value.currency.str());
}

void write_click(Writer& w, const Click& click) {
  w.Key("adIdentifiers");
  w.StartObject();
  member(w, click.type, click.value);
  w.EndObject();
}

void write_identifier(Writer& w, std::string_view name, const std::string& hash) {
  w.StartObject();
  member(w, name, hash);
  w.EndObject();
}

void write_address(Writer& w, const Identifiers& ids) {
  w.StartObject();
  w.Key("address");
  w.StartObject();
  member(w, "givenName", ids.given_name);
  member(w, "familyName", ids.family_name);
  member(w, "regionCode", ids.country);
  member(w, "postalCode", ids.postal_code);
  w.EndObject();
  w.EndObject();
}

void write_user_data(Writer& w, const Identifiers& ids) {
  w.Key("userData");
  w.StartObject();
  w.Key("userIdentifiers");
  w.StartArray();
  for (const std::string& hash : ids.emails) write_identifier(w, "emailAddress", hash);
  for (const std::string& hash : ids.phones) write_identifier(w, "phoneNumber", hash);
  if (ids.has_address()) write_address(w, ids);
  w.EndArray();
  w.EndObject();
}

void write_consent_member(Writer& w, std::string_view name, ConsentState state) {
  if (state == ConsentState::unknown) return;
  member(w, name, state == ConsentState::granted ? "CONSENT_GRANTED" : "CONSENT_DENIED");
}

void write_consent(Writer& w, const Consent& consent) {
  if (consent == Consent{}) return;
  w.Key("consent");
  w.StartObject();
  write_consent_member(w, "adUserData", consent.ad_user_data);
  write_consent_member(w, "adPersonalization", consent.ad_personalization);
  w.EndObject();
}

void write_customer_type(Writer& w, const std::string& type) {
  if (type != "new" && type != "returning") return;
  w.Key("userProperties");
  w.StartObject();
  member(w, "customerType", type == "new" ? "NEW" : "RETURNING");
  w.EndObject();
}

void write_account(Writer& w, const char* name, const std::string& id) {
  w.Key(name);
  w.StartObject();
  member(w, "accountType", "GOOGLE_ADS");
  member(w, "accountId", id);
  w.EndObject();
}

bool sendable_hash(const std::string& hash) {
  static const std::string of_nothing = sha256_hex("");
  return is_sha256_hex(hash) && to_lower_ascii(hash) != of_nothing;
}

std::vector<std::string> sendable(const Hashes& hashes, const char* form, std::size_t limit) {
  std::vector<std::string> out;
  auto it = hashes.find(form);
  if (it == hashes.end()) return out;
  for (const std::string& hash : it->second)
    if (out.size() < limit && sendable_hash(hash)) out.push_back(to_lower_ascii(hash));
  return out;
}

void add_address(const Conversion& c, Identifiers& ids) {
  auto given = sendable(c.hashes, "given_name_no_titles", 1);
  auto family = sendable(c.hashes, "family_name_no_titles", 1);
  if (given.empty() || family.empty() || c.address.country.size() != 2 || c.address.postal_code.empty()) return;
  ids.given_name = given.front();
  ids.family_name = family.front();
  ids.country = c.address.country;
  ids.postal_code = c.address.postal_code;
}

}  // namespace

std::vector<std::string> Identifiers::types() const {
  std::vector<std::string> out;
  if (click) out.push_back(click->type);
  if (!emails.empty()) out.emplace_back("email_gmail_dots_removed");
  if (!phones.empty()) out.emplace_back("phone_e164");
  if (has_address()) out.insert(out.end(), {"given_name_no_titles", "family_name_no_titles"});
  return out;
}

Identifiers user_data_of(const Conversion& conversion, const Config& config) {
  Identifiers ids;
  if (!config.user_data) return ids;
  if (config.address) add_address(conversion, ids);
  std::size_t room = kMaxIdentifiers - (ids.has_address() ? 1 : 0);
  ids.emails = sendable(conversion.hashes, "email_gmail_dots_removed", room);
  ids.phones = sendable(conversion.hashes, "phone_e164", room - ids.emails.size());
  return ids;
}

std::string event_json(const Conversion& c, const Identifiers& ids, const std::string& event_source) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  member(w, "transactionId", c.dedup_id);
  member(w, "eventTimestamp", rfc3339(c.at));
  member(w, "eventSource", event_source);
  if (c.value) write_value(w, *c.value);
  if (ids.click) write_click(w, *ids.click);
  if (ids.has_user_data()) write_user_data(w, ids);
  write_consent(w, c.consent);
  write_customer_type(w, c.customer_type);
  w.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<std::string> restated_json(const std::string& original, const Money& value) {
  rapidjson::Document d;
  d.Parse<rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag>(original.data(), original.size());
  if (d.HasParseError() || !d.IsObject() || !d.HasMember("transactionId") || !d.HasMember("eventSource"))
    return Error{.action = Action::reject_row,
                 .code = "original",
                 .detail = "the stored original is not an event of this connector"};
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  // rapidjson 1.1.0's iterators compare ambiguously under C++20, so the members are counted.
  auto m = d.MemberBegin();
  for (auto left = d.MemberCount(); left > 0; --left, ++m) {
    const std::string_view name(m->name.GetString(), m->name.GetStringLength());
    if (name == "conversionValue" || name == "currency") continue;
    w.Key(m->name.GetString(), m->name.GetStringLength());
    m->value.Accept(w);
    if (name == "eventSource") write_value(w, value);
  }
  w.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string request_json(std::span<const connect::Item> items, const connect::Target& target,
                         const std::string& login_account, bool validate_only) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.StartObject();
  w.Key("destinations");
  w.StartArray();
  w.StartObject();
  write_account(w, "operatingAccount", target.account);
  if (!login_account.empty()) write_account(w, "loginAccount", login_account);
  member(w, "productDestinationId", target.action);
  w.EndObject();
  w.EndArray();
  member(w, "encoding", "HEX");
  w.Key("validateOnly");
  w.Bool(validate_only);
  w.Key("events");
  w.StartArray();
  for (const connect::Item& item : items) w.RawValue(item.body.data(), item.body.size(), rapidjson::kObjectType);
  w.EndArray();
  w.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace hw::connectors::google_data_manager
