#include "identity/persons.h"

#include <map>
#include <set>

#include "identity/crm_ids.h"
#include "identity/graph.h"

namespace hw::identity {

namespace ids = store::identities;
using store::StoredIdentifier;
using store::StoredLink;
using store::StoredRecord;

std::vector<StoredIdentifier> persons_of(store::Tx& tx, const StoredRecord& record) {
  auto self = ids::find(tx, crm_identifier(record.ref));
  if (!self) return {};
  std::set<std::int64_t> persons;
  if (is_passable(*self)) persons.insert(self->person);
  if (record.ref.object == Object::deal) {
    for (const StoredLink& link : ids::links_of(tx, self->id)) {
      auto other = ids::get(tx, other_end(link, self->id));
      if (other && is_passable(*other)) persons.insert(other->person);
    }
  }
  std::map<std::int64_t, StoredIdentifier> out;
  for (std::int64_t person : persons) {
    for (StoredIdentifier& member : ids::of_person(tx, person)) out.emplace(member.id, std::move(member));
  }
  std::vector<StoredIdentifier> list;
  for (auto& [id, identifier] : out) list.push_back(std::move(identifier));
  return list;
}

std::vector<StoredRecord> records_of(store::Tx& tx, const std::vector<StoredIdentifier>& identifiers) {
  std::map<std::int64_t, StoredRecord> out;
  for (const StoredIdentifier& identifier : identifiers) {
    auto ref = record_named_by(identifier.identifier);
    if (!ref || (ref->object != Object::lead && ref->object != Object::contact)) continue;
    if (auto record = store::records::find(tx, *ref)) out.emplace(record->id, std::move(*record));
  }
  std::vector<StoredRecord> list;
  for (auto& [id, record] : out) list.push_back(std::move(record));
  return list;
}

std::set<std::int64_t> records_behind(store::Tx& tx, const StoredIdentifier& identifier) {
  std::set<std::int64_t> out;
  if (!is_passable(identifier)) return out;
  for (const StoredIdentifier& member : ids::of_person(tx, identifier.person)) {
    if (auto ref = record_named_by(member.identifier)) {
      auto record = store::records::find(tx, *ref);
      if (record && record->state != "deleted" && record->state != "stub") out.insert(record->id);
    }
    for (const StoredLink& link : ids::links_of(tx, member.id)) {
      if (auto record = record_behind(link.evidence)) out.insert(*record);
    }
  }
  return out;
}

std::vector<EvidenceStep> evidence(store::Tx& tx, const StoredRecord& record) {
  std::vector<EvidenceStep> out;
  auto self = ids::find(tx, crm_identifier(record.ref));
  if (!self) return out;
  std::vector<StoredIdentifier> reached{*self};
  std::set<std::int64_t> seen{self->id};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const StoredIdentifier from = reached[i];
    // A deal's own chain begins at its id, though no walk of a person passes one.
    if (i > 0 && !is_passable(from)) continue;
    for (const StoredLink& link : ids::links_of(tx, from.id)) {
      if (!seen.insert(other_end(link, from.id)).second) continue;
      auto to = ids::get(tx, other_end(link, from.id));
      if (!to) continue;
      out.push_back({from.identifier, to->identifier, link.evidence, link.true_from, link.learned, to->quarantined});
      reached.push_back(*to);
    }
  }
  return out;
}

AccountRef account_of(store::Tx& tx, const StoredRecord& record) {
  if (record.account_id) return {record.account_id, {}};
  auto own = record.fields.find("email_domain");
  if (own != record.fields.end() && !own->second.empty()) return {std::nullopt, own->second};
  for (const StoredRecord& other : records_of(tx, persons_of(tx, record))) {
    if (other.account_id) return {other.account_id, {}};
  }
  return {};
}

}  // namespace hw::identity
