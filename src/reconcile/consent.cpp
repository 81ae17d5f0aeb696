#include "reconcile/consent.h"

namespace hw::reconcile {

ConsentVerdict judge(const Consent& consent, const std::string& country, const settings::Settings::ConsentRule& rule) {
  ConsentVerdict v{.may_send = true, .as_sent = consent, .detail = {}};
  if (consent.ad_user_data == ConsentState::denied) {
    v.may_send = false;
    v.detail = "the person denied the use of their data for ads";
    return v;
  }
  const bool regulated =
      country.empty() ? rule.unknown_region != ConsentState::granted : rule.regions.contains(country);
  if (consent.ad_user_data == ConsentState::unknown && regulated && !rule.send_unknown) {
    v.may_send = false;
    v.detail =
        country.empty() ? "consent is unknown and so is the country" : "consent is unknown and needed in " + country;
  }
  return v;
}

}  // namespace hw::reconcile
