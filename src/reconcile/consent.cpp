#include "reconcile/consent.h"

#include "reconcile/same_person.h"

namespace hw::reconcile {
namespace {

connect::Refusal refusal(std::string detail) {
  return {.reason = "consent", .detail = std::move(detail), .look_again = {}};
}

/// A denial on another record of the same human, unless the person is known to have agreed after it.
bool denies(const store::StoredRecord& other, const store::StoredRecord& person) {
  if (other.consent.ad_user_data != ConsentState::denied) return false;
  const bool agreed_later = person.consent.ad_user_data == ConsentState::granted && person.consent_at &&
                            other.consent_at && *person.consent_at > *other.consent_at;
  return !agreed_later;
}

}  // namespace

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

std::optional<connect::Refusal> consent_refusal(const Asked& a, const store::StoredRecord* person, bool told,
                                                Consent& as_sent) {
  const store::StoredRecord& subject = a.subject.record;
  if (person == nullptr) person = &subject;
  if (person->state == "deleted" && !told) return refusal("the person was deleted in the CRM");
  const ConsentVerdict v = judge(person->consent, person->country, a.frame.settings->consent);
  as_sent = v.as_sent;
  const bool asked = a.plan.contract.needs_consent || person->consent.ad_user_data == ConsentState::denied;
  if (asked && !v.may_send) return refusal(v.detail);
  if (denies(subject, *person))
    return refusal("the use of the data for ads is denied on the " + std::string(to_string(subject.ref.object)) + " " +
                   subject.ref.id);
  for (const auto& record : same_person(a.tx, *person))
    if (denies(record, *person))
      return refusal("the same person denied the use of their data for ads on " +
                     std::string(to_string(record.ref.object)) + " " + record.ref.id);
  return std::nullopt;
}

}  // namespace hw::reconcile
