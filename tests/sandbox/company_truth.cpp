#include "base/hash.h"
#include "sandbox/company.h"

namespace hw::sandbox {
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

}  // namespace hw::sandbox
