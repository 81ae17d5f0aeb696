#include "journey/clicks.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "journey/journey.h"

namespace hw::journey {

using store::StoredRecord;
using store::StoredTouch;

namespace {

/// A candidate with what it is ordered by.
struct Ranked {
  Candidate candidate;
  int captured_rank = 0;  ///< 0 = captured by the lead or who stands for it, 1 = by the deal, 2 = none of these
  bool is_late = false;   ///< after the lead's creation
  std::size_t person = 0, type = 0;
};

bool before(const Ranked& a, const Ranked& b) {
  if (a.captured_rank != b.captured_rank) return a.captured_rank < b.captured_rank;
  auto latest_first = [](const Ranked& r) { return -to_micros(r.candidate.click.at); };
  auto rest = [](const Ranked& r) { return std::tuple(r.type, r.candidate.record, r.candidate.click.value); };
  if (a.captured_rank < 2)
    return std::tuple(a.type, latest_first(a), rest(a)) < std::tuple(b.type, latest_first(b), rest(b));
  if (a.is_late != b.is_late) return b.is_late;
  if (!a.is_late && a.person != b.person) return a.person < b.person;
  return std::tuple(latest_first(a), rest(a)) < std::tuple(latest_first(b), rest(b));
}

/// The record that stands for the lineage's lead: the lead itself, else the deal's first contact, else the subject.
std::int64_t lead_of(const StoredRecord& subject, const std::vector<Person>& people) {
  for (const Person& person : people) {
    if (person.record.ref.object == Object::lead) return person.record.id;
  }
  return people.empty() ? subject.id : people.front().record.id;
}

struct ClickTime {
  Timestamp at;
  Basis basis;
  std::optional<std::int64_t> touch;
};

ClickTime time_of(store::Tx& tx, const StoredRecord& record, const Identifier& click) {
  auto captured = record.click_times.find(click.type);
  if (captured != record.click_times.end()) return {captured->second, Basis::crm_history, std::nullopt};
  const StoredTouch* earliest = nullptr;
  const std::vector<StoredTouch> touches = store::touches::with(tx, click);
  for (const StoredTouch& touch : touches) {
    if (earliest == nullptr || touch.touch.at < earliest->touch.at) earliest = &touch;
  }
  if (earliest != nullptr) return {earliest->touch.at, earliest->touch.basis, earliest->id};
  return {record.created.value_or(record.modified), Basis::inferred, std::nullopt};
}

class Gatherer {
 public:
  Gatherer(store::Tx& tx, const StoredRecord& subject, std::span<const std::string> types, Timestamp lead_created)
      : tx_(tx),
        types_(types),
        lead_created_(lead_created),
        journey_(of(tx, subject)),
        lead_(lead_of(subject, journey_.people)) {}

  std::vector<Candidate> gather() {
    for (std::size_t i = 0; i < journey_.people.size(); ++i) captured_by(journey_.people[i], i);
    for (const JourneyTouch& touch : journey_.touches) carried_by(touch);
    std::sort(found_.begin(), found_.end(), before);
    std::vector<Candidate> out;
    std::set<std::pair<std::string, std::string>> seen;
    for (Ranked& ranked : found_) {
      const Click& click = ranked.candidate.click;
      if (seen.emplace(click.type, click.value).second) out.push_back(std::move(ranked.candidate));
    }
    return out;
  }

 private:
  void captured_by(const Person& person, std::size_t index) {
    const StoredRecord& record = person.record;
    for (const Identifier& identifier : record.identifiers) {
      std::size_t type = rank_of(identifier.type);
      if (type == types_.size()) continue;
      ClickTime time = time_of(tx_, record, identifier);
      Candidate candidate{
          {identifier.type, identifier.value, time.at, time.basis, false}, record.id, person.primary, true, time.touch};
      int rank = record.id == lead_ ? 0 : record.ref.object == Object::deal ? 1 : 2;
      found_.push_back({std::move(candidate), rank, time.at > lead_created_, index, type});
    }
  }

  void carried_by(const JourneyTouch& touch) {
    const Touch& t = touch.stored.touch;
    auto person = std::find_if(journey_.people.begin(), journey_.people.end(),
                               [&](const Person& p) { return p.record.id == touch.person; });
    for (const Identifier& identifier : t.identifiers) {
      std::size_t type = rank_of(identifier.type);
      if (type == types_.size()) continue;
      Candidate candidate{{identifier.type, identifier.value, t.at, t.basis, false},
                          touch.person,
                          person->primary,
                          false,
                          touch.stored.id};
      auto index = static_cast<std::size_t>(person - journey_.people.begin());
      found_.push_back({std::move(candidate), 2, t.at > lead_created_, index, type});
    }
  }

  std::size_t rank_of(const std::string& type) const {
    return static_cast<std::size_t>(std::find(types_.begin(), types_.end(), type) - types_.begin());
  }

  store::Tx& tx_;
  std::span<const std::string> types_;
  Timestamp lead_created_;
  Journey journey_;
  std::int64_t lead_;
  std::vector<Ranked> found_;
};

/// Why a click can't be credited, "" if it can.
std::string obstacle(const Candidate& candidate, Duration window, Timestamp conversion) {
  const Click& click = candidate.click;
  if (click.at > conversion && click.at_basis != Basis::inferred) return "after_conversion";
  return window.count() > 0 && conversion - click.at > window ? "too_old" : "";
}

bool is_same(const Click& a, const Click& b) { return a.type == b.type && a.value == b.value; }

/// Index of the first choice; candidates.size() if there is none.
std::size_t first_choice(std::span<const Candidate> candidates, ClickRule rule, Timestamp conversion,
                         const std::optional<Click>& previous) {
  if (previous && rule != ClickRule::last) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (is_same(candidates[i].click, *previous)) return i;
    }
  }
  if (rule == ClickRule::lead) return 0;
  std::size_t best = candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (obstacle(candidates[i], Duration{}, conversion) == "after_conversion") continue;
    Timestamp at = candidates[i].click.at;
    bool is_better = best == candidates.size() ||
                     (rule == ClickRule::first ? at < candidates[best].click.at : at > candidates[best].click.at);
    if (is_better) best = i;
  }
  return best;
}

std::size_t latest_eligible(std::span<const Candidate> candidates, Duration window, Timestamp conversion) {
  std::size_t best = candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!obstacle(candidates[i], window, conversion).empty()) continue;
    if (best == candidates.size() || candidates[i].click.at > candidates[best].click.at) best = i;
  }
  return best;
}

}  // namespace

std::vector<Candidate> clicks(store::Tx& tx, const StoredRecord& subject, std::span<const std::string> click_types,
                              Timestamp lead_created) {
  return Gatherer(tx, subject, click_types, lead_created).gather();
}

Choice choose(std::span<const Candidate> candidates, ClickRule rule, Duration window, Timestamp conversion_time,
              const std::optional<Click>& previously_chosen) {
  Choice out;
  const std::size_t first = first_choice(candidates, rule, conversion_time, previously_chosen);
  std::size_t taken = first;
  if (first == candidates.size() || !obstacle(candidates[first], window, conversion_time).empty()) {
    taken = latest_eligible(candidates, window, conversion_time);
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i == taken) {
      out.chosen = candidates[i];
      // A replacement chosen before is still not the lineage's own first choice.
      bool was_after_first =
          previously_chosen && is_same(*previously_chosen, candidates[i].click) && previously_chosen->after_first;
      out.chosen->click.after_first = taken != first || (rule != ClickRule::last && was_after_first);
      continue;
    }
    std::string reason = obstacle(candidates[i], window, conversion_time);
    out.passed_over.push_back({candidates[i], reason.empty() ? "not_first_choice" : reason});
  }
  return out;
}

}  // namespace hw::journey
