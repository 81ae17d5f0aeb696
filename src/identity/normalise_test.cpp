#include "identity/normalise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"

namespace hw::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const connect::Vocabulary kVocabulary{
    {{"user_id", connect::IdKind::user, "", "", "", ""}, {"gclid", connect::IdKind::click, "gclid", "", "", ""}}, {}};

struct Kept {
  RecordState record;
  std::vector<std::string> notes;
  std::string hash(const char* form) const {
    auto at = record.hashes.find(form);
    return at == record.hashes.end() ? "(none)" : at->second.front();
  }
};

Kept keep(const connect::RawPerson& raw, connect::KeepRules rules = {}) {
  Kept out;
  make_normaliser(std::move(rules), kVocabulary)->keep(raw, out.record, out.notes);
  return out;
}

connect::RawPerson with_email(std::string email, std::string form = "") {
  connect::RawPerson raw;
  raw.email = std::move(email);
  raw.email_hash_form = std::move(form);
  return raw;
}

connect::RawPerson with_phone(std::string phone, std::string country = "") {
  connect::RawPerson raw;
  raw.phone = std::move(phone);
  raw.country = std::move(country);
  return raw;
}

struct PhoneRow {
  const char* name;
  const char* phone;
  const char* country;
  const char* default_country;
  const char* e164;  ///< "" = refused
};

class Phones : public ::testing::TestWithParam<PhoneRow> {};

TEST_P(Phones, BecomeInternational) {
  const PhoneRow& row = GetParam();
  connect::KeepRules rules;
  rules.default_country = row.default_country;
  Kept kept = keep(with_phone(row.phone, row.country), rules);
  std::string e164 = row.e164;
  EXPECT_EQ(kept.hash("phone_e164"), e164.empty() ? "(none)" : sha256_hex(e164));
  EXPECT_EQ(kept.hash("phone_digits"), e164.empty() ? "(none)" : sha256_hex(e164.substr(1)));
  EXPECT_EQ(kept.notes.empty(), !e164.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Phones,
    ::testing::Values(
        PhoneRow{"International", "+1 415 555 0123", "", "", "+14155550123"},
        PhoneRow{"PlusOutranksTheCountry", "+44 20 7946 0123", "US", "US", "+442079460123"},
        PhoneRow{"OneIsNeverPutBeforeAnotherCountrysCode", "+442079460123", "", "US", "+442079460123"},
        PhoneRow{"NationalByTheRecordsCountry", "(415) 555-0123", "United States", "DE", "+14155550123"},
        PhoneRow{"NationalByTheDefaultCountry", "020 7946 0123", "", "GB", "+442079460123"},
        PhoneRow{"UnknownCountryFallsBackToTheDefault", "020 7946 0123", "Atlantis", "GB", "+442079460123"},
        PhoneRow{"TrunkZeroInBrackets", "+44 (0)20 7946 0123", "", "", "+442079460123"},
        PhoneRow{"DoubleZero", "0044 20 7946 0123", "", "", "+442079460123"},
        PhoneRow{"DoubleZeroWithACountry", "0044 20 7946 0123", "DE", "", "+442079460123"},
        PhoneRow{"DigitsWithoutCountryAreInternational", "14155550123", "", "", "+14155550123"},
        PhoneRow{"DigitsThatHoldTheCallingCode", "14155550123", "US", "", "+14155550123"},
        PhoneRow{"GermanCallingCodeWithoutPlus", "4930901820123", "DE", "", "+4930901820123"},
        PhoneRow{"ItalyKeepsItsZero", "06 698 12345", "IT", "", "+390669812345"},
        PhoneRow{"GermanyLosesItsZero", "030 901820123", "DE", "", "+4930901820123"},
        PhoneRow{"ExtensionIsCut", "+1 415 555 0123 ext. 45", "", "", "+14155550123"},
        PhoneRow{"ExtensionByX", "415-555-0123 x45", "US", "", "+14155550123"},
        PhoneRow{"Dots", "415.555.0123", "US", "", "+14155550123"}, PhoneRow{"TooShort", "123", "US", "", ""},
        PhoneRow{"TooLong", "+1234567890123456789", "", "", ""}, PhoneRow{"LettersAlone", "call me", "US", "", ""},
        PhoneRow{"Zeros", "000-000-0000", "US", "", ""}, PhoneRow{"OneDigit", "+1 555 555 5555", "US", "", ""},
        PhoneRow{"CountingUp", "1234567890", "US", "", ""}, PhoneRow{"Null", "null", "US", "", ""},
        PhoneRow{"NoSuchCallingCode", "+999 12345678", "", "", ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Normaliser, PhoneOfARecordWithoutCountryIsReadByTheDefaultName) {
  connect::KeepRules rules;
  rules.default_country = "united kingdom";
  EXPECT_EQ(keep(with_phone("020 7946 0123"), rules).hash("phone_e164"), sha256_hex("+442079460123"));
}

TEST(Normaliser, EmailGivesEveryFormOneIdentifierAndAMask) {
  Kept kept = keep(with_email("Jane.Doe+a@Gmail.com "));
  EXPECT_EQ(kept.hash("email"), sha256_hex("jane.doe+a@gmail.com"));
  EXPECT_EQ(kept.hash("email_gmail_dots_removed"), sha256_hex("janedoe@gmail.com"));
  EXPECT_THAT(kept.record.identifiers, ElementsAre(Identifier{"email_sha256", sha256_hex("jane.doe+a@gmail.com")}));
  EXPECT_EQ(kept.record.masked_email, "j\u2026a@gmail.com");
  EXPECT_THAT(kept.notes, IsEmpty());
}

TEST(Normaliser, MaskCanBeSwitchedOff) {
  connect::KeepRules rules;
  rules.masked_email = false;
  EXPECT_EQ(keep(with_email("jane@example.com"), rules).record.masked_email, "");
}

TEST(Normaliser, NothingRawIsLeftInTheRecordOrTheNotes) {
  connect::RawPerson raw{"jane.doe@example.com", "+14155550123", "Jane", "Doe", "US", "", ""};
  connect::KeepRules rules;
  rules.names = true;
  Kept kept = keep(raw, rules);
  std::string all = kept.record.masked_email;
  for (const auto& [form, hashes] : kept.record.hashes) all += hashes.front();
  for (const auto& id : kept.record.identifiers) all += id.value;
  for (const auto& [field, value] : kept.record.fields) all += value;
  for (const char* secret : {"jane", "doe", "4155550123"}) EXPECT_EQ(all.find(secret), std::string::npos) << secret;
  for (const char* bad : {"jane.doe", "jane@doe@example.com"}) {
    for (const std::string& note : keep(with_email(bad)).notes) EXPECT_EQ(note.find("jane"), std::string::npos);
  }
}

TEST(Normaliser, SeveralAddressesOfOneRecordAreAllKeptOnce) {
  auto normaliser = make_normaliser({}, kVocabulary);
  RecordState record;
  std::vector<std::string> notes;
  for (const char* email : {"a.one@example.com", "b.two@example.com", "A.One@example.com"})
    normaliser->keep(with_email(email), record, notes);
  EXPECT_EQ(record.hashes["email"].size(), 2U);
  EXPECT_EQ(record.identifiers.size(), 2U);
  EXPECT_EQ(record.masked_email, "a\u2026e@example.com");
}

TEST(Normaliser, HashIsLoweredKeptUnderItsStatedFormAndNeverHashedAgain) {
  std::string hex = sha256_hex("jane@example.com");
  std::string upper = hex;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  Kept kept = keep(with_email(upper, "email"));
  EXPECT_EQ(kept.record.hashes, (Hashes{{"email", {hex}}}));
  EXPECT_THAT(kept.record.identifiers, ElementsAre(Identifier{"email_sha256", hex}));
  EXPECT_EQ(kept.record.masked_email, "");
}

TEST(Normaliser, HashOfAnotherFormJoinsNoOne) {
  std::string hex = sha256_hex("janedoe@gmail.com");
  Kept kept = keep(with_email(hex, "email_gmail_dots_removed"));
  EXPECT_EQ(kept.record.hashes, (Hashes{{"email_gmail_dots_removed", {hex}}}));
  EXPECT_THAT(kept.record.identifiers, IsEmpty());
}

TEST(Normaliser, HashedPhoneIsKeptUnderItsStatedForm) {
  connect::RawPerson raw;
  raw.phone = sha256_hex("+14155550123");
  raw.phone_hash_form = "phone_e164";
  Kept kept = keep(raw);
  EXPECT_EQ(kept.record.hashes, (Hashes{{"phone_e164", {raw.phone}}}));
  EXPECT_THAT(kept.record.identifiers, ElementsAre(Identifier{"phone_sha256", raw.phone}));
}

struct DropRow {
  const char* name;
  std::string email, form, note;
};

class DroppedEmails : public ::testing::TestWithParam<DropRow> {};

TEST_P(DroppedEmails, LeaveOneNoteAndNothingElse) {
  Kept kept = keep(with_email(GetParam().email, GetParam().form));
  EXPECT_THAT(kept.notes, ElementsAre("email: " + GetParam().note));
  EXPECT_THAT(kept.record.hashes, IsEmpty());
  EXPECT_THAT(kept.record.identifiers, IsEmpty());
  EXPECT_EQ(kept.record.masked_email, "");
}

INSTANTIATE_TEST_SUITE_P(Rows, DroppedEmails,
                         ::testing::Values(DropRow{"HashOfNothing",
                                                   "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
                                                   "email", "hash of a placeholder or of nothing"},
                                           DropRow{"HashOfAPlaceholder", sha256_hex("test@test.com"), "email",
                                                   "hash of a placeholder or of nothing"},
                                           DropRow{"HashWithoutForm", sha256_hex("jane@example.com"), "",
                                                   "already a SHA-256, and its hash form is not stated"},
                                           DropRow{"HashOfUnknownForm", sha256_hex("jane@example.com"), "phone_e164",
                                                   "already a SHA-256, in a hash form that is unknown: phone_e164"},
                                           DropRow{"Placeholder", "Test@Test.com", "", "placeholder"},
                                           DropRow{"Null", "null", "", "placeholder"},
                                           DropRow{"NotSet", "(not set)", "", "placeholder"},
                                           DropRow{"NoAt", "jane", "", "not one @ between a local part and a domain"}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Normaliser, AbsentValuesLeaveNoNote) { EXPECT_THAT(keep({}).notes, IsEmpty()); }

TEST(Normaliser, RoleMailboxIsHashedForSendingButJoinsNoOne) {
  connect::KeepRules rules;
  rules.role_mailboxes = {"info"};
  Kept kept = keep(with_email("Info+de@example.com"), rules);
  EXPECT_EQ(kept.hash("email"), sha256_hex("info+de@example.com"));
  EXPECT_THAT(kept.record.identifiers, IsEmpty());
  EXPECT_THAT(make_normaliser(rules, kVocabulary)->identifiers(with_email("info@example.com")), IsEmpty());
  EXPECT_EQ(keep(with_email("information@example.com"), rules).record.identifiers.size(), 1U);
}

TEST(Normaliser, NamesAreKeptOnlyWhenAsked) {
  connect::RawPerson raw;
  raw.given_name = "Dr. Jane";
  raw.family_name = "Doe, Jr.";
  EXPECT_THAT(keep(raw).record.hashes, IsEmpty());
  connect::KeepRules rules;
  rules.names = true;
  Kept kept = keep(raw, rules);
  EXPECT_EQ(kept.hash("given_name_no_titles"), sha256_hex("jane"));
  EXPECT_EQ(kept.hash("family_name_no_titles"), sha256_hex("doe"));
  EXPECT_EQ(kept.hash("family_name_letters"), sha256_hex("doejr"));
}

TEST(Normaliser, NamesThatLookLikePlaceholdersAreNames) {
  connect::KeepRules rules;
  rules.names = true;
  connect::RawPerson raw;
  raw.given_name = "Na";
  raw.family_name = "null";
  Kept kept = keep(raw, rules);
  EXPECT_EQ(kept.hash("given_name"), sha256_hex("na"));
  EXPECT_EQ(kept.hash("family_name"), "(none)");
}

TEST(Normaliser, CompanyDomainIsAFieldAndFreeMailIsNot) {
  EXPECT_EQ(keep(with_email("jane@mail.example.co.uk")).record.fields["email_domain"], "example.co.uk");
  EXPECT_FALSE(keep(with_email("jane@gmail.com")).record.fields.contains("email_domain"));
  connect::KeepRules rules;
  rules.free_mail = {"example.com"};
  EXPECT_FALSE(keep(with_email("jane@example.com"), rules).record.fields.contains("email_domain"));
}

TEST(Normaliser, UsableKeepsPoisonOut) {
  auto normaliser = make_normaliser({}, kVocabulary);
  for (const char* value :
       {"", " ", "undefined", "NULL", "(not set)", "0", "0.0", "00000000-0000-0000-0000-000000000000", "{gclid}",
        "{{click_id}}", "${CLICK}", "%7Bgclid%7D", "__CLICKID__",
        "a\x01"
        "b",
        "line\nbreak", "n/a", "-1"}) {
    EXPECT_FALSE(normaliser->usable({"gclid", value})) << value;
  }
  EXPECT_FALSE(normaliser->usable({"gclid", std::string(513, 'a')}));
  EXPECT_FALSE(normaliser->usable({"", "value"}));
  EXPECT_FALSE(normaliser->usable({"email_sha256", sha256_hex("")}));
  EXPECT_FALSE(normaliser->usable({"email_sha256", sha256_hex("test@test.com")}));
  EXPECT_FALSE(normaliser->usable({"user_id", "Guest"}));
  EXPECT_TRUE(normaliser->usable({"gclid", "Guest"}));
  EXPECT_TRUE(normaliser->usable({"gclid", std::string(512, 'a')}));
  EXPECT_TRUE(normaliser->usable({"ga_client_id", "1162820436.1749482504"}));
  EXPECT_TRUE(normaliser->usable({"crm_contact_id", "crm:10"}));
}

TEST(Normaliser, CountryIsACode) { EXPECT_EQ(make_normaliser({}, kVocabulary)->country("germany"), "DE"); }

}  // namespace
}  // namespace hw::identity
