#include "reconcile/unseen.h"

#include <algorithm>

#include "base/text.h"
#include "ledger/item_json.h"
#include "reconcile/adopt.h"
#include "reconcile/consent.h"
#include "reconcile/restored.h"
#include "settings/conditions.h"

namespace hw::reconcile {
namespace {

using ledger::Reason;
using store::StoredUpload;
namespace rows = store::ledger_rows;

bool has_flag(const store::Standing& s, std::string_view word) {
  const auto words = split(s.flags, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The last row that was said, or may have been.
const StoredUpload* last_said(const std::vector<StoredUpload>& history) {
  for (auto u = history.rbegin(); u != history.rend(); ++u)
    if (u->mode == Mode::live && !ledger::is_void(*u)) return &*u;
  return nullptr;
}

std::int64_t believed_in(const ledger::Belief& belief, const std::string& currency) {
  return belief.currency == currency ? belief.micros : 0;
}

/// What the platform should believe is on its way there.
bool passes_by_itself(const ledger::Decision& d) {
  const auto& reason = d.reason;
  return reason == Reason::settling || reason == Reason::braked || reason == Reason::waiting ||
         reason == Reason::too_recent;
}

bool had_another_click(const ClickStory& clicks, const StoredUpload& refused) {
  return std::any_of(clicks.passed_over.begin(), clicks.passed_over.end(), [&](const auto& passed) {
    return passed.reason == "too_old" && passed.candidate.click.value != refused.click_value;
  });
}

/// Does the range from what is believed to this value hold what the row says? What else was true in the gap is seen in
/// the next round.
bool reaches_to(const ledger::Belief& belief, const Amount& value, const StoredUpload& made) {
  if (value.currency != belief.currency) return true;  // from nothing on
  const auto [low, high] = std::minmax(belief.micros, value.micros);
  const std::int64_t said = made.value_micros.value_or(0);
  return low <= said && said <= high;
}

bool is_doubted(const std::vector<StoredUpload>& history, std::int64_t micros, const std::string& currency) {
  return std::any_of(history.begin(), history.end(), [&](const StoredUpload& u) {
    return u.state == UploadState::uncertain && u.currency == currency && u.value_micros.value_or(0) >= micros;
  });
}

/// The record whose key it is: its own, or one that was merged into it.
std::optional<store::StoredRecord> origin_of(const Asked& a, const store::StoredConversion& c) {
  if (c.lineage == a.subject.record.lineage) return a.subject.record;
  for (const std::int64_t loser : losers_of(a.tx, a.subject.record.id))
    if (auto record = store::records::get(a.tx, loser); record && record->lineage == c.lineage) return record;
  return std::nullopt;
}

Timestamp last_fact(const Subject& subject, std::string_view name) {
  Timestamp last{};
  for (const store::Fact& f : subject.facts)
    if (f.name == name) last = std::max(last, f.true_from);
  return last;
}

/// A key that was brought to zero is spent there, and what is wanted again is told under the next one.
bool zero_spends_key(const connect::Contract& contract) {
  return contract.operations.contains(Operation::retract) ||
         (contract.operations.contains(Operation::restate) && contract.zero == connect::ZeroRule::final_retraction);
}

}  // namespace

/// As the last assessment left it.
std::optional<store::Standing> Unseen::before() const {
  const std::int64_t id = f_.conversion.id;
  return id == 0 ? std::nullopt : rows::standing(f_.asked.tx, id, f_.asked.plan.destination->name);
}

/// When the last word that was taken of this goal was made, under whichever of its keys. Before the gap nothing stood
/// that could be brought to zero, where nothing was said: last_said_at().
std::optional<Timestamp> Unseen::last_word_at() const {
  std::optional<Timestamp> last;
  const auto note = [&](const std::vector<StoredUpload>& all) {
    if (const auto taken = ledger::believe(all).last_taken)
      last = std::max(last.value_or(Timestamp{}), all[*taken].made_at);
  };
  note(f_.history);
  const Asked& a = f_.asked;
  for (const store::StoredConversion& c : rows::conversions_of_record(a.tx, a.subject.record.id))
    if (c.goal == f_.conversion.goal && c.id != f_.conversion.id)
      note(rows::uploads(a.tx, c.id, a.plan.destination->name));
  return last;
}

store::Gap Unseen::since_last_word(store::Gap gap) const {
  gap.from = std::max(gap.from, last_word_at().value_or(gap.from));
  return gap;
}

bool Unseen::is_from_backup(const StoredUpload* row) const {
  return row != nullptr && row->id != 0 && row->id <= view_.gap().last_upload;
}

/// The backup's conversion, which may have been taken back for good, and told under its next key since.
bool Unseen::told_anew() const {
  const ledger::Belief& belief = f_.belief;
  if (f_.dead || !belief.told || belief.uncertain || belief.open) return false;
  // What was said after it came back is no doubt.
  if (!is_live() || !is_from_backup(last_said(f_.history))) return false;
  const connect::Contract& contract = f_.asked.plan.contract;
  if (belief.stands) {
    const bool wanted = f_.asked.reached.wanted;
    if (wanted && zero_spends_key(contract) && zero_was_due(view_.gap())) return true;
    return is_spent() && (wanted || wanted_anew());
  }
  const bool has_next = contract.counting == connect::Counting::every;
  return has_next && ledger::final_zero(f_.history, contract) && !f_.desired.wanted && wanted_anew();
}

/// What it reached in the gap may have been told under its own key there, before the loser of a merge that the backup
/// does not know of brought this conversion.
bool Unseen::told_before_adoption() const {
  if (f_.dead || f_.belief.open || !is_live()) return false;
  const store::Gap& gap = view_.gap();
  const Timestamp entered = f_.asked.reached.entered_at;
  const bool is_of_backup = f_.belief.stands && !f_.belief.uncertain && is_from_backup(last_said(f_.history)) &&
                            f_.conversion.created_at < entered;
  return (is_of_backup || came_doubted()) && entered >= gap.from && view_.due_since() < gap.to &&
         (view_.merged_unseen() || view_.merged_late());
}

/// Adopted with a doubt of the gap, and nothing else is known of it.
bool Unseen::came_doubted() const {
  return f_.history.size() == 1 && f_.history.front().state == UploadState::uncertain &&
         f_.history.front().code == kRestored && f_.conversion.lineage != f_.asked.subject.record.lineage;
}

/// A first upload that the daemon of the gap may have told under a key which this store does not know, or whose own
/// key it may have spent. That key is no guard then.
bool Unseen::told_under_another_key() const {
  const DestinationPlan& plan = f_.asked.plan;
  if (!is_live() || plan.destination->resend_uncertain) return false;
  if (first_due_since() >= view_.gap().to) return zero_spends_key(plan.contract) && view_.left_unseen(last_said_at());
  return view_.merged_unseen() || view_.key_is_of_order() || is_spent();
}

bool Unseen::retried(const StoredUpload& refused) const {
  return is_live() && is_from_backup(&refused) && refused.expires_at > view_.gap().from && could_be_taken(refused);
}

/// What was due in the gap went once more, since it may be repeated. Its refusal says nothing of the first time.
bool Unseen::told_before_refusal(const StoredUpload& refused) const {
  return refused.operation == Operation::upload && !is_from_backup(&refused) && view_.due_since() < view_.gap().to &&
         could_be_taken(refused);
}

/// Who could not be credited could not then either, in the same words.
bool Unseen::could_be_taken(const StoredUpload& refused) const {
  if (refused.code != connect::kUnattributed || had_another_click(f_.clicks, refused)) return true;
  const auto changed = [&](const store::StoredRecord& r) {
    return r.modified >= view_.gap().from && r.modified < view_.gap().to;
  };
  const Subject& subject = f_.asked.subject;
  return changed(subject.record) || std::any_of(subject.people.begin(), subject.people.end(), changed);
}

bool Unseen::wanted_anew() const { return view_.wanted_anew(since_last_word(view_.gap()), f_.belief.stands); }

bool Unseen::is_spent() const {
  return zero_spends_key(f_.asked.plan.contract) && view_.was_away_unseen(last_said_at());
}

/// A stay before this one may have been told as well, where nothing of the goal was known as told, or that was noted.
Timestamp Unseen::first_due_since() const {
  const store::Gap& gap = view_.gap();
  const Timestamp known = view_.due_since();
  if (is_noted()) return std::min(known, gap.from);
  if (known < gap.to || f_.asked.plan.go_live >= gap.to) return known;
  return !last_word_at() && wanted_anew() ? gap.from : known;
}

Timestamp Unseen::changed_since() const {
  const Timestamp known = view_.changed_since(f_.desired.changed_at);
  const auto then = due();
  return then ? std::min(known, then->changed_at) : known;
}

/// What was wanted when the gap ended, if a correction to it was due by then that the backup does not know of.
std::optional<Reached> Unseen::due() const {
  if (!is_from_backup(last_said(f_.history))) return std::nullopt;
  auto then = view_.reached_at_end();
  if (!then) return std::nullopt;
  then->changed_at = std::max(then->changed_at, last_merge(f_.asked.tx, f_.asked.subject.record.id));
  const ledger::Belief& belief = f_.belief;
  const std::int64_t wanted = then->wanted ? then->micros.value_or(0) : 0;
  const bool is_comparable = wanted == 0 || then->currency == belief.currency;
  const bool same = is_comparable && wanted == belief.micros && then->wanted == belief.stands;
  const bool is_kept = !then->wanted && then->why_not == Reason::no_value;
  const bool is_lower = !then->wanted || !is_comparable || wanted < belief.micros;
  const bool is_settling = is_lower && then->changed_at + f_.asked.plan.destination->settle >= view_.gap().to;
  return same || is_kept || is_settling ? std::nullopt : then;
}

/// By what is wanted now, or was for a while.
bool Unseen::zero_was_due(const store::Gap& within) const {
  const ledger::Desired& desired = f_.desired;
  const bool is_kept = desired.wanted || desired.gone || desired.not_wanted_because == Reason::no_value;
  if (!is_kept && changed_since() + f_.asked.plan.destination->settle < within.to) return true;
  bool was_due = false;
  each_holder(within, [&](const GapView& holder, const store::Gap& its, Timestamp since) {
    was_due = was_due || holder.zero_was_due(since_last_word(its), since);
  });
  return was_due;
}

/// Of what the platform could be told under this key.
ValuesByCurrency Unseen::values_in(const store::Gap& within) const {
  ValuesByCurrency out;
  each_holder(within, [&](const GapView& holder, const store::Gap& its, Timestamp) {
    for (const auto& [currency, values] : holder.values_in(its)) {
      ValueRange& all = out.try_emplace(currency, values).first->second;
      all = {std::min(all.low, values.low), std::max(all.high, values.high)};
    }
  });
  return out;
}

/// The records that had this conversion in that part of the gap, each with its own part and since when it had it: by
/// merges it came here from the one whose key it is, or went on to others and back.
void Unseen::each_holder(const store::Gap& within, const AskHolder& ask) const {
  const Asked& a = f_.asked;
  store::Gap its = within;
  Timestamp since{};
  bool is_here = false;
  for (auto record = origin_of(a, f_.conversion); record && record->merged_into;) {
    const auto subject = load_subject(a.tx, record->id);
    if (!subject) break;
    const Timestamp merged_at = last_fact(*subject, "merged");
    const auto all = reached(*subject, a.goal, *a.frame.settings);
    its.to = std::min(within.to, merged_at);
    if (record->id == a.subject.record.id) {
      is_here = true;
      ask(view_, {.from = its.from, .to = within.to, .last_upload = its.last_upload, .read_from = its.read_from},
          since);
    } else if (its.from < its.to && !all.empty()) {
      ask(GapView({a.tx, a.frame, *subject, a.goal, all.back(), a.plan}), its, since);
    }
    its.from = std::max(its.from, merged_at);
    since = merged_at;
    record = store::records::get(a.tx, *record->merged_into);
  }
  its.to = within.to;
  if (!is_here) ask(view_, its, since);
}

/// Who holds its place had it before the backup and kept it: the daemon of the gap held this one back as well. Who is
/// noted as its holder was asked in the same way when it was noted, or is the backup's.
bool Unseen::held() const {
  if (!f_.held_by || f_.belief.open) return false;  // it had a row of its own until now
  const Timestamp from = view_.gap().from;
  const auto stood = before();
  const bool noted = stood && stood->held_by;
  const std::int64_t holder = noted ? *stood->held_by : *f_.held_by;
  const auto all = rows::uploads(f_.asked.tx, holder, f_.asked.plan.destination->name);
  const ledger::Belief belief = ledger::believe(all);
  const StoredUpload* first = belief.first_taken ? &all[*belief.first_taken] : nullptr;
  const bool told_before = is_from_backup(first) && first->first_attempt_at < from;
  if (!noted && !(told_before && belief.stands)) return false;
  if (view_.people_changed_unseen()) return false;
  // A place at the platform is kept for ever.
  if (told_before && f_.decision.reason == Reason::platform_counts_once) return true;
  const Timestamp said = belief.last_taken ? all[*belief.last_taken].made_at : from;
  return !belief.uncertain && !holder_was_away(holder, said);
}

/// It was unwanted for a while in the gap, or is so by now and was due to be taken back there. `said`: the last word
/// on it that is known.
bool Unseen::holder_was_away(std::int64_t of, Timestamp said) const {
  const Asked& a = f_.asked;
  const auto conversion = rows::conversion(a.tx, of);
  const auto holder = conversion ? load_subject(a.tx, conversion->record_id) : std::nullopt;
  if (!holder) return false;
  const settings::Destination& to = *a.plan.destination;
  const auto all = reached(*holder, a.goal, *a.frame.settings);
  return std::any_of(all.begin(), all.end(), [&](const Reached& r) {
    const GapView view(Asked{a.tx, a.frame, *holder, a.goal, r, a.plan});
    if (r.wanted && settings::holds(to.route, holder->record.fields)) return view.was_away_unseen(said);
    const Timestamp changed_at = std::max(r.changed_at, last_change(*holder, to.route));
    store::Gap within = view_.gap();
    within.from = std::max(within.from, said);
    return view.changed_since(changed_at) + to.settle < within.to || view.zero_was_due(within);
  });
}

/// Since when consent stands in its way. Where people were merged or parted since the backup, others stood behind it
/// in the gap, who may have agreed.
std::optional<Timestamp> Unseen::stopped_since() const {
  if (f_.decision.reason != Reason::consent) return std::nullopt;
  const auto since = forbidden_since(f_.asked, f_.who.person);
  return since && view_.people_changed_unseen() ? view_.gap().to : since;
}

bool Unseen::told() const {
  const Work& work = f_.work;
  // What is made in another mode than live is never sent.
  if (f_.dead || work.replace || (work.make && is_live())) return false;
  if (f_.belief.told || f_.belief.uncertain || f_.belief.unlocated) return false;
  if (f_.belief.open) {
    // A row that nothing follows: another value would go by itself. The backup's own may have left; any other repeats
    // what may have been told.
    const StoredUpload& open = f_.history[*f_.belief.open];
    const bool ends = work.supersede && (!f_.desired.wanted || !f_.decision.supersede_open);
    if (!ends || open.mode != Mode::live) return false;
    if (is_from_backup(&open)) return true;
  }
  if (!f_.decision.reason) return false;
  const StoredUpload* refused = ledger::refused_last(f_.history, Mode::live);
  if (refused != nullptr && !passes_by_itself(f_.decision) && (retried(*refused) || told_before_refusal(*refused)))
    return true;
  if (is_noted()) return !passes_by_itself(f_.decision);
  if (held()) return false;
  const auto stood = before();
  return view_.may_have_been_told({.why = *f_.decision.reason,
                                   .due_since = first_due_since(),
                                   .stood = stood ? std::optional(stood->reason) : std::nullopt,
                                   .forbidden_since = stopped_since(),
                                   .place_was_free = f_.held_by.has_value()});
}

bool Unseen::is_noted() const {
  if (f_.belief.told || f_.decision.state == ledger::State::uncertain) return false;
  const auto stood = before();
  return stood && has_flag(*stood, kToldInGap);
}

Amount Unseen::value() const {
  const ValuesByCurrency& values = view_.values();
  const auto positive = std::find_if(values.begin(), values.end(), [](const auto& v) { return v.second.high > 0; });
  const auto& [currency, range] = positive == values.end() ? *values.begin() : *positive;
  return {range.high, currency};
}

std::optional<StoredUpload> Unseen::told_besides() const {
  const bool before_adoption = told_before_adoption();
  if (before_adoption || told_anew()) {
    const Amount was = value();
    const std::int64_t believed = came_doubted() ? f_.belief.high : believed_in(f_.belief, was.currency);
    return row(Operation::upload,
               {before_adoption ? was.micros + believed : std::max(was.micros, believed), was.currency});
  }
  if (const auto missing = uncovered())
    return row(is_upload_doubted() ? Operation::upload : Operation::restate, *missing);
  if (f_.work.make || passes_by_itself(f_.decision)) return std::nullopt;
  if (const auto operation = taken_back()) {
    StoredUpload zero = row(*operation, {0, f_.belief.currency});
    zero.value_micros = 0;
    return zero;
  }
  const auto another = corrected();
  return another ? std::optional(row(Operation::restate, *another)) : std::nullopt;
}

/// The part of the gap in which a correction may have been told that this store does not know of: since the backup's
/// last row of this conversion, up to the platform's limit.
std::optional<store::Gap> Unseen::corrected_within(Operation operation) const {
  if (f_.dead || !f_.belief.told || f_.belief.uncertain || f_.belief.open || !is_live()) return std::nullopt;
  const StoredUpload* last = last_said(f_.history);
  if (!is_from_backup(last)) return std::nullopt;
  store::Gap within = view_.gap();
  within.from = std::max(within.from, last->made_at);
  if (const auto& limit = f_.asked.plan.contract.rules_of(operation).adjust_until)
    within.to = std::min(within.to, ledger::taken_at(f_.history[*f_.belief.first_taken]) + *limit);
  return within.from < within.to ? std::optional(within) : std::nullopt;
}

/// How it may have been taken back meanwhile, where nothing takes it back now: the platform's limit is past, consent is
/// denied, or it is without a value and stays as it is.
std::optional<Operation> Unseen::taken_back() const {
  if (f_.desired.wanted || !f_.belief.stands) return std::nullopt;
  const bool is_kept = f_.desired.not_wanted_because == Reason::no_value;
  if (f_.decision.state != ledger::State::excess && !is_kept) return std::nullopt;
  const auto operation = ledger::taking_back(f_.asked.plan.contract, f_.belief);
  const auto within = operation ? corrected_within(*operation) : std::nullopt;
  return within && zero_was_due(*within) ? operation : std::nullopt;
}

std::optional<Amount> Unseen::corrected() const {
  const auto& contract = f_.asked.plan.contract;
  const ledger::Belief& belief = f_.belief;
  if (!contract.operations.contains(Operation::restate)) return std::nullopt;
  const auto within = corrected_within(Operation::restate);
  if (!within) return std::nullopt;
  // What stood at zero was raised only if it was wanted again, and not where zero is final.
  if (!belief.stands && (ledger::final_zero(f_.history, contract) || !wanted_anew())) return std::nullopt;
  const ValuesByCurrency all = values_in(*within);
  for (const auto& [currency, values] : all) {
    const bool takes = values.high > belief.micros ? contract.restate_up : contract.restate_down;
    if (currency != belief.currency && values.high > 0 && takes) return Amount{values.high, currency};
  }
  const Reached& r = f_.asked.reached;
  if (belief.currency != r.currency) return std::nullopt;
  const auto same = all.find(belief.currency);
  ValueRange values = same == all.end() ? ValueRange{belief.micros, belief.micros} : same->second;
  // Left and reached again: taken back meanwhile.
  const bool left = r.entered_at > within->from && r.entered_at < within->to && f_.conversion.id != 0 &&
                    f_.conversion.entered_at < r.entered_at;
  if (left || zero_was_due(*within) || (r.wanted && view_.was_away_unseen(last_said_at())))
    values.low = std::min<std::int64_t>(values.low, 0);
  if (contract.restate_up && values.high > belief.micros) return Amount{values.high, belief.currency};
  if (contract.restate_down && values.low < belief.micros) return Amount{values.low, belief.currency};
  return std::nullopt;
}

std::optional<StoredUpload> Unseen::said_already(const StoredUpload& made) const {
  const DestinationPlan& plan = f_.asked.plan;
  const bool upload = made.operation == Operation::upload;
  const Timestamp known = upload ? first_due_since() : changed_since();
  const bool doubted = made.mode == Mode::live && known < view_.gap().to && !may_repeat(plan, made);
  if (!doubted && !(upload && told_under_another_key())) return std::nullopt;
  const auto another = upload ? std::nullopt : corrected();
  return another && reaches_to(f_.belief, *another, made) ? row(Operation::restate, *another) : made;
}

/// A value that was true in the gap, and that no row doubted for the gap holds.
std::optional<Amount> Unseen::uncovered() const {
  const ledger::Belief& belief = f_.belief;
  if (f_.dead || f_.work.make || !belief.uncertain || !doubt_is_of_gap()) return std::nullopt;
  const auto& contract = f_.asked.plan.contract;
  const bool restates = contract.operations.contains(Operation::restate);
  const bool anew = is_upload_doubted();
  for (const auto& [currency, values] : values_in(view_.gap())) {
    if (currency != belief.uncertain_currency) {
      const bool may_be = values.high > believed_in(belief, currency) && (anew || restates);
      if (may_be && !is_doubted(f_.history, values.high, currency)) return Amount{values.high, currency};
      continue;
    }
    if (values.high > belief.high && (!belief.first_taken || contract.restate_up)) return Amount{values.high, currency};
    if (values.low < belief.low && contract.restate_down) return Amount{values.low, currency};
  }
  const bool taken_back = belief.low > 0 && belief.first_taken && ledger::taking_back(contract, belief);
  if (!taken_back || !zero_was_due(view_.gap())) return std::nullopt;
  return Amount{0, belief.uncertain_currency};
}

/// It may have been told for the first time, or under its next key: in any currency that it had by then.
bool Unseen::is_upload_doubted() const {
  return !f_.belief.first_taken || last_said(f_.history)->operation == Operation::upload;
}

/// Also where what was said since the restore is of unknown fate: what it was to settle is as open as before. And where
/// a row of the backup was confirmed in the gap, as far as anybody knows, and is not any more.
bool Unseen::doubt_is_of_gap() const {
  const StoredUpload* last = last_said(f_.history);
  if (last == nullptr || last->state != UploadState::uncertain) return false;
  if (last->code == kRestored) return true;
  if (!is_from_backup(last))
    return f_.belief.last_taken ? is_from_backup(&f_.history[*f_.belief.last_taken])
                                : first_due_since() < view_.gap().to;
  const connect::Contract contract = f_.asked.plan.contract_of(*last);
  return last->received_at && *last->received_at + contract.rules_of(last->operation).poll_until > view_.gap().from;
}

StoredUpload Unseen::row(Operation operation, const Amount& value) const {
  const Asked& a = f_.asked;
  StoredUpload u;
  u.operation = operation;
  u.conversion_id = f_.conversion.id;
  u.destination = a.plan.destination->name;
  u.revision = f_.history.empty() ? 0 : f_.history.back().revision + 1;
  u.mode = Mode::live;
  if (a.reached.micros || value.micros != 0) u.value_micros = value.micros;
  u.currency = value.currency;
  u.item = ledger::item_to_json({});
  u.dedup_key = f_.conversion.dedup_id;
  u.account = a.plan.sinks.target.account;
  u.action = a.plan.sinks.target.action;
  u.made_at = u.not_before = u.expires_at = u.next_at = a.frame.now;
  u.conversion_at = f_.conversion.at;
  if (f_.who.person != nullptr) u.person = f_.who.person->id;
  if (f_.who.click) {
    u.click_type = f_.who.click->click.type;
    u.click_value = f_.who.click->click.value;
  }
  return u;
}

}  // namespace hw::reconcile
