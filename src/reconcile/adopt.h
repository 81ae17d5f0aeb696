#pragma once
#include "reconcile/subject.h"

namespace hw::reconcile {

/// A merge's survivor keeps its own key; where only the loser was told, the survivor adopts the loser's conversion, so
/// that what the platform believes goes on under one key (DESIGN section 10, Merge). The loser takes the survivor's
/// untold one in exchange.
void adopt_from_merged(store::Tx& tx, const Subject& survivor);

}  // namespace hw::reconcile
