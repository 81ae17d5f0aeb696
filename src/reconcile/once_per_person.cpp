#include "reconcile/once_per_person.h"

#include <set>

#include "reconcile/compose.h"
#include "reconcile/same_person.h"

namespace hw::reconcile {
namespace {

namespace rows = store::ledger_rows;

std::set<std::int64_t> subjects_of(const Asked& a, const store::StoredRecord& person) {
  std::set<std::int64_t> out;
  for (const auto& record : same_person(a.tx, person)) {
    if (a.goal.subject != Object::deal) out.insert(record.id);
    if (a.goal.subject == Object::deal)
      for (const store::Tie& t : store::records::ties_to(a.tx, record.id, Object::deal)) out.insert(t.other);
  }
  return out;
}

/// Told and not taken back, of unknown fate, or on its way.
bool holds_the_goals_place(const ledger::Belief& b) { return b.stands || b.open || b.uncertain; }

/// What a platform counted keeps the place there for ever: taken back it is worth nothing, and nothing else counts in
/// its stead.
bool holds_the_platforms_place(const ledger::Belief& b) { return b.told || b.uncertain; }

/// Of the first such conversion of the goal by the subject's person.
template <class Holds>
std::optional<std::int64_t> of_same_person(const Asked& a, const store::StoredConversion& conversion, Duration within,
                                           const Holds& holds) {
  if (a.subject.people.empty()) return std::nullopt;
  for (std::int64_t record : subjects_of(a, a.subject.people.front())) {
    for (const auto& c : rows::conversions_of_record(a.tx, record)) {
      if (c.goal != a.goal.name || c.dedup_id == conversion.dedup_id) continue;
      const Duration between = c.at > conversion.at ? c.at - conversion.at : conversion.at - c.at;
      if (between > within) continue;
      if (holds(ledger::believe(rows::uploads(a.tx, c.id, a.plan.destination->name)))) return c.id;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> told_for_same_person(const Asked& a, const store::StoredConversion& conversion,
                                                 Duration within) {
  return of_same_person(a, conversion, within, holds_the_goals_place);
}

std::optional<std::int64_t> counted_on_person(const Asked& a, const store::StoredConversion& conversion) {
  return of_same_person(a, conversion, Duration::max(),
                        [](const ledger::Belief& b) { return b.open || holds_the_platforms_place(b); });
}

std::optional<std::int64_t> counted_on_click(const Asked& a, const store::StoredConversion& conversion,
                                             const store::StoredUpload& row, std::int64_t open_row,
                                             const std::vector<store::StoredUpload>& made_before) {
  if (row.click_value.empty()) return std::nullopt;
  for (const auto& u : rows_on_click(a, row.click_type, row.click_value, made_before)) {
    if (conversion.id != 0 && u.conversion_id == conversion.id) continue;
    if (u.id == 0) return std::int64_t{0};  // made a moment ago
    const auto belief = ledger::believe(rows::uploads(a.tx, u.conversion_id, u.destination));
    if (holds_the_platforms_place(belief)) return u.conversion_id;
    if (belief.open && (open_row == 0 || u.id < open_row)) return u.conversion_id;
  }
  return std::nullopt;
}

}  // namespace hw::reconcile
