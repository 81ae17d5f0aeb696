#include <algorithm>

#include "base/hash.h"
#include "base/zone.h"
#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

/// A mailbox of several people is nobody's.
bool is_shared(const std::string& email) { return email.starts_with("info@"); }

std::string whole_second(Timestamp t) { return rfc3339(std::chrono::floor<std::chrono::seconds>(t)); }

}  // namespace

Standing taken(std::int64_t micros) { return {.state = "taken", .reason = "", .wanted = micros, .told = micros}; }
Standing missing(const std::string& reason, std::int64_t wanted, std::int64_t told) {
  return {.state = "missing", .reason = reason, .wanted = wanted, .told = told};
}
Standing excess(const std::string& reason, std::int64_t wanted, std::int64_t told) {
  return {.state = "excess", .reason = reason, .wanted = wanted, .told = told};
}
Standing nothing(const std::string& reason) { return {.state = "none", .reason = reason, .wanted = 0, .told = 0}; }

std::int64_t fifth(std::int64_t micros) {
  const std::int64_t cents = micros / 10'000;
  return (cents * 2 + 5) / 10 * 10'000;
}

void Company::expect(const std::string& destination, const std::string& goal, const std::string& object,
                     std::function<std::string()> id, std::int64_t occurrence, const std::string& currency,
                     const Standing& standing) {
  Expected e;
  e.row = {.destination = destination,
           .goal = goal,
           .object = object,
           .id = "",
           .occurrence = occurrence,
           .dedup_id = "",
           .state = standing.state,
           .reason = standing.reason,
           .currency = currency,
           .wanted_micros = standing.wanted,
           .told_micros = standing.told};
  e.id = std::move(id);
  expected_.push_back(std::move(e));
}

/// A lead of the company's own region counts at the first ad account, one of the US at the other; both in analytics.
void Company::qualified(std::size_t b, const Standing& ads, const Standing& analytics) {
  const bool us = buyers_[b].country == "US";
  auto id = [this, b] { return buyers_[b].contact; };
  const Standing elsewhere = nothing(ads.reason == "before_go_live" ? ads.reason : "excluded_by_goal");
  expect("ads_qualified", "qualified", "contact", id, 1, "EUR", us ? elsewhere : ads);
  expect("ads_qualified_us", "qualified", "contact", id, 1, "EUR", us ? ads : elsewhere);
  expect("ga4_qualified", "qualified", "contact", id, 1, "EUR", analytics);
}

void Company::qualified(std::size_t b) { qualified(b, taken(kLead), taken(kLead)); }

/// Euros count at the first ad account, dollars at the other, francs at neither; all in analytics.
void Company::won(std::size_t d, const Standing& ads, const Standing& analytics) {
  const std::string& currency = deals_[d].currency;
  auto id = [this, d] { return deals_[d].id; };
  const bool before_route = ads.reason == "not_wanted" || ads.reason == "before_go_live";
  const Standing elsewhere = nothing(before_route ? ads.reason : "excluded_by_goal");
  expect("ads_won", "won", "deal", id, 1, currency, currency == "EUR" ? ads : elsewhere);
  expect("ads_won_us", "won", "deal", id, 1, currency, currency == "USD" ? ads : elsewhere);
  expect("ga4_won", "won", "deal", id, 1, currency, analytics);
}

/// Told, lost and told of as lost, and won once more in euros: where nothing was ever told, the first occurrence
/// stands under the route that leaves it out, and there is no second. The first one's time and a step more would be too
/// old for analytics, which takes three days: the second one's time is that of the second win.
void Company::won_again(std::size_t d, std::int64_t micros) {
  auto id = [this, d] { return deals_[d].id; };
  expect("ads_won", "won", "deal", id, 1, "EUR", nothing("not_wanted"));
  expect("ads_won_us", "won", "deal", id, 1, "EUR", nothing("excluded_by_goal"));
  expect("ga4_won", "won", "deal", id, 1, "EUR", nothing("not_wanted"));
  expect("ads_won", "won", "deal", id, 2, "EUR", taken(micros));
  expect("ads_won_us", "won", "deal", id, 2, "EUR", nothing("not_wanted"));
  expect("ga4_won", "won", "deal", id, 2, "EUR", taken(micros));
}

void Company::opportunity(std::size_t d, const Standing& standing) {
  expect(
      "ads_opportunity", "opportunity", "deal", [this, d] { return deals_[d].id; }, 1, deals_[d].currency,
      deals_[d].currency == "EUR" ? standing : nothing("excluded_by_goal"));
}

std::vector<TruthRow> Company::truth(const World&) const {
  std::vector<TruthRow> out;
  for (const Expected& e : expected_) {
    TruthRow row = e.row;
    row.id = e.id();
    const std::string first = e.lineage_id ? e.lineage_id() : row.id;
    row.dedup_id = "hw-" + sha256_base32("hubspot/" + row.object + "/" + first + "\n" + row.goal + "\n" +
                                         std::to_string(row.occurrence));
    out.push_back(std::move(row));
  }
  return out;
}

/// By client id, click id and e-mail, through all records that are one contact today.
std::vector<const Company::TouchRow*> Company::touches_of(const World& world, std::size_t buyer) const {
  std::set<std::string> clients, clicks, emails;
  for (const Buyer& b : buyers_) {
    if (b.contact.empty()) continue;
    const CrmObject* c = world.crm.find("contacts", b.contact);
    const bool same = b.contact == buyers_[buyer].contact || (c != nullptr && c->merged_into == buyers_[buyer].contact);
    if (!same || c == nullptr) continue;
    clients.insert(c->get("ga_client_id"));
    clicks.insert(c->get("gclid"));
    if (!is_shared(c->get("email"))) emails.insert(c->get("email"));
  }
  auto holds = [](const std::set<std::string>& all, const std::string& one) {
    return !one.empty() && all.contains(one);
  };
  std::set<const TouchRow*> found;
  for (std::size_t before = 1, now = 0; before != now;) {
    before = found.size();
    for (const TouchRow& t : visits_) {
      if (!holds(clients, t.client_id) && !holds(clicks, t.gclid) && !holds(emails, t.email)) continue;
      found.insert(&t);
      clients.insert(t.client_id);
      clicks.insert(t.gclid);
    }
    now = found.size();
  }
  std::vector<const TouchRow*> out(found.begin(), found.end());
  std::sort(out.begin(), out.end(), [](const TouchRow* a, const TouchRow* b) { return a->at < b->at; });
  return out;
}

/// Direct traffic has neither source nor medium: the CRM gets none. Where nobody saw the person come, what the CRM
/// knows itself is the one touch.
std::map<std::string, std::string> Company::source_fields(const World& world, std::size_t b) const {
  const auto touches = touches_of(world, b);
  const CrmObject* contact = world.crm.find("contacts", buyers_[b].contact);
  const auto native = native_.find(b);
  const std::string browser = contact->get("ga_client_id");
  if (touches.empty() && native == native_.end()) return {{"hw_ga_client_id", browser}};
  TouchRow own;
  if (touches.empty())
    own = {.at = contact->created,
           .client_id = browser,
           .gclid = "",
           .email = "",
           .source = "linkedin",
           .medium = "paid_social",
           .campaign = native->second,
           .page = ""};
  const TouchRow& first = touches.empty() ? own : *touches.front();
  const TouchRow& last = touches.empty() ? own : *touches.back();
  return {{"hw_first_channel", way_of(first.source, first.medium).channel},
          {"hw_first_source", first.source},
          {"hw_first_medium", first.medium},
          {"hw_first_campaign", first.campaign},
          {"hw_first_at", whole_second(first.at)},
          {"hw_last_source", last.source},
          {"hw_last_medium", last.medium},
          {"hw_last_at", whole_second(last.at)},
          {"hw_ga_client_id", first.client_id},
          {"hw_touches", std::to_string(std::max<std::size_t>(touches.size(), 1))}};
}

std::vector<FieldTruth> Company::fields(const World& world) const {
  std::vector<FieldTruth> out;
  for (std::size_t b = 0; b < buyers_.size(); ++b) {
    const CrmObject* c = buyers_[b].contact.empty() ? nullptr : world.crm.find("contacts", buyers_[b].contact);
    if (c == nullptr || c->archived || !c->merged_into.empty() || path_dependent_.contains(b)) continue;
    std::map<std::string, std::string> expected;
    if (c->created >= start_) expected = source_fields(world, b);
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
