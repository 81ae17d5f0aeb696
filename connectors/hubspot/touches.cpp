#include "connectors/hubspot/touches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "connect/landing.h"

namespace hw::connectors::hubspot {

namespace {

/// HubSpot's source classes as source and medium. `detail_is`: what the first drill-down names, for those where it says
/// more than the class. Direct traffic has neither source nor medium: the journey has its own words for that.
enum class Detail : std::uint8_t { nothing, source, campaign };
struct SourceClass {
  std::string_view name, source, medium;
  Detail detail_is;
};
constexpr std::array<SourceClass, 9> kClasses = {{
    {"ORGANIC_SEARCH", "organic_search", "organic", Detail::nothing},
    {"PAID_SEARCH", "paid_search", "cpc", Detail::campaign},
    {"EMAIL_MARKETING", "email", "email", Detail::campaign},
    {"SOCIAL_MEDIA", "social_media", "social", Detail::source},
    {"REFERRALS", "referral", "referral", Detail::source},
    {"OTHER_CAMPAIGNS", "other_campaigns", "campaign", Detail::campaign},
    {"DIRECT_TRAFFIC", "", "", Detail::nothing},
    {"OFFLINE", "offline", "offline", Detail::nothing},
    {"PAID_SOCIAL", "paid_social", "paid_social", Detail::source},
}};

void apply_class(Touch& t, const std::string& name, const std::string& detail) {
  if (!t.source.empty() || !t.medium.empty()) return;
  const auto* c = std::find_if(kClasses.begin(), kClasses.end(), [&](const SourceClass& s) { return s.name == name; });
  if (c == kClasses.end()) {
    t.source = name;
    return;
  }
  t.source = c->detail_is == Detail::source && !detail.empty() ? to_lower_utf8(detail) : std::string(c->source);
  t.medium = c->medium;
  if (c->detail_is == Detail::campaign && t.campaign.empty()) t.campaign = connect::utm_text(detail);
}

/// One session of HubSpot's analytics, by the names of its properties.
struct Session {
  std::string landing, referrer, source, detail;
};

void apply_session(Touch& t, const Properties& p, const Session& s, const connect::Vocabulary& vocabulary) {
  const std::string landing = value_of(p, s.landing);
  connect::add_landing(connect::read_landing(vocabulary, landing), t);
  connect::imply_source(vocabulary, t);
  apply_class(t, value_of(p, s.source), value_of(p, s.detail));
  t.landing_page = connect::page_of(landing);
  t.referrer = connect::page_of(value_of(p, s.referrer));
}

Touch touch_of(const RecordRef& ref, std::string_view which, Timestamp at, Basis basis) {
  Touch t;
  t.key = fmt::format("{}:{}:{}:{}", ref.crm, to_string(ref.object), ref.id, which);
  t.at = at;
  t.basis = basis;
  t.kind = "crm_source";
  t.identifiers.push_back({"crm_contact_id", ref.crm + ":" + ref.id});
  return t;
}

std::optional<Timestamp> time_of(const Properties& p, const std::string& name) {
  Result<Timestamp> at = decode_time(value_of(p, name));
  return at ? std::optional(*at) : std::nullopt;
}

std::optional<Touch> first_touch(const Properties& p, const ObjectPlan& plan, const RecordRef& ref,
                                 std::optional<Timestamp> created, const connect::Vocabulary& vocabulary) {
  std::optional<Timestamp> at = time_of(p, "hs_analytics_first_timestamp");
  const Basis basis = at ? Basis::crm_history : Basis::inferred;
  if (!at) at = created;
  if (!at) return {};
  Touch t = touch_of(ref, "first", *at, basis);
  auto utm = [&](const char* name) { return connect::utm_text(value_of(p, plan.property(name))); };
  t.source = utm("utm_source");
  t.medium = utm("utm_medium");
  t.campaign = utm("utm_campaign");
  t.term = utm("utm_term");
  t.content = utm("utm_content");
  const Session session{plan.property("landing_page"), plan.property("referrer"), "hs_analytics_source",
                        "hs_analytics_source_data_1"};
  apply_session(t, p, session, vocabulary);
  const bool says_something = !t.source.empty() || !t.medium.empty() || !t.campaign.empty() ||
                              !t.landing_page.empty() || !t.referrer.empty() || !value_of(p, session.source).empty();
  return says_something ? std::optional(std::move(t)) : std::nullopt;
}

std::optional<Touch> latest_touch(const Properties& p, const RecordRef& ref, const connect::Vocabulary& vocabulary) {
  const std::optional<Timestamp> at = time_of(p, "hs_latest_source_timestamp");
  if (value_of(p, "hs_latest_source").empty() || !at) return {};
  Touch t = touch_of(ref, fmt::format("latest:{}", to_micros(*at) / 1000), *at, Basis::crm_history);
  apply_session(t, p,
                {"hs_analytics_last_url", "hs_analytics_last_referrer", "hs_latest_source", "hs_latest_source_data_1"},
                vocabulary);
  return t;
}

}  // namespace

std::vector<Touch> source_touches(const Properties& properties, const ObjectPlan& plan, const RecordRef& ref,
                                  std::optional<Timestamp> created, const connect::Vocabulary& vocabulary) {
  std::vector<Touch> out;
  if (std::optional<Touch> t = first_touch(properties, plan, ref, created, vocabulary)) out.push_back(std::move(*t));
  if (std::optional<Touch> t = latest_touch(properties, ref, vocabulary)) out.push_back(std::move(*t));
  return out;
}

}  // namespace hw::connectors::hubspot
