#include "connectors/hubspot/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "http/client.h"

namespace hw::connectors::hubspot {

namespace {

using connect::OptionDecl;
using connect::OptionError;
using connect::Options;
using connect::OptionType;
using Mapping = std::map<std::string, std::string>;

// Default property names: CRM reference 2.8 and HubSpot's own default properties. The portal ignores names that it does
// not have, so a default that a portal lacks costs nothing. There is no built-in property for the GA client id or for
// UTM parameters: the names below are what most portals call their own.
const Mapping kContactDefaults = {{"email", "email"},
                                  {"phone", "phone"},
                                  {"mobile", "mobilephone"},
                                  {"given_name", "firstname"},
                                  {"family_name", "lastname"},
                                  {"country", "country"},
                                  {"region", "state"},
                                  {"lifecycle", "lifecyclestage"},
                                  {"owner", "hubspot_owner_id"},
                                  {"ga_client_id", "ga_client_id"},
                                  {"gclid", "hs_google_click_id"},
                                  {"fbclid", "hs_facebook_click_id"},
                                  {"li_fat_id", "hs_linkedin_click_id"},
                                  {"utm_source", "utm_source"},
                                  {"utm_medium", "utm_medium"},
                                  {"utm_campaign", "utm_campaign"},
                                  {"utm_term", "utm_term"},
                                  {"utm_content", "utm_content"},
                                  {"landing_page", "hs_analytics_first_url"},
                                  {"referrer", "hs_analytics_first_referrer"}};
const Mapping kCompanyDefaults = {
    {"name", "name"}, {"domain", "domain"}, {"country", "country"}, {"owner", "hubspot_owner_id"}};
const Mapping kDealDefaults = {
    {"name", "dealname"},      {"amount", "amount"},         {"currency", "deal_currency_code"},
    {"stage", "dealstage"},    {"pipeline", "pipeline"},     {"closed", "closedate"},
    {"deal_type", "dealtype"}, {"owner", "hubspot_owner_id"}};

// Canonical contact names without a default: read only where the admin names a property.
const std::vector<std::string> kContactOptional = {
    "city", "postal_code", "consent", "consent_ad_user_data", "consent_ad_personalization", "consent_at"};
const std::vector<std::string> kIdentifiers = {"ga_client_id", "user_id", "gclid",     "gbraid", "wbraid",
                                               "fbclid",       "msclkid", "li_fat_id", "ttclid"};
const std::vector<std::string> kPersonal = {"email",       "phone", "mobile",     "given_name",
                                            "family_name", "city",  "postal_code"};

// Read whatever the mapping says: merges, and HubSpot's own analytics of a contact's first and latest session.
const std::vector<std::string> kContactAlways = {"createdate",
                                                 "hs_merged_object_ids",
                                                 "hs_calculated_merged_vids",
                                                 "hs_analytics_source",
                                                 "hs_analytics_source_data_1",
                                                 "hs_analytics_source_data_2",
                                                 "hs_analytics_first_timestamp",
                                                 "hs_latest_source",
                                                 "hs_latest_source_data_1",
                                                 "hs_latest_source_data_2",
                                                 "hs_latest_source_timestamp",
                                                 "hs_analytics_last_url",
                                                 "hs_analytics_last_referrer"};
const std::vector<std::string> kAlways = {"createdate", "hs_merged_object_ids"};

// What the source reads (README, "Setting up"); HubSpot wants every scope that the app requires, `oauth` among them.
constexpr const char* kReadScopes =
    "oauth crm.objects.contacts.read crm.objects.companies.read crm.objects.deals.read crm.schemas.contacts.read "
    "crm.schemas.companies.read crm.schemas.deals.read";

std::vector<std::string> known_names(const Mapping& defaults, bool contact) {
  std::vector<std::string> names;
  for (const auto& [name, property] : defaults) names.push_back(name);
  if (contact) {
    names.insert(names.end(), kContactOptional.begin(), kContactOptional.end());
    names.insert(names.end(), kIdentifiers.begin(), kIdentifiers.end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

OptionDecl option(std::string name, OptionType type, std::string help, std::optional<std::string> fallback = {}) {
  OptionDecl d;
  d.name = std::move(name);
  d.type = type;
  d.help = std::move(help);
  d.default_value = std::move(fallback);
  return d;
}

OptionDecl ranged(OptionDecl d, std::int64_t min, std::int64_t max, std::string unit = {}) {
  d.min = min;
  d.max = max;
  d.unit = std::move(unit);
  return d;
}

OptionDecl mapping_option(std::string name, const Mapping& defaults, bool contact) {
  OptionDecl d =
      option(std::move(name), OptionType::text_map,
             contact ? "canonical field or identifier type: internal name of the portal's contact property, such as "
                       "'ga_client_id: ga_cid'; '' reads none"
                     : "canonical field: internal name of the portal's property; '' reads none");
  d.choices = known_names(defaults, contact);
  d.open_keys = contact;
  return d;
}

OptionDecl properties_option() {
  OptionDecl d = option("properties", OptionType::group,
                        "where the portal keeps what Headwater reads, when not under HubSpot's own names");
  d.children = {mapping_option("contacts", kContactDefaults, true),
                mapping_option("companies", kCompanyDefaults, false), mapping_option("deals", kDealDefaults, false)};
  return d;
}

FieldKind kind_of(std::string_view canonical) {
  if (canonical == "amount") return FieldKind::amount;
  if (canonical == "currency") return FieldKind::currency;
  if (canonical == "closed") return FieldKind::time;
  if (canonical == "country") return FieldKind::country;
  return FieldKind::text;
}

std::string without_trailing_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

std::string token_url_of(const Options& options) {
  if (options.has("token_url")) return options.text("token_url");
  return fmt::format("{}/oauth/{}/token", without_trailing_slash(options.text("base_url")),
                     options.text("api_version"));
}

/// The defaults, and over them what the admin says; "" switches a name off.
Mapping read_mapping(const Mapping& defaults, const Options* given, const std::string& type,
                     const connect::Vocabulary* vocabulary, std::vector<OptionError>& errors) {
  Mapping out = defaults;
  if (given == nullptr) return out;
  const bool contact = type == "contacts";
  const std::vector<std::string> known = known_names(defaults, contact);
  for (const auto& [name, property] : given->map(type)) {
    const bool is_known = std::find(known.begin(), known.end(), name) != known.end() ||
                          (contact && (vocabulary == nullptr || vocabulary->find(name) != nullptr));
    if (!is_known) {
      std::string near = nearest(name, known);
      errors.push_back(
          {given->mark(type, name), fmt::format("'{}' is neither a field of {} nor an identifier type{}", name, type,
                                                near.empty() ? "" : fmt::format("; did you mean '{}'?", near))});
      continue;
    }
    if (property.empty()) {
      out.erase(name);
    } else {
      out[name] = property;
    }
  }
  return out;
}

void add_field(std::vector<Field>& to, Field field) {
  auto same = [&](const Field& f) { return f.name == field.name; };
  if (std::none_of(to.begin(), to.end(), same)) to.push_back(std::move(field));
}

void add_canonical(ObjectPlan& plan, const std::vector<std::string>& names, std::vector<Field>& to) {
  for (const std::string& name : names)
    if (const std::string& property = plan.property(name); !property.empty())
      add_field(to, {name, property, kind_of(name)});
}

/// Fields that stages and goals name: a canonical name, or the portal's own property name.
void add_named(ObjectPlan& plan, const NamedFields& fields, const connect::Mark& mark,
               std::vector<OptionError>& errors) {
  for (const auto& [object, name] : fields) {
    if (object != plan.object) continue;
    const std::string& mapped = plan.property(name);
    const std::string property = mapped.empty() ? name : mapped;
    if (is_personal(plan, property)) {
      errors.push_back(
          {mark,
           fmt::format("'{}' of {} is personal data and is kept only as a hash: no stage or goal can depend on it",
                       name, plan.type)});
      continue;
    }
    const FieldKind kind = mapped.empty() ? FieldKind::text : kind_of(name);
    add_field(plan.fields, {name, property, kind});
    add_field(plan.history, {name, property, kind});
  }
}

ObjectPlan make_plan(Object object, std::string type, std::string modified, Mapping mapped,
                     std::vector<std::string> ties) {
  ObjectPlan plan;
  plan.object = object;
  plan.type = std::move(type);
  plan.modified_property = std::move(modified);
  plan.mapped = std::move(mapped);
  plan.ties = std::move(ties);
  return plan;
}

void read_plans(Config& c, const Options& options, const NamedFields& fields, const connect::Vocabulary* vocabulary,
                std::vector<OptionError>& errors) {
  const std::vector<Options>& groups = options.groups("properties");
  const Options* given = groups.empty() ? nullptr : &groups.front();
  auto mapping = [&](const Mapping& defaults, const std::string& type) {
    return read_mapping(defaults, given, type, vocabulary, errors);
  };
  c.companies =
      make_plan(Object::account, "companies", "hs_lastmodifieddate", mapping(kCompanyDefaults, "companies"), {});
  c.contacts =
      make_plan(Object::contact, "contacts", "lastmodifieddate", mapping(kContactDefaults, "contacts"), {"companies"});
  c.deals = make_plan(Object::deal, "deals", "hs_lastmodifieddate", mapping(kDealDefaults, "deals"),
                      {"contacts", "companies"});
  add_canonical(c.companies, {"name", "domain", "country", "owner"}, c.companies.fields);
  add_canonical(c.contacts, {"lifecycle", "country", "owner"}, c.contacts.fields);
  add_canonical(c.deals, {"name", "amount", "currency", "stage", "pipeline", "closed", "deal_type", "owner"},
                c.deals.fields);
  add_canonical(c.deals, {"stage", "pipeline", "amount"}, c.deals.history);
  for (ObjectPlan* plan : {&c.companies, &c.contacts, &c.deals}) add_named(*plan, fields, options.at, errors);
}

void check_urls(const Config& c, const Options& options, std::vector<OptionError>& errors) {
  if (Status ok = http::check_url(c.base_url); !ok) errors.push_back({options.mark("base_url"), ok.error().detail});
  if (Status ok = http::check_url(c.token_url); !ok) errors.push_back({options.mark("token_url"), ok.error().detail});
  if (Status ok = http::check_url(options.text("auth_url")); !ok)
    errors.push_back({options.mark("auth_url"), ok.error().detail});
}

}  // namespace

const std::string& ObjectPlan::property(std::string_view canonical) const {
  static const std::string none;
  auto it = mapped.find(std::string(canonical));
  return it == mapped.end() ? none : it->second;
}

std::vector<std::string> ObjectPlan::properties() const {
  const std::vector<std::string>& always = object == Object::contact ? kContactAlways : kAlways;
  std::set<std::string> all(always.begin(), always.end());
  all.insert(modified_property);
  for (const auto& [name, property] : mapped) all.insert(property);
  for (const Field& f : fields) all.insert(f.property);
  return {all.begin(), all.end()};
}

std::vector<std::string> ObjectPlan::history_properties() const {
  std::set<std::string> all;
  for (const Field& f : history) all.insert(f.property);
  return {all.begin(), all.end()};
}

const ObjectPlan* Config::plan(std::string_view type) const {
  for (const ObjectPlan* p : {&companies, &contacts, &deals})
    if (p->type == type) return p;
  return nullptr;
}

const ObjectPlan& Config::plan_of(Object object) const {
  if (object == Object::deal) return deals;
  return object == Object::account ? companies : contacts;
}

bool is_personal(const ObjectPlan& plan, std::string_view property) {
  if (plan.object != Object::contact) return false;
  return std::any_of(kPersonal.begin(), kPersonal.end(), [&](const std::string& name) {
    auto it = kContactDefaults.find(name);
    return plan.property(name) == property || (it != kContactDefaults.end() && it->second == property);
  });
}

std::vector<OptionDecl> option_declarations() {
  OptionDecl credential = option(
      "credential", OptionType::credential,
      "name under credentials: a static_token (the token of an app installed in this portal) or a refresh_token");
  credential.required = true;
  return {
      credential,
      option("crm", OptionType::text, "namespace of this portal's record ids; default: the name of this connector"),
      option("company_currency", OptionType::currency,
             "currency of deals that carry none, such as EUR; needed when the portal has a single currency and the "
             "credential may not "
             "read settings.currencies"),
      properties_option(),
      option("base_url", OptionType::url, "where the API answers", "https://api.hubapi.com"),
      option("token_url", OptionType::url,
             "where a refresh_token credential gets its tokens; default: base_url/oauth/<api_version>/token"),
      option("auth_url", OptionType::url,
             "where a person signs in (headwater auth login), for a refresh_token credential",
             "https://app.hubspot.com/oauth/authorize"),
      option("scopes", OptionType::text,
             "what a person is asked to allow at the sign-in, separated by blanks: all that the app requires, and no "
             "other",
             kReadScopes),
      option("api_version", OptionType::text, "dated version of HubSpot's API", "2026-09"),
      ranged(option("search_lag", OptionType::duration, "how long a change may take to reach HubSpot's search index",
                    "60s"),
             0, 3600),
      ranged(option("overlap", OptionType::duration, "how far each search goes back behind the last one", "10m"), 0,
             86400),
      ranged(option("search_requests_per_second", OptionType::integer, "own limit of the search endpoints", "4"), 1,
             100, "requests"),
      ranged(option("requests_per_10_seconds", OptionType::integer,
                    "limit per app: 100 (Free, Starter), 190 (Pro, Enterprise) or 250", "190"),
             1, 1000, "requests"),
      ranged(option("daily_requests", OptionType::integer,
                    "requests a day that the account's plan allows: 250000 (Free, Starter), 625000 (Pro) or 1000000 "
                    "(Enterprise); the credential's quota_share of them is used; 0 = no own limit",
                    "250000"),
             0, 10000000, "requests"),
      ranged(option("daily_limit_wait", OptionType::duration,
                    "wait after HubSpot says that the day's requests are used up", "1h"),
             60, 86400),
      ranged(option("history_batch", OptionType::integer, "records a batch read with history", "50"), 1, 100,
             "records"),
      ranged(option("read_batch", OptionType::integer, "records a batch read without history", "100"), 1, 100,
             "records"),
      ranged(option("association_batch", OptionType::integer, "records a batch read of associations", "100"), 1, 1000,
             "records"),
      ranged(option("write_batch", OptionType::integer, "records a batch update of source fields", "100"), 1, 100,
             "records"),
      ranged(option("archived_every", OptionType::duration, "how often the lists of deleted records are read through",
                    "1h"),
             60, 7 * 86400),
      ranged(
          option("open_deal_associations_every", OptionType::duration,
                 "how often the associations of all open deals are read again, since a new one need not touch the deal",
                 "1d"),
          60, 30 * 86400),
  };
}

http::LoginPlace login_place(const Options& options) {
  return {.auth_url = options.text("auth_url"), .token_url = token_url_of(options), .scope = options.text("scopes")};
}

Config read_config(const Options& options, const NamedFields& fields, std::string_view instance,
                   const connect::Vocabulary* vocabulary, std::vector<OptionError>& errors) {
  Config c;
  c.credential = options.text("credential");
  c.api_version = options.text("api_version");
  c.base_url = without_trailing_slash(options.text("base_url"));
  c.token_url = token_url_of(options);
  c.crm = options.text("crm").empty() ? std::string(instance) : options.text("crm");
  c.company_currency = options.text("company_currency");
  c.search_lag = options.duration("search_lag");
  c.overlap = options.duration("overlap");
  c.archived_every = options.duration("archived_every");
  c.open_deals_every = options.duration("open_deal_associations_every");
  c.daily_limit_wait = options.duration("daily_limit_wait");
  c.search_per_second = static_cast<int>(options.integer("search_requests_per_second"));
  c.per_ten_seconds = static_cast<int>(options.integer("requests_per_10_seconds"));
  c.per_day = static_cast<int>(options.integer("daily_requests"));
  c.history_batch = static_cast<std::size_t>(options.integer("history_batch"));
  c.read_batch = static_cast<std::size_t>(options.integer("read_batch"));
  c.association_batch = static_cast<std::size_t>(options.integer("association_batch"));
  c.write_batch = static_cast<std::size_t>(options.integer("write_batch"));
  read_plans(c, options, fields, vocabulary, errors);
  check_urls(c, options, errors);
  return c;
}

}  // namespace hw::connectors::hubspot
