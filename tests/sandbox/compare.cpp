#include "sandbox/compare.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "model/money.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
/// destination, dedup id
using Key = std::pair<std::string, std::string>;

std::int64_t micros(const json& row, const char* name) {
  const json& v = row.at(name);
  const std::string text = v.is_string() ? v.get<std::string>() : v.dump();
  return parse_micros(text).value_or(0);
}

std::string money(std::int64_t m, const std::string& currency) { return decimal(m, 2) + " " + currency; }

/// Collects what differs.
class Judge {
 public:
  explicit Judge(Comparison& out) : out_(out) {}
  void text(const std::string& where, const char* what, const std::string& truth, const std::string& claim) {
    if (truth != claim)
      out_.complaints.push_back(where + ": " + what + " should be '" + truth + "' and is '" + claim + "'");
  }
  void amount(const std::string& where, const char* what, std::int64_t truth, const std::string& truth_currency,
              std::int64_t claim, const std::string& claim_currency) {
    if (truth == claim && (truth_currency == claim_currency || truth == 0)) return;
    const bool same = truth_currency == claim_currency;
    out_.difference_micros += same ? std::llabs(truth - claim) : std::llabs(truth) + std::llabs(claim);
    out_.complaints.push_back(where + ": " + what + " should be " + money(truth, truth_currency) + " and is " +
                              money(claim, claim_currency));
  }
  void uncertain(const std::string& where, const ClaimRow& claim, const Belief* belief, bool allowed) {
    const std::int64_t micros = belief == nullptr ? 0 : belief->micros;
    if (!allowed) out_.complaints.push_back(where + ": is " + claim.state + " (" + claim.reason + ")");
    if (micros < claim.told_low || micros > claim.told_high || (belief != nullptr && belief->count > 1))
      out_.complaints.push_back(where + ": the platform believes " + decimal(micros, 2) + ", which is not from " +
                                decimal(claim.told_low, 2) + " to " + decimal(claim.told_high, 2));
  }

 private:
  Comparison& out_;
};

}  // namespace

std::vector<ClaimRow> read_claims(const std::string& text) {
  std::vector<ClaimRow> out;
  for (const json& r : json::parse(text)) {
    ClaimRow c;
    c.destination = r.at("destination");
    c.goal = r.at("goal");
    c.object = r.at("object");
    c.id = r.at("id");
    c.dedup_id = r.at("dedup_id");
    c.state = r.at("state");
    c.reason = r.at("reason");
    c.occurrence = r.at("occurrence");
    c.wanted = micros(r, "wanted");
    c.told = micros(r, "told");
    c.told_low = micros(r, "told_low");
    c.told_high = micros(r, "told_high");
    c.wanted_currency = r.at("wanted_currency");
    c.told_currency = r.at("told_currency");
    out.push_back(std::move(c));
  }
  return out;
}

Comparison compare(const std::vector<TruthRow>& truth, const std::vector<ClaimRow>& claims,
                   const std::vector<Belief>& beliefs, const std::vector<Place>& places, bool killed) {
  Comparison out;
  Judge judge(out);
  std::map<Key, const TruthRow*> true_rows;
  for (const TruthRow& t : truth) true_rows[{t.destination, t.dedup_id}] = &t;
  std::map<Key, const Belief*> believed;
  for (const Belief& b : beliefs) {
    auto p = std::find_if(places.begin(), places.end(),
                          [&](const Place& q) { return q.account == b.account && q.action == b.action; });
    if (p == places.end()) {
      out.complaints.push_back("the platform believes something of an action that nobody configured: " + b.account +
                               "/" + b.action);
      continue;
    }
    believed[{p->destination, b.key}] = &b;
  }
  std::set<std::string> destinations, keys, repeats;
  for (const Place& p : places)
    if (p.counts_repeats) repeats.insert(p.destination);
  std::set<Key> seen;
  for (const ClaimRow& c : claims) {
    const Key key{c.destination, c.dedup_id};
    const std::string where =
        c.destination + " " + c.object + " " + c.id + " " + c.goal + "#" + std::to_string(c.occurrence);
    destinations.insert(c.destination);
    keys.insert(c.dedup_id);
    seen.insert(key);
    if (c.state == "uncertain" || c.state == "unlocated") {
      ++out.uncertain;
      const auto b = believed.find(key);
      judge.uncertain(where, c, b == believed.end() ? nullptr : b->second, killed && repeats.contains(c.destination));
      continue;
    }
    if (auto t = true_rows.find(key); t != true_rows.end()) {
      judge.text(where, "state", t->second->state, c.state);
      judge.text(where, "reason", t->second->reason, c.reason);
      judge.amount(where, "wanted", t->second->wanted_micros, t->second->currency, c.wanted, c.wanted_currency);
      judge.amount(where, "told", t->second->told_micros, t->second->currency, c.told, c.told_currency);
    } else {
      out.complaints.push_back(where + ": the script knows of no such conversion");
      out.difference_micros += std::llabs(c.wanted) + std::llabs(c.told);
    }
    auto b = believed.find(key);
    const std::int64_t amount = b == believed.end() ? 0 : b->second->micros;
    judge.amount(where, "what the platform believes", amount,
                 b == believed.end() ? c.told_currency : b->second->currency, c.told, c.told_currency);
    const std::int64_t counted = b == believed.end() ? 0 : b->second->count;
    if (c.state == "taken" && counted != 1)
      out.complaints.push_back(where + ": is taken, and the platform counts it " + std::to_string(counted) + " times");
    if (counted > 1) out.complaints.push_back(where + ": counted " + std::to_string(counted) + " times");
  }
  for (const auto& [key, t] : true_rows) {
    if (seen.contains(key)) continue;
    out.complaints.push_back(t->destination + " " + t->object + " " + t->id + " " + t->goal +
                             ": Headwater knows of no such conversion");
    out.difference_micros += std::llabs(t->wanted_micros) + std::llabs(t->told_micros);
  }
  for (const auto& [key, b] : believed) {
    if (seen.contains(key) || b->micros == 0) continue;
    out.complaints.push_back(key.first + ": the platform believes " + money(b->micros, b->currency) +
                             " under a key that nobody claims: " + key.second);
    out.difference_micros += std::llabs(b->micros);
  }
  out.conversions = keys.size();
  out.destinations = destinations.size();
  return out;
}

}  // namespace hw::sandbox
