#include "connectors/ga4_bigquery/encode.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Config encoded_config() {
  Config c;
  c.project = "acme-pays";
  c.data_project = "example.com:acme";
  c.dataset = "analytics_1";
  c.events = {"session_start"};
  c.max_bytes_per_query = 5'000'000'000;
  c.event_parameters = {{"campaign", "promo"}};
  return c;
}

json parameter(const json& body, const std::string& name) {
  for (const json& p : body["queryParameters"])
    if (p["name"] == name) return p;
  return {};
}

TEST(Ga4BigQueryEncode, ValuesTravelAsParametersAndNeverInTheText) {
  const std::vector<Identifier> ids = {{"ga_client_id", "1.2' OR TRUE --"}, {"user_id", "u`1"}, {"gclid", "Cj0"}};
  const Query q = history_query(encoded_config(), test_vocabulary(), ids, "20260822", "20261120");
  const json body = json::parse(run_body(encoded_config(), q, {"EU", "r1", 500, std::chrono::seconds(30)}));
  EXPECT_THAT(q.text, Not(HasSubstr("OR TRUE")));
  EXPECT_THAT(q.text, Not(HasSubstr("promo")));
  EXPECT_EQ(parameter(body, "clients")["parameterValue"]["arrayValues"],
            json::parse(R"([{"value":"1.2' OR TRUE --"}])"));
  EXPECT_EQ(parameter(body, "members")["parameterValue"]["arrayValues"], json::parse(R"([{"value":"u`1"}])"));
  EXPECT_EQ(parameter(body, "clicks")["parameterValue"]["arrayValues"], json::parse(R"([{"value":"Cj0"}])"));
  EXPECT_EQ(parameter(body, "from")["parameterValue"]["value"], "260822");
  EXPECT_EQ(parameter(body, "to")["parameterValue"]["value"], "261120");
  EXPECT_EQ(parameter(body, "event_keys")["parameterValue"]["arrayValues"][0]["value"], "promo");
  EXPECT_EQ(parameter(body, "user_keys")["parameterValue"]["arrayValues"], json::array());
  EXPECT_EQ(parameter(body, "user_keys")["parameterType"],
            json::parse(R"({"type":"ARRAY","arrayType":{"type":"STRING"}})"));
}

TEST(Ga4BigQueryEncode, ARunIsLimitedPlacedAndRepeatable) {
  const Query q = day_query(encoded_config(), test_vocabulary(), "events_20261120", {});
  const json body = json::parse(run_body(encoded_config(), q, {"EU", "r1", 500, std::chrono::seconds(30)}));
  EXPECT_EQ(body["useLegacySql"], false);
  EXPECT_EQ(body["location"], "EU");
  EXPECT_EQ(body["maximumBytesBilled"], "5000000000");
  EXPECT_EQ(body["requestId"], "r1");
  EXPECT_EQ(body["maxResults"], 500);
  EXPECT_EQ(body["timeoutMs"], 30'000);
  EXPECT_EQ(body["parameterMode"], "NAMED");
  EXPECT_FALSE(body.contains("dryRun"));
}

TEST(Ga4BigQueryEncode, AnEstimateIsADryRunOfTheSameQuery) {
  const Query q = day_query(encoded_config(), test_vocabulary(), "events_20261120", {});
  const json body = json::parse(estimate_body(encoded_config(), q, "EU"));
  EXPECT_EQ(body["dryRun"], true);
  EXPECT_EQ(body["query"], q.text);
  EXPECT_FALSE(body.contains("maximumBytesBilled")) << "it would refuse instead of telling";
}

TEST(Ga4BigQueryEncode, ClickParametersAreThoseOfTheVocabulary) {
  const Query q = day_query(encoded_config(), test_vocabulary(), "events_20261120", {});
  const json body = json::parse(estimate_body(encoded_config(), q, "EU"));
  const json values = parameter(body, "click_parameters")["parameterValue"]["arrayValues"];
  EXPECT_THAT(values.dump(), HasSubstr("msclkid"));
  EXPECT_THAT(values.dump(), Not(HasSubstr("ga_client_id")));
}

TEST(Ga4BigQueryEncode, PathsNameWhoPaysAndWhoHoldsTheData) {
  EXPECT_EQ(queries_path(encoded_config()), "/bigquery/v2/projects/acme-pays/queries");
  EXPECT_EQ(table_path(encoded_config(), "events_20261120"),
            "/bigquery/v2/projects/example.com%3Aacme/datasets/analytics_1/tables/events_20261120");
  EXPECT_EQ(results_path(encoded_config(), "job 1", "t=", {"EU", "", 10, std::chrono::seconds(1)}),
            "/bigquery/v2/projects/acme-pays/queries/job%201?location=EU&maxResults=10&timeoutMs=1000&pageToken=t%3D");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
