#include "connectors/google_data_manager/encode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "conformance/paths.h"
#include "connectors/google_data_manager/test_conversion.h"

namespace hw::connectors::google_data_manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string golden(const char* name) {
  std::ifstream in((conformance::source_dir() + "/connectors/google_data_manager/testdata/") + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string encoded(const Conversion& c, const Config& config) {
  Identifiers ids = user_data_of(c, config);
  if (!c.clicks.empty()) ids.click = &c.clicks.front();
  return event_json(c, ids, config.event_source);
}

connect::Item item(std::string body) {
  connect::Item i;
  i.body = std::move(body);
  return i;
}

Conversion full_conversion() {
  Conversion c = won_deal();
  c.hashes = {{"email_gmail_dots_removed", {kEmailHash}},
              {"phone_e164", {kPhoneHash}},
              {"given_name_no_titles", {kGivenHash}},
              {"family_name_no_titles", {kFamilyHash}}};
  c.address = {.country = "DE", .region = "", .city = "", .postal_code = "10115"};
  c.consent = {ConsentState::granted, ConsentState::denied};
  c.customer_type = "new";
  return c;
}

TEST(GoogleDataManagerEncode, AFullRequestIsTheGoldenOne) {
  const Config full = config({{"user_data", true}, {"address", true}});
  const connect::Item items[] = {item(encoded(full_conversion(), full)), item(encoded(won_deal(), config()))};
  EXPECT_EQ(request_json(items, target(), "9876543210", false), trim(golden("request_full.json")));
}

TEST(GoogleDataManagerEncode, ALeanRequestIsTheGoldenOne) {
  const connect::Item items[] = {item(encoded(won_deal(), config()))};
  EXPECT_EQ(request_json(items, target(), "", true), trim(golden("request_lean.json")));
}

TEST(GoogleDataManagerEncode, ValuesAreExactDecimals) {
  struct Case {
    const char* name;
    std::int64_t micros;
    const char *currency, *expected;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"cents", 18'250'010'000, "EUR", "18250.01"},
                                   {"no minor unit", 1'000'000'000, "JPY", "1000"},
                                   {"three digits", 1'500'000, "KWD", "1.500"},
                                   {"one micro", 1, "EUR", "0.000001"},
                                   {"zero", 0, "EUR", "0.00"},
                                   {"beyond a double", 9'007'199'254'740'993'000, "EUR", "9007199254740.993"}}) {
    Conversion conversion = won_deal();
    conversion.value = Money{c.micros, *Currency::parse(c.currency)};
    EXPECT_THAT(encoded(conversion, config()),
                HasSubstr(std::string("\"conversionValue\":") + c.expected + ",\"currency\":\"" + c.currency + "\""))
        << c.name;
  }
}

TEST(GoogleDataManagerEncode, WithoutAValueNeitherValueNorCurrencyIsSent) {
  Conversion c = won_deal();
  c.value.reset();
  EXPECT_THAT(encoded(c, config()), Not(HasSubstr("conversionValue")));
  EXPECT_THAT(encoded(c, config()), Not(HasSubstr("currency")));
}

TEST(GoogleDataManagerEncode, UnknownConsentIsLeftOut) {
  Conversion c = won_deal();
  EXPECT_THAT(encoded(c, config()), Not(HasSubstr("consent")));
  c.consent.ad_personalization = ConsentState::granted;
  EXPECT_THAT(encoded(c, config()), HasSubstr(R"("consent":{"adPersonalization":"CONSENT_GRANTED"})"));
}

TEST(GoogleDataManagerEncode, TextIsEscaped) {
  Conversion c = won_deal();
  c.clicks[0].value = "a\"b\\c\n";
  EXPECT_EQ(nlohmann::json::parse(encoded(c, config()))["adIdentifiers"]["gclid"], "a\"b\\c\n");
}

TEST(GoogleDataManagerEncode, UserDataStaysAtHomeUnlessAskedFor) {
  const Identifiers ids = user_data_of(full_conversion(), config());
  EXPECT_FALSE(ids.has_user_data());
}

TEST(GoogleDataManagerEncode, NamesGoOnlyWithCountryAndPostalCode) {
  const Config full = config({{"user_data", true}, {"address", true}});
  EXPECT_TRUE(user_data_of(full_conversion(), full).has_address());
  Conversion no_postal_code = full_conversion(), no_country = full_conversion(), no_family_name = full_conversion();
  no_postal_code.address.postal_code.clear();
  no_country.address.country.clear();
  no_family_name.hashes.erase("family_name_no_titles");
  EXPECT_FALSE(user_data_of(no_postal_code, full).has_address());
  EXPECT_FALSE(user_data_of(no_country, full).has_address());
  EXPECT_FALSE(user_data_of(no_family_name, full).has_address());
  EXPECT_FALSE(user_data_of(full_conversion(), config({{"user_data", true}})).has_address());
}

TEST(GoogleDataManagerEncode, HashesOfNothingAndTextsThatAreNoHashAreDropped) {
  Conversion c = won_deal();
  c.hashes["email_gmail_dots_removed"] = {sha256_hex(""), "jane.doe@example.com",
                                          "86E0B9E56C17CC4D12387E1949B85053FBE73BC3CE5A1188713A9D300CC6133D"};
  EXPECT_THAT(user_data_of(c, config({{"user_data", true}})).emails, ElementsAre(kEmailHash));
}

TEST(GoogleDataManagerEncode, AtMostTenIdentifiersGo) {
  Conversion c = full_conversion();
  for (int i = 0; i < 7; ++i) {
    c.hashes["email_gmail_dots_removed"].push_back(sha256_hex("email " + std::to_string(i)));
    c.hashes["phone_e164"].push_back(sha256_hex("phone " + std::to_string(i)));
  }
  const Identifiers ids = user_data_of(c, config({{"user_data", true}, {"address", true}}));
  EXPECT_EQ(ids.emails.size(), 8U);
  EXPECT_EQ(ids.phones.size(), 1U);
  EXPECT_TRUE(ids.has_address());
}

TEST(GoogleDataManagerEncode, TypesNameWhatWasSent) {
  Identifiers ids = user_data_of(full_conversion(), config({{"user_data", true}, {"address", true}}));
  const Conversion c = won_deal();
  ids.click = &c.clicks[0];
  EXPECT_THAT(ids.types(), ElementsAre("gclid", "email_gmail_dots_removed", "phone_e164", "given_name_no_titles",
                                       "family_name_no_titles"));
}

TEST(GoogleDataManagerEncode, ARestatementChangesValueAndCurrencyAlone) {
  const std::string original = encoded(full_conversion(), config({{"user_data", true}}));
  const std::string restated = *restated_json(original, Money{99'500'000, *Currency::parse("USD")});
  auto expected = nlohmann::json::parse(original), got = nlohmann::json::parse(restated);
  EXPECT_THAT(restated, HasSubstr("\"conversionValue\":99.50,\"currency\":\"USD\""));
  for (auto* j : {&expected, &got}) {
    j->erase("conversionValue");
    j->erase("currency");
  }
  EXPECT_EQ(expected, got);
}

TEST(GoogleDataManagerEncode, ARestatementGivesAValueToAnOriginalWithoutOne) {
  Conversion c = won_deal();
  c.value.reset();
  EXPECT_THAT(*restated_json(encoded(c, config()), euros(5'000'000)),
              HasSubstr("\"conversionValue\":5.00,\"currency\":\"EUR\""));
}

TEST(GoogleDataManagerEncode, ARestatementOfTheSameValueIsTheSameText) {
  const std::string original = encoded(full_conversion(), config({{"user_data", true}}));
  EXPECT_EQ(*restated_json(original, *won_deal().value), original);
}

TEST(GoogleDataManagerEncode, ForeignOriginalsAreRefused) {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"transactionId":"a"})"}) {
    const auto restated = restated_json(text, euros(1));
    ASSERT_FALSE(restated) << text;
    EXPECT_EQ(restated.error().code, "original") << text;
  }
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
