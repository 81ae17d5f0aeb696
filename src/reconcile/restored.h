#pragma once
#include <vector>

#include "reconcile/assess.h"

/// After a backup was restored (store/backup.h): what may have been sent between backup and restore, and what the
/// platform would count twice if it were sent again, is `uncertain` with code "restored".
namespace hw::reconcile {

inline constexpr const char* kRestored = "restored";

/// Would the platform count it twice, if such a row had been sent in the gap and went again? Under an unbounded dedup
/// key a repeat is the same conversion for ever; a correction says an absolute value and may go again wherever the
/// platform knows a key at all. `on_uncertain: resend` is the configuration's word that it may.
bool repeat_counts(const DestinationPlan& plan, Operation operation);

/// The rows that the backup holds as not yet answered. Done once, in the transaction of the first start after the
/// restore. Rows of destinations that have no plan now are doubted as well: nobody knows what their platform does.
void doubt_unanswered(store::Tx& tx, const std::vector<DestinationPlan>& plans, Timestamp now);

/// Could this row, made now, have been sent in the gap already? `known`: when its conversion was reached or, for a
/// correction, when the CRM's change came.
bool doubted(const DestinationPlan& plan, const store::StoredUpload& row, Timestamp known);
/// The row as one that may have reached the platform since the backup.
void doubt(store::StoredUpload& row, Timestamp since);

}  // namespace hw::reconcile
