#include "identity/graph.h"

#include <charconv>
#include <deque>
#include <limits>

#include "identity/crm_ids.h"
#include "identity/placeholders.h"

namespace hw::identity {

namespace ids = store::identities;
using store::StoredIdentifier;
using store::StoredLink;

std::optional<std::int64_t> evidence_id(const std::string& evidence, std::string_view prefix) {
  if (!evidence.starts_with(prefix)) return std::nullopt;
  std::int64_t id = 0;
  const char* end = evidence.data() + evidence.size();
  auto [at, error] = std::from_chars(evidence.data() + prefix.size(), end, id);
  return error == std::errc() && at == end ? std::optional(id) : std::nullopt;
}

std::optional<std::int64_t> record_behind(const std::string& evidence) {
  auto id = evidence_id(evidence, "record:");
  return id ? id : evidence_id(evidence, "deal:");
}

bool may_join(std::string_view type) { return type != "crm_account_id" && !type.ends_with("session_id"); }

bool is_passable(const StoredIdentifier& n) { return !n.quarantined && n.identifier.type != "crm_deal_id"; }

int default_limit(std::string_view type) {
  if (!may_join(type)) return 0;
  if (type.starts_with("crm_")) return std::numeric_limits<int>::max();
  return type == "phone_sha256" ? 5 : 10;  // a switchboard is shared sooner than a mailbox or a browser
}

int Graph::limit(const std::string& type) const {
  auto at = options_.limits.find(type);
  return at == options_.limits.end() ? default_limit(type) : at->second;
}

bool Graph::joins(const Identifier& identifier) const {
  return limit(identifier.type) > 0 && !is_placeholder(identifier.value) && !is_placeholder_hash(identifier.value);
}

bool Graph::exceeds_by_records(const StoredIdentifier& n) const {
  return ids::record_count(tx_, n.id) > limit(n.identifier.type);
}

bool Graph::is_backed(const StoredIdentifier& n) const {
  if (ids::record_count(tx_, n.id) > 0) return true;
  for (const StoredLink& link : ids::links_of(tx_, n.id)) {
    if (record_behind(link.evidence)) return true;
  }
  std::optional<RecordRef> ref = record_named_by(n.identifier);
  if (!ref) return false;
  auto record = store::records::find(tx_, *ref);
  return record && record->state != "stub" && record->state != "deleted";
}

bool Graph::is_anchor(const StoredIdentifier& n) const { return is_backed(n) && !exceeds_by_records(n); }

void Graph::people_behind(const StoredIdentifier& n, const std::vector<StoredLink>& links,
                          std::set<std::int64_t>& out) const {
  bool any = false;
  for (const StoredLink& link : links) {
    if (auto record = evidence_id(link.evidence, "record:")) {
      out.insert(*record);
      any = true;
    }
  }
  // A lead or contact that states nothing but its id is a person too; store ids of records are positive.
  bool is_person = n.identifier.type == "crm_lead_id" || n.identifier.type == "crm_contact_id";
  if (!any && is_person) out.insert(-n.id);
}

bool Graph::is_crowded(const StoredIdentifier& n) const {
  int most = limit(n.identifier.type);
  if (n.identifier.type.starts_with("crm_") && most == std::numeric_limits<int>::max()) return false;
  if (exceeds_by_records(n)) return true;
  std::vector<StoredLink> links = ids::links_of(tx_, n.id);
  std::set<std::int64_t> people, neighbours;
  people_behind(n, links, people);
  for (const StoredLink& link : links) {
    if (evidence_id(link.evidence, "touch:")) neighbours.insert(other_end(link, n.id));
  }
  for (std::int64_t id : neighbours) {
    if (people.size() > static_cast<std::size_t>(most)) break;
    auto neighbour = ids::get(tx_, id);
    if (neighbour && is_anchor(*neighbour)) people_behind(*neighbour, ids::links_of(tx_, id), people);
  }
  return people.size() > static_cast<std::size_t>(most);
}

bool Graph::spreads(const StoredIdentifier& n) const {
  if (is_anchor(n)) return true;
  if (!is_passable(n)) return false;
  std::set<std::int64_t> seen{n.id};
  std::deque<StoredIdentifier> open{n};
  for (; !open.empty(); open.pop_front()) {
    for (const StoredLink& link : ids::links_of(tx_, open.front().id)) {
      std::int64_t id = other_end(link, open.front().id);
      if (!seen.insert(id).second) continue;
      auto next = ids::get(tx_, id);
      if (!next || !is_passable(*next)) continue;
      if (is_backed(*next)) return true;
      open.push_back(*next);
    }
  }
  return false;
}

std::vector<StoredIdentifier> Graph::component(const StoredIdentifier& n, std::set<std::int64_t>& records) const {
  std::vector<StoredIdentifier> out{n};
  if (!is_passable(n)) return out;
  std::set<std::int64_t> seen{n.id};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t from = out[i].id;
    if (auto ref = record_named_by(out[i].identifier)) {
      if (auto record = store::records::find(tx_, *ref)) records.insert(record->id);
    }
    for (const StoredLink& link : ids::links_of(tx_, from)) {
      if (auto record = record_behind(link.evidence)) records.insert(*record);
      std::int64_t id = other_end(link, from);
      if (!seen.insert(id).second) continue;
      auto next = ids::get(tx_, id);
      if (next && is_passable(*next)) out.push_back(*next);
    }
  }
  return out;
}

}  // namespace hw::identity
