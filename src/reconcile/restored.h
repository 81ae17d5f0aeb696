#pragma once
#include <map>
#include <string>
#include <vector>

#include "reconcile/assess.h"

/// After a backup was restored (store/backup.h): what may have been sent between backup and restore, and what the
/// platform would count twice, or not take, if it were sent again, is `uncertain` with code "restored".
namespace hw::reconcile {

inline constexpr const char* kRestored = "restored";

/// If such a row had been sent in the gap and went again: would the platform then believe what the row says? Under an
/// unbounded dedup key a repeat is the same conversion for ever, but the value that went in the gap may have been
/// another one: so the repeat must overwrite it, unless the row was frozen before the backup already. A correction says
/// an absolute value and may go again wherever the platform knows a key at all. `on_uncertain: resend` is the
/// configuration's word that it may.
bool may_repeat(const DestinationPlan& plan, const store::StoredUpload& row);

/// The rows that the backup holds as not yet answered. Done once, in the transaction of the first start after the
/// restore. Rows of destinations that have no plan now are doubted as well: nobody knows what their platform does. From
/// then on nothing is judged or sent before every source of records has been read to its end again.
void doubt_unanswered(store::Tx& tx, const std::vector<DestinationPlan>& plans, Timestamp now);

/// The configuration names a destination that neither the backup nor the first start after its restore knew: it was
/// told nothing in the gap.
void note_named_since(store::Tx& tx, const std::string& destination);
/// Whether the destination may have been told in the gap.
bool is_doubtful(store::Tx& tx, const std::string& destination);

/// Since when a first upload may have been due. A stage that was merely observed, at the first reading after a restore,
/// may have been entered in the gap: the record's last change is all that such a CRM tells. A day is given for that
/// reading.
Timestamp due_since(const DestinationPlan& plan, const Subject& subject, const Reached& reached);
/// Since when a correction may have been due, by the same rule: with the first change in the gap, whatever came after
/// it. `changed_at` is the CRM's change as it is known now.
Timestamp changed_since(const DestinationPlan& plan, const Subject& subject, Timestamp changed_at);
/// Could this row, made now, have been sent in the gap already? `known`: due_since() or changed_since().
bool doubted(const DestinationPlan& plan, const store::StoredUpload& row, Timestamp known);
/// Another record went into it since the backup. That one may have been told under its own key, and a CRM shows no more
/// of it than that it is gone.
bool merged_unseen(store::Tx& tx, const Subject& survivor, const store::Gap& gap);
/// Contacts were merged or parted since the backup: in the gap others may have stood behind the subject.
bool people_changed_unseen(store::Tx& tx, const Subject& subject, const store::Gap& gap);
/// Of the records that one lead became, the first to be judged has the lead's key: after a restore that may be another
/// one than in the gap, and the others may not have been read yet.
bool key_is_of_order(store::Tx& tx, const Subject& subject, const settings::Goal& goal, const store::Gap& gap);
/// It stayed in its stage, and may have been unwanted for a while in the gap all the same.
bool may_have_been_zero(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                        const Subject& subject, const Reached& reached);
/// It left its stage, so that a zero was due by the end of the gap, and reached it again. `said`: the last word on it
/// that is known; a zero that was due by then is known as well.
bool left_unseen(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                 const Subject& subject, const Reached& reached, Timestamp said);
/// Either of both: it was not wanted for a while.
bool was_away_unseen(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                     const Subject& subject, const Reached& reached, Timestamp said);
/// What the goal and the destination's route gave at a moment, as the CRM tells it now; empty: it was not reached then.
std::optional<Reached> reached_at(const DestinationPlan& plan, const settings::Goal& goal,
                                  const settings::Settings& settings, const Subject& subject, const Reached& reached,
                                  Timestamp moment);
/// In this part of the gap it became wanted, after it had not been. `stood`: at its beginning the platform counted it.
bool wanted_anew(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                 const Subject& subject, const Reached& reached, const store::Gap& within, bool stood);
/// It was unwanted in this part of the gap for so long that a zero was due in it, whatever changed after that.
bool zero_was_due(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                  const Subject& subject, const Reached& reached, const store::Gap& within);
/// A key that was brought to zero is spent there, and what is wanted again is told under the next one.
bool zero_spends_key(const connect::Contract& contract);
/// What is known of a conversion that nothing was told of, and of which nothing will be told now.
struct Untold {
  ledger::Reason why = ledger::Reason::not_wanted;
  std::optional<std::string> stood;            ///< the reason it stood under before this assessment; empty: it is new
  std::optional<Timestamp> forbidden_since{};  ///< consent
  bool place_was_free = false;                 ///< who holds its place now may have been without it in the gap
};
/// It was due before the gap's end, and something of it was learned only after the restore, or it was on its way or not
/// yet judged when the backup was made: the daemon of the gap may have told it before what stops it now (a denial, a
/// loss, a window that closed) came. So it cannot be said that the platform knows nothing.
bool may_have_been_told(const DestinationPlan& plan, const settings::Goal& goal, const settings::Settings& settings,
                        const Subject& subject, const Reached& reached, const Untold& untold);
/// The least and the most that the goal gave while the gap lasted, in one currency.
struct ValueRange {
  std::int64_t low = 0, high = 0;
};
using ValuesByCurrency = std::map<std::string, ValueRange>;
ValuesByCurrency values_in_gap(const Subject& subject, const settings::Goal& goal, const settings::Settings& settings,
                               const store::Gap& gap);
/// The row as one that may have reached the platform since the backup.
void doubt(store::StoredUpload& row, Timestamp since);

}  // namespace hw::reconcile
