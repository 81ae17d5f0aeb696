#pragma once
#include <set>
#include <string>
#include <vector>

#include "store/identities.h"
#include "store/records.h"

/// Reading persons: for journeys, conversions and explain.
namespace hw::identity {

/// The identifiers of the record's person, by id: its own, and all that a walk from them reaches. Of a deal: of the
/// persons whose identifiers the deal itself carries (its contacts are the journey's business). Quarantined ones are
/// left out.
std::vector<store::StoredIdentifier> persons_of(store::Tx& tx, const store::StoredRecord& record);

/// The leads and contacts among these identifiers, by store id, merged ones included.
std::vector<store::StoredRecord> records_of(store::Tx& tx, const std::vector<store::StoredIdentifier>& identifiers);

/// The records that state an identifier of its person, deals among them, by store id; none of a quarantined one, and
/// neither deleted records nor stubs. Empty: the CRM knows nobody (any more) behind it.
std::set<std::int64_t> records_behind(store::Tx& tx, const store::StoredIdentifier& identifier);

/// One step of the chain that joins a record with its person's identifiers: `to` was reached from `from`.
struct EvidenceStep {
  Identifier from, to;
  std::string evidence;  ///< "record:12", "touch:34", "merge:...", "deal:56"
  Timestamp true_from, learned;
  bool quarantined = false;  ///< `to` is: the walk stops there
};
/// Breadth first from the record's own id: each identifier once, by the link that reached it first.
std::vector<EvidenceStep> evidence(store::Tx& tx, const store::StoredRecord& record);

/// The account of a record: its CRM account, else the registrable domain of its e-mail. "" if neither is known.
struct AccountRef {
  std::optional<std::int64_t> record;
  std::string domain;
};
AccountRef account_of(store::Tx& tx, const store::StoredRecord& record);

}  // namespace hw::identity
