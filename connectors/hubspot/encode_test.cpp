#include "connectors/hubspot/encode.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "conformance/fill_defaults.h"

namespace hw::connectors::hubspot {
namespace {

using nlohmann::json;

Config config() {
  std::vector<connect::OptionError> errors;
  return read_config(conformance::fill_defaults(option_declarations(), {{"credential", std::string("portal")}}), {},
                     "crm", nullptr, errors);
}

TEST(HubspotEncode, PathsCarryTheDatedVersion) {
  const Config c = config();
  EXPECT_EQ(list_path(c, "deals", false, 100, ""),
            "/crm/objects/2026-09/deals?limit=100&properties=hs_object_id&archived=false");
  EXPECT_EQ(list_path(c, "deals", true, 10, "a b"),
            "/crm/objects/2026-09/deals?limit=10&properties=hs_object_id&archived=true&after=a%20b");
  EXPECT_EQ(search_path(c, "contacts"), "/crm/objects/2026-09/contacts/search");
  EXPECT_EQ(batch_read_path(c, "contacts"), "/crm/objects/2026-09/contacts/batch/read");
  EXPECT_EQ(ties_path(c, "deals", "contacts"), "/crm/associations/2026-09/deals/contacts/batch/read");
  EXPECT_EQ(properties_path(c, "deals"), "/crm/properties/2026-09/deals");
  EXPECT_EQ(pipelines_path(c), "/crm/pipelines/2026-09/deals");
  EXPECT_EQ(company_currency_path(c), "/settings/currencies/2026-09/company-currency");
}

TEST(HubspotEncode, AWindowIsSearchedByIdWithAllRequiredMembers) {
  const Timestamp from = from_micros(1'763'719'200'000'999), to = from_micros(1'763'722'800'000'000);
  const json expected = json::parse(R"({"filterGroups":[{"filters":[
      {"propertyName":"hs_lastmodifieddate","operator":"GTE","value":"1763719200000"},
      {"propertyName":"hs_lastmodifieddate","operator":"LT","value":"1763722800000"},
      {"propertyName":"hs_object_id","operator":"GT","value":"0"}]}],
    "sorts":[{"propertyName":"hs_object_id","direction":"ASCENDING"}],
    "properties":["hs_object_id"],"limit":200,"after":"0"})");
  EXPECT_EQ(json::parse(window_search(config().deals, from, to, "", 200, SortForm::object)), expected);
  const json text = json::parse(window_search(config().deals, from, to, "77", 200, SortForm::text));
  EXPECT_EQ(text["sorts"], json::array({"hs_object_id"}));
  EXPECT_EQ(text["filterGroups"][0]["filters"][2]["value"], "77");
}

TEST(HubspotEncode, ContactsHaveTheirOwnModifiedProperty) {
  const json body = json::parse(window_search(config().contacts, Timestamp{}, Timestamp{}, "", 1, SortForm::object));
  EXPECT_EQ(body["filterGroups"][0]["filters"][0]["propertyName"], "lastmodifieddate");
}

TEST(HubspotEncode, OpenDealsAreThoseNotClosed) {
  const json body = json::parse(open_deals_search("5", 200, SortForm::object));
  EXPECT_EQ(body["filterGroups"][0]["filters"][0],
            json::parse(R"({"propertyName":"hs_is_closed","operator":"EQ","value":"false"})"));
  EXPECT_EQ(body["filterGroups"][0]["filters"][1]["value"], "5");
}

TEST(HubspotEncode, ABatchReadNamesBothListsOfProperties) {
  const std::vector<std::string> ids = {"1", "2"};
  const json body = json::parse(batch_read_body(config().deals, ids));
  EXPECT_EQ(body["inputs"], json::parse(R"([{"id":"1"},{"id":"2"}])"));
  EXPECT_EQ(body["propertiesWithHistory"], json::parse(R"(["amount","dealstage","pipeline"])"));
  EXPECT_EQ(body["properties"].size(), config().deals.properties().size());
}

TEST(HubspotEncode, TiesAskForFurtherPagesByInput) {
  const std::vector<TieInput> inputs = {{"1", ""}, {"2", "tok"}};
  EXPECT_EQ(json::parse(ties_body(inputs)), json::parse(R"({"inputs":[{"id":"1"},{"id":"2","after":"tok"}]})"));
}

}  // namespace
}  // namespace hw::connectors::hubspot
