#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "identity/resolve.h"

/// What the links say, read for the resolver and for explain. Room-internal.
namespace hw::identity {

/// "record:12" -> 12 for the prefix "record:"; nullopt for other evidence.
std::optional<std::int64_t> evidence_id(const std::string& evidence, std::string_view prefix);
/// The record behind "record:<id>" or "deal:<id>".
std::optional<std::int64_t> record_behind(const std::string& evidence);
inline std::int64_t other_end(const store::StoredLink& link, std::int64_t one) {
  return link.a == one ? link.b : link.a;
}

/// Whether identifiers of this type may join anything at all.
bool may_join(std::string_view type);
/// Whether a walk may pass through: neither quarantined nor a deal's id.
bool is_passable(const store::StoredIdentifier& identifier);

/// A view of the link graph inside one transaction.
class Graph {
 public:
  Graph(store::Tx& tx, const ResolverOptions& options) : tx_(tx), options_(options) {}

  /// Whether the identifier takes part at all: its type may join, and its value is no placeholder.
  [[nodiscard]] bool joins(const Identifier& identifier) const;
  /// A CRM record itself states the identifier.
  bool is_backed(const store::StoredIdentifier& n) const;
  /// Backed, by no more records than its limit: touches that carry it are linked whatever else they carry.
  bool is_anchor(const store::StoredIdentifier& n) const;
  /// More people stand behind it than its limit. Decided by records and touches alone, not by other quarantines, so
  /// that lifting one never imposes another.
  bool is_crowded(const store::StoredIdentifier& n) const;
  /// Touches that carry it are linked: an anchor, or joined to a CRM record.
  bool spreads(const store::StoredIdentifier& n) const;
  /// The component around `n`, `n` alone when no walk may pass it. Records that state any of its members go to
  /// `records`.
  std::vector<store::StoredIdentifier> component(const store::StoredIdentifier& n,
                                                 std::set<std::int64_t>& records) const;

 private:
  [[nodiscard]] int limit(const std::string& type) const;
  bool exceeds_by_records(const store::StoredIdentifier& n) const;
  void people_behind(const store::StoredIdentifier& n, const std::vector<store::StoredLink>& links,
                     std::set<std::int64_t>& out) const;

  store::Tx& tx_;
  const ResolverOptions& options_;
};

}  // namespace hw::identity
