#include "identity/forms.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace hw::identity {
namespace {

std::string form(const Forms& forms, std::string_view name) {
  for (const auto& [key, text] : forms) {
    if (key == name) return text;
  }
  return "(none)";
}

struct EmailRow {
  const char* name;
  const char* input;
  const char* plain;
  const char* gmail;
  const char* dots_and_tag;
  const char* alphanumeric;
};

class EmailForms : public ::testing::TestWithParam<EmailRow> {};

TEST_P(EmailForms, FollowTheMatrix) {
  const EmailRow& row = GetParam();
  Forms forms = email_forms(row.input);
  EXPECT_EQ(form(forms, "email"), row.plain);
  EXPECT_EQ(form(forms, "email_gmail_dots_removed"), row.gmail);
  EXPECT_EQ(form(forms, "email_dots_and_tag_removed"), row.dots_and_tag);
  EXPECT_EQ(form(forms, "email_alphanumeric_local"), row.alphanumeric);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, EmailForms,
    ::testing::Values(
        EmailRow{"ReferenceVector", "jane.doe@example.com", "jane.doe@example.com", "jane.doe@example.com",
                 "janedoe@example.com", "janedoe@example.com"},
        EmailRow{"GmailOfTheReference", "Jane.Doe@Gmail.com ", "jane.doe@gmail.com", "janedoe@gmail.com",
                 "janedoe@gmail.com", "janedoe@gmail.com"},
        EmailRow{"EveryDotOfAGmailName", "j.a.n.e@gmail.com", "j.a.n.e@gmail.com", "jane@gmail.com", "jane@gmail.com",
                 "jane@gmail.com"},
        EmailRow{"Googlemail", "j.d+x@googlemail.com", "j.d+x@googlemail.com", "jd@googlemail.com", "jd@googlemail.com",
                 "jd@googlemail.com"},
        EmailRow{"TagStaysOnOtherDomains", "j.d+x@example.com", "j.d+x@example.com", "j.d+x@example.com",
                 "jd@example.com", "jd@example.com"},
        EmailRow{"GmailCoIsNotGmail", "j.d+x@gmail.co", "j.d+x@gmail.co", "j.d+x@gmail.co", "jd@gmail.co",
                 "jd@gmail.co"},
        EmailRow{"GmailComBrIsNotGmail", "j.d@gmail.com.br", "j.d@gmail.com.br", "j.d@gmail.com.br", "jd@gmail.com.br",
                 "jd@gmail.com.br"},
        EmailRow{"SubdomainOfGmailIsNotGmail", "j.d@mail.gmail.com", "j.d@mail.gmail.com", "j.d@mail.gmail.com",
                 "jd@mail.gmail.com", "jd@mail.gmail.com"},
        EmailRow{"InnerBlanksGo", " jane doe @ example.com\t", "janedoe@example.com", "janedoe@example.com",
                 "janedoe@example.com", "janedoe@example.com"},
        EmailRow{"HiddenBlanksGo", "\xEF\xBB\xBFjane\xE2\x80\x8B@example.com\xC2\xA0", "jane@example.com",
                 "jane@example.com", "jane@example.com", "jane@example.com"},
        EmailRow{"TwoTags", "a+b+c@gmail.com", "a+b+c@gmail.com", "a@gmail.com", "a@gmail.com", "a@gmail.com"},
        EmailRow{"Underscores", "jane_doe-1@example.com", "jane_doe-1@example.com", "jane_doe-1@example.com",
                 "jane_doe-1@example.com", "janedoe1@example.com"},
        EmailRow{"CapitalUmlaut", "J\xC3\x9CRGEN@example.com", "j\xC3\xBCrgen@example.com", "j\xC3\xBCrgen@example.com",
                 "j\xC3\xBCrgen@example.com", "jrgen@example.com"},
        EmailRow{"NothingLeftOfAGmailTag", "+tag@gmail.com", "+tag@gmail.com", "(none)", "(none)", "(none)"},
        EmailRow{"NothingLeftOfDots", "...@example.com", "...@example.com", "...@example.com", "(none)", "(none)"},
        EmailRow{"NoAt", "jane.example.com", "(none)", "(none)", "(none)", "(none)"},
        EmailRow{"TwoAts", "jane@doe@example.com", "(none)", "(none)", "(none)", "(none)"},
        EmailRow{"NoLocalPart", "@example.com", "(none)", "(none)", "(none)", "(none)"},
        EmailRow{"NoDomain", "jane@", "(none)", "(none)", "(none)", "(none)"},
        EmailRow{"Blank", "  ", "(none)", "(none)", "(none)", "(none)"}),
    [](const auto& row) { return std::string(row.param.name); });

struct NameRow {
  const char* name;
  const char* input;
  const char* plain;
  const char* no_titles;
  const char* letters;
};

class NameForms : public ::testing::TestWithParam<NameRow> {};

TEST_P(NameForms, FollowThePrecisions) {
  const NameRow& row = GetParam();
  Forms forms = name_forms("family_name", row.input);
  EXPECT_EQ(form(forms, "family_name"), row.plain);
  EXPECT_EQ(form(forms, "family_name_no_titles"), row.no_titles);
  EXPECT_EQ(form(forms, "family_name_letters"), row.letters);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, NameForms,
    ::testing::Values(NameRow{"Plain", " Doe ", "doe", "doe", "doe"},
                      NameRow{"Prefix", "Dr. Doe", "dr. doe", "doe", "drdoe"},
                      NameRow{"PrefixWithoutItsDotStays", "Dr Doe", "dr doe", "dr doe", "drdoe"},
                      NameRow{"PrefixWithoutABlank", "mrs.doe", "mrs.doe", "doe", "mrsdoe"},
                      NameRow{"PrefixInsideStays", "Doe mr. X", "doe mr. x", "doe mr. x", "doemrx"},
                      NameRow{"SuffixAfterABlank", "Doe Jr", "doe jr", "doe", "doejr"},
                      NameRow{"SuffixWithADot", "Doe, Jr.", "doe, jr.", "doe", "doejr"},
                      NameRow{"OnlyJuniorAndSeniorMayHaveADot", "Doe md.", "doe md.", "doe md.", "doemd"},
                      NameRow{"SuffixesRepeatedly", "Doe III, PhD MD", "doe iii, phd md", "doe", "doeiiiphdmd"},
                      NameRow{"NumberedSuffix", "Doe 2nd", "doe 2nd", "doe", "doend"},
                      NameRow{"EndingThatLooksLikeASuffix", "Levi", "levi", "levi", "levi"},
                      NameRow{"NothingButASuffixIsRefused", "Jr.", "jr.", "(none)", "jr"},
                      NameRow{"NothingButTitlesIsRefused", "Dr. PhD", "dr. phd", "(none)", "drphd"},
                      NameRow{"PunctuationAndBlanks", "O\xE2\x80\x99Neil-Smith de la 3",
                              "o\xE2\x80\x99neil-smith de la 3", "o\xE2\x80\x99neil-smith de la 3", "oneilsmithdela"},
                      NameRow{"UmlautsAreLetters", "M\xC3\x9CLLER", "m\xC3\xBCller", "m\xC3\xBCller", "m\xC3\xBCller"},
                      NameRow{"NoLetterAtAll", "123", "123", "123", "(none)"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Forms, GiveTheHashesOfTheReference) {
  struct Vector {
    std::string normalised, hex;
  };
  const Vector vectors[] = {
      {form(email_forms("jane.doe@example.com"), "email"),
       "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"},
      {form(email_forms("Jane.Doe@Gmail.com "), "email_gmail_dots_removed"),
       "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"},
      {form(phone_forms("+14155550123"), "phone_e164"),
       "36a2cef4ff9bf7a1abd2a93359136b870393be4106e6c5d19b72ff564f9deca4"},
      {form(phone_forms("+14155550123"), "phone_digits"),
       "413ba75461ab5f99d36820e561ea97e2bd80f9cb586f7ecea6cf4c496518950a"},
      {form(name_forms("given_name", "Jane"), "given_name"),
       "81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2"},
      {form(name_forms("family_name", " DOE"), "family_name"),
       "799ef92a11af918e3fb741df42934f3b568ed2d93ac1df74f1b8d41a27932a6f"},
  };
  for (const Vector& v : vectors) EXPECT_EQ(sha256_hex(v.normalised), v.hex) << v.normalised;
}

TEST(Forms, NormalisingTwiceIsNormalisingOnce) {
  for (const char* input : {"Jane.Doe+x@Gmail.com", " A B@example.com", "J\xC3\x9CRGEN@example.com"}) {
    for (const auto& [name, text] : email_forms(input)) EXPECT_EQ(form(email_forms(text), name), text) << name;
  }
}

TEST(Forms, MaskedAddressShowsNoMoreThanItsEnds) {
  EXPECT_EQ(masked("jane.doe@example.com"), "j\u2026e@example.com");
  EXPECT_EQ(masked("jo@example.com"), "j\u2026@example.com");
  EXPECT_EQ(masked("j@example.com"), "\u2026@example.com");
  EXPECT_EQ(masked("\xC3\xBC\x62\xC3\xA4@example.com"), "\xC3\xBC\u2026\xC3\xA4@example.com");
}

}  // namespace
}  // namespace hw::identity
