#pragma once
#include <optional>
#include <vector>

#include "store/records.h"

namespace hw::reconcile {

/// All that a goal may look at of one CRM record: the record, what is known of it through time, and its people.
struct Subject {
  store::StoredRecord record;
  std::vector<store::Fact> facts;  ///< effective ones, by (true_from, seq)
  /// The humans behind it: a lead or contact itself; a deal's contacts, primary first, merged ones followed to their
  /// survivor.
  std::vector<store::StoredRecord> people;
  std::optional<store::StoredRecord> lead;  ///< the lead it was converted from
  Timestamp lead_created;  ///< of the lineage: the lead's, else the primary contact's, else its own creation
  Timestamp changed;       ///< when Headwater last learned something of it or its people
};

/// Empty for unknown records and for stubs (named by another record, not yet seen).
std::optional<Subject> load_subject(store::Tx& tx, std::int64_t record);

}  // namespace hw::reconcile
