#include "connectors/hubspot/peer_portal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/zone.h"

namespace hw::sandbox::hubspot {

const std::vector<StageOfPipeline> kStages = {
    {"appointment", "appointmentscheduled", "Appointment scheduled", false, false, "0.2"},
    {"qualified", "qualifiedtobuy", "Qualified to buy", false, false, "0.4"},
    {"proposal", "presentationscheduled", "Presentation scheduled", false, false, "0.6"},
    {"negotiation", "contractsent", "Contract sent", false, false, "0.9"},
    {"won", "closedwon", "Closed won", true, true, "1.0"},
    {"lost", "closedlost", "Closed lost", true, false, "0.0"},
};

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::pair<std::string_view, std::string_view>> kLifecycle = {{"mql", "marketingqualifiedlead"},
                                                                               {"sql", "salesqualifiedlead"}};
const std::vector<std::pair<std::string_view, std::string_view>> kDealTypes = {{"new", "newbusiness"},
                                                                               {"renewal", "existingbusiness"}};

Options stage_options() {
  Options out;
  for (const StageOfPipeline& s : kStages) out.emplace_back(s.id, s.label);
  return out;
}

std::vector<Property> contact_properties() {
  const Options stages = {{"subscriber", "Subscriber"},
                          {"lead", "Lead"},
                          {"marketingqualifiedlead", "Marketing Qualified Lead"},
                          {"salesqualifiedlead", "Sales Qualified Lead"},
                          {"opportunity", "Opportunity"},
                          {"customer", "Customer"},
                          {"evangelist", "Evangelist"},
                          {"other", "Other"}};
  return {{"email", "email", "string", "Email", {}},
          {"phone", "phone", "string", "Phone number", {}},
          {"mobilephone", "mobile", "string", "Mobile phone number", {}},
          {"firstname", "given_name", "string", "First name", {}},
          {"lastname", "family_name", "string", "Last name", {}},
          {"country", "country", "string", "Country/Region", {}},
          {"state", "region", "string", "State/Region", {}},
          {"city", "city", "string", "City", {}},
          {"zip", "postal_code", "string", "Postal code", {}},
          {"lifecyclestage", "lifecycle", "enumeration", "Lifecycle stage", stages},
          {"hubspot_owner_id", "owner", "enumeration", "Contact owner", {}},
          {"hs_google_click_id", "gclid", "string", "Google ad click id", {}},
          {"hs_analytics_first_url", "landing_page", "string", "First page seen", {}},
          {"hs_analytics_first_referrer", "referrer", "string", "First referring site", {}},
          {"hs_analytics_source", "", "enumeration", "Original source", {}},
          {"hs_analytics_source_data_1", "", "string", "Original source drill-down 1", {}},
          {"hs_analytics_first_timestamp", "", "datetime", "Time first seen", {}}};
}

std::vector<Property> deal_properties() {
  return {{"dealname", "name", "string", "Deal name", {}},
          {"amount", "amount", "number", "Amount", {}},
          {"deal_currency_code", "currency", "enumeration", "Currency", {}},
          {"dealstage", "stage", "enumeration", "Deal stage", stage_options()},
          {"pipeline", "pipeline", "enumeration", "Pipeline", {{"default", "Sales pipeline"}}},
          {"closedate", "closed_at", "datetime", "Close date", {}},
          {"dealtype",
           "deal_type",
           "enumeration",
           "Deal type",
           {{"newbusiness", "New business"}, {"existingbusiness", "Existing business"}, {"test", "Test"}}},
          {"hubspot_owner_id", "owner", "enumeration", "Deal owner", {}},
          {"hs_is_closed", "", "bool", "Is deal closed?", {}},
          {"hs_is_closed_won", "", "bool", "Is closed won", {}}};
}

std::vector<Property> company_properties() {
  return {{"name", "name", "string", "Company name", {}},
          {"domain", "domain", "string", "Company domain name", {}},
          {"country", "country", "string", "Country/Region", {}},
          {"hubspot_owner_id", "owner", "enumeration", "Company owner", {}}};
}

const Version* version_at(const CrmObject& o, const std::string& neutral, Timestamp at) {
  auto it = o.properties.find(neutral);
  if (it == o.properties.end()) return nullptr;
  const Version* found = nullptr;
  for (const Version& v : it->second)
    if (v.at <= at) found = &v;
  return found;
}

std::string plain_at(const CrmObject& o, const std::string& neutral, Timestamp at) {
  const Version* v = version_at(o, neutral, at);
  return v == nullptr ? std::string() : v->value;
}

/// HubSpot's own judgement of a contact's first session, from what its tracking saw.
std::string source_class(const CrmObject& o, Timestamp at) {
  const std::string medium = plain_at(o, "utm_medium", at);
  if (medium == "cpc" || medium == "ppc") return "PAID_SEARCH";
  if (medium == "paid_social") return "PAID_SOCIAL";
  if (medium == "email") return "EMAIL_MARKETING";
  if (medium == "social") return "SOCIAL_MEDIA";
  if (medium == "organic") return "ORGANIC_SEARCH";
  if (!medium.empty()) return "OTHER_CAMPAIGNS";
  if (!plain_at(o, "referrer", at).empty()) return "REFERRALS";
  return plain_at(o, "landing_page", at).empty() ? "OFFLINE" : "DIRECT_TRAFFIC";
}

std::optional<std::string> joined_losers(const CrmObject& o) {
  std::string out;
  for (const std::string& id : o.merged) out += (out.empty() ? "" : ";") + id;
  return out.empty() ? std::nullopt : std::optional(out);
}

std::optional<std::string> computed(const CrmObject& o, const std::string& name, Timestamp at) {
  if (name == "hs_object_id") return o.id;
  if (name == "createdate") return iso_millis(o.created);
  if (name == modified_property(o.type)) return iso_millis(modified_at(o, at));
  if (name == "hs_merged_object_ids") return joined_losers(o);
  const std::string stage = plain_at(o, "stage", at);
  if (name == "hs_is_closed") return stage == "won" || stage == "lost" ? "true" : "false";
  if (name == "hs_is_closed_won") return stage == "won" ? "true" : "false";
  if (name == "hs_analytics_source") return source_class(o, at);
  if (name == "hs_analytics_first_timestamp") return iso_millis(o.created);
  if (name == "hs_analytics_source_data_1") {
    const std::string campaign = plain_at(o, "utm_campaign", at);
    return campaign.empty() ? std::nullopt : std::optional(campaign);
  }
  return {};
}

void add_custom(const World& world, const std::string& type, std::vector<Property>& all) {
  std::set<std::string> known;
  for (const Property& p : all) known.insert(p.neutral);
  for (const CrmProperty& p : world.crm.custom_properties) {
    if (p.type != type || !known.insert(p.name).second) continue;
    Options options;
    for (const std::string& value : p.options) options.emplace_back(value, value);
    all.push_back({p.name, p.name, p.kind, p.name, options, p.read_only});
  }
  auto objects = world.crm.objects().find(type);
  if (objects == world.crm.objects().end()) return;
  for (const auto& [id, object] : objects->second)
    for (const auto& [neutral, versions] : object.properties)
      if (known.insert(neutral).second) all.push_back({neutral, neutral, "string", neutral, {}});
}

}  // namespace

bool is_object_type(std::string_view type) { return type == "contacts" || type == "companies" || type == "deals"; }

std::string_view modified_property(std::string_view type) {
  return type == "contacts" ? "lastmodifieddate" : "hs_lastmodifieddate";
}

std::vector<Property> properties_of(const World& world, const std::string& type) {
  std::vector<Property> all = type == "contacts" ? contact_properties()
                              : type == "deals"  ? deal_properties()
                                                 : company_properties();
  all.push_back({"hs_object_id", "", "number", "Record ID", {}});
  all.push_back({"createdate", "", "datetime", "Create date", {}});
  all.push_back({std::string(modified_property(type)), "", "datetime", "Last modified date", {}});
  all.push_back({"hs_merged_object_ids", "", "enumeration", "Merged record IDs", {}});
  // HubSpot's own figures and its analytics set (CRM reference 2.8) are nobody's to write.
  for (Property& p : all) p.read_only = p.neutral.empty() || p.name.starts_with("hs_analytics_");
  add_custom(world, type, all);
  return all;
}

const Property* find_property(const std::vector<Property>& all, const std::string& name) {
  auto it = std::find_if(all.begin(), all.end(), [&](const Property& p) { return p.name == name; });
  return it == all.end() ? nullptr : &*it;
}

bool is_live(const CrmObject& o) { return !o.archived && o.merged_into.empty(); }

std::optional<std::string> value_at(const CrmObject& o, const Property& p, Timestamp at) {
  if (p.neutral.empty()) return computed(o, p.name, at);
  const std::string value = plain_at(o, p.neutral, at);
  if (value.empty() && p.name == "pipeline") return "default";
  if (value.empty()) return {};
  if (Result<ReadTime> t = read_time(value, Zone::utc()); p.type == "datetime" && value.size() > 10 && t)
    return iso_millis(t->at);
  return translated(o.type, p.neutral, value);
}

Timestamp modified_at(const CrmObject& o, Timestamp at) {
  if (o.modified <= at) return o.modified;
  Timestamp newest = o.created;
  for (const auto& [name, versions] : o.properties)
    for (const Version& v : versions)
      if (v.at <= at) newest = std::max(newest, v.at);
  return newest;
}

std::string translated(const std::string& type, const std::string& neutral, const std::string& value) {
  auto by = [&](const auto& table) {
    for (const auto& [from, to] : table)
      if (from == value) return std::string(to);
    return value;
  };
  if (type == "contacts" && neutral == "lifecycle") return by(kLifecycle);
  if (type != "deals") return value;
  if (neutral == "deal_type") return by(kDealTypes);
  if (neutral == "closed_at" && value.size() == 10) return value + "T00:00:00Z";
  if (neutral != "stage") return value;
  for (const StageOfPipeline& s : kStages)
    if (s.neutral == value) return std::string(s.id);
  return value;
}

std::string neutral_value(const std::string& type, const std::string& neutral, const std::string& value) {
  auto by = [&](const auto& table) {
    for (const auto& [from, to] : table)
      if (to == value) return std::string(from);
    return value;
  };
  if (type == "contacts" && neutral == "lifecycle") return by(kLifecycle);
  if (type == "deals" && neutral == "deal_type") return by(kDealTypes);
  if (type != "deals" || neutral != "stage") return value;
  for (const StageOfPipeline& s : kStages)
    if (s.id == value) return std::string(s.neutral);
  return value;
}

std::int64_t millis(Timestamp t) { return std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count(); }

std::string iso_millis(Timestamp t) {
  const std::string seconds = rfc3339(std::chrono::floor<std::chrono::seconds>(t));
  const std::int64_t rest = millis(t) - millis(std::chrono::floor<std::chrono::seconds>(t));
  return fmt::format("{}.{:03}Z", seconds.substr(0, seconds.size() - 1), rest);
}

bool id_before(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

}  // namespace hw::sandbox::hubspot
