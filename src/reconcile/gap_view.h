#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/work.h"

namespace hw::reconcile {

/// The least and the most that a goal gave for a while, in one currency.
struct ValueRange {
  std::int64_t low = 0, high = 0;
};
/// What a goal gave for a while, by currency code: an amount may have been told in each of them. Never empty.
using ValuesByCurrency = std::map<std::string, ValueRange>;

/// What is known of a conversion that nothing was told of, and of which nothing will be told now.
struct Untold {
  ledger::Reason why = ledger::Reason::not_wanted;
  Timestamp due_since{};                       ///< a first upload, if any was due
  std::optional<std::string> stood;            ///< the reason it stood under before this assessment; empty: it is new
  std::optional<Timestamp> forbidden_since{};  ///< consent
  bool place_was_free = false;                 ///< who holds its place now may have been without it in the gap
};

/// What was true of a subject, for a goal at a destination, between a backup and its restore (the gap), as the CRM
/// tells it now. The daemon that was at work then acted on it, and this store does not know how. What has a history in
/// the CRM shows when it changed; of the rest one sees, when it is read anew after the restore, only that it did.
class GapView {
 public:
  /// For a plan that has a gap. What `asked` refers to must outlive this.
  explicit GapView(const Asked& asked) : a_(asked), gap_(*asked.plan.gap) {}

  [[nodiscard]] const store::Gap& gap() const { return gap_; }

  /// Since when a first upload may have been due. A stage that was merely observed, at the first reading after a
  /// restore, may have been entered in the gap: the record's last change is all that such a CRM tells. A day is given
  /// for that reading.
  [[nodiscard]] Timestamp due_since() const;
  /// Since when a correction may have been due, by the same rule: with the first change in the gap, whatever came after
  /// it. `changed_at` is the CRM's change as it is known now.
  [[nodiscard]] Timestamp changed_since(Timestamp changed_at) const;

  /// Another record went into it since the backup. That one may have been told under its own key, and a CRM shows no
  /// more of it than that it is gone.
  [[nodiscard]] bool merged_unseen() const;
  /// Another record went into it since the restore, before the CRM was read anew: in the gap both stood for themselves.
  [[nodiscard]] bool merged_late() const;
  /// Contacts were merged or parted since the backup: in the gap others may have stood behind the subject.
  [[nodiscard]] bool people_changed_unseen() const;
  /// Of the records that one lead became, the first to be judged has the lead's key: after a restore that may be
  /// another one than in the gap, and the others may not have been read yet.
  [[nodiscard]] bool key_is_of_order() const;

  /// It left its stage, so that a zero was due by the end of the gap, and reached it again. `said`: the last word on it
  /// that is known; a zero that was due by then is known as well.
  [[nodiscard]] bool left_unseen(Timestamp said) const;
  /// That, or it stayed in its stage and may have been unwanted for a while all the same.
  [[nodiscard]] bool was_away_unseen(Timestamp said) const;
  /// In this part of the gap it became wanted, after it had not been. `stood`: at its beginning the platform counted
  /// it.
  [[nodiscard]] bool wanted_anew(const store::Gap& within, bool stood) const;
  /// It was unwanted, or not reached yet, in this part of the gap for so long that a zero was due in it, whatever
  /// changed after that. `held_since`: when a merge brought it what is told; that settles as well.
  [[nodiscard]] bool zero_was_due(const store::Gap& within, Timestamp held_since = {}) const;

  /// What the goal and the destination's route gave when the gap ended; empty: it was not reached then.
  [[nodiscard]] const std::optional<Reached>& reached_at_end() const;
  /// What the goal gave while the gap, or this part of it, lasted.
  [[nodiscard]] const ValuesByCurrency& values() const;
  [[nodiscard]] ValuesByCurrency values_in(const store::Gap& within) const;

  /// It was due before the gap's end, and something of it was learned only after the restore, or it was on its way or
  /// not yet judged when the backup was made: the daemon of the gap may have told it before what stops it now (a
  /// denial, a loss, a window that closed) came. So it cannot be said that the platform knows nothing.
  [[nodiscard]] bool may_have_been_told(const Untold& untold) const;

 private:
  [[nodiscard]] bool had_value() const;
  [[nodiscard]] bool was_on_its_way(const Untold& untold) const;
  [[nodiscard]] bool gave_its_own_away() const;
  [[nodiscard]] bool may_have_been_zero() const;
  [[nodiscard]] bool changed_unseen(const std::string& field) const;
  [[nodiscard]] bool changed_unseen(const std::vector<settings::Condition>& conditions) const;
  [[nodiscard]] std::optional<Reached> reached_at(Timestamp moment) const;

  const Asked a_;
  const store::Gap& gap_;
  // Computed when they are first asked for.
  mutable std::optional<std::vector<Stay>> stays_;
  mutable std::optional<std::optional<Reached>> at_end_;
  mutable std::optional<ValuesByCurrency> values_;
};

}  // namespace hw::reconcile
