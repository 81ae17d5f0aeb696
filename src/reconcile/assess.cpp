#include "reconcile/assess.h"

#include <algorithm>

#include "reconcile/work.h"

namespace hw::reconcile {
namespace {

using store::StoredConversion;
using store::StoredUpload;
namespace rows = store::ledger_rows;

/// Was the occurrence ended at this destination by a zero that the platform never moves again?
bool ended(store::Tx& tx, const StoredConversion& c, const DestinationPlan& plan) {
  if (c.id == 0) return false;
  return ledger::final_zero(rows::uploads(tx, c.id, plan.destination->name), plan.contract);
}

/// The key's lineage: the record's, unless another record of that lineage has this goal's conversion (a second deal of
/// one lead).
std::string key_lineage(store::Tx& tx, const Subject& s, const settings::Goal& goal) {
  for (const auto& c : rows::conversions_of_lineage(tx, s.record.lineage))
    if (c.goal == goal.name && c.record_id != s.record.id)
      return s.record.ref.crm + "/" + to_string(s.record.ref.object) + "/" + s.record.ref.id;
  return s.record.lineage;
}

/// When a conversion that was ended is told again: a step after it, unless that is too long ago by now for a
/// destination of the goal; then when its present stay says.
Timestamp told_again_at(const StoredConversion& ended, const Reached& r, const connect::Contract& contract,
                        const Frame& frame) {
  const Timestamp step = ended.at + contract.smallest_time_step;
  const bool too_old = std::any_of(frame.plans.begin(), frame.plans.end(), [&](const DestinationPlan& p) {
    const Duration window = p.contract.conversion_window;
    return p.destination->goal == ended.goal && window > Duration{} && frame.now >= step + window;
  });
  return too_old ? std::max(step, r.at) : step;
}

/// The next free occurrence of the lineage: a key is never used twice, also where a merge gave one away.
StoredConversion new_conversion(store::Tx& tx, const Subject& s, const settings::Goal& goal, const Reached& r,
                                std::int64_t& next, Timestamp at, Timestamp now) {
  StoredConversion c;
  c.lineage = key_lineage(tx, s, goal);
  do {
    c.occurrence = next++;
    c.dedup_id = dedup_id(c.lineage, goal.name, c.occurrence);
  } while (rows::conversion_by_dedup(tx, c.dedup_id));
  c.goal = goal.name;
  c.record_id = s.record.id;
  c.entered_at = r.entered_at;
  c.at = at;
  c.at_basis = r.at_basis;
  c.created_at = now;
  return c;
}

bool anything_sent(store::Tx& tx, const StoredConversion& c, const Frame& frame) {
  if (c.id == 0) return false;
  for (const DestinationPlan& p : frame.plans)
    for (const StoredUpload& u : rows::uploads(tx, c.id, p.destination->name))
      if (u.mode == Mode::live && (ledger::sent(u) || u.state == UploadState::rejected)) return true;
  return false;
}

/// All occurrences of one reached goal: each destination follows the first that its platform has not ended.
std::vector<ConversionWork> work_of_goal(store::Tx& tx, const Frame& frame, const Subject& s,
                                         const settings::Goal& goal, const Reached& r,
                                         std::vector<StoredConversion> occurrences, std::int64_t& next,
                                         std::vector<StoredUpload>& made) {
  std::vector<ConversionWork> out;
  if (occurrences.empty()) occurrences.push_back(new_conversion(tx, s, goal, r, next, r.at, frame.now));
  auto slot = [&](std::size_t i) -> ConversionWork& {
    while (out.size() <= i) out.push_back({.conversion = occurrences[out.size()], .time_moved = false, .work = {}});
    return out[i];
  };
  slot(0);
  StoredConversion& first = out[0].conversion;
  if ((first.at != r.at || first.entered_at != r.entered_at || first.at_basis != r.at_basis) && first.id != 0 &&
      !anything_sent(tx, first, frame)) {
    first.at = r.at;
    first.entered_at = r.entered_at;
    first.at_basis = r.at_basis;
    occurrences[0] = first;
    out[0].time_moved = true;
  }
  for (const DestinationPlan& plan : frame.plans) {
    if (plan.destination->goal != goal.name) continue;
    const Asked asked{tx, frame, s, goal, r, plan};
    std::size_t active = 0;
    const bool new_occurrences_count = plan.contract.counting == connect::Counting::every;
    const bool wanted_here = r.wanted && settings::holds(plan.destination->route, s.record.fields);
    while (active < occurrences.size() && ended(tx, occurrences[active], plan)) {
      const bool last = active + 1 == occurrences.size();
      if (last && (!wanted_here || !new_occurrences_count)) break;
      if (last)
        occurrences.push_back(new_conversion(tx, s, goal, r, next,
                                             told_again_at(occurrences.back(), r, plan.contract, frame), frame.now));
      ++active;
    }
    for (std::size_t i = 0; i < occurrences.size(); ++i) {
      slot(i).work.push_back(work_for(asked, occurrences[i], i != active, made));
      if (const Work& w = out[i].work.back(); w.make) made.push_back(*w.make);
    }
  }
  return out;
}

/// Does a stored conversion stand for this reach? There is one per record, unless the goal counts each stay: then it is
/// the stay that began at its instant or, where history refined that instant since, the stay it lies in.
bool same_reach(const settings::Goal& goal, const StoredConversion& c, const Reached& r) {
  if (goal.count != settings::Goal::Count::each) return true;
  return c.entered_at >= r.entered_at && (!r.left_at || c.entered_at < *r.left_at);
}

/// `settle` counts from when the history was corrected, not from whatever else changed on the record.
Reached never_reached(const Subject& s, const Frame& frame, const settings::Goal& goal, const StoredConversion& c) {
  Reached r;
  r.entered_at = c.entered_at;
  r.at = c.at;
  r.at_basis = c.at_basis;
  r.left_at = c.entered_at + Duration(1);
  r.detail = "the stage is no longer in the record's history";
  r.changed_at = history_corrected(s, goal, *frame.settings);
  return r;
}

}  // namespace

std::vector<ConversionWork> assess(store::Tx& tx, const Frame& frame, const Subject& subject,
                                   const std::vector<StoredConversion>& known) {
  std::vector<ConversionWork> out;
  std::vector<StoredUpload> made_rows;
  for (const settings::Goal& goal : frame.settings->goals) {
    if (goal.subject != subject.record.ref.object) continue;
    std::vector<StoredConversion> mine;
    for (const auto& c : known)
      if (c.goal == goal.name) mine.push_back(c);
    std::sort(mine.begin(), mine.end(), [](const auto& a, const auto& b) { return a.occurrence < b.occurrence; });
    std::vector<Reached> all = reached(subject, goal, *frame.settings);
    // A conversion that was made stays in the accounts also when its stage's history was corrected away.
    for (const auto& c : mine) {
      const bool still = std::any_of(all.begin(), all.end(), [&](const Reached& r) { return same_reach(goal, c, r); });
      if (!still) all.push_back(never_reached(subject, frame, goal, c));
    }
    std::int64_t next = mine.empty() ? 1 : mine.back().occurrence + 1;
    for (const Reached& r : all) {
      std::vector<StoredConversion> same;
      std::copy_if(mine.begin(), mine.end(), std::back_inserter(same),
                   [&](const auto& c) { return same_reach(goal, c, r); });
      auto made = work_of_goal(tx, frame, subject, goal, r, std::move(same), next, made_rows);
      std::move(made.begin(), made.end(), std::back_inserter(out));
    }
  }
  return out;
}

}  // namespace hw::reconcile
