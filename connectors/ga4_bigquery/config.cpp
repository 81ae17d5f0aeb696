#include "connectors/ga4_bigquery/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "connectors/ga4_bigquery/api.h"

namespace hw::connectors::ga4_bigquery {

using connect::OptionDecl;
using connect::OptionType;

namespace {

constexpr std::int64_t kHour = 3'600, kDay = 86'400;
constexpr std::int64_t kMiB = 1 << 20, kGiB = 1 << 30;

constexpr std::array kTouchFields = {"source", "medium", "campaign", "campaign_id", "term", "content"};
constexpr std::array kCrmFields = {"lead_id", "contact_id", "deal_id"};

OptionDecl decl(std::string name, OptionType type, std::string help, std::optional<std::string> preset = {}) {
  OptionDecl d;
  d.name = std::move(name);
  d.type = type;
  d.help = std::move(help);
  d.default_value = std::move(preset);
  return d;
}

OptionDecl required(OptionDecl d) {
  d.required = true;
  return d;
}

OptionDecl ranged(OptionDecl d, std::int64_t min, std::int64_t max, std::string unit = "") {
  d.min = min;
  d.max = max;
  d.unit = std::move(unit);
  return d;
}

OptionDecl choice(std::string name, std::string help, std::string preset, std::vector<std::string> choices) {
  OptionDecl d = decl(std::move(name), OptionType::choice, std::move(help), std::move(preset));
  d.choices = std::move(choices);
  return d;
}

OptionDecl mapping(std::string name, std::string help) {
  OptionDecl d = decl(std::move(name), OptionType::text_map, std::move(help));
  d.choices.assign(kTouchFields.begin(), kTouchFields.end());
  d.choices.insert(d.choices.end(), kCrmFields.begin(), kCrmFields.end());
  for (const connect::IdentifierDecl& id : vocabulary().identifiers) d.choices.push_back(id.type);
  d.open_keys = true;
  return d;
}

std::vector<OptionDecl> access_decls() {
  return {
      required(decl("credential", OptionType::credential,
                    "Name under credentials: of a service account or refresh token with the bigquery scope.")),
      required(decl("project", OptionType::text, "Cloud project that pays for the queries, such as acme-analytics.")),
      required(decl("dataset", OptionType::text, "Data set of the export, such as analytics_123456789.")),
      decl("data_project", OptionType::text, "Cloud project of the data set; default: project."),
      decl("location", OptionType::text, "Where the data set lies, such as EU or europe-west3; default: asked for."),
      decl("base_url", OptionType::url, "Address of the API.", "https://bigquery.googleapis.com"),
      decl("token_url", OptionType::url, "Where the credential gets its access tokens.",
           "https://oauth2.googleapis.com/token"),
      decl("auth_url", OptionType::url, "Where a person signs in (headwater auth login).",
           "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"),
  };
}

// Late events: developers.google.com/analytics/bigquery/event-schema (web-analytics reference 3.1): a day's table takes
// them for up to three days.
std::vector<OptionDecl> reading_decls() {
  return {
      choice("pull",
             "mirror: every day is read once, and again while it changes; lookup: the history of people the CRM knows "
             "is asked for, the days from then on are read.",
             "mirror", {"mirror", "lookup"}),
      required(decl("time_zone", OptionType::time_zone,
                    "The property's reporting time zone (Admin, Property settings): its days are those of the tables, "
                    "such as Europe/Berlin.")),
      ranged(decl("days", OptionType::integer, "How far back the first read (mirror) or a look-up goes.", "90"), 1,
             3'650, "days"),
      ranged(decl("late_days", OptionType::integer, "Days before today whose tables may still change.", "3"), 0, 30,
             "days"),
      decl("intraday", OptionType::boolean,
           "Read the streaming table of a day until its daily table is there (needs the streaming export).", "true"),
      ranged(decl("every", OptionType::duration,
                  "So often tables are looked at; a daily table is read only when it has changed.", "1h"),
             60, kDay),
      decl("events", OptionType::text_list, "Names of events that begin a session.", "session_start"),
      choice(
          "direct_sessions",
          "What a session without a source of its own is: direct, or last_click (GA4's last one of the same device).",
          "direct", {"direct", "last_click"}),
      mapping("event_parameters", "Custom event parameters: what they fill -> the parameter's name."),
      mapping("user_properties", "Custom user properties: what they fill -> the property's name."),
      decl("crm", OptionType::text,
           "Namespace of CRM ids in lead_id, contact_id and deal_id: the name of the CRM's connector."),
  };
}

std::vector<OptionDecl> cost_decls() {
  return {
      // BigQuery bills at least 10 MB a query.
      ranged(decl("max_bytes_per_query", OptionType::size,
                  "A query that would read more is not run (BigQuery refuses it too).", "20GiB"),
             10 * kMiB, 1024 * kGiB, "bytes"),
      ranged(decl("max_bytes_per_day", OptionType::size,
                  "What all queries of 24 hours may read; what is over it waits for the next day.", "100GiB"),
             10 * kMiB, 10'240 * kGiB, "bytes"),
      // CPU and answer size rather than a vendor's limit: an answer is cut at about 10 MB.
      ranged(decl("page_rows", OptionType::integer, "Rows an answer.", "1000"), 1, 10'000, "rows"),
      ranged(decl("lookup_ids", OptionType::integer, "Identifiers a look-up.", "10000"), 1, 50'000, "identifiers"),
      ranged(decl("lookup_every", OptionType::duration,
                  "Look-ups are gathered for so long: each reads the whole history, for one identifier or thousands.",
                  "24h"),
             60, 30 * kDay),
      ranged(decl("poll_every", OptionType::duration, "Pause between two looks at a query that still runs.", "5s"), 1,
             kHour),
      // API requests per second, user and method: 100 (unverified); far more than is needed.
      ranged(decl("requests_per_minute", OptionType::integer, "Own limit of API calls, per credential.", "600"), 1,
             100'000, "requests"),
  };
}

bool all_of(std::string_view s, std::string_view allowed) {
  return !s.empty() && s.find_first_not_of(allowed) == std::string_view::npos;
}

/// "example.com:project" is the old form of a project that belongs to a domain.
bool is_project(std::string_view s) { return s.size() <= 100 && all_of(s, "abcdefghijklmnopqrstuvwxyz0123456789-.:"); }

bool is_word(std::string_view s) {
  return s.size() <= 1024 && all_of(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

bool is_location(std::string_view s) {
  return s.size() <= 40 && all_of(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
}

/// Names end up inside a statement, where BigQuery takes no parameters: what could end the name is refused.
void check_names(const connect::Options& o, const Config& c, std::vector<connect::OptionError>& errors) {
  const auto fail = [&](const char* name, std::string what) { errors.push_back({o.mark(name), std::move(what)}); };
  if (!is_project(c.project)) fail("project", "project: the id of a Cloud project, such as acme-analytics");
  if (!is_project(c.data_project)) fail("data_project", "data_project: the id of a Cloud project");
  if (!is_word(c.dataset))
    fail("dataset", "dataset: letters, digits and _ alone, such as analytics_123456789 (without the project)");
  if (!c.location.empty() && !is_location(c.location)) fail("location", "location: such as EU, US or europe-west3");
}

void check_addresses(const connect::Options& o, std::vector<connect::OptionError>& errors) {
  for (const char* name : {"base_url", "token_url", "auth_url"})
    if (Status ok = http::check_url(o.text(name)); !ok)
      errors.push_back({o.mark(name), fmt::format("{}: {}", name, ok.error().detail)});
}

bool is_one_of(const auto& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<Mapped> read_mapping(const connect::Options& o, const char* name, const connect::Vocabulary* vocabulary,
                                 const std::string& crm, std::vector<connect::OptionError>& errors) {
  std::vector<Mapped> out;
  if (!o.has(name)) return out;
  for (const auto& [field, parameter] : o.map(name)) {
    const bool is_crm_id = is_one_of(kCrmFields, field);
    const bool known =
        is_crm_id || is_one_of(kTouchFields, field) || vocabulary == nullptr || vocabulary->find(field) != nullptr;
    if (!known)
      errors.push_back({o.mark(name, field),
                        fmt::format("{}: '{}' is neither a field of a touch nor an identifier type", name, field)});
    if (is_crm_id && crm.empty())
      errors.push_back(
          {o.mark(name, field), fmt::format("{}: {} needs crm: the name of the CRM's connector", name, field)});
    if (parameter.empty() || parameter.size() > 100)
      errors.push_back({o.mark(name, field), fmt::format("{}: {}: the name of a parameter in GA4", name, field)});
    out.push_back({field, parameter});
  }
  return out;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void read_access(const connect::Options& o, Config& c, std::vector<connect::OptionError>& errors) {
  c.credential = o.text("credential");
  c.base_url = without_slash(o.text("base_url"));
  c.token_url = o.text("token_url");
  c.project = o.text("project");
  c.data_project = o.text("data_project").empty() ? c.project : o.text("data_project");
  c.dataset = o.text("dataset");
  c.location = o.text("location");
  check_names(o, c, errors);
  check_addresses(o, errors);
}

void read_costs(const connect::Options& o, Config& c, std::vector<connect::OptionError>& errors) {
  c.max_bytes_per_query = o.integer("max_bytes_per_query");
  c.max_bytes_per_day = o.integer("max_bytes_per_day");
  if (c.max_bytes_per_day < c.max_bytes_per_query)
    errors.push_back({o.mark("max_bytes_per_day"),
                      "max_bytes_per_day must not be less than max_bytes_per_query, or a query would wait for ever"});
  c.page_rows = static_cast<std::size_t>(o.integer("page_rows"));
  c.lookup_ids = static_cast<std::size_t>(o.integer("lookup_ids"));
  c.lookup_every = o.duration("lookup_every");
  c.poll_every = o.duration("poll_every");
  c.requests_per_minute = static_cast<int>(o.integer("requests_per_minute"));
}

}  // namespace

std::vector<OptionDecl> option_decls() {
  std::vector<OptionDecl> all = access_decls();
  for (auto part : {reading_decls(), cost_decls()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

connect::Vocabulary vocabulary() {
  using connect::IdKind;
  return {
      .identifiers =
          {
              {"ga_client_id", IdKind::client, "", "", "", "Google Analytics client id, such as 1162820436.1749482504"},
              {"ga_session_id", IdKind::client, "", "", "", "Google Analytics session id, such as 1747132561"},
              {"user_id", IdKind::user, "", "", "", "your own user id, as the web site tells it to analytics"},
              {"gclid", IdKind::click, "gclid", "google", "cpc", "Google Ads click id"},
              {"gbraid", IdKind::click, "gbraid", "google", "cpc", "Google Ads click id of iOS, web to app"},
              {"wbraid", IdKind::click, "wbraid", "google", "cpc", "Google Ads click id of iOS, app to web"},
              {"dclid", IdKind::click, "dclid", "", "display", "Google display click id"},
          },
      .cookies = {{"_ga", "after_second_dot", "ga_client_id"}, {"_ga_*", "session", "ga_session_id"}},
  };
}

Config read_config(const connect::Options& o, const std::string& instance, const connect::Vocabulary* vocabulary,
                   std::vector<connect::OptionError>& errors) {
  Config c;
  c.instance = instance;
  read_access(o, c, errors);
  read_costs(o, c, errors);
  if (Result<Zone> zone = Zone::find(o.text("time_zone"))) c.zone = *zone;
  c.lookup = o.text("pull") == "lookup";
  c.intraday = o.boolean("intraday");
  c.last_click = o.text("direct_sessions") == "last_click";
  c.days = static_cast<int>(o.integer("days"));
  c.late_days = static_cast<int>(o.integer("late_days"));
  c.every = o.duration("every");
  c.events = o.list("events");
  c.crm = o.text("crm");
  c.event_parameters = read_mapping(o, "event_parameters", vocabulary, c.crm, errors);
  c.user_properties = read_mapping(o, "user_properties", vocabulary, c.crm, errors);
  return c;
}

http::LoginPlace login_place(const connect::Options& o) { return {o.text("auth_url"), o.text("token_url"), kScope}; }

}  // namespace hw::connectors::ga4_bigquery
