#include "connectors/ga4_measurement_protocol/prepare.h"

#include <gmock/gmock.h>

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "connectors/ga4_measurement_protocol/test_conversion.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using connect::Item;
using connect::Refusal;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Duration kMicro = Duration(1);
const Timestamp kSoon = kWonAt + kHour;

using Prepared = std::variant<Item, Refusal>;

/// What it identifies by, or why not.
std::string fate(const Prepared& p) {
  if (const auto* refusal = std::get_if<Refusal>(&p)) return refusal->reason;
  std::string out;
  for (const std::string& type : std::get<Item>(p).identifier_types) out += (out.empty() ? "" : "+") + type;
  return out;
}

Conversion with(std::vector<Identifier> identifiers) {
  Conversion c = won_deal();
  c.identifiers = std::move(identifiers);
  return c;
}

Conversion valued(std::optional<Money> value) {
  Conversion c = won_deal();
  c.value = value;
  return c;
}

Prepared prepared(const Conversion& c, const connect::Target& to = target(), Timestamp now = kSoon) {
  return prepare_event(c, to, config(), now);
}

json event_in(const Prepared& p) { return json::parse(std::get<Item>(p).body)["events"][0]; }

TEST(Ga4MeasurementProtocolPrepare, EachFate) {
  const Identifier client{"ga_client_id", kClient}, app{"firebase_app_instance_id", std::string(32, 'a')};
  struct Case {
    const char* name;
    Conversion conversion;
    connect::Target target;
    Timestamp now;
    const char* expected;
  };
  const Timestamp end = kWonAt + 72 * kHour - 5 * kMinute;
  for (const Case& c : std::initializer_list<Case>{
           {"a client", won_deal(), target(), kSoon, "ga_client_id"},
           {"at once", won_deal(), target(), kWonAt, "ga_client_id"},
           {"a time to come", won_deal(), target(), kWonAt - kMicro, "too_recent"},
           {"the last moment", won_deal(), target(), end - kMicro, "ga_client_id"},
           {"the margin before 72 hours", won_deal(), target(), end, "expired"},
           {"nobody", with({}), target(), kSoon, "no_identifier"},
           {"nobody, and too late", with({}), target(), end, "expired"},
           {"a client of an app does not help a web stream", with({app}), target(), kSoon, "no_identifier"},
           {"a client of an app", with({app}), app_target(), kSoon, "firebase_app_instance_id"},
           {"a client of the web does not help an app", with({client}), app_target(), kSoon, "no_identifier"},
           {"a custom client id", with({{"ga_client_id", "visitor-7"}}), target(), kSoon, "ga_client_id"},
           {"a client id that is an address", with({{"ga_client_id", "jane@example.com"}}), target(), kSoon,
            "no_identifier"},
           {"a client id with a space", with({{"ga_client_id", "1.1 2.2"}}), target(), kSoon, "no_identifier"},
           {"an empty client id", with({{"ga_client_id", ""}}), target(), kSoon, "no_identifier"},
           {"the whole cookie", with({{"ga_client_id", "GA1.1." + kClient}}), target(), kSoon, "no_identifier"},
           {"the whole cookie of a deeper domain", with({{"ga_client_id", "GA1.1-2." + kClient}}), target(), kSoon,
            "no_identifier"},
           {"a custom id that begins like the cookie", with({{"ga_client_id", "GAlaxy.1"}}), target(), kSoon,
            "ga_client_id"},
           {"a click id is no client", with({{"gclid", "EAIaIQ"}}), target(), kSoon, "no_identifier"},
           {"a user beside the client", with({{"user_id", "crm-88121"}, client}), target(), kSoon,
            "ga_client_id+user_id"},
           {"a user alone", with({{"user_id", "crm-88121"}}), target(), kSoon, "no_identifier"},
           {"a user id that is an address stays at home", with({{"user_id", "jane@example.com"}, client}), target(),
            kSoon, "ga_client_id"},
           {"below zero", valued(euros(-1)), target(), kSoon, "not_positive"},
           {"a lead below zero", valued(euros(-1)), target("generate_lead"), kSoon, "not_positive"},
           {"a purchase of nothing", valued(euros(0)), target(), kSoon, "ga_client_id"},
           {"a purchase without value", valued({}), target(), kSoon, "no_value"},
           {"a lead without value", valued({}), target("generate_lead"), kSoon, "ga_client_id"}})
    EXPECT_EQ(fate(prepared(c.conversion, c.target, c.now)), c.expected) << c.name;
}

TEST(Ga4MeasurementProtocolPrepare, RefusalsSayWhenToLookAgain) {
  EXPECT_EQ(std::get<Refusal>(prepared(with({}))).look_again, kWonAt + oldest(config()));
  EXPECT_EQ(std::get<Refusal>(prepared(won_deal(), target(), kWonAt - kHour)).look_again, kWonAt);
  EXPECT_THAT(std::get<Refusal>(prepared(with({{"ga_client_id", "GA1.1." + kClient}}))).detail,
              HasSubstr("whole _ga cookie"));
}

TEST(Ga4MeasurementProtocolPrepare, WhatIsTooOldSaysWhatItNeverHad) {
  const Timestamp end = kWonAt + 72 * kHour;
  const auto detail = [&](const Conversion& c, const connect::Target& to = target()) {
    return std::get<Refusal>(prepared(c, to, end)).detail;
  };
  EXPECT_EQ(detail(won_deal()), "older than the 72 hours that GA4 backdates an event");
  EXPECT_EQ(detail(with({})), "no ga_client_id, and now older than the 72 hours that GA4 backdates an event");
  EXPECT_EQ(detail(with({}), app_target()),
            "no firebase_app_instance_id, and now older than the 72 hours that GA4 backdates an event");
  EXPECT_THAT(detail(with({{"ga_client_id", "GA1.1." + kClient}})),
              AllOf(HasSubstr("whole _ga cookie"), HasSubstr(", and now older than the 72 hours")));
}

TEST(Ga4MeasurementProtocolPrepare, TheItemCarriesItsWindowKeyAndGroup) {
  const auto item = std::get<Item>(prepared(won_deal()));
  EXPECT_EQ(item.dedup_key, "hw-exampledeal");
  EXPECT_EQ(item.not_before, kWonAt);
  EXPECT_EQ(item.expires_at, kWonAt + 72 * kHour - 5 * kMinute);
  EXPECT_EQ(item.click_type, "");
  Conversion other = won_deal();
  other.dedup_id = "hw-other";
  EXPECT_EQ(std::get<Item>(prepared(other)).group, item.group);
  other.identifiers[0].value = "2.2";
  EXPECT_NE(std::get<Item>(prepared(other)).group, item.group);
}

TEST(Ga4MeasurementProtocolPrepare, TheFieldsOfAPurchase) {
  Conversion c = won_deal();
  c.identifiers.push_back({"user_id", "crm-88121"});
  c.consent = {ConsentState::granted, ConsentState::denied};
  const json row = json::parse(std::get<Item>(prepared(c)).body);
  EXPECT_EQ(row["client_id"], kClient);
  EXPECT_EQ(row["user_id"], "crm-88121");
  EXPECT_EQ(row["consent"], json({{"ad_user_data", "GRANTED"}, {"ad_personalization", "DENIED"}}));
  EXPECT_EQ(row["events"], json::parse(R"([{"name":"purchase","timestamp_micros":1795190649000000,"params":{
      "transaction_id":"hw-exampledeal","value":18250.0,"currency":"EUR","engagement_time_msec":1}}])"));
}

TEST(Ga4MeasurementProtocolPrepare, TheFieldsOfALead) {
  EXPECT_EQ(event_in(prepared(valued(euros(150'000'000)), target("qualify_lead"))),
            json::parse(R"({"name":"qualify_lead","timestamp_micros":1795190649000000,"params":{
      "hw_id":"hw-exampledeal","value":150.0,"currency":"EUR","engagement_time_msec":1}})"));
  EXPECT_EQ(event_in(prepared(valued({}), target("qualify_lead")))["params"],
            json::parse(R"({"hw_id":"hw-exampledeal","engagement_time_msec":1})"));
}

TEST(Ga4MeasurementProtocolPrepare, ValuesAreExactDecimals) {
  struct Case {
    const char* name;
    std::int64_t micros;
    const char *currency, *expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"cents", 18'250'010'000, "EUR", R"("value":18250.01,"currency":"EUR")"},
           {"no minor unit", 1'000'000'000, "JPY", R"("value":1000,"currency":"JPY")"},
           {"beyond a double", 9'007'199'254'740'993'000, "EUR", "\"value\":9007199254740.993"}})
    EXPECT_THAT(std::get<Item>(prepared(valued(Money{c.micros, *Currency::parse(c.currency)}))).body,
                HasSubstr(c.expected))
        << c.name;
}

TEST(Ga4MeasurementProtocolPrepare, ASessionGoesAlongOnlyWhileTheConversionLiesInItAndItTakesEvents) {
  const auto session = [](Duration before) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(kWonAt - before).time_since_epoch().count());
  };
  const std::string ten = session(10 * kMinute), twenty = session(20 * kMinute);
  struct Case {
    const char* name;
    std::vector<std::string> sessions;
    Timestamp now;
    std::string expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"inside", {ten}, kSoon, ten},
           {"none", {}, kSoon, ""},
           {"at its start", {session({})}, kSoon, session({})},
           {"at the session timeout", {session(30 * kMinute)}, kSoon, session(30 * kMinute)},
           {"after the session timeout", {session(31 * kMinute)}, kSoon, ""},
           {"before it", {session(-kMinute)}, kSoon, ""},
           {"the latest of two", {ten, twenty}, kSoon, ten},
           {"the latest of two, told the other way round", {twenty, ten}, kSoon, ten},
           {"a day after its start", {ten}, kWonAt - 10 * kMinute + kDay, ten},
           {"more than a day after its start", {ten}, kWonAt - 10 * kMinute + kDay + kMicro, ""},
           {"no session id", {"abc", "", "-1", "99999999999999999999"}, kSoon, ""}}) {
    Conversion conversion = won_deal();
    for (const std::string& s : c.sessions) conversion.identifiers.push_back({"ga_session_id", s});
    EXPECT_EQ(event_in(prepared(conversion, target(), c.now))["params"].value("session_id", ""), c.expected) << c.name;
  }
}

TEST(Ga4MeasurementProtocolPrepare, ASessionOfOneOfTwoClientsIsLeftOut) {
  const std::string session = std::to_string((to_micros(kWonAt) / 1'000'000) - 60);
  Conversion c = with({{"ga_client_id", kClient}, {"ga_client_id", "2.2"}, {"ga_session_id", session}});
  const auto item = prepared(c);
  EXPECT_FALSE(event_in(item)["params"].contains("session_id"));
  EXPECT_EQ(json::parse(std::get<Item>(item).body)["client_id"], kClient) << "the first one known";
  c.identifiers.erase(c.identifiers.begin() + 1);
  EXPECT_EQ(event_in(prepared(c))["params"]["session_id"], session);
  EXPECT_THAT(std::get<Item>(prepared(c)).identifier_types, ElementsAre("ga_client_id", "ga_session_id"));
}

// -----------------------------------------------------------------------------------------------------------
// refunds

const connect::Revision kRetract{Operation::retract, 1, kWonAt + 20 * kDay};

connect::Sent sent(const connect::Target& to = target()) {
  return {.item = std::get<Item>(prepared(won_deal(), to)), .conversion_time = kWonAt, .accepted_at = kSoon};
}

TEST(Ga4MeasurementProtocolPrepare, ARefundRepeatsThePurchaseAtItsOwnTime) {
  Conversion now = won_deal();
  now.identifiers = {{"ga_client_id", "another.client"}};
  now.value = euros(0);
  now.consent.ad_user_data = ConsentState::denied;
  const auto item = std::get<Item>(prepare_refund(now, kRetract, sent(), config(), kRetract.at));
  EXPECT_EQ(item.body,
            R"({"client_id":"1162820436.1749482504","consent":{"ad_user_data":"DENIED"},"events":[{"name":"refund",)"
            R"("timestamp_micros":1796918649000000,"params":{"transaction_id":"hw-exampledeal","value":18250.00,)"
            R"("currency":"EUR","engagement_time_msec":1}}]})");
  EXPECT_EQ(item.dedup_key, "hw-exampledeal");
  EXPECT_EQ(item.not_before, kRetract.at);
  EXPECT_EQ(item.expires_at, kRetract.at + oldest(config()));
}

TEST(Ga4MeasurementProtocolPrepare, RefundsThatCannotBe) {
  connect::Sent broken = sent();
  broken.item.body = "{";
  const Timestamp end = kRetract.at + oldest(config());
  EXPECT_EQ(fate(prepare_refund(won_deal(), kRetract, broken, config(), kRetract.at)), "uncorrectable");
  EXPECT_EQ(fate(prepare_refund(won_deal(), kRetract, sent(target("generate_lead")), config(), kRetract.at)),
            "uncorrectable");
  EXPECT_EQ(fate(prepare_refund(won_deal(), kRetract, sent(), config(), end)), "expired");
  EXPECT_EQ(fate(prepare_refund(won_deal(), kRetract, sent(), config(), end - kMicro)), "ga_client_id");
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
