#include "reconcile/clients.h"

#include <algorithm>
#include <set>

#include "reconcile/consent.h"
#include "reconcile/same_person.h"

namespace hw::reconcile {
namespace {

using store::StoredRecord;

bool is_of(const Identifier& id, const std::vector<std::string>& types) {
  return std::find(types.begin(), types.end(), id.type) != types.end();
}

std::vector<Identifier> clients_of(const StoredRecord& record, const std::vector<std::string>& types) {
  const bool whole = std::any_of(record.identifiers.begin(), record.identifiers.end(),
                                 [&](const Identifier& id) { return id.type == types.front(); });
  std::vector<Identifier> out;
  if (!whole) return out;
  std::copy_if(record.identifiers.begin(), record.identifiers.end(), std::back_inserter(out),
               [&](const Identifier& id) { return is_of(id, types); });
  return out;
}

}  // namespace

std::vector<Identifier> lineage_clients(store::Tx& tx, const Subject& subject, const StoredRecord* person,
                                        const std::vector<std::string>& types,
                                        const std::function<bool(const StoredRecord&)>& may_be_told) {
  std::vector<Identifier> found;
  if (types.empty()) return found;
  std::set<std::int64_t> seen;
  auto look_at = [&](const StoredRecord& record) {
    if (!found.empty() || !seen.insert(record.id).second || record.state == "deleted") return;
    auto clients = clients_of(record, types);
    if (!clients.empty() && may_be_told(record)) found = std::move(clients);
  };
  if (person != nullptr) look_at(*person);
  if (subject.lead) look_at(*subject.lead);
  if (person != nullptr && found.empty())
    for (const StoredRecord& record : same_person(tx, *person)) look_at(record);
  for (const StoredRecord& record : subject.people) look_at(record);
  look_at(subject.record);
  return found;
}

std::vector<Identifier> tellable_clients(const Asked& a, const StoredRecord* person) {
  return lineage_clients(a.tx, a.subject, person, a.plan.contract.client_types, [&](const StoredRecord& record) {
    Consent ignored;
    const bool judged = person != nullptr && record.id == person->id;
    return judged || !consent_refusal(a, &record, /*told=*/false, ignored);
  });
}

void set_clients(std::vector<Identifier>& known, const std::vector<std::string>& types,
                 const std::vector<Identifier>& clients) {
  if (clients.empty()) return;
  std::erase_if(known, [&](const Identifier& id) { return is_of(id, types); });
  known.insert(known.end(), clients.begin(), clients.end());
}

}  // namespace hw::reconcile
