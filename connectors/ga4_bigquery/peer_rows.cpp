#include "connectors/ga4_bigquery/peer_rows.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <tuple>

#include "base/zone.h"

namespace hw::sandbox::bigquery {

namespace {

using nlohmann::json;
using Text = std::optional<std::string>;

Text given(const std::string& s) { return s.empty() ? Text() : Text(s); }

Text in(const std::map<std::string, std::string>& m, const char* key) {
  auto it = m.find(key);
  return it == m.end() ? Text() : Text(it->second);
}

Text first_given(const Text& a, const Text& b) { return a ? a : b; }

/// REGEXP_EXTRACT(page, r'[?&]gclid=([^&#]+)')
Text gclid_in(const Text& page) {
  if (!page) return {};
  for (const char* mark : {"?gclid=", "&gclid="}) {
    const std::size_t at = page->find(mark);
    if (at == std::string::npos) continue;
    const std::string rest = page->substr(at + 7);
    return given(rest.substr(0, rest.find_first_of("&#")));
  }
  return {};
}

/// One event as the statement's inner part selects it.
struct Event {
  const AnalyticsEvent* raw = nullptr;
  std::string day;
  Text client, member, page, referrer, country;
  std::optional<std::int64_t> session;
  std::map<std::string, Text> source;  ///< "source", ..., "srsltid"
  bool has_campaign = false;
  [[nodiscard]] bool is_loose() const { return !client || !session; }
};

constexpr std::array kSourceFields = {"source",  "medium", "campaign", "campaign_id", "term",
                                      "content", "gclid",  "dclid",    "srsltid"};

void read_source(const Statement& s, Event& e) {
  constexpr std::array kColumns = {"manual_source",
                                   "manual_medium",
                                   "manual_campaign_name",
                                   "manual_campaign_id",
                                   "manual_term",
                                   "manual_content",
                                   "gclid",
                                   "dclid",
                                   "srsltid"};
  constexpr std::array kParameters = {"source", "medium", "campaign", "", "term", "content", "gclid", "", ""};
  for (std::size_t i = 0; i < kSourceFields.size(); ++i) {
    const Text collected = s.names_collected ? in(e.raw->collected, kColumns[i]) : Text();
    e.source[kSourceFields[i]] = first_given(collected, in(e.raw->parameters, kParameters[i]));
  }
  e.source["gclid"] = first_given(e.source["gclid"], gclid_in(e.page));
}

bool names_click(const Text& page, const Parameters& p) {
  if (!page) return false;
  const auto& names = p.at("click_parameters");
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& n) { return page->find(n + "=") != std::string::npos; });
}

Event event_of(const AnalyticsEvent& raw, const ExportTable& table, const Statement& s, const Parameters& p) {
  Event e;
  e.raw = &raw;
  e.day = digits(table.day);
  e.client = given(raw.client);
  e.member = given(raw.user);
  e.page = given(raw.page);
  e.referrer = given(raw.referrer);
  e.country = given(raw.country);
  if (raw.session != 0) e.session = raw.session;
  read_source(s, e);
  e.has_campaign = names_click(e.page, p);
  for (const char* field : {"source", "medium", "campaign", "gclid", "dclid", "srsltid"})
    e.has_campaign = e.has_campaign || e.source[field].has_value();
  return e;
}

using Visit = std::vector<Event>;

bool contains(const Parameters& p, const char* name, const Text& value) {
  if (!value) return false;
  const auto& list = p.at(name);
  return std::find(list.begin(), list.end(), *value) != list.end();
}

bool any(const Visit& visit, const std::function<bool(const Event&)>& holds) {
  return std::any_of(visit.begin(), visit.end(), holds);
}

bool is_on_its_day(const Visit& visit, const Parameters& p) {
  const Zone zone = Zone::find(p.at("zone").at(0)).value();
  const Civil c = zone.to_civil(Timestamp(std::chrono::seconds(*visit[0].session)));
  return digits(Day(std::chrono::year(c.year) / c.month / c.day)) == visit[0].day;
}

/// Of a session; what is loose is a visit of its own.
bool begins(const Visit& visit, const Parameters& p) {
  return any(visit, [&](const Event& e) { return contains(p, "events", e.raw->name); }) || is_on_its_day(visit, p);
}

bool is_wanted(const Visit& visit, const Statement& s, const Parameters& p) {
  const bool holds =
      any(visit, [](const Event& e) { return e.has_campaign; }) || (!visit[0].is_loose() && begins(visit, p));
  if (!holds || !s.of_people) return holds;
  return contains(p, "clients", visit[0].client) ||
         any(visit, [&](const Event& e) { return contains(p, "members", e.member); }) ||
         any(visit, [&](const Event& e) { return contains(p, "clicks", e.source.at("gclid")); });
}

// ------------------------------------------------------------------------------------------------- the answer

json cell(const Text& t) { return {{"v", t ? json(*t) : json()}}; }
json cell(std::int64_t n) { return {{"v", std::to_string(n)}}; }

json cells(std::initializer_list<json> list) {
  json f = json::array();
  for (const json& one : list) f.push_back(one);
  return {{"f", std::move(f)}};
}

template <class Of>
json first_cell(const Visit& visit, Of of) {
  for (const Event& e : visit)
    if (json found = of(e); !found.is_null()) return {{"v", std::move(found)}};
  return {{"v", json()}};
}

json campaign_cells(const Event& e) {
  json f = json::array({cell(to_micros(e.raw->at)), cell(e.page), cell(e.referrer)});
  for (const char* field : kSourceFields) f.push_back(cell(e.source.at(field)));
  return {{"f", std::move(f)}};
}

json campaigns(const Visit& visit) {
  json out = json::array();
  for (const Event& e : visit)
    if (e.has_campaign && out.size() < 20) out.push_back({{"v", campaign_cells(e)}});
  return {{"v", std::move(out)}};
}

json record_or_null(const std::map<std::string, std::string>& from, bool named, const char* proof,
                    std::initializer_list<const char*> fields) {
  if (!named || !from.contains(proof)) return {};
  json f = json::array();
  for (const char* field : fields) f.push_back(cell(in(from, field)));
  return {{"f", std::move(f)}};
}

json values(const Visit& visit, const std::vector<std::string>& keys,
            std::map<std::string, std::string> AnalyticsEvent::*of) {
  json out = json::array();
  std::size_t arrays = 0;
  for (const Event& e : visit) {
    bool any_here = false;
    for (const auto& [key, value] : e.raw->*of) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end() || arrays == 20) continue;
      out.push_back({{"v", cells({cell(Text(key)), cell(Text(value))})}});
      any_here = true;
    }
    if (any_here) ++arrays;
  }
  return {{"v", std::move(out)}};
}

json or_null(const Text& t) { return t ? json(*t) : json(); }

json row_of(const Visit& visit, const Statement& s, const Parameters& p) {
  const Event& e = visit[0];
  std::int64_t number = 0;
  for (const Event& one : visit) number = std::max(number, one.raw->session_number);
  const json session = e.session ? cell(*e.session) : cell(Text());
  return cells({
      cell(Text(e.day)),
      cell(e.client),
      session,
      cell(to_micros(e.raw->at)),
      cell(std::int64_t{e.is_loose() || begins(visit, p) ? 1 : 0}),
      e.session ? cell(number) : cell(Text()),
      first_cell(visit, [](const Event& x) { return or_null(x.member); }),
      first_cell(visit, [](const Event& x) { return or_null(x.country); }),
      first_cell(visit,
                 [](const Event& x) {
                   return x.page ? cells({cell(x.page), cell(x.referrer)}) : json();
                 }),
      campaigns(visit),
      first_cell(visit,
                 [&](const Event& x) {
                   return record_or_null(x.raw->ads_campaign, s.names_last_click, "campaign_id",
                                         {"campaign_name", "campaign_id"});
                 }),
      first_cell(visit,
                 [&](const Event& x) {
                   return record_or_null(x.raw->last_campaign, s.names_last_click, "source",
                                         {"source", "medium", "campaign_name", "campaign_id", "term", "content"});
                 }),
      first_cell(
          visit,
          [&](const Event& x) {
            return record_or_null(x.raw->first_touch, s.names_first_touch, "source", {"source", "medium", "name"});
          }),
      values(visit, p.at("event_keys"), &AnalyticsEvent::parameters),
      values(visit, p.at("user_keys"), &AnalyticsEvent::user_properties),
  });
}

json column(const char* name, const char* type, const char* mode = "NULLABLE") {
  return {{"name", name}, {"type", type}, {"mode", mode}};
}

json record(const char* name, const char* mode, std::initializer_list<const char*> texts, const char* time = nullptr) {
  json j = column(name, "RECORD", mode);
  j["fields"] = json::array();
  if (time != nullptr) j["fields"].push_back(column(time, "INTEGER"));
  for (const char* text : texts) j["fields"].push_back(column(text, "STRING"));
  return j;
}

}  // namespace

std::vector<json> rows_of(const Statement& s, const std::vector<ExportTable>& tables, const Parameters& p) {
  std::map<std::tuple<std::string, Text, std::optional<std::int64_t>, bool, Text>, Visit> visits;
  for (const ExportTable& table : tables)
    for (const AnalyticsEvent* raw : table.events) {
      Event e = event_of(*raw, table, s, p);
      visits[{e.day, e.client, e.session, e.is_loose(), e.is_loose() ? e.page : Text()}].push_back(std::move(e));
    }
  std::vector<json> out;
  for (const auto& [key, visit] : visits)
    if (is_wanted(visit, s, p)) out.push_back(row_of(visit, s, p));
  return out;
}

json schema() {
  return {{"fields",
           json::array({column("day", "STRING"), column("client", "STRING"), column("session", "INTEGER"),
                        column("started", "INTEGER"), column("begins", "INTEGER"), column("session_number", "INTEGER"),
                        column("member", "STRING"), column("country", "STRING"),
                        record("landing", "NULLABLE", {"page", "referrer"}),
                        record("campaigns", "REPEATED",
                               {"page", "referrer", "source", "medium", "campaign", "campaign_id", "term", "content",
                                "gclid", "dclid", "srsltid"},
                               "happened"),
                        record("ads", "NULLABLE", {"campaign", "campaign_id"}),
                        record("last", "NULLABLE", {"source", "medium", "campaign", "campaign_id", "term", "content"}),
                        record("first", "NULLABLE", {"source", "medium", "campaign"}),
                        record("event_values", "REPEATED", {"key", "value"}),
                        record("user_values", "REPEATED", {"key", "value"})})}};
}

}  // namespace hw::sandbox::bigquery
