#include "reconcile/restored.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "ledger/transitions.h"
#include "reconcile/adopt.h"
#include "reconcile/plan.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using ledger::Reason;
using store::StoredUpload;
namespace rows = store::ledger_rows;

constexpr std::int64_t kAtOnce = 1000;
constexpr const char* kNamedSince = "named_since_restore";  // destinations, a name a line
constexpr std::chrono::hours kFirstReading(24), kReadAnew(24 * 7);

bool unknown_since_restore(const std::vector<DestinationPlan>& plans, const StoredUpload& row) {
  if (row.mode != Mode::live) return false;
  const auto plan =
      std::find_if(plans.begin(), plans.end(), [&](const auto& p) { return p.destination->name == row.destination; });
  return plan == plans.end() || !may_repeat(*plan, row);
}

/// True before the gap's end, not known to the backup, and learned when the CRM was read anew. What was merely observed
/// at the first reading after the restore may have come about before.
bool unseen(const store::Fact& fact, const store::Gap& gap) {
  if (fact.learned < gap.to) return false;
  if (fact.basis == Basis::crm_history) return fact.true_from < gap.to && fact.learned < gap.read_from + kReadAnew;
  return fact.learned < gap.read_from + kFirstReading;
}

/// Changed after the restore, and before the CRM was read anew: what it was until then held in the gap.
bool came_late(const store::Fact& f, const store::Gap& gap) {
  return f.basis == Basis::crm_history && f.learned >= gap.to && f.true_from >= gap.to &&
         f.true_from < gap.read_from + kReadAnew;
}

bool was_on_its_way(const Untold& untold) {
  if (untold.place_was_free) return true;
  // Judged for the first time, though nothing is new: as what stood marked in the backup. A merge gives its loser
  // another conversion at any time.
  if (!untold.stood) return untold.why != Reason::merged;
  const auto reason = ledger::reason_from(*untold.stood);
  return reason == Reason::waiting || reason == Reason::too_recent || reason == Reason::history_pending;
}

/// The field had another value in the gap.
bool changed_unseen(const Subject& subject, const std::string& field, const store::Gap& gap) {
  bool before = false;
  for (const store::Fact& f : subject.facts) {
    if (f.name != field) continue;
    if (before && (unseen(f, gap) || came_late(f, gap))) return true;
    before = true;
  }
  return false;
}

bool changed_unseen(const Subject& subject, const std::vector<settings::Condition>& conditions, const store::Gap& gap) {
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const settings::Condition& c) { return changed_unseen(subject, c.field, gap); });
}

}  // namespace

bool may_repeat(const DestinationPlan& plan, const StoredUpload& row) {
  const connect::Contract contract = plan.contract_of(row);
  const connect::DedupRule& dedup = contract.rules_of(row.operation).dedup;
  if (plan.destination->resend_uncertain) return true;
  if (!ledger::repeat_counts_once(row.operation, contract)) return false;
  if (row.operation != Operation::upload) return true;
  if (!dedup.known || dedup.window) return false;
  if (plan.moved_in_gap && !ledger::sent(row)) return false;  // a key is known where it was told
  return dedup.repeat_overwrites || ledger::sent(row);
}

void doubt(StoredUpload& row, Timestamp since) {
  row.state = UploadState::uncertain;
  row.code = kRestored;
  row.detail = "may have been sent between the backup and its restore";
  if (!row.first_attempt_at) row.first_attempt_at = row.last_attempt_at = since;
}

void doubt_unanswered(store::Tx& tx, const std::vector<DestinationPlan>& plans, Timestamp now) {
  const auto gap = store::backups::gap(tx);
  if (!gap || !store::backups::unmarked(tx)) return;
  for (const char* state : {"pending", "retrying", "in_flight"}) {
    std::int64_t after = 0;
    for (bool more = true; more;) {
      auto some = rows::list_uploads(tx, {.destination = {},
                                          .state = state,
                                          .code = {},
                                          .made_before = {},
                                          .made_after = {},
                                          .after_id = after,
                                          .limit = kAtOnce});
      more = !some.empty();
      for (StoredUpload& row : some) {
        after = row.id;
        // Marked, it waits to be judged: the CRM may say otherwise by now.
        store::service_rows::mark_subject_of(tx, row.conversion_id, "restored");
        if (!unknown_since_restore(plans, row)) continue;
        const UploadState from = row.state;
        doubt(row, gap->from);
        rows::move(tx, row, from, "restore", now);
      }
    }
  }
  for (const DestinationPlan& p : plans) rows::mark_standings(tx, p.destination->name, "rejected", "restored");
  // What a subject looks like in the backup is no ground to tell anything.
  store::service_rows::forget_sweeps(tx, "records");
  store::service_rows::set_meta(tx, kNamedSince, "");
  store::backups::set_marked(tx);
}

void note_named_since(store::Tx& tx, const std::string& destination) {
  const std::string names = store::service_rows::meta(tx, kNamedSince).value_or("");
  store::service_rows::set_meta(tx, kNamedSince, names + destination + "\n");
}

bool is_doubtful(store::Tx& tx, const std::string& destination) {
  if (store::backups::unmarked(tx)) return true;
  if (!store::service_rows::meta(tx, fingerprint_key(destination))) return false;  // a candidate's, never started
  const std::string names = store::service_rows::meta(tx, kNamedSince).value_or("");
  const auto all = split(names, '\n');
  return std::find(all.begin(), all.end(), destination) == all.end();
}

bool merged_unseen(store::Tx& tx, const Subject& survivor, const store::Gap& gap) {
  const auto losers = losers_of(tx, survivor.record.id);
  return std::any_of(losers.begin(), losers.end(), [&](std::int64_t loser) {
    const auto facts = store::records::effective_facts(tx, loser);
    return std::any_of(facts.begin(), facts.end(),
                       [&](const store::Fact& f) { return f.name == "merged" && unseen(f, gap); });
  });
}

bool people_changed_unseen(store::Tx& tx, const Subject& subject, const store::Gap& gap) {
  const auto changed = [&](std::int64_t record) {
    const auto facts = store::records::effective_facts(tx, record);
    return std::any_of(facts.begin(), facts.end(), [&](const store::Fact& f) {
      return (f.name == "merged" || f.name == "unmerged") && (unseen(f, gap) || came_late(f, gap));
    });
  };
  return std::any_of(subject.people.begin(), subject.people.end(), [&](const store::StoredRecord& person) {
    const auto losers = losers_of(tx, person.id);
    return changed(person.id) || std::any_of(losers.begin(), losers.end(), changed);
  });
}

bool key_is_of_order(store::Tx& tx, const Subject& subject, const settings::Goal& goal, const store::Gap& gap) {
  if (!subject.record.converted_from) return false;
  const auto of_lineage = rows::conversions_of_lineage(tx, subject.record.lineage);
  return std::none_of(of_lineage.begin(), of_lineage.end(),
                      [&](const store::StoredConversion& c) { return c.goal == goal.name && c.created_at < gap.from; });
}

namespace {

bool was_positive(const ValuesByCurrency& values) {
  return std::any_of(values.begin(), values.end(), [](const auto& v) { return v.second.high > 0; });
}

bool is_excluded(const DestinationPlan& plan, const settings::Goal& goal, const store::StoredRecord& record) {
  return !settings::holds(goal.when, record.fields) || !settings::holds(plan.destination->route, record.fields);
}

/// The subject of a moment that is past. What a field was before the first word on it is not known: it was that.
Subject as_of(const Subject& subject, Timestamp moment) {
  Subject then = subject;
  std::erase_if(then.facts, [&](const store::Fact& f) { return f.true_from > moment; });
  std::set<std::string> known;
  then.record.state = "live";
  for (const store::Fact& f : subject.facts) {
    if (!known.insert(f.name).second && f.true_from > moment) continue;
    then.record.fields[f.name] = f.value;
    if (f.true_from > moment) continue;
    if (f.name == "deleted" || f.name == "merged") then.record.state = f.name;
    if (f.name == "restored" || f.name == "unmerged") then.record.state = "live";
  }
  return then;
}

/// When what the CRM tells of it changed, and the beginning.
std::vector<Timestamp> moments(const Subject& subject, const store::Gap& within) {
  if (within.from >= within.to) return {};
  std::vector<Timestamp> out{within.from};
  for (const store::Fact& f : subject.facts)
    if (f.true_from > within.from && f.true_from < within.to) out.push_back(f.true_from);
  return out;
}

}  // namespace

std::optional<Reached> reached_at(const DestinationPlan& plan, const settings::Goal& goal,
                                  const settings::Settings& settings, const Subject& subject, const Reached& reached,
                                  Timestamp moment) {
  const Subject then = as_of(subject, moment);
  const auto all = reconcile::reached(then, goal, settings);
  const auto it = std::find_if(all.begin(), all.end(), [&](const Reached& r) {
    return goal.count != settings::Goal::Count::each || r.entered_at == reached.entered_at;
  });
  if (it == all.end()) return std::nullopt;
  Reached r = *it;
  r.wanted = r.wanted && settings::holds(plan.destination->route, then.record.fields);
  r.changed_at = std::max(r.changed_at, last_change(then, plan.destination->route));
  return r;
}

bool wanted_anew(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                 const Subject& subject, const Reached& reached, const store::Gap& within, bool stood) {
  bool was_away = !stood;
  for (const Timestamp moment : moments(subject, within)) {
    const auto then = reached_at(plan, goal, settings, subject, reached, moment);
    const bool wanted = then && then->wanted;
    if (wanted && was_away) return true;
    was_away = was_away || !wanted;
  }
  return false;
}

bool zero_was_due(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                  const Subject& subject, const Reached& reached, const store::Gap& within) {
  const auto all = moments(subject, within);
  for (auto it = all.begin(); it != all.end(); ++it) {
    const auto then = reached_at(plan, goal, settings, subject, reached, *it);
    const Timestamp until = it + 1 == all.end() ? within.to : *(it + 1);
    if (then && !then->wanted && then->why_not != Reason::no_value &&
        then->changed_at + plan.destination->settle < until)
      return true;
  }
  return false;
}

bool may_have_been_zero(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                        const Subject& subject, const Reached& reached) {
  const store::Gap& gap = *plan.gap;
  std::set<std::string> names{"restored", "unmerged"};
  for (const auto* conditions : {&goal.when, &plan.destination->route})
    for (const settings::Condition& c : *conditions) names.insert(c.field);
  const std::string amount = value_field(goal);
  Subject then = subject;
  std::set<std::string> before;
  std::optional<std::int64_t> value;
  std::optional<Timestamp> away;  // since when it was deleted, or merged into another
  for (const store::Fact& f : subject.facts) {
    const bool is_back = f.name == "restored" || f.name == "unmerged";
    const bool is_news = unseen(f, gap) && f.true_from > reached.entered_at;
    if (is_news && names.contains(f.name) && (is_back || before.contains(f.name))) return true;
    if (is_news && f.name == amount && value && *value <= 0) return true;  // what it was until then
    if (came_late(f, gap)) {
      if (is_back && away && *away + plan.destination->settle < gap.to) return true;
      if (names.contains(f.name) && before.contains(f.name) && is_excluded(plan, goal, then.record)) return true;
      if (f.name == amount && value && *value <= 0) return true;
    }
    if (f.name == "deleted" || f.name == "merged") away = f.true_from;
    before.insert(f.name);
    if (f.name != amount && !names.contains(f.name)) continue;
    then.record.fields[f.name] = f.value;
    if (f.name == amount) value = value_of(then, goal, settings);
  }
  return false;
}

bool left_unseen(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                 const Subject& subject, const Reached& reached, Timestamp said) {
  const settings::Stage* stage = stage_of(goal, settings);
  if (!plan.gap || stage == nullptr || reached.entered_at <= plan.gap->from) return false;
  if (!stage->won || goal.count == settings::Goal::Count::each) return false;  // each stay is a conversion of its own
  const auto all = stays(subject, *stage);
  return std::any_of(all.begin(), all.end(), [&](const Stay& stay) {
    if (!stay.left) return false;
    // What was merely observed after the restore may have come about at any time of the gap.
    const bool observed = stay.left_by->basis != Basis::crm_history && unseen(*stay.left_by, *plan.gap);
    const Timestamp zero = (observed ? plan.gap->from : *stay.left) + plan.destination->settle;  // when it was due
    return zero > said && zero < plan.gap->to && zero < reached.entered_at;
  });
}

bool was_away_unseen(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                     const Subject& subject, const Reached& reached, Timestamp said) {
  return may_have_been_zero(plan, goal, settings, subject, reached) ||
         left_unseen(plan, goal, settings, subject, reached, said);
}

bool zero_spends_key(const connect::Contract& contract) {
  return contract.operations.contains(Operation::retract) ||
         (contract.operations.contains(Operation::restate) && contract.zero == connect::ZeroRule::final_retraction);
}

Timestamp due_since(const DestinationPlan& plan, const Subject& subject, const Reached& reached) {
  if (!plan.gap || reached.at_basis == Basis::crm_history || reached.entered_at >= plan.gap->read_from + kFirstReading)
    return reached.entered_at;
  return std::min(reached.entered_at, subject.record.created.value_or(plan.gap->from));
}

Timestamp changed_since(const DestinationPlan& plan, const Subject& subject, Timestamp changed_at) {
  if (!plan.gap || changed_at < plan.gap->from) return changed_at;
  // A later change does not end the doubt about what was true in the gap.
  for (const store::Fact& f : subject.facts)
    if (f.basis == Basis::crm_history && unseen(f, *plan.gap) && f.true_from >= plan.gap->from) return f.true_from;
  const bool observed = std::any_of(subject.facts.begin(), subject.facts.end(), [&](const store::Fact& f) {
    return f.basis != Basis::crm_history && f.true_from == changed_at && unseen(f, *plan.gap);
  });
  return observed ? plan.gap->from : changed_at;
}

bool may_have_been_told(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                        const Subject& subject, const Reached& reached, const Untold& untold) {
  if (!plan.gap) return false;
  const store::Gap& gap = *plan.gap;
  const Duration window = plan.contract.conversion_window;
  if (due_since(plan, subject, reached) >= gap.to) return false;
  if (reached.entered_at < plan.go_live && !plan.backfilled(reached.entered_at)) return false;
  if (window > Duration{} && reached.at + window <= gap.from) return false;
  const bool news =
      std::any_of(subject.facts.begin(), subject.facts.end(), [&](const auto& f) { return unseen(f, gap); });
  if (!news && !was_on_its_way(untold)) return false;
  switch (untold.why) {
    case Reason::not_wanted:
    case Reason::merged:
    case Reason::gone:
    case Reason::platform_counts_once:  // another one was told first then
      return true;
    case Reason::excluded_by_goal:
      return changed_unseen(subject, goal.when, gap) || changed_unseen(subject, plan.destination->route, gap);
    case Reason::no_value:
    case Reason::not_positive:
      return changed_unseen(subject, value_field(goal), gap) ||
             (news && was_positive(values_in_gap(subject, goal, settings, gap)));
    case Reason::consent:
      return untold.forbidden_since && *untold.forbidden_since >= gap.from;
    case Reason::expired:
      return untold.stood != to_string(Reason::expired);
    default:
      return false;
  }
}

ValuesByCurrency values_in_gap(const Subject& subject, const settings::Goal& goal, const settings::Settings& settings,
                               const store::Gap& gap) {
  const std::string field = value_field(goal);
  const auto tells = [&](const store::Fact& f) { return f.name == field || f.name == "currency"; };
  ValuesByCurrency out;
  const auto add = [&](const Subject& s) {
    const std::int64_t value = value_of(s, goal, settings).value_or(0);
    ValueRange& range = out.try_emplace(currency_of(s, goal, settings), ValueRange{value, value}).first->second;
    range = {std::min(range.low, value), std::max(range.high, value)};
  };
  Subject then = subject;
  for (auto f = subject.facts.begin(); f != subject.facts.end(); ++f) {
    if (!tells(*f)) continue;
    then.record.fields[f->name] = f->value;
    if (f->true_from >= gap.to && !unseen(*f, gap)) continue;
    const auto next = std::find_if(f + 1, subject.facts.end(), tells);
    // An amount and its currency change together.
    const bool half = next != subject.facts.end() && next->true_from == f->true_from && next->name != f->name;
    if (half || (next != subject.facts.end() && next->true_from <= gap.from)) continue;
    add(then);
  }
  if (out.empty()) add(subject);
  return out;
}

bool doubted(const DestinationPlan& plan, const StoredUpload& row, Timestamp known) {
  return plan.gap && row.mode == Mode::live && known < plan.gap->to && !may_repeat(plan, row);
}

}  // namespace hw::reconcile
