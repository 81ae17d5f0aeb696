#pragma once
#include <optional>
#include <string>

#include "connect/connector.h"
#include "model/consent.h"
#include "reconcile/work.h"
#include "settings/settings.h"

namespace hw::reconcile {

/// May this person's data be sent to a platform now? Judged at the moment of sending (DESIGN section 5).
struct ConsentVerdict {
  bool may_send = false;
  Consent as_sent;     ///< what the platform is told
  std::string detail;  ///< why not
};
/// `country` is alpha-2 or "". A denial of ad_user_data always withholds. Where the rules' regions ask for consent an
/// unknown one withholds unless `unknown: send`; a person without country is treated as `unknown_region` says.
ConsentVerdict judge(const Consent& consent, const std::string& country, const settings::Settings::ConsentRule& rule);

/// The verdict on the person whose data a row carries, or would carry. `told`: a correction of what was told before,
/// which a mere delete in the CRM does not forbid. One record of the same human that says no is enough, and so is the
/// subject itself, which speaks for its people where the CRM knows none. `as_sent` is what the platform is told.
std::optional<connect::Refusal> consent_refusal(const Asked& asked, const store::StoredRecord* person, bool told,
                                                Consent& as_sent);

/// Since when the CRM forbids it by what it says of this person, of another record of the same human or of the subject:
/// the earliest denial or delete. A denial without a time is as old as what is known of its record. Empty when none of
/// them forbids it.
std::optional<Timestamp> forbidden_since(const Asked& asked, const store::StoredRecord* person);

}  // namespace hw::reconcile
