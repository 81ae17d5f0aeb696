#include "reconcile/once_per_person.h"

#include <set>

#include "identity/persons.h"

namespace hw::reconcile {
namespace {

/// The leads and contacts that the resolver holds to be the same human as these people.
std::set<std::int64_t> same_person(store::Tx& tx, const std::vector<store::StoredRecord>& people) {
  std::set<std::int64_t> out;
  for (const auto& p : people) {
    out.insert(p.id);
    for (const auto& other : identity::records_of(tx, identity::persons_of(tx, p))) out.insert(other.id);
  }
  return out;
}

std::set<std::int64_t> subjects_of(store::Tx& tx, const std::set<std::int64_t>& people, Object object) {
  if (object != Object::deal) return people;
  std::set<std::int64_t> deals;
  for (std::int64_t p : people)
    for (const store::Tie& t : store::records::ties_to(tx, p, Object::deal)) deals.insert(t.other);
  return deals;
}

bool told_or_on_its_way(store::Tx& tx, const store::StoredConversion& c, std::string_view destination) {
  for (const auto& u : store::ledger_rows::uploads(tx, c.id, destination))
    if (u.mode == Mode::live && u.state != UploadState::rejected && u.state != UploadState::superseded) return true;
  return false;
}

}  // namespace

bool told_for_same_person(store::Tx& tx, const Subject& subject, const settings::Goal& goal,
                          const store::StoredConversion& conversion, std::string_view destination) {
  if (subject.people.empty()) return false;
  for (std::int64_t other : subjects_of(tx, same_person(tx, {subject.people.front()}), goal.subject)) {
    for (const auto& c : store::ledger_rows::conversions_of_record(tx, other)) {
      if (c.goal != goal.name || c.dedup_id == conversion.dedup_id) continue;
      const Duration apart = c.at > conversion.at ? c.at - conversion.at : conversion.at - c.at;
      if (apart <= goal.per_person_within && told_or_on_its_way(tx, c, destination)) return true;
    }
  }
  return false;
}

}  // namespace hw::reconcile
