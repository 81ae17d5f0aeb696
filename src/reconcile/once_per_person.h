#pragma once
#include "reconcile/work.h"

namespace hw::reconcile {

/// Another conversion whose place at the platform stands in this one's way; empty if none does. Decided before the
/// first send; later merges never retract.

/// `count: once_per_person within N`: a conversion of the goal by the same person, with a time at most N away, that the
/// destination was told of or is about to be.
std::optional<std::int64_t> told_for_same_person(const Asked& asked, const store::StoredConversion& conversion,
                                                 Duration within);

/// An action that counts once per person: another conversion of the goal by the same person, or one that was told with
/// that person's data, was counted, also when it was taken back since, or is on its way. `open_row`: the own row that
/// waits to be sent, which yields to earlier ones alone (0 = none yet).
std::optional<std::int64_t> counted_on_person(const Asked& asked, const store::StoredConversion& conversion,
                                              const store::StoredUpload& row, std::int64_t open_row,
                                              const std::vector<store::StoredUpload>& made_before);

/// The same for an action that counts once per click.
std::optional<std::int64_t> counted_on_click(const Asked& asked, const store::StoredConversion& conversion,
                                             const store::StoredUpload& row, std::int64_t open_row,
                                             const std::vector<store::StoredUpload>& made_before);

}  // namespace hw::reconcile
