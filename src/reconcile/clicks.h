#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connect/connector.h"
#include "journey/clicks.h"
#include "reconcile/assess.h"

namespace hw::reconcile {

struct ChosenClick {
  Click click;
  std::int64_t person = 0;  ///< record id of whose click it is
  std::string whence;       ///< for explain: "captured on contact 12", "touch of contact 12"
  bool is_settled = false;  ///< touches still to come cannot change the choice: the lead's own, or chosen before
};

/// The click chosen for one conversion at one destination, and those passed over with the reason.
struct ClickStory {
  std::optional<ChosenClick> chosen;
  std::vector<journey::PassedOver> passed_over;
};

/// Chosen once per lineage and platform; a later stage uses the same click while it is in the window, else the
/// latest eligible one, flagged (DESIGN section 5, Which click).
ClickStory click_story(store::Tx& tx, const Subject& subject, const store::StoredConversion& conversion,
                       const settings::Goal& goal, const DestinationPlan& plan, Timestamp now);

}  // namespace hw::reconcile
