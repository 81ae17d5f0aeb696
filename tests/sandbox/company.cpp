#include "sandbox/company.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "base/hash.h"
#include "base/zone.h"
#include "model/money.h"

namespace hw::sandbox {
namespace {

constexpr std::array kGiven{"Ada",   "Bruno", "Carla", "Dieter", "Elena", "Farid",
                            "Greta", "Hugo",  "Ines",  "Jonas",  "Kira",  "Luca"};
constexpr std::array kFamily{"Muster", "Beispiel", "Sample", "Probe", "Exemplar", "Testmann", "Vorlage", "Modell"};
constexpr std::int64_t kUnit = 1'000'000;

/// Time of the world as a file's own, so that what the daemon sees of a file fits the time it lives in.
void stamp(const std::string& path, Timestamp at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  const timespec t[2] = {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}};
  ::utimensat(AT_FDCWD, path.c_str(), t, 0);
}

std::string whole_second(Timestamp t) { return rfc3339(std::chrono::floor<std::chrono::seconds>(t)); }

/// Written under another name and renamed: nobody sees half a file.
void drop(const std::string& path, const std::string& text, Timestamp at) {
  const std::string beside = path + ".tmp";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text;
  }
  stamp(beside, at);
  std::rename(beside.c_str(), path.c_str());
}

}  // namespace

Company::Company(std::uint64_t seed, std::string drop_dir) : random_(seed * 7919 + 17), drop_dir_(std::move(drop_dir)) {
  start_ = read_time("2026-01-05T06:00:00Z", Zone::utc())->at;
  at(-120, [this](World& w) { setting(w); });
  stories();
  for (int d = 0; d < 175; ++d) {
    at(d + 0.95, [this](World& w) { drop_touches(w, w.now); });
    if (d % 30 == 29) at(d + 0.96, [this](World& w) { drop_spend(w.now); });
  }
}

std::unique_ptr<Script> make_company(std::uint64_t seed, const std::string& drop_dir) {
  return std::make_unique<Company>(seed, drop_dir);
}

Timestamp Company::next_event() const { return events_.empty() ? Timestamp::max() : events_.begin()->first; }

void Company::advance(World& world, Timestamp now) {
  while (!events_.empty() && events_.begin()->first <= now) {
    const Timestamp when = events_.begin()->first;
    Event event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    world.now = when;
    event(world);
  }
  world.now = now;
}

Timestamp Company::day(double days) const {
  return start_ + Duration(static_cast<std::int64_t>(days * 86'400'000'000.0));
}

double Company::pick(double low, double high) {
  // A distribution of the standard library would differ between implementations.
  const double unit = static_cast<double>(random_() >> 11) / 9007199254740992.0;
  return low + (high - low) * unit;
}

std::int64_t Company::amount() { return static_cast<std::int64_t>(pick(500'000, 6'000'000)) * (kUnit / 100); }

void Company::at(double days, Event event) { events_.emplace(day(days), std::move(event)); }

double Company::lowering_day() { return 45 + 3.1 * lowerings_++; }

void Company::setting(World& world) {
  auto action = [&](const char* account, const char* id) {
    world.ads.actions.push_back({.account = account,
                                 .id = id,
                                 .type = "UPLOAD_CLICKS",
                                 .counting = "every",
                                 .default_currency = "EUR",
                                 .created = world.now,
                                 .enhanced_conversions = true});
  };
  for (const char* id : {Names::kQualified, Names::kOpportunity, Names::kWon}) action(Names::kEu, id);
  for (const char* id : {Names::kQualifiedUs, Names::kWonUs}) action(Names::kUs, id);
  world.ads.login_accounts.insert(Names::kManager);
  for (const char* name : {"hw_first_channel", "hw_first_source", "hw_first_medium", "hw_first_campaign",
                           "hw_last_source", "hw_last_medium", "hw_ga_client_id", "hw_touches"})
    world.crm.custom_properties.push_back({.type = "contacts", .name = name});
  for (const char* name : {"hw_first_at", "hw_last_at"})
    world.crm.custom_properties.push_back({.type = "contacts", .name = name, .kind = "datetime"});
}

std::size_t Company::buyer(const std::string& country) {
  const std::size_t i = buyers_.size();
  Buyer b;
  b.given_name = kGiven[random_() % kGiven.size()];
  b.family_name = kFamily[random_() % kFamily.size()];
  b.email =
      b.given_name + "." + b.family_name + std::to_string(i) + "@company" + std::to_string(i % 37) + ".example.com";
  b.country = country;
  b.client_id = std::to_string(100'000'000 + random_() % 900'000'000) + "." + std::to_string(1'760'000'000 + i);
  if (country == "US") {
    b.account = Names::kUs;
    b.consent.clear();
  }
  buyers_.push_back(b);
  return i;
}

void Company::visit(std::size_t b, double days, const std::string& source, const std::string& medium,
                    const std::string& campaign, bool clicked) {
  at(days, [=, this](World& w) {
    touches_.push_back({w.now, buyers_[b].client_id, clicked ? buyers_[b].click : "", source, medium, campaign,
                        "https://www.example.com/pricing"});
  });
}

/// An ad click: the platform knows it, and the visit it leads to is in the analytics export.
void Company::click(std::size_t b, double days) {
  const std::string id = "EAIaIQob" + base64_url(sha256_hex("click" + std::to_string(random_()))).substr(0, 24);
  buyers_[b].click = id;
  at(days, [=, this](World& w) {
    const Buyer& buyer = buyers_[b];
    w.ads.clicks.push_back(
        {.type = "gclid", .value = id, .at = w.now, .account = buyer.account, .visitor_email = buyer.email});
    touches_.push_back({w.now, buyer.client_id, id, "google", "cpc", "brand-" + buyer.country,
                        "https://www.example.com/?gclid=" + id});
  });
}

/// The form keeps the browser's client id and click id beside what the person types.
void Company::form(std::size_t b, double days) {
  at(days, [=, this](World& w) {
    Buyer& buyer = buyers_[b];
    buyer.contact = w.crm.create("contacts",
                                 {{"email", buyer.email},
                                  {"given_name", buyer.given_name},
                                  {"family_name", buyer.family_name},
                                  {"country", buyer.country},
                                  {"lifecycle", "lead"},
                                  {"ga_client_id", buyer.client_id},
                                  {"gclid", buyer.click},
                                  {"consent_ads", buyer.consent}},
                                 w.now);
  });
}

void Company::lifecycle(std::size_t b, double days, const std::string& stage) {
  at(days, [=, this](World& w) { w.crm.set("contacts", buyers_[b].contact, "lifecycle", stage, w.now); });
}

std::size_t Company::deal(std::size_t b, double days, std::int64_t micros, const std::string& currency,
                          const std::string& type) {
  const std::size_t d = deals_.size();
  deals_.push_back({b, "", currency});
  at(days, [=, this](World& w) {
    deals_[d].id = w.crm.create("deals",
                                {{"name", "Deal " + std::to_string(d)},
                                 {"amount", micros < 0 ? "" : decimal(micros, 2)},
                                 {"currency", currency},
                                 {"stage", "appointment"},
                                 {"pipeline", "default"},
                                 {"deal_type", type}},
                                w.now);
    w.crm.tie("deals", deals_[d].id, "contacts", buyers_[b].contact, true, w.now);
  });
  return d;
}

void Company::stage(std::size_t d, double days, const std::string& stage) {
  at(days, [=, this](World& w) { w.crm.set("deals", deals_[d].id, "stage", stage, w.now); });
}

void Company::set_amount(std::size_t d, double days, const std::string& text) {
  at(days, [=, this](World& w) { w.crm.set("deals", deals_[d].id, "amount", text, w.now); });
}

/// The analytics export of the day.
void Company::drop_touches(const World&, Timestamp now) {
  if (touches_.empty()) return;
  std::string text = "time,client_id,gclid,source,medium,campaign,page\n";
  for (const TouchRow& t : touches_)
    text += rfc3339(t.at) + "," + t.client_id + "," + t.gclid + "," + t.source + "," + t.medium + "," + t.campaign +
            "," + t.page + "\n";
  visits_.insert(visits_.end(), touches_.begin(), touches_.end());
  touches_.clear();
  char name[64];
  std::snprintf(name, sizeof name, "/touches/visits-%04d.csv", files_++);
  drop(drop_dir_ + name, text, now);
}

/// What the ads of the month cost: one row a day and campaign.
void Company::drop_spend(Timestamp now) {
  std::string text = "day,campaign,cost,currency,clicks\n";
  for (int d = 0; d < 30; ++d)
    for (const char* campaign : {"brand-DE", "brand-US"})
      text += rfc3339(now - std::chrono::hours(24 * (30 - d))).substr(0, 10) + "," + campaign + "," +
              decimal(static_cast<std::int64_t>(pick(2'000, 30'000)) * (kUnit / 100), 2) + ",EUR," +
              std::to_string(random_() % 90) + "\n";
  char name[64];
  std::snprintf(name, sizeof name, "/spend/spend-%04d.csv", files_++);
  drop(drop_dir_ + name, text, now);
}

void Company::expect(const std::string& destination, const std::string& goal, const std::string& object,
                     std::function<std::string()> id, std::int64_t occurrence, const std::string& state,
                     const std::string& reason, const std::string& currency, std::int64_t wanted, std::int64_t told) {
  Expected e;
  e.row.destination = destination;
  e.row.goal = goal;
  e.row.object = object;
  e.row.occurrence = e.key_occurrence = occurrence;
  e.row.state = state;
  e.row.reason = reason;
  e.row.currency = currency;
  e.row.wanted_micros = wanted;
  e.row.told_micros = told;
  e.id = std::move(id);
  expected_.push_back(std::move(e));
}

/// A lead of the company's own region counts at the first account, one of the US at the other.
void Company::qualified(std::size_t b, const std::string& state, const std::string& reason, bool believed) {
  const bool us = buyers_[b].country == "US";
  auto id = [this, b] { return buyers_[b].contact; };
  expect(us ? "ads_qualified_us" : "ads_qualified", "qualified", "contact", id, 1, state, reason, "EUR",
         state == "none" ? 0 : 100 * kUnit, believed ? 100 * kUnit : 0);
  const bool earlier = reason == "before_go_live";
  expect(us ? "ads_qualified" : "ads_qualified_us", "qualified", "contact", id, 1, "none",
         earlier ? reason : "excluded_by_goal", "EUR", 0, 0);
}

void Company::won(std::size_t d, const DealTruth& t) {
  const bool us = deals_[d].currency == "USD";
  auto id = [this, d] { return deals_[d].id; };
  expect(us ? "ads_won_us" : "ads_won", "won", "deal", id, 1, t.state, t.reason, deals_[d].currency, t.wanted, t.told);
  const bool before_route = t.reason == "not_wanted" || t.reason == "before_go_live";
  expect(us ? "ads_won" : "ads_won_us", "won", "deal", id, 1, "none", before_route ? t.reason : "excluded_by_goal",
         deals_[d].currency, 0, 0);
}

void Company::opportunity(std::size_t d, const DealTruth& t) {
  expect(
      "ads_opportunity", "opportunity", "deal", [this, d] { return deals_[d].id; }, 1, t.state, t.reason,
      deals_[d].currency, t.wanted, t.told);
}

std::vector<TruthRow> Company::truth(const World&) const {
  std::vector<TruthRow> out;
  for (const Expected& e : expected_) {
    TruthRow row = e.row;
    row.id = e.id();
    const std::string first = e.lineage_id ? e.lineage_id() : row.id;
    row.dedup_id = "hw-" + sha256_base32("hubspot/" + row.object + "/" + first + "\n" + row.goal + "\n" +
                                         std::to_string(e.key_occurrence));
    out.push_back(std::move(row));
  }
  return out;
}

/// By client id and click id, through all records that are one contact today.
std::vector<const Company::TouchRow*> Company::touches_of(const World& world, std::size_t buyer) const {
  std::set<std::string> clients, clicks;
  for (const Buyer& b : buyers_) {
    if (b.contact.empty()) continue;
    const CrmObject* c = world.crm.find("contacts", b.contact);
    const bool same = b.contact == buyers_[buyer].contact || (c != nullptr && c->merged_into == buyers_[buyer].contact);
    if (!same || c == nullptr) continue;
    if (!c->get("ga_client_id").empty()) clients.insert(c->get("ga_client_id"));
    if (!c->get("gclid").empty()) clicks.insert(c->get("gclid"));
  }
  std::set<const TouchRow*> found;
  for (std::size_t before = 1, now = 0; before != now;) {
    before = found.size();
    for (const TouchRow& t : visits_) {
      if (!clients.contains(t.client_id) && !clicks.contains(t.gclid)) continue;
      found.insert(&t);
      clients.insert(t.client_id);
      if (!t.gclid.empty()) clicks.insert(t.gclid);
    }
    now = found.size();
  }
  std::vector<const TouchRow*> out(found.begin(), found.end());
  std::sort(out.begin(), out.end(), [](const TouchRow* a, const TouchRow* b) { return a->at < b->at; });
  return out;
}

std::vector<FieldTruth> Company::fields(const World& world) const {
  std::vector<FieldTruth> out;
  for (std::size_t b = 0; b < buyers_.size(); ++b) {
    const CrmObject* c = buyers_[b].contact.empty() ? nullptr : world.crm.find("contacts", buyers_[b].contact);
    if (c == nullptr || c->archived || !c->merged_into.empty() || path_dependent_.contains(b)) continue;
    std::map<std::string, std::string> expected;
    const auto touches = touches_of(world, b);
    if (c->created >= start_ && !touches.empty()) {
      const TouchRow &first = *touches.front(), &last = *touches.back();
      const char* channel = first.medium == "cpc"     ? "Paid Search"
                            : first.medium == "email" ? "Email"
                                                      : "Organic Search";
      expected = {{"hw_first_channel", channel},           {"hw_first_source", first.source},
                  {"hw_first_medium", first.medium},       {"hw_first_campaign", first.campaign},
                  {"hw_first_at", whole_second(first.at)}, {"hw_last_source", last.source},
                  {"hw_last_medium", last.medium},         {"hw_last_at", whole_second(last.at)},
                  {"hw_ga_client_id", first.client_id},    {"hw_touches", std::to_string(touches.size())}};
    }
    auto typed = typed_.find(b);
    for (const char* field :
         {"hw_first_channel", "hw_first_source", "hw_first_medium", "hw_first_campaign", "hw_first_at",
          "hw_last_source", "hw_last_medium", "hw_last_at", "hw_ga_client_id", "hw_touches"}) {
      const bool theirs = typed != typed_.end() && typed->second.contains(field);
      out.push_back({"contacts", c->id, field, theirs ? typed->second.at(field) : expected[field], theirs});
    }
  }
  return out;
}

}  // namespace hw::sandbox
