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

/// The records that forbid it: the subject first, then those of the same human.
std::vector<store::StoredRecord> deniers(const Asked& a, const store::StoredRecord& person) {
  std::vector<store::StoredRecord> out;
  if (denies(a.subject.record, person)) out.push_back(a.subject.record);
  for (auto& record : same_person(a.tx, person))
    if (denies(record, person)) out.push_back(std::move(record));
  return out;
}

std::optional<Timestamp> last_deleted(store::Tx& tx, std::int64_t record) {
  std::optional<Timestamp> out;
  for (const store::Fact& f : store::records::effective_facts(tx, record))
    if (f.name == "deleted") out = f.true_from;
  return out;
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
  for (const auto& record : deniers(a, *person)) {
    const bool is_subject = record.id == subject.id;
    return refusal(std::string(is_subject ? "the use of the data for ads is denied on the "
                                          : "the same person denied the use of their data for ads on ") +
                   to_string(record.ref.object) + " " + record.ref.id);
  }
  return std::nullopt;
}

std::optional<Timestamp> forbidden_since(const Asked& a, const store::StoredRecord* person) {
  if (person == nullptr) person = &a.subject.record;
  std::optional<Timestamp> since = person->state == "deleted" ? last_deleted(a.tx, person->id) : std::nullopt;
  for (const auto& record : deniers(a, *person)) {
    const Timestamp at = record.consent_at.value_or(record.changed);
    since = std::min(since.value_or(at), at);
  }
  return since;
}

}  // namespace hw::reconcile
