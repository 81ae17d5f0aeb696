#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/identifier.h"
#include "store/engine/db.h"

/// Identifiers, links with their evidence, and the cached persons. The rules are in src/identity; this is their
/// storage.
namespace hw::store {

struct StoredIdentifier {
  std::int64_t id = 0;
  Identifier identifier;
  std::int64_t person = 0;
  bool quarantined = false;
};
struct StoredLink {
  std::int64_t a = 0, b = 0;
  std::string evidence;  ///< "record:12", "touch:34", "merge:crm/contact/7"
  Timestamp learned, true_from;
  std::optional<Timestamp> withdrawn;
};

namespace identities {

std::optional<StoredIdentifier> find(Tx&, const Identifier&);
std::optional<StoredIdentifier> get(Tx&, std::int64_t id);
/// Finds or makes; a new one is a person of its own (person = id).
StoredIdentifier ensure(Tx&, const Identifier&);
void set_person(Tx&, std::int64_t identifier, std::int64_t person);
void set_quarantined(Tx&, std::int64_t identifier, bool quarantined);
std::vector<StoredIdentifier> of_person(Tx&, std::int64_t person);
/// Adds a link or revives a withdrawn one (a < b is the store's business). Returns whether anything changed.
bool link(Tx&, std::int64_t a, std::int64_t b, std::string_view evidence, Timestamp true_from, Timestamp now);
bool withdraw(Tx&, std::int64_t a, std::int64_t b, std::string_view evidence, Timestamp now);
std::vector<StoredLink> links_of(Tx&, std::int64_t identifier);             ///< standing ones, both directions
std::vector<StoredLink> links_by_evidence(Tx&, std::string_view evidence);  ///< standing ones
/// How many distinct CRM records' evidence ("record:") stands on links of this identifier.
std::int64_t record_count(Tx&, std::int64_t identifier);
/// Identifiers whose touches are followed no further than `after` for now, kept until they are taken.
struct Unfollowed {
  std::int64_t identifier = 0;
  std::int64_t after = 0;  ///< touch id
};
void put_unfollowed(Tx&, const Unfollowed&);
bool any_unfollowed(Tx&);
std::vector<Unfollowed> take_unfollowed(Tx&, std::int64_t limit);
std::vector<StoredIdentifier> quarantined(Tx&, std::int64_t limit);
/// Humans that the CRM knows: persons behind its live leads and contacts. Counted by scan, for reports.
std::int64_t count_persons(Tx&);

}  // namespace identities
}  // namespace hw::store
