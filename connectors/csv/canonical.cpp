#include "connectors/csv/canonical.h"

#include <array>

namespace hw::connectors::csv {
namespace {

constexpr unsigned bit(Kind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr unsigned kLeads = bit(Kind::leads), kContacts = bit(Kind::contacts), kAccounts = bit(Kind::accounts),
                   kDeals = bit(Kind::deals), kHistory = bit(Kind::stage_history), kTouches = bit(Kind::touches),
                   kSpend = bit(Kind::spend);
constexpr unsigned kPeople = kLeads | kContacts | kDeals;
constexpr unsigned kRecords = kPeople | kAccounts;
constexpr unsigned kVisits = kPeople | kTouches;

constexpr std::array kFields = {
    CanonicalField{"id", kRecords | kHistory, true, "the record's own id in the CRM"},
    CanonicalField{"created", kRecords, false, "when the record was created"},
    CanonicalField{"modified", kRecords, false,
                   "when it last changed; the newer state wins (default: the file's time)"},
    CanonicalField{"deleted", kRecords, false, "yes, true, 1 or the time of deletion: the CRM deleted the record"},
    CanonicalField{"merged_into", kRecords, false, "id of the record that this one was merged into"},
    CanonicalField{"name", kAccounts | kDeals, false, "the account's or deal's name"},
    CanonicalField{"domain", kAccounts, false, "the company's web domain"},
    CanonicalField{"owner", kRecords, false, "the owner's id in the CRM"},
    CanonicalField{"account", kLeads | kContacts | kDeals | kSpend, false,
                   "id of the account; for spend, of the ad account"},
    CanonicalField{"lead", kContacts | kDeals, false, "id of the lead that was converted into it"},
    CanonicalField{"contact", kDeals, false, "ids of all the deal's contacts, primary first; see contact_separator"},
    CanonicalField{"stage", kRecords, false, "the stage or status, as the CRM names it"},
    CanonicalField{"stage_time", kRecords, false, "when that stage was entered"},
    CanonicalField{"pipeline", kRecords, false, "the pipeline, where there are several"},
    CanonicalField{"deal_type", kDeals, false, "new business, renewal, ..."},
    CanonicalField{"amount", kRecords | kSpend, false, "the amount, a plain decimal number"},
    CanonicalField{"currency", kRecords | kSpend, false, "its ISO 4217 currency"},
    CanonicalField{"closed", kRecords, false, "the close date"},
    CanonicalField{"email", kVisits, false, "the person's e-mail address; hashed as it is read"},
    CanonicalField{"phone", kVisits, false, "the person's phone number; hashed as it is read"},
    CanonicalField{"given_name", kPeople, false, "the person's given name; hashed as it is read"},
    CanonicalField{"family_name", kPeople, false, "the person's family name; hashed as it is read"},
    CanonicalField{"country", kRecords | kTouches, false, "country, as ISO 3166 alpha-2 or in English"},
    CanonicalField{"region", kRecords, false, "state or region"},
    CanonicalField{"city", kRecords, false, "city"},
    CanonicalField{"postal_code", kRecords, false, "postal code"},
    CanonicalField{"source", kVisits | kSpend, false, "UTM source"},
    CanonicalField{"medium", kVisits | kSpend, false, "UTM medium"},
    CanonicalField{"campaign", kVisits | kSpend, false, "UTM campaign"},
    CanonicalField{"campaign_id", kVisits | kSpend, false, "UTM id, or the ad platform's campaign id"},
    CanonicalField{"term", kVisits, false, "UTM term"},
    CanonicalField{"content", kVisits, false, "UTM content"},
    CanonicalField{"landing_page", kVisits, false, "address of the landing page; its utm_* and click ids are read too"},
    CanonicalField{"referrer", kVisits, false, "address of the referring page"},
    CanonicalField{"source_time", kPeople, false,
                   "when the record's own source fields were captured (default: created)"},
    CanonicalField{"consent_ad_user_data", kPeople, false, "consent to ad user data: granted or denied"},
    CanonicalField{"consent_ad_personalization", kPeople, false, "consent to ad personalisation: granted or denied"},
    CanonicalField{"consent_time", kPeople, false, "when consent was given or refused"},
    CanonicalField{"object", kHistory, false, "lead, contact, account or deal (default: deal)"},
    CanonicalField{"field", kHistory, false, "the field that changed (default: stage)"},
    CanonicalField{"value", kHistory, true, "the value it took"},
    CanonicalField{"time", kHistory | kTouches, true, "when it happened"},
    CanonicalField{"key", kTouches | kSpend, false,
                   "touches: an id of the touch (default: a hash of the row); spend: what else tells rows apart"},
    CanonicalField{"kind", kTouches, false, "visit, form, lead_form or offline (default: visit)"},
    CanonicalField{"lead_id", kTouches, false, "id of a lead in the CRM"},
    CanonicalField{"contact_id", kTouches, false, "id of a contact in the CRM"},
    CanonicalField{"deal_id", kTouches, false, "id of a deal in the CRM"},
    CanonicalField{"day", kSpend, true, "the day, in the account's time zone"},
    CanonicalField{"clicks", kSpend, false, "clicks"},
    CanonicalField{"impressions", kSpend, false, "impressions"},
};

struct KindName {
  Kind kind;
  const char* name;
};
constexpr std::array kKinds = {
    KindName{Kind::leads, "leads"},
    KindName{Kind::contacts, "contacts"},
    KindName{Kind::accounts, "accounts"},
    KindName{Kind::deals, "deals"},
    KindName{Kind::stage_history, "stage_history"},
    KindName{Kind::touches, "touches"},
    KindName{Kind::spend, "spend"},
};

}  // namespace

const char* to_string(Kind kind) {
  for (const KindName& k : kKinds) {
    if (k.kind == kind) return k.name;
  }
  return "";
}

std::optional<Kind> kind_from(std::string_view text) {
  for (const KindName& k : kKinds) {
    if (text == k.name) return k.kind;
  }
  return {};
}

std::optional<Object> object_of(Kind kind) {
  switch (kind) {
    case Kind::leads:
      return Object::lead;
    case Kind::contacts:
      return Object::contact;
    case Kind::accounts:
      return Object::account;
    case Kind::deals:
      return Object::deal;
    case Kind::stage_history:
    case Kind::touches:
    case Kind::spend:
      break;
  }
  return {};
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const KindName& k : kKinds) names.emplace_back(k.name);
  return names;
}

std::span<const CanonicalField> canonical_fields() { return kFields; }

bool carries_identifiers(Kind kind) { return (kVisits & bit(kind)) != 0; }

std::vector<std::string> names_for(Kind kind, const connect::Vocabulary& vocabulary) {
  std::vector<std::string> names;
  for (const CanonicalField& field : kFields) {
    if (allows(field, kind)) names.emplace_back(field.name);
  }
  if (!carries_identifiers(kind)) return names;
  for (const connect::IdentifierDecl& decl : vocabulary.identifiers) names.push_back(decl.type);
  return names;
}

}  // namespace hw::connectors::csv
