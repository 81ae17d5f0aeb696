#include "reconcile/same_person.h"

#include <map>

#include "identity/persons.h"

namespace hw::reconcile {

std::vector<store::StoredRecord> same_person(store::Tx& tx, const store::StoredRecord& person) {
  std::map<std::int64_t, store::StoredRecord> found{{person.id, person}};
  for (auto& other : identity::records_of(tx, identity::persons_of(tx, person))) found.emplace(other.id, other);
  std::vector<store::StoredRecord> out;
  for (auto& [id, record] : found) out.push_back(std::move(record));
  return out;
}

std::optional<store::StoredRecord> survivor(store::Tx& tx, std::int64_t record) {
  auto r = store::records::get(tx, record);
  for (int hops = 0; r && r->state == "merged" && r->merged_into && hops < 16; ++hops)
    r = store::records::get(tx, *r->merged_into);
  return r;
}

}  // namespace hw::reconcile
