#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/compose.h"
#include "reconcile/gap_view.h"

namespace hw::reconcile {

struct Amount {
  std::int64_t micros = 0;
  std::string currency;
};

/// Flag of a standing: the daemon of the gap may have told it. Noted while its destination is not live.
inline constexpr const char* kToldInGap = "told_in_gap";

/// What an assessment has found of one conversion at one destination; it goes on while it asks.
struct Findings {
  const Asked& asked;
  const store::StoredConversion& conversion;
  bool dead;  ///< another occurrence goes on in its place
  const std::vector<store::StoredUpload>& history;
  const ledger::Belief& belief;
  const ledger::Desired& desired;
  const ledger::Decision& decision;
  const ClickStory& clicks;
  const Who& who;
  const std::optional<std::int64_t>& held_by;
  const Work& work;
};

/// What the daemon that was at work between a backup and its restore (the gap) may have told of a conversion, and this
/// store does not know. Without a gap nothing of this is asked. Answers change as the findings do.
class Unseen {
 public:
  explicit Unseen(const Findings& f) : f_(f), view_(f.asked) {}

  /// The backup's conversion goes on under another key, or what it reached was told under its own: what is known of it
  /// is no ground to say more.
  [[nodiscard]] bool told_apart() const { return told_anew() || told_before_adoption(); }
  /// Another value that was true in the gap, and that a correction may have told; also of what stood at zero in the
  /// backup.
  [[nodiscard]] std::optional<Amount> corrected() const;
  /// The refused row of the backup may have been said again: as a person wished, or in other words.
  [[nodiscard]] bool retried(const store::StoredUpload& refused) const;
  /// Could this row, made now, have been sent already, so that it must not go? Then the row that stands for what was:
  /// itself or, where more was true in the gap, a correction to that.
  [[nodiscard]] std::optional<store::StoredUpload> said_already(const store::StoredUpload& row) const;

  /// Nothing was told, as far as is known, and nothing will be, but it may have been. In another mode than live that is
  /// noted alone: what the backup knew is gone by the time it is live again.
  [[nodiscard]] bool told() const;
  /// That was noted, and nothing has been told or doubted since.
  [[nodiscard]] bool is_noted() const;
  /// What it was worth in the gap. Where that was so in several currencies, the others follow by told_besides().
  [[nodiscard]] Amount value() const;
  /// A row for what may have been told beside what is known or doubted already, where nothing that is said now settles
  /// it.
  [[nodiscard]] std::optional<store::StoredUpload> told_besides() const;

  /// A row for what may have been said. It has no item: it is never sent.
  [[nodiscard]] store::StoredUpload row(Operation operation, const Amount& value) const;

 private:
  [[nodiscard]] std::optional<store::Standing> before() const;
  [[nodiscard]] bool is_live() const { return f_.asked.plan.destination->mode == Mode::live; }
  [[nodiscard]] std::optional<Timestamp> last_word_at() const;
  [[nodiscard]] Timestamp last_said_at() const { return last_word_at().value_or(view_.gap().from); }
  [[nodiscard]] store::Gap since_last_word(store::Gap gap) const;
  [[nodiscard]] bool is_from_backup(const store::StoredUpload* row) const;

  [[nodiscard]] bool told_anew() const;
  [[nodiscard]] bool told_before_adoption() const;
  [[nodiscard]] bool came_doubted() const;
  [[nodiscard]] bool told_under_another_key() const;
  [[nodiscard]] bool told_before_refusal(const store::StoredUpload& refused) const;
  [[nodiscard]] bool could_be_taken(const store::StoredUpload& refused) const;
  [[nodiscard]] bool wanted_anew() const;
  [[nodiscard]] bool is_spent() const;
  [[nodiscard]] Timestamp first_due_since() const;
  [[nodiscard]] Timestamp changed_since() const;
  [[nodiscard]] std::optional<Reached> due() const;
  [[nodiscard]] bool zero_was_due(const store::Gap& within) const;
  [[nodiscard]] ValuesByCurrency values_in(const store::Gap& within) const;
  using AskHolder = std::function<void(const GapView& of, const store::Gap& within, Timestamp since)>;
  void each_holder(const store::Gap& within, const AskHolder& ask) const;
  [[nodiscard]] bool held() const;
  [[nodiscard]] bool holder_was_away(std::int64_t of, Timestamp said) const;
  [[nodiscard]] std::optional<Timestamp> stopped_since() const;
  [[nodiscard]] std::optional<store::Gap> corrected_within(Operation operation) const;
  [[nodiscard]] std::optional<Operation> taken_back() const;
  [[nodiscard]] std::optional<Amount> uncovered() const;
  [[nodiscard]] bool is_upload_doubted() const;
  [[nodiscard]] bool doubt_is_of_gap() const;

  const Findings f_;
  const GapView view_;
};

}  // namespace hw::reconcile
