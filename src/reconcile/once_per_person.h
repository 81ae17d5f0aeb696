#pragma once
#include "reconcile/subject.h"
#include "settings/settings.h"
#include "store/ledger_rows.h"

namespace hw::reconcile {

/// `count: once_per_person within N`: was another conversion of the goal by the same person told to (or is it on its
/// way to) the destination, with a time at most N away? Decided before the first send; later merges never retract.
bool told_for_same_person(store::Tx& tx, const Subject& subject, const settings::Goal& goal,
                          const store::StoredConversion& conversion, std::string_view destination);

}  // namespace hw::reconcile
