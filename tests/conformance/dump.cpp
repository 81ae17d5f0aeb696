#include "conformance/dump.h"

#include <fmt/format.h>

#include "base/zone.h"

namespace hw::conformance {
namespace {

std::string text(const std::string& s) { return s; }
std::string text(std::int64_t n) { return std::to_string(n); }
std::string text(bool b) { return b ? "true" : "false"; }
std::string text(Timestamp t) { return rfc3339(t); }
std::string text(Basis b) { return to_string(b); }
std::string text(const Identifier& i) { return i.type + "=" + i.value; }
std::string text(const Touch& t) { return dump(t); }
std::string text(const RecordRef& r) { return fmt::format("{}/{}/{}", r.crm, to_string(r.object), r.id); }
std::string text(const Consent& c) {
  return fmt::format("{}/{}", to_string(c.ad_user_data), to_string(c.ad_personalization));
}
std::string text(const Association::To& t) { return fmt::format("{}/{}/{}", t.id, t.role, t.primary); }

template <class T>
std::string text(const std::optional<T>& v) {
  return v ? text(*v) : "-";
}

template <class T>
std::string text(const std::vector<T>& list) {
  std::string out = "[";
  for (const T& v : list) out += text(v) + ", ";
  return out + "]";
}

template <class V>
std::string text(const std::map<std::string, V>& map) {
  std::string out = "{";
  for (const auto& [key, value] : map) out += key + ": " + text(value) + ", ";
  return out + "}";
}

template <class... T>
std::string line(const char* kind, const T&... parts) {
  std::string out = kind;
  ((out += " | " + text(parts)), ...);
  return out;
}

struct DumpRecord {
  std::string operator()(const RecordState& r) const {
    return line("state", r.ref, r.modified, r.created, r.fields, r.identifiers, r.hashes, r.masked_email, r.click_times,
                r.country, r.region, r.city, r.postal_code, r.consent, r.consent_at, r.source_touches, r.converted_from,
                r.account);
  }
  std::string operator()(const FieldChange& r) const { return line("change", r.ref, r.field, r.value, r.at, r.basis); }
  std::string operator()(const Association& r) const {
    return line("tie", r.from, std::string(to_string(r.to_object)), r.to, r.complete, r.at);
  }
  std::string operator()(const Removal& r) const {
    return line("removal", r.ref, static_cast<std::int64_t>(r.kind), r.at);
  }
  std::string operator()(const Merge& r) const { return line("merge", r.loser, r.winner_id, r.at, r.undone); }
  std::string operator()(const Rate& r) const { return line("rate", r.from, r.to, r.micros, r.true_from); }
};

}  // namespace

std::string dump(const Record& row) { return std::visit(DumpRecord{}, row); }

std::string dump(const Touch& t) {
  return line("touch", t.key, t.at, t.basis, t.kind, t.identifiers, t.source, t.medium, t.campaign, t.campaign_id,
              t.term, t.content, t.landing_page, t.referrer, t.country);
}

std::string dump(const Spend& s) {
  return line("spend", s.key, s.day, s.account, s.source, s.medium, s.campaign, s.campaign_id, s.micros, s.currency,
              s.clicks, s.impressions);
}

std::string dump(const connect::Item& i) {
  return line("item", i.body, i.dedup_key, i.group, i.not_before, i.expires_at, i.click_type, i.click_value,
              i.identifier_types);
}

}  // namespace hw::conformance
