#include "sandbox/compare.h"

#include <algorithm>
#include <array>
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
/// destination, goal, object, id
using Reach = std::array<std::string, 4>;

std::int64_t amount_in(const json& row, const char* name) {
  const json& v = row.at(name);
  const std::string text = v.is_string() ? v.get<std::string>() : v.dump();
  return parse_micros(text).value_or(0);
}

std::string money(std::int64_t m, const std::string& currency) { return decimal(m, 2) + " " + currency; }

/// Collects what differs.
class Judge {
 public:
  Judge(const std::vector<TruthRow>& truth, const std::vector<ClaimRow>& claims, const std::vector<Belief>& beliefs,
        const std::vector<Place>& places, const Allowed& allowed);
  void claim(const ClaimRow& c);
  Comparison end();

 private:
  void complain(std::string text) { out_.complaints.push_back(std::move(text)); }
  void text(const std::string& where, const char* what, const std::string& truth, const std::string& claim);
  void amount(const std::string& where, const char* what, std::int64_t truth, const std::string& truth_currency,
              std::int64_t claim, const std::string& claim_currency);
  void against_truth(const std::string& where, const Key& key, const ClaimRow& c);
  void against_belief(const std::string& where, const Belief* b, const ClaimRow& c);
  void uncertain(const std::string& where, const Key& key, const ClaimRow& c);
  [[nodiscard]] bool may_be_uncertain(const ClaimRow& c) const;
  /// The keys of an uncertain claim: its own, and those of its record and goal that nobody claims.
  [[nodiscard]] std::set<Key> keys_of(const Key& own, const Reach& reach) const;
  /// While it is open whether an earlier occurrence stands, the platform is told of no later one.
  [[nodiscard]] bool waits_for_earlier(const Reach& reach, std::int64_t occurrence) const {
    const auto first = first_uncertain_.find(reach);
    return first != first_uncertain_.end() && first->second < occurrence;
  }

  Comparison out_;
  std::map<Key, const TruthRow*> truth_;
  std::map<Key, const Belief*> believed_;
  const Allowed& allowed_;
  std::set<std::string> lossy_;    ///< destinations where a lost answer leaves a row uncertain
  std::set<std::string> refunds_;  ///< those where a lost answer of what takes it back does
  std::map<Reach, std::int64_t> first_uncertain_;
  std::map<Reach, std::set<Key>> keys_of_reach_;  ///< by the truth
  std::set<Key> claimed_;
  std::set<Key> seen_;
  std::set<std::string> destinations_, keys_;
};

/// A conversion without value is one too, unless a final zero ended it or it was never taken.
bool counts(const Belief& b) { return b.micros != 0 || (b.count != 0 && b.state.starts_with("counted")); }

bool is_uncertain(const ClaimRow& c) { return c.state == "uncertain" || c.state == "unlocated"; }

Judge::Judge(const std::vector<TruthRow>& truth, const std::vector<ClaimRow>& claims,
             const std::vector<Belief>& beliefs, const std::vector<Place>& places, const Allowed& allowed)
    : allowed_(allowed) {
  for (const TruthRow& t : truth) {
    truth_[{t.destination, t.dedup_id}] = &t;
    keys_of_reach_[{t.destination, t.goal, t.object, t.id}].insert({t.destination, t.dedup_id});
  }
  for (const Place& p : places)
    if (allowed.killed && p.counts_repeats) lossy_.insert(p.destination);
  for (const Place& p : places)
    if (allowed.killed && p.counts_refunds) refunds_.insert(p.destination);
  for (const ClaimRow& c : claims) {
    claimed_.insert({c.destination, c.dedup_id});
    if (!is_uncertain(c) || !may_be_uncertain(c)) continue;
    auto& first = first_uncertain_.try_emplace({c.destination, c.goal, c.object, c.id}, c.occurrence).first->second;
    first = std::min(first, c.occurrence);
  }
  for (const Belief& b : beliefs) {
    auto p = std::find_if(places.begin(), places.end(),
                          [&](const Place& q) { return q.account == b.account && q.action == b.action; });
    if (p == places.end()) {
      complain("the platform believes something of an action that nobody configured: " + b.account + "/" + b.action);
    } else if (!believed_.try_emplace({p->destination, b.key}, &b).second) {
      complain(p->destination + ": the platform believes twice of " + b.key);
    }
  }
}

bool Judge::may_be_uncertain(const ClaimRow& c) const {
  const bool taken_back = c.told != 0 && c.told_low == 0 && refunds_.contains(c.destination);
  return taken_back || lossy_.contains(c.destination) ||
         (allowed_.may_have_been_told && allowed_.may_have_been_told(c.object, c.id));
}

std::set<Key> Judge::keys_of(const Key& own, const Reach& reach) const {
  std::set<Key> out{own};
  const auto of_reach = keys_of_reach_.find(reach);
  if (of_reach != keys_of_reach_.end())
    for (const Key& key : of_reach->second)
      if (!claimed_.contains(key)) out.insert(key);
  return out;
}

void Judge::text(const std::string& where, const char* what, const std::string& truth, const std::string& claim) {
  if (truth != claim) complain(where + ": " + what + " should be '" + truth + "' and is '" + claim + "'");
}

void Judge::amount(const std::string& where, const char* what, std::int64_t truth, const std::string& truth_currency,
                   std::int64_t claim, const std::string& claim_currency) {
  if (truth == claim && (truth_currency == claim_currency || truth == 0)) return;
  const bool same = truth_currency == claim_currency;
  out_.difference_micros += same ? std::llabs(truth - claim) : std::llabs(truth) + std::llabs(claim);
  complain(where + ": " + what + " should be " + money(truth, truth_currency) + " and is " +
           money(claim, claim_currency));
}

void Judge::claim(const ClaimRow& c) {
  const Key key{c.destination, c.dedup_id};
  const std::string where =
      c.destination + " " + c.object + " " + c.id + " " + c.goal + "#" + std::to_string(c.occurrence);
  destinations_.insert(c.destination);
  keys_.insert(c.dedup_id);
  seen_.insert(key);
  const auto b = believed_.find(key);
  const Belief* belief = b == believed_.end() ? nullptr : b->second;
  if (is_uncertain(c)) return uncertain(where, key, c);
  const bool held_back = c.state == "none" && c.reason == "not_wanted" && c.wanted == 0 && c.told == 0 &&
                         waits_for_earlier({c.destination, c.goal, c.object, c.id}, c.occurrence);
  if (!held_back || !truth_.contains(key)) against_truth(where, key, c);
  against_belief(where, belief, c);
}

void Judge::against_truth(const std::string& where, const Key& own, const ClaimRow& c) {
  auto t = truth_.find(own);
  if (t == truth_.end() && allowed_.may_have_been_told && allowed_.may_have_been_told(c.object, c.id)) {
    // Told to nobody that it knows of, it goes under its own key, also where a merge gave it another one.
    for (const Key& key : keys_of(own, {c.destination, c.goal, c.object, c.id}))
      if (t == truth_.end() && seen_.insert(key).second) t = truth_.find(key);
  }
  if (t == truth_.end()) {
    complain(where + ": the script knows of no such conversion");
    out_.difference_micros += std::llabs(c.wanted) + std::llabs(c.told);
    return;
  }
  const TruthRow& row = *t->second;
  text(where, "state", row.state, c.state);
  text(where, "reason", row.reason, c.reason);
  amount(where, "wanted", row.wanted_micros, row.currency, c.wanted, c.wanted_currency);
  amount(where, "told", row.told_micros, row.currency, c.told, c.told_currency);
  if (row.state == "taken" && c.state != "taken") ++out_.lost;
}

void Judge::against_belief(const std::string& where, const Belief* b, const ClaimRow& c) {
  amount(where, "what the platform believes", b == nullptr ? 0 : b->micros,
         b == nullptr ? c.told_currency : b->currency, c.told, c.told_currency);
  const std::int64_t counted = b == nullptr ? 0 : b->count;
  if (c.state == "taken" && counted == 0) {
    complain(where + ": is taken, and the platform does not count it");
    ++out_.lost;
  }
  if (counted > 1) {
    complain(where + ": counted " + std::to_string(counted) + " times");
    ++out_.doubled;
  }
}

void Judge::uncertain(const std::string& where, const Key& own, const ClaimRow& c) {
  ++out_.uncertain;
  std::int64_t micros = 0, counted = 0;
  bool repeated = false;
  for (const Key& key : keys_of(own, {c.destination, c.goal, c.object, c.id})) {
    seen_.insert(key);
    const auto b = believed_.find(key);
    if (b == believed_.end()) continue;
    micros += b->second->micros;
    if (counts(*b->second)) counted += b->second->count;
    repeated = repeated || b->second->count > 1;
  }
  repeated = repeated || counted > 1;
  if (!may_be_uncertain(c)) complain(where + ": is " + c.state + " (" + c.reason + ")");
  if (!allowed_.may_have_been_told || !allowed_.may_have_been_told(c.object, c.id)) ++out_.unanswered;
  if (repeated) ++out_.doubled;
  if (micros < c.told_low || micros > c.told_high || repeated)
    complain(where + ": the platform believes " + decimal(micros, 2) + ", which is not from " + decimal(c.told_low, 2) +
             " to " + decimal(c.told_high, 2));
}

Comparison Judge::end() {
  for (const auto& [key, t] : truth_) {
    if (seen_.contains(key)) continue;
    if (waits_for_earlier({t->destination, t->goal, t->object, t->id}, t->occurrence)) continue;
    const auto b = believed_.find(key);
    const bool believed = b != believed_.end() && counts(*b->second);
    const auto is = [&row = *t](const Allowed::AboutRecord& so) { return so && so(row.object, row.id); };
    const bool vanished = t->wanted_micros == 0 && is(allowed_.vanished);
    if (vanished && believed && b->second->count == 1) {
      seen_.insert(key);
      ++out_.vanished;
      continue;
    }
    if (!believed && (vanished || (t->wanted_micros == 0 && is(allowed_.may_have_been_told)))) {
      seen_.insert(key);
      continue;
    }
    complain(t->destination + " " + t->object + " " + t->id + " " + t->goal +
             ": Headwater knows of no such conversion");
    out_.difference_micros += std::llabs(t->wanted_micros) + std::llabs(t->told_micros);
    ++out_.lost;
  }
  for (const auto& [key, b] : believed_) {
    if (seen_.contains(key) || !counts(*b)) continue;
    complain(key.first + ": the platform believes " + money(b->micros, b->currency) + ", counted " +
             std::to_string(b->count) + " times, under a key that nobody claims: " + key.second);
    out_.difference_micros += std::llabs(b->micros);
    ++out_.doubled;
  }
  out_.conversions = keys_.size();
  out_.destinations = destinations_.size();
  return std::move(out_);
}

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
    c.wanted = amount_in(r, "wanted");
    c.told = amount_in(r, "told");
    c.told_low = amount_in(r, "told_low");
    c.told_high = amount_in(r, "told_high");
    c.wanted_currency = r.at("wanted_currency");
    c.told_currency = r.at("told_currency");
    out.push_back(std::move(c));
  }
  return out;
}

Comparison compare(const std::vector<TruthRow>& truth, const std::vector<ClaimRow>& claims,
                   const std::vector<Belief>& beliefs, const std::vector<Place>& places, const Allowed& allowed) {
  Judge judge(truth, claims, beliefs, places, allowed);
  for (const ClaimRow& c : claims) judge.claim(c);
  return judge.end();
}

}  // namespace hw::sandbox
