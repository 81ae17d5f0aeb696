// Visits of the web site: who comes, and where it is written down.
#include "base/hash.h"
#include "base/text.h"
#include "base/zone.h"
#include "sandbox/company.h"
#include "sandbox/demo_setup.h"

namespace hw::sandbox {
namespace {

constexpr int kStrangersADay = 8;
/// Of the visits without a click one in so many reaches analytics so late that the day's table is there already.
constexpr std::int64_t kOneIsLate = 9;
constexpr auto kLate = std::chrono::hours(40);
constexpr const char* kSite = "https://www.example.com/";

std::int64_t seconds(Timestamp t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

/// A campaign's address names it; an ad click's names what was searched for, and the click.
template <class Row>
std::string tagged(const Row& t) {
  std::string out = t.page;
  auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += (out.find('?') == std::string::npos ? "?" : "&");
    out += name + ("=" + percent_encode(value));
  };
  if (t.gclid.empty() && !t.campaign.empty()) {
    add("utm_source", t.source);
    add("utm_medium", t.medium);
    add("utm_campaign", t.campaign);
  }
  add("utm_term", t.term);
  add("utm_content", t.content);
  return out;
}

/// The tag takes an ad click without further tags for a free search result; the ad platform names its campaign
/// itself.
template <class Row>
void add_source(const Row& t, AnalyticsEvent& e) {
  auto add = [](std::map<std::string, std::string>& to, const char* name, const std::string& value) {
    if (!value.empty()) to[name] = value;
  };
  add(e.collected, "manual_source", t.source);
  add(e.collected, "manual_medium", t.gclid.empty() ? t.medium : "organic");
  add(e.collected, "manual_campaign_name", t.gclid.empty() ? t.campaign : "");
  add(e.collected, "manual_term", t.term);
  add(e.collected, "manual_content", t.content);
  add(e.collected, "gclid", t.gclid);
  if (!t.gclid.empty())
    e.ads_campaign = {{"campaign_id", std::to_string(hash64(t.campaign) % 1'000'000'000)},
                      {"campaign_name", t.campaign}};
}

template <class Row>
std::map<std::string, std::string> first_touch_of(const Row& t) {
  if (t.source.empty()) return {{"source", "(direct)"}, {"medium", "(none)"}, {"name", "(direct)"}};
  return {{"source", t.source}, {"medium", t.medium}, {"name", t.campaign}};
}

}  // namespace

Company::TouchRow Company::row_of(const World& world, std::size_t b, const Way& way) {
  const auto paid = campaigns_of(way);
  TouchRow row;
  row.at = world.now;
  row.client_id = buyers_[b].client_id;
  row.source = way.source;
  row.medium = way.medium;
  row.page = std::string(kSite) + "pricing";
  row.referrer = way.referrer;
  if (paid.empty()) return row;
  const Campaign& campaign = *paid[choose(paid.size())];
  row.campaign = campaign.name;
  row.term = campaign.term;
  row.content = campaign.content;
  row.page = std::string(kSite) + "offers/" + campaign.content;
  return row;
}

void Company::visit(std::size_t b, double days, const Way& way) {
  at(days, [=, &way, this](World& w) { note(w, row_of(w, b, way)); });
}

/// An ad click: the platform knows it, and the visit it leads to is written down.
void Company::click(std::size_t b, double days) {
  const std::string id = "EAIaIQob" + base64_url(sha256_hex("click" + std::to_string(random_()))).substr(0, 24);
  buyers_[b].click = id;
  at(days, [=, this](World& w) {
    const Buyer& buyer = buyers_[b];
    w.ads.clicks.push_back(
        {.type = "gclid", .value = id, .at = w.now, .account = buyer.account, .visitor_email = buyer.email});
    TouchRow row = row_of(w, b, way_of("google", "cpc"));
    row.gclid = id;
    row.page = kSite + ("?gclid=" + id);
    note(w, std::move(row));
  });
}

void Company::note(World& world, TouchRow t) {
  const bool late = t.gclid.empty() && seconds(t.at) % kOneIsLate == 0;
  collect(world, t, late ? t.at + kLate : t.at);
  visits_.push_back(std::move(t));
}

void Company::collect(World& world, const TouchRow& t, Timestamp arrived) {
  for (const std::string& cell :
       {rfc3339(t.at), t.client_id, t.gclid, t.email, t.source, t.medium, t.campaign, t.term, t.content, t.page})
    exported_ += cell + ",";
  exported_ += t.referrer + "\n";
  Device& device = devices_[t.client_id];
  if (++device.sessions == 1) device.first_touch = first_touch_of(t);
  AnalyticsEvent e;
  e.at = t.at;
  e.client = t.client_id;
  e.user = t.email;  // a link in a newsletter signs its reader in
  e.session = seconds(t.at);
  e.session_number = device.sessions;
  e.page = tagged(t);
  e.referrer = t.referrer;
  e.first_touch = device.first_touch;
  e.arrived = arrived;
  add_source(t, e);
  for (const char* name : {"session_start", "page_view"}) {
    e.name = name;
    world.analytics.events.push_back(e);
  }
}

/// Most visitors stay strangers.
Company::TouchRow Company::stranger(Timestamp until) {
  const Way& way = any_way();
  const auto paid = campaigns_of(way);
  TouchRow row;
  row.at = until - std::chrono::minutes(choose(1000));
  row.client_id = std::to_string(100'000'000 + choose(900'000'000));
  row.client_id += "." + std::to_string(1'700'000'000 + choose(30'000'000));
  row.source = way.source;
  row.medium = way.medium;
  row.page = kSite;
  row.referrer = way.referrer;
  if (!paid.empty()) row.campaign = paid[choose(paid.size())]->name;
  return row;
}

/// Strangers of the day, and its file.
void Company::end_of_day(World& world) {
  for (int i = 0; i < kStrangersADay; ++i) collect(world, stranger(world.now), world.now);
  drop_file(drop_dir_ + numbered("/touches/visits-%04d.csv", files_++), kVisitColumns + exported_, world.now);
  exported_.clear();
}

}  // namespace hw::sandbox
