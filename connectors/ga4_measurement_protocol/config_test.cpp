#include "connectors/ga4_measurement_protocol/config.h"

#include <gmock/gmock.h>

#include <initializer_list>

#include "connectors/ga4_measurement_protocol/connector.h"
#include "connectors/ga4_measurement_protocol/test_conversion.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> errors_of(const conformance::Overrides& overrides) {
  std::vector<connect::OptionError> errors;
  read_config(options(overrides), errors);
  std::vector<std::string> out;
  for (const auto& e : errors) out.push_back(e.message);
  return out;
}

TEST(Ga4MeasurementProtocolConfig, ALeanFileHasNoErrors) {
  EXPECT_THAT(errors_of({}), IsEmpty());
  const Config c = config();
  EXPECT_EQ(c.api_secret.reveal(), kSecret);
  EXPECT_EQ(c.time_margin, 5 * kMinute);
  EXPECT_EQ(c.session_timeout, 30 * kMinute);
  EXPECT_TRUE(c.purchase_dedup);
  EXPECT_EQ(oldest(c), 72 * kHour - 5 * kMinute);
  EXPECT_FALSE(config({{"purchase_dedup", "untrusted"}}).purchase_dedup);
}

TEST(Ga4MeasurementProtocolConfig, TheRegionChoosesTheServerUnlessAnAddressIsGiven) {
  EXPECT_EQ(config({{"base_url", ""}}).base_url, "https://www.google-analytics.com");
  EXPECT_EQ(config({{"base_url", ""}, {"region", "eu"}}).base_url, "https://region1.google-analytics.com");
  EXPECT_EQ(config({{"base_url", "https://sgtm.example.com/"}, {"region", "eu"}}).base_url, "https://sgtm.example.com");
}

TEST(Ga4MeasurementProtocolConfig, WhatCannotBeIsRefusedWithTheMend) {
  struct Case {
    const char* name;
    conformance::Overrides options;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"plain http to another machine", {{"base_url", "http://analytics.example.com"}}, "base_url: "},
           {"a query in the address", {{"base_url", "https://example.com/?a=b"}}, "base_url must end before any '?'"}})
    EXPECT_THAT(errors_of(c.options), ElementsAre(HasSubstr(c.expected))) << c.name;
}

TEST(Ga4MeasurementProtocolConfig, StreamsAreNamedByMeasurementIdOrFirebaseAppId) {
  struct Case {
    const char *name, *account, *expected;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"a measurement id", "G-AB12CD34EF", ""},
                                   {"an Android app", "1:1234567890:android:321abc456def7890", ""},
                                   {"an iOS app", "1:1234567890:ios:321abc456def7890", ""},
                                   {"nothing", "", "account is missing"},
                                   {"lower case", "g-ab12cd34ef", "must be written G-AB12CD34EF"},
                                   {"Universal Analytics", "UA-1234-1", "Universal Analytics"},
                                   {"a stream id", "1234567890", "is a stream or property id"},
                                   {"a container", "GTM-ABCDEF", "neither a measurement id"},
                                   {"an app of no platform", "1:1234567890:windows:321abc", "neither a measurement id"},
                                   {"half an app id", "1:1234567890", "neither a measurement id"}}) {
    const std::string fault = account_fault(c.account);
    if (std::string(c.expected).empty())
      EXPECT_EQ(fault, "") << c.name;
    else
      EXPECT_THAT(fault, HasSubstr(c.expected)) << c.name;
  }
}

TEST(Ga4MeasurementProtocolConfig, ActionsAreEventNames) {
  struct Case {
    const char *name, *action, *expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"a purchase", "purchase", ""},
           {"a lead", "generate_lead", ""},
           {"a qualified one", "qualify_lead", ""},
           {"a disqualified one", "disqualify_lead", ""},
           {"one that is worked on", "working_lead", ""},
           {"a won one", "close_convert_lead", ""},
           {"a lost one", "close_unconvert_lead", ""},
           {"one of your own", "demo_Held_2", ""},
           {"forty characters", "a234567890123456789012345678901234567890", ""},
           {"forty-one characters", "a2345678901234567890123456789012345678901", "longer than 40"},
           {"nothing", "", "action is missing: the event's name, one of purchase, generate_lead"},
           {"another case", "Purchase", "must be written purchase"},
           {"a refund", "refund", "name the action purchase"},
           {"a reserved name", "session_start", "collects by itself"},
           {"a name of the web's enhanced measurement", "form_submit", "collects by itself"},
           {"a reserved prefix", "ga_won", "begins with 'ga_'"},
           {"an underscore first", "_won", "begins with '_'"},
           {"a digit first", "1st_won", "must begin with a letter"},
           {"a hyphen", "deal-won", "letters, digits and _ alone"},
           {"a space", "Won deal", "letters, digits and _ alone"},
           {"a prefix of tags", "gtag.won", "begins with 'gtag.'"}}) {
    const std::string fault = target_fault(target(c.action));
    if (std::string(c.expected).empty())
      EXPECT_EQ(fault, "") << c.name;
    else
      EXPECT_THAT(fault, HasSubstr(c.expected)) << c.name;
  }
}

TEST(Ga4MeasurementProtocolConfig, ADestinationsFaultStandsAtItsPlace) {
  std::vector<connect::OptionError> errors;
  ga4_measurement_protocol_type().check_target({.account = "UA-1-1", .action = "purchase"}, {"headwater.yaml", 7, 3},
                                               errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(connect::to_string(errors[0]), HasSubstr("headwater.yaml:7:3: account 'UA-1-1'"));
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
