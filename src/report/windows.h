#pragma once
#include "report/table.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::report {

/// What is wanted and was not told, corrections and refused rows that a person may mend included, and leaves its
/// platform's age window within `within`: what the platform lacks, days left and why it still waits. The window of a
/// row is what its sink said; where there is none yet it is the contract's: from the click chosen or the lead's
/// creation, of one without identifier also that of a click that may still turn up, and of a correction the limit of
/// its original. `headwater report windows`.
Table windows(store::Tx& tx, const settings::Settings& settings, const settings::Connectors& connectors, Timestamp now,
              Duration within);

}  // namespace hw::report
