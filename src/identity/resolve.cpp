#include "identity/resolve.h"

#include <map>

#include "identity/crm_ids.h"
#include "identity/pass.h"

namespace hw::identity {

namespace ids = store::identities;
using store::StoredIdentifier;
using store::StoredLink;
using store::StoredRecord;

namespace {

/// A link that a record states: the identifier at its other end, and the evidence.
using Stated = std::vector<std::pair<Identifier, std::string>>;

bool states_links(const StoredRecord& record) {
  return record.ref.object != Object::account && record.state != "deleted" && record.state != "stub";
}

std::string own_evidence(const StoredRecord& record) {
  return (record.ref.object == Object::deal ? "deal:" : "record:") + std::to_string(record.id);
}

std::string merge_evidence(const StoredRecord& record) {
  return std::string("merge:") + record.ref.crm + "/" + to_string(record.ref.object) + "/" + record.ref.id;
}

Stated stated_links(store::Tx& tx, const StoredRecord& record, const ResolverOptions& options) {
  Stated out;
  if (!states_links(record)) return out;
  Graph graph(tx, options);
  for (const Identifier& identifier : record.identifiers) {
    if (graph.joins(identifier)) out.emplace_back(identifier, own_evidence(record));
  }
  if (record.ref.object == Object::deal) return out;
  auto link_record = [&](const std::optional<std::int64_t>& id, const std::string& evidence) {
    auto other = id ? store::records::get(tx, *id) : std::nullopt;
    if (other && other->ref.object != Object::account && other->ref.object != Object::deal) {
      out.emplace_back(crm_identifier(other->ref), evidence);
    }
  };
  link_record(record.converted_from, own_evidence(record));
  if (record.state == "merged") link_record(record.merged_into, merge_evidence(record));
  return out;
}

}  // namespace

Changes Resolver::record_changed(store::Tx& tx, const StoredRecord& record, Timestamp now) const {
  Pass pass(tx, options_, now);
  Stated stated = stated_links(tx, record, options_);
  const Identifier own = crm_identifier(record.ref);
  auto known = ids::find(tx, own);
  if (!states_links(record) && !known) return {};
  const StoredIdentifier self = known ? *known : ids::ensure(tx, own);
  std::vector<StoredLink> standing = ids::links_by_evidence(tx, own_evidence(record));
  for (StoredLink& link : ids::links_by_evidence(tx, merge_evidence(record))) standing.push_back(std::move(link));

  std::set<std::pair<std::int64_t, std::string>> wanted;
  for (const auto& [identifier, evidence] : stated) {
    StoredIdentifier other = ids::ensure(tx, identifier);
    wanted.emplace(other.id, evidence);
    pass.state(self, other, evidence, record.modified);
  }
  for (const StoredLink& link : standing) {
    if (!wanted.contains({other_end(link, self.id), link.evidence})) pass.withdraw(link);
  }
  // Its own id may stand in touches: a record that had no link yet brings them in, one that lost its last lets them go.
  if (standing.empty() || stated.empty()) pass.backing_changed(self);
  return pass.finish();
}

Changes Resolver::touch_seen(store::Tx& tx, std::int64_t touch_id, const Touch& touch, Timestamp now) const {
  Pass pass(tx, options_, now);
  const std::string evidence = "touch:" + std::to_string(touch_id);
  std::set<Identifier> carried(touch.identifiers.begin(), touch.identifiers.end());
  for (const StoredLink& link : ids::links_by_evidence(tx, evidence)) {
    auto a = ids::get(tx, link.a), b = ids::get(tx, link.b);
    if (!carried.contains(a->identifier) || !carried.contains(b->identifier)) pass.replace_touch(link, touch_id);
  }
  pass.link_touch(touch_id, touch);
  return pass.finish();
}

Changes Resolver::touch_withdrawn(store::Tx& tx, std::int64_t touch_id, const Touch& touch, Timestamp now) const {
  Pass pass(tx, options_, now);
  for (const StoredLink& link : ids::links_by_evidence(tx, "touch:" + std::to_string(touch_id)))
    pass.replace_touch(link, touch_id);
  for (const Identifier& identifier : touch.identifiers) {
    auto known = ids::find(tx, identifier);
    if (known) pass.mark(*known);
  }
  return pass.finish();
}

Changes Resolver::go_on(store::Tx& tx, Timestamp now) const {
  constexpr std::int64_t kIdentifiers = 1000;
  Pass pass(tx, options_, now);
  for (const ids::Unfollowed& left : ids::take_unfollowed(tx, kIdentifiers)) pass.go_on(left);
  return pass.finish();
}

}  // namespace hw::identity
