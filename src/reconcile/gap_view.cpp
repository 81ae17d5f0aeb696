#include "reconcile/gap_view.h"

#include <algorithm>
#include <set>

#include "reconcile/adopt.h"
#include "settings/conditions.h"

namespace hw::reconcile {
namespace {

using ledger::Reason;
using store::Fact;
using store::Gap;

constexpr std::chrono::hours kFirstReading(24), kReadAnew(24 * 7);

/// True before the gap's end, not known to the backup, and learned when the CRM was read anew. What was merely observed
/// at the first reading after the restore may have come about before.
bool unseen(const Fact& fact, const Gap& gap) {
  if (fact.learned < gap.to) return false;
  if (fact.basis == Basis::crm_history) return fact.true_from < gap.to && fact.learned < gap.read_from + kReadAnew;
  return fact.learned < gap.read_from + kFirstReading;
}

/// Changed after the restore, and before the CRM was read anew: what it was until then held in the gap.
bool came_late(const Fact& f, const Gap& gap) {
  return f.basis == Basis::crm_history && f.learned >= gap.to && f.true_from >= gap.to &&
         f.true_from < gap.read_from + kReadAnew;
}

/// Has one of these records such a fact?
template <class Is>
bool any_fact(store::Tx& tx, const std::vector<std::int64_t>& records, const Is& is) {
  return std::any_of(records.begin(), records.end(), [&](std::int64_t record) {
    const auto facts = store::records::effective_facts(tx, record);
    return std::any_of(facts.begin(), facts.end(), is);
  });
}

/// The subject of a moment that is past. What a field was before the first word on it is not known: it was that.
Subject as_of(const Subject& subject, Timestamp moment) {
  Subject then = subject;
  std::erase_if(then.facts, [&](const Fact& f) { return f.true_from > moment; });
  std::set<std::string> known;
  then.record.state = "live";
  for (const Fact& f : subject.facts) {
    if (!known.insert(f.name).second && f.true_from > moment) continue;
    then.record.fields[f.name] = f.value;
    if (f.true_from > moment) continue;
    if (f.name == "deleted" || f.name == "merged") then.record.state = f.name;
    if (f.name == "restored" || f.name == "unmerged") then.record.state = "live";
  }
  return then;
}

/// When what the CRM tells of it changed, and the beginning.
std::vector<Timestamp> moments(const Subject& subject, const Gap& within) {
  if (within.from >= within.to) return {};
  std::vector<Timestamp> out{within.from};
  for (const Fact& f : subject.facts)
    if (f.true_from > within.from && f.true_from < within.to) out.push_back(f.true_from);
  return out;
}

}  // namespace

Timestamp GapView::due_since() const {
  const Timestamp entered = a_.reached.entered_at;
  if (a_.reached.at_basis == Basis::crm_history || entered >= gap_.read_from + kFirstReading) return entered;
  return std::min(entered, a_.subject.record.created.value_or(gap_.from));
}

Timestamp GapView::changed_since(Timestamp changed_at) const {
  if (changed_at < gap_.from) return changed_at;
  const auto& facts = a_.subject.facts;
  // A later change does not end the doubt about what was true in the gap.
  for (const Fact& f : facts)
    if (f.basis == Basis::crm_history && unseen(f, gap_) && f.true_from >= gap_.from) return f.true_from;
  const bool observed = std::any_of(facts.begin(), facts.end(), [&](const Fact& f) {
    return f.basis != Basis::crm_history && f.true_from == changed_at && unseen(f, gap_);
  });
  return observed ? gap_.from : changed_at;
}

bool GapView::merged_unseen() const {
  return any_fact(a_.tx, losers_of(a_.tx, a_.subject.record.id),
                  [&](const Fact& f) { return f.name == "merged" && unseen(f, gap_); });
}

bool GapView::merged_late() const {
  return any_fact(a_.tx, losers_of(a_.tx, a_.subject.record.id),
                  [&](const Fact& f) { return f.name == "merged" && came_late(f, gap_); });
}

bool GapView::people_changed_unseen() const {
  const auto& people = a_.subject.people;
  return std::any_of(people.begin(), people.end(), [&](const store::StoredRecord& person) {
    auto records = losers_of(a_.tx, person.id);
    records.push_back(person.id);
    return any_fact(a_.tx, records, [&](const Fact& f) {
      return (f.name == "merged" || f.name == "unmerged") && (unseen(f, gap_) || came_late(f, gap_));
    });
  });
}

bool GapView::key_is_of_order() const {
  if (!a_.subject.record.converted_from) return false;
  const auto of_lineage = store::ledger_rows::conversions_of_lineage(a_.tx, a_.subject.record.lineage);
  return std::none_of(of_lineage.begin(), of_lineage.end(), [&](const store::StoredConversion& c) {
    return c.goal == a_.goal.name && c.created_at < gap_.from;
  });
}

/// The field had another value in the gap.
bool GapView::changed_unseen(const std::string& field) const {
  bool before = false;
  for (const Fact& f : a_.subject.facts) {
    if (f.name != field) continue;
    if (before && (unseen(f, gap_) || came_late(f, gap_))) return true;
    before = true;
  }
  return false;
}

bool GapView::changed_unseen(const std::vector<settings::Condition>& conditions) const {
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const settings::Condition& c) { return changed_unseen(c.field); });
}

/// What the goal and the route gave at a moment of the gap; empty: it was not reached then.
std::optional<Reached> GapView::reached_at(Timestamp moment) const {
  const Subject then = as_of(a_.subject, moment);
  const auto all = reached(then, a_.goal, *a_.frame.settings);
  const auto it = std::find_if(all.begin(), all.end(), [&](const Reached& r) {
    return a_.goal.count != settings::Goal::Count::each || r.entered_at == a_.reached.entered_at;
  });
  if (it == all.end()) return std::nullopt;
  const auto& route = a_.plan.destination->route;
  Reached r = *it;
  r.wanted = r.wanted && settings::holds(route, then.record.fields);
  r.changed_at = std::max(r.changed_at, last_change(then, route));
  return r;
}

const std::optional<Reached>& GapView::reached_at_end() const {
  if (!at_end_) at_end_ = reached_at(gap_.to - Duration(1));
  return *at_end_;
}

bool GapView::wanted_anew(const Gap& within, bool stood) const {
  bool was_away = !stood;
  for (const Timestamp moment : moments(a_.subject, within)) {
    const auto then = reached_at(moment);
    const bool wanted = then && then->wanted;
    if (wanted && was_away) return true;
    was_away = was_away || !wanted;
  }
  return false;
}

bool GapView::zero_was_due(const Gap& within, Timestamp held_since) const {
  const auto all = moments(a_.subject, within);
  std::optional<Timestamp> unreached_since;
  for (auto it = all.begin(); it != all.end(); ++it) {
    const auto then = reached_at(*it);
    if (then) unreached_since.reset();
    if (!then && !unreached_since) unreached_since = *it;
    if (then && (then->wanted || then->why_not == Reason::no_value)) continue;
    const Timestamp since = then ? std::max(then->changed_at, held_since) : *unreached_since;
    const Timestamp until = it + 1 == all.end() ? within.to : *(it + 1);
    if (since + a_.plan.destination->settle < until) return true;
  }
  return false;
}

/// It stayed in its stage, and may have been unwanted for a while in the gap all the same.
bool GapView::may_have_been_zero() const {
  const auto& when = a_.goal.when;
  const auto& route = a_.plan.destination->route;
  std::set<std::string> names{"restored", "unmerged"};
  for (const auto* conditions : {&when, &route})
    for (const settings::Condition& c : *conditions) names.insert(c.field);
  const std::string amount = value_field(a_.goal);
  Subject then = a_.subject;
  const auto& fields = then.record.fields;
  std::set<std::string> before;
  std::optional<std::int64_t> value;
  std::optional<Timestamp> away;  // since when it was deleted, or merged into another
  for (const Fact& f : a_.subject.facts) {
    const bool is_back = f.name == "restored" || f.name == "unmerged";
    const bool is_news = unseen(f, gap_) && f.true_from > a_.reached.entered_at;
    if (is_news && names.contains(f.name) && (is_back || before.contains(f.name))) return true;
    if (is_news && f.name == amount && value && *value <= 0) return true;  // what it was until then
    if (came_late(f, gap_)) {
      const bool is_excluded = !settings::holds(when, fields) || !settings::holds(route, fields);
      if (is_back && away && *away + a_.plan.destination->settle < gap_.to) return true;
      if (names.contains(f.name) && before.contains(f.name) && is_excluded) return true;
      if (f.name == amount && value && *value <= 0) return true;
    }
    if (f.name == "deleted" || f.name == "merged") away = f.true_from;
    before.insert(f.name);
    if (f.name != amount && !names.contains(f.name)) continue;
    then.record.fields[f.name] = f.value;
    if (f.name == amount) value = value_of(then, a_.goal, *a_.frame.settings);
  }
  return false;
}

bool GapView::left_unseen(Timestamp said) const {
  const settings::Stage* stage = stage_of(a_.goal, *a_.frame.settings);
  if (stage == nullptr || a_.reached.entered_at <= gap_.from) return false;
  // Each stay is a conversion of its own there.
  if (!stage->won || a_.goal.count == settings::Goal::Count::each) return false;
  if (!stays_) stays_ = stays(a_.subject, *stage);
  return std::any_of(stays_->begin(), stays_->end(), [&](const Stay& stay) {
    if (!stay.left) return false;
    // What was merely observed after the restore may have come about at any time of the gap.
    const bool observed = stay.left_by->basis != Basis::crm_history && unseen(*stay.left_by, gap_);
    const Timestamp zero = (observed ? gap_.from : *stay.left) + a_.plan.destination->settle;  // when it was due
    return zero > said && zero < gap_.to && zero < a_.reached.entered_at;
  });
}

bool GapView::was_away_unseen(Timestamp said) const { return may_have_been_zero() || left_unseen(said); }

/// A value that is missing, zero or below is told to nobody.
bool GapView::had_value() const {
  if (a_.goal.value.kind == settings::ValueRule::Kind::none || a_.goal.send_zero) return true;
  return std::any_of(values().begin(), values().end(), [](const auto& v) { return v.second.high > 0; });
}

/// Nothing that it is new to the store, and it may have been told all the same.
bool GapView::was_on_its_way(const Untold& untold) const {
  if (untold.place_was_free) return true;
  const bool is_merged = untold.why == Reason::merged;
  // Judged for the first time, though nothing is new: as what stood marked in the backup. A merge gives its loser
  // another conversion at any time.
  if (!untold.stood) return !is_merged || !gave_its_own_away();
  const auto reason = ledger::reason_from(*untold.stood);
  // Parted from its loser, it has its own again.
  if (reason == Reason::merged && !is_merged) return a_.frame.now < gap_.read_from + kReadAnew;
  return reason == Reason::waiting || reason == Reason::too_recent || reason == Reason::history_pending;
}

/// A survivor has adopted what was told of it.
bool GapView::gave_its_own_away() const {
  const auto of_lineage = store::ledger_rows::conversions_of_lineage(a_.tx, a_.subject.record.lineage);
  return std::any_of(of_lineage.begin(), of_lineage.end(), [&](const store::StoredConversion& c) {
    return c.goal == a_.goal.name && c.record_id != a_.subject.record.id;
  });
}

bool GapView::may_have_been_told(const Untold& untold) const {
  const Duration window = a_.plan.contract.conversion_window;
  const Reached& r = a_.reached;
  if (untold.due_since >= gap_.to || !had_value()) return false;
  if (r.entered_at < a_.plan.go_live && !a_.plan.backfilled(r.entered_at)) return false;
  if (window > Duration{} && r.at + window <= gap_.from) return false;
  const auto& facts = a_.subject.facts;
  const bool news = std::any_of(facts.begin(), facts.end(), [&](const Fact& f) { return unseen(f, gap_); });
  if (!news && !was_on_its_way(untold)) return false;
  switch (untold.why) {
    case Reason::not_wanted:
    case Reason::merged:
    case Reason::gone:
    case Reason::platform_counts_once:  // another one was told first then
      return true;
    case Reason::excluded_by_goal:
      return changed_unseen(a_.goal.when) || changed_unseen(a_.plan.destination->route) ||
             wanted_anew(gap_, /*stood=*/false);
    case Reason::no_value:
    case Reason::not_positive:
      return news || changed_unseen(value_field(a_.goal));
    case Reason::consent:
      return untold.forbidden_since && *untold.forbidden_since >= gap_.from;
    case Reason::waiting:
      return a_.plan.destination->mode != Mode::live;
    case Reason::expired:
      return untold.stood != to_string(Reason::expired);
    case Reason::before_go_live:
    case Reason::no_identifier:
    case Reason::history_pending:
    case Reason::too_recent:
    case Reason::settling:
    case Reason::braked:
    case Reason::rejected:
    case Reason::lost_by_final_retraction:
    case Reason::uncorrectable:
      return false;
  }
  return false;
}

const ValuesByCurrency& GapView::values() const {
  if (!values_) values_ = values_in(gap_);
  return *values_;
}

ValuesByCurrency GapView::values_in(const Gap& within) const {
  const std::string field = value_field(a_.goal);
  const auto tells = [&](const Fact& f) { return f.name == field || f.name == "currency"; };
  ValuesByCurrency out;
  const auto add = [&](const Subject& s) {
    const std::int64_t value = std::max<std::int64_t>(0, value_of(s, a_.goal, *a_.frame.settings).value_or(0));
    const std::string currency = currency_of(s, a_.goal, *a_.frame.settings);
    ValueRange& range = out.try_emplace(currency, ValueRange{value, value}).first->second;
    range = {std::min(range.low, value), std::max(range.high, value)};
  };
  const auto& facts = a_.subject.facts;
  Subject then = a_.subject;
  for (auto f = facts.begin(); f != facts.end(); ++f) {
    if (!tells(*f)) continue;
    then.record.fields[f->name] = f->value;
    if (f->true_from >= within.to && !unseen(*f, within)) continue;
    const auto next = std::find_if(f + 1, facts.end(), tells);
    // An amount and its currency change together.
    const bool half = next != facts.end() && next->true_from == f->true_from && next->name != f->name;
    if (half || (next != facts.end() && next->true_from <= within.from)) continue;
    add(then);
  }
  if (out.empty()) add(a_.subject);
  return out;
}

}  // namespace hw::reconcile
