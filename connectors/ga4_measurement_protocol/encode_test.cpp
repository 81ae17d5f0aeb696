#include "connectors/ga4_measurement_protocol/encode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "conformance/paths.h"
#include "connectors/ga4_measurement_protocol/test_conversion.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string golden(const char* name) {
  std::ifstream in((conformance::source_dir() + "/connectors/ga4_measurement_protocol/testdata/") + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

connect::Item item(std::string body) {
  connect::Item i;
  i.body = std::move(body);
  return i;
}

Client client() {
  Client c;
  c.id = kClient;
  return c;
}

Client full_client() {
  Client c = client();
  c.user_id = "crm-88121";
  c.consent = {ConsentState::granted, ConsentState::denied};
  return c;
}

Event purchase() {
  return {.name = "purchase",
          .at = kWonAt,
          .id = "hw-exampledeal",
          .amount = Amount{"18250.00", "EUR"},
          .session_id = "1795190000"};
}

Event lead(std::string id = "hw-examplelead") {
  return {.name = "generate_lead", .at = kWonAt, .id = std::move(id), .amount = {}, .session_id = {}};
}

TEST(Ga4MeasurementProtocolEncode, AFullPurchaseIsTheGoldenOne) {
  const connect::Item items[] = {item(row_json(full_client(), purchase()))};
  EXPECT_EQ(request_json(items, false), trim(golden("purchase.json")));
}

TEST(Ga4MeasurementProtocolEncode, ALeanLeadForValidationIsTheGoldenOne) {
  const connect::Item items[] = {item(row_json(client(), lead()))};
  EXPECT_EQ(request_json(items, true), trim(golden("lead_validated.json")));
}

TEST(Ga4MeasurementProtocolEncode, RowsOfOneClientShareARequest) {
  Event later = lead("hw-second");
  later.at += kHour;
  const connect::Item items[] = {item(row_json(full_client(), lead())), item(row_json(full_client(), later))};
  EXPECT_EQ(request_json(items, false), trim(golden("two_leads.json")));
}

TEST(Ga4MeasurementProtocolEncode, ARowIsTheRequestThatCarriesItAlone) {
  const std::string row = row_json(full_client(), purchase());
  const connect::Item items[] = {item(row)};
  EXPECT_EQ(request_json(items, false), row);
}

TEST(Ga4MeasurementProtocolEncode, AppsAreIdentifiedByTheirInstance) {
  Client c = client();
  c.kind = StreamKind::app;
  const std::string row = row_json(c, purchase());
  EXPECT_THAT(row, HasSubstr(R"({"app_instance_id":"1162820436.1749482504",)"));
  EXPECT_THAT(row, Not(HasSubstr("client_id")));
}

TEST(Ga4MeasurementProtocolEncode, UnknownConsentIsLeftOut) {
  EXPECT_THAT(row_json(client(), lead()), Not(HasSubstr("consent")));
  Client c = client();
  c.consent.ad_personalization = ConsentState::granted;
  EXPECT_THAT(row_json(c, lead()), HasSubstr(R"("consent":{"ad_personalization":"GRANTED"})"));
  c.consent = {ConsentState::denied, ConsentState::unknown};
  EXPECT_THAT(row_json(c, lead()), HasSubstr(R"("consent":{"ad_user_data":"DENIED"})"));
}

TEST(Ga4MeasurementProtocolEncode, TextIsEscapedAndCannotEndTheClientsPart) {
  Client c = client();
  c.user_id = R"(a"],"events":[{"name":"b\)";
  const connect::Item items[] = {item(row_json(c, lead())), item(row_json(c, lead("hw-second")))};
  const auto request = nlohmann::json::parse(request_json(items, false));
  EXPECT_EQ(request["user_id"], c.user_id);
  EXPECT_EQ(request["events"].size(), 2U);
  EXPECT_EQ(request["events"][1]["params"]["hw_id"], "hw-second");
}

TEST(Ga4MeasurementProtocolEncode, RowsThatAreNotOursAreLeftOut) {
  const std::string good = row_json(client(), lead());
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"client_id":"a","events":[)"}) {
    const connect::Item items[] = {item(text), item(good)};
    EXPECT_EQ(request_json(items, false), good) << text;
    EXPECT_EQ(request_json({items, 1}, false), "{}") << text;
    EXPECT_FALSE(read_purchase(text)) << text;
  }
}

TEST(Ga4MeasurementProtocolEncode, GroupsTellClientsUsersAndConsentApart) {
  const std::string group = group_of(full_client());
  Client other_id = full_client(), other_user = full_client(), other_consent = full_client(), app = full_client();
  other_id.id = "2.2";
  other_user.user_id.clear();
  other_consent.consent.ad_personalization = ConsentState::granted;
  app.kind = StreamKind::app;
  EXPECT_EQ(group, group_of(full_client()));
  for (const Client& c : {other_id, other_user, other_consent, app}) EXPECT_NE(group_of(c), group);
  EXPECT_THAT(group, Not(HasSubstr(kClient)));
}

TEST(Ga4MeasurementProtocolEncode, APurchaseIsReadBackToTheLetter) {
  Event exact = purchase();
  exact.amount = Amount{"9007199254740.993001", "USD"};
  const auto p = read_purchase(row_json(full_client(), exact));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->client.id, kClient);
  EXPECT_EQ(p->client.kind, StreamKind::web);
  EXPECT_EQ(p->client.user_id, "crm-88121");
  EXPECT_EQ(p->transaction_id, "hw-exampledeal");
  EXPECT_EQ(p->amount.number, "9007199254740.993001");
  EXPECT_EQ(p->amount.currency, "USD");
}

TEST(Ga4MeasurementProtocolEncode, AnAppsPurchaseIsReadBackAsOne) {
  Client c = client();
  c.kind = StreamKind::app;
  const auto p = read_purchase(row_json(c, purchase()));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->client.kind, StreamKind::app);
  EXPECT_EQ(p->client.id, kClient);
}

TEST(Ga4MeasurementProtocolEncode, OtherEventsAreNoPurchases) {
  EXPECT_FALSE(read_purchase(row_json(client(), lead())));
  Event refund = purchase();
  refund.name = "refund";
  EXPECT_FALSE(read_purchase(row_json(client(), refund)));
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
