#include "connectors/ga4_bigquery/peer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "connectors/ga4_bigquery/statements.h"
#include "sandbox/service_account_key.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kScope = "https://www.googleapis.com/auth/bigquery";
const std::string kProjects = "/bigquery/v2/projects/sandbox-analytics";
const std::string kDataset = kProjects + "/datasets/analytics_123456789";

class BigQueryPeerTest : public testing::Test {
 protected:
  BigQueryPeerTest() {
    world_.now = Timestamp(seconds(1'795'176'000));  // 2026-11-20T12:00:00Z
    sign_in();
  }

  HttpResponse token(const std::string& body) {
    return peer_->handle({.method = "POST", .path = "/token", .query = {}, .headers = {}, .body = body});
  }
  void sign_in() {
    const auto a = token(
        "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-refresh");
    ASSERT_EQ(a.status, 200);
    bearer_ = "Bearer " + json::parse(a.body)["access_token"].get<std::string>();
  }
  HttpResponse get(const std::string& path, std::map<std::string, std::string> query = {}) {
    return peer_->handle({.method = "GET",
                          .path = path,
                          .query = std::move(query),
                          .headers = {{"authorization", bearer_}},
                          .body = {}});
  }
  HttpResponse post(const json& body, const std::string& project = "sandbox-analytics") {
    return peer_->handle({.method = "POST",
                          .path = "/bigquery/v2/projects/" + project + "/queries",
                          .query = {},
                          .headers = {{"authorization", bearer_}},
                          .body = body.dump()});
  }

  static json text(const std::string& name, const std::string& value) {
    return {{"name", name}, {"parameterType", {{"type", "STRING"}}}, {"parameterValue", {{"value", value}}}};
  }
  static json list(const std::string& name, const std::vector<std::string>& values) {
    json v = json::array();
    for (const auto& one : values) v.push_back({{"value", one}});
    return {{"name", name},
            {"parameterType", {{"type", "ARRAY"}, {"arrayType", {{"type", "STRING"}}}}},
            {"parameterValue", {{"arrayValues", v}}}};
  }
  static json query(const std::string& sql) {
    return {{"query", sql},
            {"useLegacySql", false},
            {"location", "EU"},
            {"maximumBytesBilled", "20000000000"},
            {"parameterMode", "NAMED"},
            {"queryParameters",
             json::array({list("events", {"session_start"}), text("zone", "Europe/Berlin"),
                          list("click_parameters", {"gclid"}), list("event_keys", {}), list("user_keys", {})})}};
  }
  static json day(const std::string& table = "events_20261118") {
    return query(connectors::ga4_bigquery::day_statement("sandbox-analytics.analytics_123456789." + table, {},
                                                         connectors::ga4_bigquery::Of::everybody));
  }
  AnalyticsEvent& event(const std::string& client, Duration ago) {
    AnalyticsEvent e;
    e.at = world_.now - ago;
    e.client = client;
    e.session = to_micros(e.at) / 1'000'000;
    e.name = "session_start";
    e.page = "https://example.com/";
    world_.analytics.events.push_back(e);
    return world_.analytics.events.back();
  }
  static std::string reason(const HttpResponse& a) {
    const json j = json::parse(a.body);
    return a.status == 200 ? "" : j["error"]["errors"][0]["reason"].get<std::string>();
  }

  World world_;
  std::unique_ptr<Peer> peer_ = make_ga4_bigquery_peer(world_);
  std::string bearer_;
};

TEST_F(BigQueryPeerTest, TokensAreNeededAndEndAfterAnHour) {
  const std::string good = bearer_;
  bearer_ = "";
  EXPECT_EQ(reason(get(kDataset)), "required");
  bearer_ = "Bearer made-up";
  EXPECT_EQ(reason(get(kDataset)), "authError");
  bearer_ = good;
  world_.now += seconds(3599);
  EXPECT_EQ(get(kDataset).status, 200);
  world_.now += seconds(1);
  EXPECT_EQ(reason(get(kDataset)), "authError");
}

TEST_F(BigQueryPeerTest, WrongGrantsAreRefused) {
  for (const auto& [form, error] : std::vector<std::pair<std::string, std::string>>{
           {"grant_type=refresh_token&client_id=x&client_secret=sandbox-secret&refresh_token=sandbox-refresh",
            "invalid_client"},
           {"grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=x",
            "invalid_grant"},
           {"grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-"
            "refresh&scope=adwords",
            "invalid_scope"},
           {"grant_type=password", "unsupported_grant_type"},
           {"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c", "invalid_grant"}})
    EXPECT_EQ(json::parse(token(form).body)["error"], error) << form;
}

TEST_F(BigQueryPeerTest, ServiceAccountsSignInByRs256) {
  const ServiceAccountKey ours, theirs;
  world_.sign_in.service_account_public_key = ours.public_pem();
  const std::int64_t now = to_micros(world_.now) / 1'000'000;
  const json claims = {{"iss", world_.sign_in.service_account_email},
                       {"aud", "http://127.0.0.1:1/ga4_bigquery/token"},
                       {"scope", kScope},
                       {"iat", now},
                       {"exp", now + 3600}};
  json other = claims;
  other["scope"] = "https://www.googleapis.com/auth/datamanager";
  auto error_of = [&](const std::string& jwt) {
    const auto a = token("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + jwt);
    return a.status == 200 ? "" : json::parse(a.body)["error"].get<std::string>();
  };
  EXPECT_EQ(error_of(ours.jwt(claims)), "");
  EXPECT_EQ(error_of(theirs.jwt(claims)), "invalid_grant");
  EXPECT_EQ(error_of(ours.jwt(other)), "invalid_scope");
}

TEST_F(BigQueryPeerTest, TablesComeGoAndChangeAsTheExportsDo) {
  event("a.1", hours(48));
  AnalyticsEvent& late = event("b.1", hours(47));
  late.arrived = world_.now + hours(5);
  event("c.1", hours(1));
  const auto modified = [&] { return json::parse(get(kDataset + "/tables/events_20261118").body)["lastModifiedTime"]; };
  EXPECT_EQ(get(kDataset + "/tables/events_20261118").status, 200);
  EXPECT_EQ(get(kDataset + "/tables/events_20261119").status, 404);
  EXPECT_EQ(get(kDataset + "/tables/events_20261120").status, 404);
  EXPECT_EQ(get(kDataset + "/tables/events_intraday_20261118").status, 404) << "removed with the daily table";
  EXPECT_EQ(get(kDataset + "/tables/events_intraday_20261120").status, 200);
  const json before = modified();
  world_.now += hours(24);
  sign_in();
  EXPECT_NE(modified(), before) << "the late event is in";
  EXPECT_EQ(get(kDataset + "/tables/events_20261120").status, 200);
  EXPECT_EQ(get(kDataset + "/tables/events_intraday_20261120").status, 404);
}

TEST_F(BigQueryPeerTest, WhatComesTooLateIsDropped) {
  event("a.1", hours(48));
  event("b.1", hours(48)).arrived = world_.now + hours(24 * 6);
  world_.now += hours(24 * 10);
  sign_in();
  EXPECT_EQ(json::parse(get(kDataset + "/tables/events_20261118").body)["numRows"], "1");
}

TEST_F(BigQueryPeerTest, ListsTablesInPages) {
  for (int i = 1; i <= 5; ++i) event("a.1", hours(24 * i));
  const json first = json::parse(get(kDataset + "/tables", {{"maxResults", "3"}}).body);
  EXPECT_EQ(first["tables"].size(), 3U);
  const json second =
      json::parse(get(kDataset + "/tables", {{"maxResults", "3"}, {"pageToken", first["nextPageToken"]}}).body);
  EXPECT_FALSE(second.contains("nextPageToken"));
  EXPECT_EQ(first["tables"].size() + second["tables"].size(), 5U);
}

TEST_F(BigQueryPeerTest, ValuesComeAsTextsBesideTheirSchema) {
  event("a.1", hours(48));
  const json a = json::parse(post(day()).body);
  EXPECT_EQ(a["jobComplete"], true);
  EXPECT_EQ(a["totalRows"], "1");
  EXPECT_EQ(a["schema"]["fields"][1]["name"], "client");
  EXPECT_EQ(a["rows"][0]["f"][1]["v"], "a.1");
  EXPECT_TRUE(a["rows"][0]["f"][2]["v"].is_string()) << "64-bit numbers too";
}

TEST_F(BigQueryPeerTest, DryRunsTellBytesAndReturnNothing) {
  event("a.1", hours(48));
  json q = day();
  q["dryRun"] = true;
  const json a = json::parse(post(q).body);
  EXPECT_EQ(a["totalBytesProcessed"], "2000");
  EXPECT_FALSE(a.contains("rows"));
  EXPECT_FALSE(a["jobReference"].contains("jobId"));
}

TEST_F(BigQueryPeerTest, TooManyBytesAreRefused) {
  event("a.1", hours(48));
  json q = day();
  q["maximumBytesBilled"] = "1999";
  EXPECT_EQ(reason(post(q)), "bytesBilledLimitExceeded");
  q["maximumBytesBilled"] = "2000";
  EXPECT_EQ(post(q).status, 200);
}

TEST_F(BigQueryPeerTest, LongAnswersHaveAPageTokenAndSlowOnesAJob) {
  for (int i = 0; i < 5; ++i) event("a." + std::to_string(i), hours(48));
  world_.analytics.query_time = seconds(10);
  json q = day();
  q["maxResults"] = 2;
  const json begun = json::parse(post(q).body);
  EXPECT_EQ(begun["jobComplete"], false);
  EXPECT_FALSE(begun.contains("rows"));
  const std::string job = kProjects + "/queries/" + begun["jobReference"]["jobId"].get<std::string>();
  world_.now += seconds(10);
  const json page = json::parse(get(job, {{"location", "EU"}, {"maxResults", "3"}}).body);
  EXPECT_EQ(page["rows"].size(), 3U);
  const json last = json::parse(get(job, {{"location", "EU"}, {"pageToken", page["pageToken"]}}).body);
  EXPECT_EQ(last["rows"].size(), 2U);
  EXPECT_FALSE(last.contains("pageToken"));
  EXPECT_EQ(reason(get(job)), "notFound") << "outside US a job is found by its location alone";
  EXPECT_EQ(reason(get(job, {{"location", "EU"}, {"pageToken", "x"}})), "invalid");
  EXPECT_EQ(reason(get(job, {{"location", "EU"}, {"page", "x"}})), "invalid");
  world_.now += hours(24);
  sign_in();
  EXPECT_EQ(reason(get(job, {{"location", "EU"}})), "notFound") << "answers are kept for a day";
}

TEST_F(BigQueryPeerTest, ARequestIdRunsOnce) {
  event("a.1", hours(48));
  json q = day();
  q["requestId"] = "r-1";
  const json first = json::parse(post(q).body);
  EXPECT_EQ(json::parse(post(q).body)["jobReference"], first["jobReference"]);
  q["requestId"] = "r-2";
  EXPECT_NE(json::parse(post(q).body)["jobReference"], first["jobReference"]);
}

struct Refused {
  const char* name;
  std::function<void(json&)> change;
  const char* reason;
};

TEST_F(BigQueryPeerTest, EachFaultOfARequestIsRefused) {
  event("a.1", hours(48));
  event("b.1", hours(24 * 900));
  const std::vector<Refused> kFaults = {
      {"good", [](json&) {}, ""},
      {"no query", [](json& q) { q.erase("query"); }, "invalid"},
      {"unknown field", [](json& q) { q["maxRows"] = 5; }, "invalid"},
      {"legacy by default", [](json& q) { q.erase("useLegacySql"); }, "invalidQuery"},
      {"legacy", [](json& q) { q["useLegacySql"] = true; }, "invalidQuery"},
      {"no location: US", [](json& q) { q.erase("location"); }, "notFound"},
      {"another location", [](json& q) { q["location"] = "europe-west3"; }, "notFound"},
      {"bytes that are no number", [](json& q) { q["maximumBytesBilled"] = "20 GB"; }, "invalid"},
      {"dryRun as text", [](json& q) { q["dryRun"] = "true"; }, "invalid"},
      {"a long request id", [](json& q) { q["requestId"] = std::string(37, 'x'); }, "invalid"},
      {"no parameter mode", [](json& q) { q.erase("parameterMode"); }, "invalid"},
      {"a parameter is missing", [](json& q) { q["queryParameters"].erase(0); }, "invalidQuery"},
      {"a parameter too many", [](json& q) { q["queryParameters"].push_back(text("x", "y")); }, "invalidQuery"},
      {"a list as a text", [](json& q) { q["queryParameters"][0] = text("zone", "UTC"); }, "invalidQuery"},
      {"a text as a list",
       [](json& q) {
         q["queryParameters"][1] = list("zone", {"UTC", "UTC"});
       },
       "invalidQuery"},
      {"an untyped parameter", [](json& q) { q["queryParameters"][1].erase("parameterType"); }, "invalid"},
      {"a number for a text", [](json& q) { q["queryParameters"][1]["parameterValue"]["value"] = 1; }, "invalid"},
      {"an unknown zone", [](json& q) { q["queryParameters"][1] = text("zone", "Europe/Atlantis"); }, "invalidQuery"},
      {"other SQL",
       [](json& q) { q["query"] = "SELECT * FROM `sandbox-analytics.analytics_123456789.events_20261118`"; },
       "invalidQuery"},
      {"one word changed",
       [](json& q) {
         std::string sql = q["query"];
         sql.replace(sql.find("MIN(happened)"), 13, "MAX(happened)");
         q["query"] = sql;
       },
       "invalidQuery"},
      {"more white space",
       [](json& q) {
         std::string sql = q["query"];
         sql.replace(sql.find("  SELECT"), 8, "\n\n\tSELECT");
         q["query"] = sql;
       },
       ""},
      {"no such table", [](json& q) { q["query"] = day("events_20261119")["query"]; }, "notFound"},
      {"a column that the table had not yet", [](json& q) { q["query"] = day("events_20240603")["query"]; },
       "invalidQuery"},
  };
  for (const Refused& f : kFaults) {
    json q = day();
    f.change(q);
    EXPECT_EQ(reason(post(q)), f.reason) << f.name;
  }
  EXPECT_EQ(reason(post(day(), "another")), "accessDenied");
}

TEST_F(BigQueryPeerTest, EverythingElseIsNotFound) {
  EXPECT_EQ(get("/bigquery/v3/projects").status, 404);
  EXPECT_EQ(reason(get(kProjects + "/datasets/other")), "notFound");
  EXPECT_EQ(reason(get(kProjects + "/jobs")), "notFound");
}

}  // namespace
}  // namespace hw::sandbox
