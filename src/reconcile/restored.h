#pragma once
#include <string>
#include <vector>

#include "reconcile/assess.h"

/// After a backup was restored (store/backup.h): what may have been sent between backup and restore, and what the
/// platform would count twice, or not take, if it were sent again, is `uncertain` with code "restored". Here stands
/// what the first start does; what an assessment finds later: reconcile/unseen.h.
namespace hw::reconcile {

inline constexpr const char* kRestored = "restored";

/// If such a row had been sent in the gap and went again: would the platform then believe what the row says? Under an
/// unbounded dedup key a repeat is the same conversion for ever, but the value that went in the gap may have been
/// another one: so the repeat must overwrite it, unless the row was frozen before the backup already. A correction says
/// an absolute value and may go again wherever the platform knows a key at all. `on_uncertain: resend` is the
/// configuration's word that it may.
bool may_repeat(const DestinationPlan& plan, const store::StoredUpload& row);

/// No sooner may a row go that the daemon of the gap may have sent as well (connect::DedupRule::resend_after).
Timestamp repeatable_from(const DestinationPlan& plan, const store::StoredUpload& row, const store::Gap& gap);

/// The rows that the backup holds as not yet answered. Done once, in the transaction of the first start after the
/// restore. Rows of destinations that have no plan now are doubted as well: nobody knows what their platform does. From
/// then on nothing is judged or sent before every source of records has been read to its end again.
void doubt_unanswered(store::Tx& tx, const std::vector<DestinationPlan>& plans, Timestamp now);

/// The configuration names a destination that neither the backup nor the first start after its restore knew: it was
/// told nothing in the gap.
void note_named_since(store::Tx& tx, const std::string& destination);
/// Whether the destination may have been told in the gap.
bool is_doubtful(store::Tx& tx, const std::string& destination);

/// The row as one that may have reached the platform since the backup.
void doubt(store::StoredUpload& row, Timestamp since);

}  // namespace hw::reconcile
