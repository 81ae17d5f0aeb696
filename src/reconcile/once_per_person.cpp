#include "reconcile/once_per_person.h"

#include <algorithm>
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

/// Of the first of these rows that another conversion's place hangs on.
std::optional<std::int64_t> counted_by(const Asked& a, const store::StoredConversion& conversion,
                                       const std::vector<store::StoredUpload>& told, std::int64_t open_row) {
  for (const auto& u : told) {
    if (conversion.id != 0 && u.conversion_id == conversion.id) continue;
    if (u.id == 0) return std::int64_t{0};  // made a moment ago
    const auto belief = ledger::believe(rows::uploads(a.tx, u.conversion_id, u.destination));
    if (holds_the_platforms_place(belief)) return u.conversion_id;
    if (belief.open && (open_row == 0 || u.id < open_row)) return u.conversion_id;
  }
  return std::nullopt;
}

/// What was told there with the data of the same human, whoever stands behind its subject by now.
std::vector<store::StoredUpload> rows_of_person(const Asked& a, const store::StoredUpload& row,
                                                const std::vector<store::StoredUpload>& made_before) {
  std::vector<store::StoredUpload> out;
  const auto person = row.person ? store::records::get(a.tx, *row.person) : std::nullopt;
  if (!person) return out;
  for (const auto& record : same_person(a.tx, *person)) {
    for (auto& u : rows::uploads_of_person(a.tx, record.id, row.account, row.action))
      if (!ledger::is_void(u)) out.push_back(std::move(u));
    std::copy_if(made_before.begin(), made_before.end(), std::back_inserter(out), [&](const auto& u) {
      return u.mode == Mode::live && u.person == record.id && u.account == row.account && u.action == row.action;
    });
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> told_for_same_person(const Asked& a, const store::StoredConversion& conversion,
                                                 Duration within) {
  return of_same_person(a, conversion, within, holds_the_goals_place);
}

std::optional<std::int64_t> counted_on_person(const Asked& a, const store::StoredConversion& conversion,
                                              const store::StoredUpload& row, std::int64_t open_row,
                                              const std::vector<store::StoredUpload>& made_before) {
  const auto counts = [](const ledger::Belief& b) { return b.open || holds_the_platforms_place(b); };
  const auto held = open_row != 0 ? std::nullopt : of_same_person(a, conversion, Duration::max(), counts);
  return held ? held : counted_by(a, conversion, rows_of_person(a, row, made_before), open_row);
}

std::optional<std::int64_t> counted_on_click(const Asked& a, const store::StoredConversion& conversion,
                                             const store::StoredUpload& row, std::int64_t open_row,
                                             const std::vector<store::StoredUpload>& made_before) {
  if (row.click_value.empty()) return std::nullopt;
  return counted_by(a, conversion, rows_on_click(a, row.click_type, row.click_value, made_before), open_row);
}

}  // namespace hw::reconcile
