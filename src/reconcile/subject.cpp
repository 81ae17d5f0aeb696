#include "reconcile/subject.h"

#include <algorithm>

#include "reconcile/same_person.h"

namespace hw::reconcile {
namespace {

namespace records = store::records;
using store::StoredRecord;

void add_person(std::vector<StoredRecord>& people, std::optional<StoredRecord> person) {
  if (!person || person->state == "stub") return;
  const bool known =
      std::any_of(people.begin(), people.end(), [&](const StoredRecord& p) { return p.id == person->id; });
  if (!known) people.push_back(std::move(*person));
}

std::vector<StoredRecord> contacts_of(store::Tx& tx, std::int64_t deal) {
  auto ties = records::ties_from(tx, deal, Object::contact);
  std::stable_sort(ties.begin(), ties.end(), [](const store::Tie& a, const store::Tie& b) {
    if (a.primary != b.primary) return a.primary;
    return a.since != b.since ? a.since < b.since : a.other < b.other;
  });
  std::vector<StoredRecord> people;
  for (const store::Tie& t : ties) add_person(people, survivor(tx, t.other));
  return people;
}

}  // namespace

std::optional<Subject> load_subject(store::Tx& tx, std::int64_t id) {
  auto record = records::get(tx, id);
  if (!record || record->state == "stub") return std::nullopt;
  Subject s{.record = std::move(*record),
            .facts = records::effective_facts(tx, id),
            .people = {},
            .lead = {},
            .lead_created = {},
            .changed = {}};
  if (s.record.converted_from) s.lead = survivor(tx, *s.record.converted_from);
  if (s.record.ref.object == Object::deal) {
    s.people = contacts_of(tx, id);
  } else {
    s.people.push_back(s.record);
  }
  if (s.lead) add_person(s.people, s.lead);
  s.lead_created = s.record.created.value_or(s.record.modified);
  if (s.lead) {
    s.lead_created = s.lead->created.value_or(s.lead->modified);
  } else if (!s.people.empty()) {
    s.lead_created = s.people.front().created.value_or(s.people.front().modified);
  }
  s.changed = s.record.changed;
  for (const StoredRecord& p : s.people) s.changed = std::max(s.changed, p.changed);
  return s;
}

}  // namespace hw::reconcile
