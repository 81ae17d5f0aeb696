#include "connectors/hubspot/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/zone.h"
#include "connectors/hubspot/json_access.h"
#include "connectors/hubspot/touches.h"
#include "model/money.h"

namespace hw::connectors::hubspot {

namespace {

Result<Properties> properties_of(const json& record) {
  const json* p = member(record, "properties");
  if (p == nullptr || !p->is_object())
    return Error{Action::reject_row, "shape", "the record has no 'properties'", {}, false};
  Properties out;
  for (const auto& [name, value] : p->items()) {
    if (value.is_structured())
      return Error{Action::reject_row, "shape", fmt::format("property '{}' is no text", name), {}, false};
    out[name] = text(value);
  }
  return out;
}

// ------------------------------------------------------------------------------------------ one record

struct Reading {
  const ObjectPlan& plan;
  const DecodeEnv& env;
  Batch& out;

  [[nodiscard]] std::string where(std::string_view id) const {
    return fmt::format("{}/{}", plan.type, id.empty() ? "?" : id);
  }
  void reject(std::string_view id, std::string code, std::string detail) const {
    out.rejected.push_back({where(id), std::move(code), std::move(detail)});
  }
};

/// The value as the core has it: amounts as plain decimals, instants as RFC 3339 (a bare date stays one), countries as
/// alpha-2.
Result<std::string> canonical(FieldKind kind, const std::string& raw, const connect::Normaliser& normaliser) {
  if (raw.empty()) return raw;
  switch (kind) {
    case FieldKind::text:
      return raw;
    case FieldKind::country:
      return normaliser.country(raw);
    case FieldKind::amount: {
      Result<std::int64_t> micros = parse_micros(raw);
      if (!micros) return micros.error();
      return decimal(*micros, 0);
    }
    case FieldKind::currency: {
      Result<Currency> code = Currency::parse(raw);
      if (!code) return code.error();
      return code->str();
    }
    case FieldKind::time: {
      if (raw.size() == 10 && raw[4] == '-') return raw;
      Result<Timestamp> at = decode_time(raw);
      if (!at) return at.error();
      return rfc3339(*at);
    }
  }
  return raw;
}

Status read_fields(const Reading& r, const Properties& p, RecordState& s) {
  for (const Field& f : r.plan.fields) {
    auto it = p.find(f.property);
    if (it == p.end()) continue;
    // No deal is without a stage: it is not shown to this user any more, and that is no news of the deal.
    if (r.plan.object == Object::deal && f.property == r.plan.property("stage") && trim(it->second).empty()) continue;
    Result<std::string> value = canonical(f.kind, std::string(trim(it->second)), r.env.normaliser);
    if (!value)
      return Error{
          Action::reject_row, value.error().code, fmt::format("property '{}' cannot be read", f.property), {}, false};
    s.fields[f.name] = std::move(*value);
  }
  return {};
}

void read_person(const Reading& r, const Properties& p, RecordState& s) {
  auto mapped = [&](const char* name) { return value_of(p, r.plan.property(name)); };
  connect::RawPerson person;
  person.email = mapped("email");
  person.phone = mapped("phone");
  person.given_name = mapped("given_name");
  person.family_name = mapped("family_name");
  person.country = mapped("country");
  std::vector<std::string> notes;
  r.env.normaliser.keep(person, s, notes);
  if (std::string mobile = mapped("mobile"); !mobile.empty() && mobile != person.phone) {
    connect::RawPerson second;
    second.phone = std::move(mobile);
    second.country = person.country;
    r.env.normaliser.keep(second, s, notes);
  }
  // Phone and mobile are often one number.
  std::set<Identifier> seen;
  std::erase_if(s.identifiers, [&](const Identifier& id) { return !seen.insert(id).second; });
  for (std::string& note : notes) r.reject(s.ref.id, "value_dropped", std::move(note));
}

bool is_contact_field(const std::string& name) {
  static const std::set<std::string> names = {"email",
                                              "phone",
                                              "mobile",
                                              "given_name",
                                              "family_name",
                                              "country",
                                              "region",
                                              "city",
                                              "postal_code",
                                              "lifecycle",
                                              "owner",
                                              "consent",
                                              "consent_ad_user_data",
                                              "consent_ad_personalization",
                                              "consent_at",
                                              "utm_source",
                                              "utm_medium",
                                              "utm_campaign",
                                              "utm_term",
                                              "utm_content",
                                              "landing_page",
                                              "referrer"};
  return names.contains(name);
}

/// Whatever the mapping names that is no field of a contact is an identifier type.
void read_identifiers(const Reading& r, const Properties& p, RecordState& s) {
  for (const auto& [type, property] : r.plan.mapped) {
    if (is_contact_field(type)) continue;
    Identifier id{type, value_of(p, property)};
    if (!id.value.empty() && r.env.normaliser.usable(id)) s.identifiers.push_back(std::move(id));
  }
}

void read_consent(const Reading& r, const Properties& p, RecordState& s) {
  auto mapped = [&](const char* name) { return value_of(p, r.plan.property(name)); };
  const std::string both = mapped("consent");
  const std::string data = mapped("consent_ad_user_data"), personal = mapped("consent_ad_personalization");
  if (both.empty() && data.empty() && personal.empty()) return;
  s.consent = Consent{consent_from(data.empty() ? both : data), consent_from(personal.empty() ? both : personal)};
  if (Result<Timestamp> at = decode_time(mapped("consent_at"))) s.consent_at = *at;
}

void read_contact(const Reading& r, const Properties& p, RecordState& s) {
  auto mapped = [&](const char* name) { return value_of(p, r.plan.property(name)); };
  s.country = r.env.normaliser.country(mapped("country"));
  s.region = mapped("region");
  s.city = mapped("city");
  s.postal_code = mapped("postal_code");
  read_person(r, p, s);
  read_identifiers(r, p, s);
  read_consent(r, p, s);
  s.source_touches = source_touches(p, r.plan, s.ref, s.created, r.env.vocabulary);
}

/// "A deal with an amount but no currency": the company's own currency applies.
void mark_currency(const ObjectPlan& plan, RecordState& s) {
  if (plan.object != Object::deal || !s.fields.contains("amount")) return;
  s.fields.try_emplace("currency", "");
}

std::map<std::string, Timestamp> merge_times(const Properties& p) {
  std::map<std::string, Timestamp> out;
  const std::string list = value_of(p, "hs_calculated_merged_vids");
  for (std::string_view entry : split(list, ';')) {
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view id = trim(entry.substr(0, colon));
    if (Result<Timestamp> at = decode_time(trim(entry.substr(colon + 1))); at && is_id(id)) out[std::string(id)] = *at;
  }
  return out;
}

void read_merges(const Reading& r, const Properties& p, const RecordRef& winner) {
  std::map<std::string, Timestamp> times = merge_times(p);
  std::set<std::string> losers;
  for (const auto& [id, at] : times) losers.insert(id);
  const std::string list = value_of(p, "hs_merged_object_ids");
  for (std::string_view id : split(list, ';'))
    if (is_id(trim(id))) losers.insert(std::string(trim(id)));
  for (const std::string& id : losers) {
    if (id == winner.id) continue;
    Merge m;
    m.loser = {winner.crm, winner.object, id};
    m.winner_id = winner.id;
    if (auto at = times.find(id); at != times.end()) m.at = at->second;
    r.out.merges.push_back(std::move(m));
  }
}

struct Version {
  Timestamp at;
  std::string value;
};

std::vector<Version> versions_of(const Reading& r, const json& list, const Field& f, const std::string& id) {
  std::vector<Version> out;
  for (const json& v : list) {
    Result<Timestamp> at = decode_time(text(v, "timestamp"));
    Result<std::string> value = canonical(f.kind, std::string(trim(text(v, "value"))), r.env.normaliser);
    if (!at || !value) {
      r.reject(id, "history", fmt::format("an entry of the history of '{}' cannot be read", f.property));
      continue;
    }
    out.push_back({*at, std::move(*value)});
  }
  // Newest first as far as known: reversed before the stable sort, so that entries of one instant keep their order.
  std::reverse(out.begin(), out.end());
  std::stable_sort(out.begin(), out.end(), [](const Version& a, const Version& b) { return a.at < b.at; });
  return out;
}

/// A row need not be a change: values that repeat the one before are left out.
void read_history(const Reading& r, const json& record, const RecordRef& ref) {
  const json* all = member(record, "propertiesWithHistory");
  if (all == nullptr) return;
  for (const Field& f : r.plan.history) {
    const json* list = member(*all, f.property.c_str());
    if (list == nullptr || !list->is_array()) continue;
    std::optional<std::string> before;
    for (Version& v : versions_of(r, *list, f, ref.id)) {
      if (before == v.value) continue;
      before = v.value;
      r.out.changes.push_back({ref, f.name, std::move(v.value), v.at, Basis::crm_history});
    }
  }
}

Result<Timestamp> modified_of(const Reading& r, const json& record, const Properties& p) {
  if (Result<Timestamp> at = decode_time(value_of(p, r.plan.modified_property))) return at;
  return decode_time(text(record, "updatedAt"));
}

std::optional<Timestamp> created_of(const json& record, const Properties& p) {
  if (Result<Timestamp> at = decode_time(text(record, "createdAt"))) return *at;
  if (Result<Timestamp> at = decode_time(value_of(p, "createdate"))) return *at;
  return {};
}

void read_record(const Reading& r, const json& record) {
  const std::string id = text(record, "id");
  if (!is_id(id)) return r.reject("", "shape", "the record has no id of digits");
  if (const json* archived = member(record, "archived");
      archived != nullptr && archived->is_boolean() && archived->get<bool>())
    return;
  Result<Properties> p = properties_of(record);
  if (!p) return r.reject(id, p.error().code, p.error().detail);
  RecordState s;
  s.ref = {r.env.crm, r.plan.object, id};
  Result<Timestamp> modified = modified_of(r, record, *p);
  if (!modified)
    return r.reject(id, "time", fmt::format("neither '{}' nor updatedAt can be read", r.plan.modified_property));
  s.modified = *modified;
  s.created = created_of(record, *p);
  if (Status ok = read_fields(r, *p, s); !ok) return r.reject(id, ok.error().code, ok.error().detail);
  mark_currency(r.plan, s);
  if (r.plan.object == Object::contact) read_contact(r, *p, s);
  if (r.plan.object == Object::account) s.country = r.env.normaliser.country(value_of(*p, r.plan.property("country")));
  read_history(r, record, s.ref);
  read_merges(r, *p, s.ref);
  r.out.states.push_back(std::move(s));
}

}  // namespace

Result<Timestamp> decode_time(std::string_view raw) {
  const std::string_view s = trim(raw);
  const std::string_view digits = !s.empty() && s.front() == '-' ? s.substr(1) : s;
  const bool number =
      !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) {
    std::int64_t ms = 0;
    auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), ms);
    constexpr std::int64_t kFarthest = 253402300799999;  // the end of year 9999
    if (error != std::errc() || ms > kFarthest || ms < -kFarthest)
      return Error{Action::reject_row, "time", "epoch milliseconds out of range", {}, false};
    return from_micros(ms * 1000);
  }
  Result<ReadTime> at = read_time(s, Zone::utc());
  if (!at) return Error{Action::reject_row, "time", "neither epoch milliseconds nor ISO 8601", {}, false};
  return at->at;
}

std::string value_of(const Properties& p, const std::string& name) {
  auto it = name.empty() ? p.end() : p.find(name);
  return it == p.end() ? std::string() : std::string(trim(it->second));
}

bool id_less(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

Result<IdPage> decode_ids(std::string_view body) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  IdPage page;
  for (const json& record : **results) {
    std::string id = text(record, "id");
    if (!is_id(id)) return bad_answer("a record without an id of digits");
    page.ids.push_back(std::move(id));
  }
  page.after = next_page(j);
  return page;
}

Result<ArchivedPage> decode_archived(std::string_view body, const ObjectPlan& plan, const std::string& crm) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  ArchivedPage page;
  for (const json& record : **results) {
    const std::string id = text(record, "id");
    // A list that ignored archived=true must not delete the portal.
    const json* archived = member(record, "archived");
    if (!is_id(id) || archived == nullptr || !archived->is_boolean() || !archived->get<bool>()) {
      page.rejected.push_back({fmt::format("archived {}/{}", plan.type, is_id(id) ? id : "?"), "shape",
                               "no id, or not marked as archived"});
      continue;
    }
    Removal removal;
    removal.ref = {crm, plan.object, id};
    removal.kind = Removal::Kind::deleted;
    if (Result<Timestamp> at = decode_time(text(record, "archivedAt"))) removal.at = *at;
    page.removals.push_back(std::move(removal));
  }
  page.after = next_page(j);
  return page;
}

Result<Batch> decode_batch(std::string_view body, const ObjectPlan& plan, const DecodeEnv& env) {
  const json j = parse_json(body);
  Result<const json*> results = results_of(j);
  if (!results) return results.error();
  Batch out;
  const Reading reading{plan, env, out};
  for (const json& record : **results) read_record(reading, record);
  return out;
}

}  // namespace hw::connectors::hubspot
