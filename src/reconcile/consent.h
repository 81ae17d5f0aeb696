#pragma once
#include <string>

#include "model/consent.h"
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

}  // namespace hw::reconcile
