#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/identities.h"
#include "store/records.h"
#include "store/touches.h"

/// Persons: connected components of identifiers, kept in the store as links with their evidence (the truth) and a label
/// on each identifier (the cache). Everything is deterministic, explainable and reversible, and the result depends on
/// what is known, never on the order in which it was learned:
///
///   - A lead or contact links its CRM id with each of its identifiers, evidence "record:<id>"; a contact that was
///   converted
///     from a lead links the two CRM ids. A merged record links its id with the survivor's, evidence
///     "merge:<crm>/<object>/<id>".
///   - A deal links its CRM id likewise, evidence "deal:<id>", but a deal is no person: the walk never passes through
///   it, and
///     it does not count towards limits, so that a customer's twentieth deal poisons nothing. Accounts link nothing.
///   - A touch links its identifiers pairwise, evidence "touch:<id>" (the earliest touch that says so), when at least
///   one of
///     them reaches a CRM record. Touches that reach none make no identifiers.
///   - An identifier behind which more people stand than its type's limit is quarantined: it keeps its links, but no
///   walk passes
///     through it. The people are the leads and contacts that carry it, and those that carry what stood in one touch
///     with it. It is let go when it falls under the limit again.
namespace hw::identity {

struct ResolverOptions {
  std::map<std::string, int> limits;  ///< people per identifier type; replaces the default; 0 = never joins
  std::size_t max_touches = 20'000;   ///< touches followed in one change; go_on() follows the rest
};

/// People that may share an identifier before it is quarantined: 5 for phones, 10 for all else. CRM ids are never
/// quarantined; types ending in "session_id" number the sessions of many visitors and never join.
int default_limit(std::string_view identifier_type);

struct Changes {
  std::vector<std::int64_t> records;  ///< whose person, or whose person's touches, may have changed; ascending
  bool truncated = false;             ///< max_touches was reached: the store holds where go_on() goes on
};

/// Works inside the caller's transaction and keeps no state. One writer.
class Resolver {
 public:
  explicit Resolver(ResolverOptions options) : options_(std::move(options)) {}

  /// After a record was upserted, deleted, restored, merged or un-merged: brings its links to what it states now. A
  /// deleted record takes its links back; one that is merely gone keeps them.
  Changes record_changed(store::Tx& tx, const store::StoredRecord& record, Timestamp now) const;
  /// After a touch was inserted or rewritten.
  Changes touch_seen(store::Tx& tx, std::int64_t touch_id, const Touch& touch, Timestamp now) const;
  /// After a touch was withdrawn. Another touch that says the same takes over as evidence.
  Changes touch_withdrawn(store::Tx& tx, std::int64_t touch_id, const Touch& touch, Timestamp now) const;
  /// Follows what changes that were truncated left, max_touches at most, so that no transaction grows without bounds.
  /// To be called until nothing is left (store::identities::any_unfollowed): joins are missing until then.
  Changes go_on(store::Tx& tx, Timestamp now) const;

 private:
  ResolverOptions options_;
};

}  // namespace hw::identity
