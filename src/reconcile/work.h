#pragma once
#include <vector>

#include "reconcile/assess.h"

namespace hw::reconcile {

/// One destination's view of one reached goal.
struct Asked {
  store::Tx& tx;
  const Frame& frame;
  const Subject& subject;
  const settings::Goal& goal;
  const Reached& reached;
  const DestinationPlan& plan;
};

/// What one destination makes of one conversion. `dead`: another occurrence goes on in its place. `made_before`: rows
/// that this assessment has made so far and that no store holds yet.
Work work_for(const Asked& asked, const store::StoredConversion& conversion, bool dead,
              const std::vector<store::StoredUpload>& made_before);

}  // namespace hw::reconcile
