#include "connectors/hubspot/peer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/zone.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Timestamp kStart = read_time("2026-11-20T10:00:00Z", Zone::utc())->at;
const std::string kDeals = "/crm/objects/2026-09/deals";
const std::string kTies = "/crm/associations/2026-09/deals/contacts/batch/read";

HttpRequest request(std::string method, const std::string& path_and_query, std::string body = "") {
  HttpRequest r;
  r.method = std::move(method);
  const std::size_t q = path_and_query.find('?');
  r.path = path_and_query.substr(0, q);
  std::string rest = q == std::string::npos ? "" : path_and_query.substr(q + 1);
  while (!rest.empty()) {
    const std::size_t amp = rest.find('&'), eq = rest.find('=');
    r.query[rest.substr(0, eq)] = rest.substr(eq + 1, amp == std::string::npos ? amp : amp - eq - 1);
    rest = amp == std::string::npos ? "" : rest.substr(amp + 1);
  }
  r.headers["authorization"] = "Bearer sandbox-token";
  if (!body.empty()) r.headers["content-type"] = "application/json";
  r.body = std::move(body);
  return r;
}

std::string header(const HttpResponse& r, const std::string& name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return "";
}

class HubspotPeerTest : public ::testing::Test {
 protected:
  HubspotPeerTest() { world.now = kStart; }
  json get(const std::string& path, int status = 200) { return checked(request("GET", path), status); }
  json post(const std::string& path, const std::string& body, int status = 200) {
    return checked(request("POST", path, body), status);
  }
  json checked(const HttpRequest& r, int status) {
    const HttpResponse got = peer->handle(r);
    EXPECT_EQ(got.status, status) << r.path << " " << r.body << " -> " << got.body;
    return json::parse(got.body);
  }
  std::string search_body(const std::string& filter, int limit = 200, const std::string& after = "0") {
    return R"({"filterGroups":[{"filters":[)" + filter +
           R"(]}],"sorts":[{"propertyName":"hs_object_id","direction":"ASCENDING"}],"properties":["amount"],"limit":)" +
           std::to_string(limit) + R"(,"after":")" + after + R"("})";
  }
  void pass(Duration d) { world.now += d; }

  World world;
  std::unique_ptr<Peer> peer = make_hubspot_peer(world);
};

std::string with_inputs(int n) {
  std::string body = R"({"inputs":[)";
  for (int i = 0; i < n; ++i) body += (i > 0 ? "," : "") + std::string(R"({"id":")") + std::to_string(i + 1) + R"("})";
  return body + "]";
}

std::string search_with(const std::string& member, const std::string& value) {
  json body = {{"filterGroups", json::array()},
               {"sorts", json::array()},
               {"properties", json::array()},
               {"limit", 10},
               {"after", "0"}};
  body[member] = json::parse(value);
  return body.dump();
}

std::string filters(int n) {
  json all = json::array();
  for (int i = 0; i < n; ++i) all.push_back({{"propertyName", "amount"}, {"operator", "HAS_PROPERTY"}});
  return all.dump();
}

TEST_F(HubspotPeerTest, RefusesWhatHubspotsDocumentationForbids) {
  const std::string batch = kDeals + "/batch/read", search = kDeals + "/search";
  const std::string empty_lists = R"(,"properties":[],"propertiesWithHistory":[]})";
  auto group = [](const std::string& filter) {
    return search_with("filterGroups", R"([{"filters":[)" + filter + "]}]");
  };
  const std::string groups7 = search_with(
      "filterGroups", "[" + [] {
        std::string s;
        for (int i = 0; i < 7; ++i) s += (i > 0 ? "," : "") + std::string(R"({"filters":)") + filters(1) + "}";
        return s;
      }() + "]");
  const std::string total26 = search_with("filterGroups", R"([{"filters":)" + filters(10) + R"(},{"filters":)" +
                                                              filters(10) + R"(},{"filters":)" + filters(6) + "}]");
  struct Row {
    const char* name;
    HttpRequest request;
    int status;
    const char* says;
  };
  const std::vector<Row> rows = {
      {"unknown path", request("GET", "/crm/v3/objects/deals"), 404, "not found"},
      {"unknown object", request("GET", "/crm/objects/2026-09/tickets"), 404, "not found"},
      {"one record's associations", request("GET", kDeals + "/1/associations/contacts"), 404, "not found"},
      {"wrong method", request("POST", kDeals, "{}"), 405, "Not Allowed"},
      {"search by GET", request("GET", search), 405, "Not Allowed"},
      {"unknown parameter", request("GET", kDeals + "?since=1"), 400, "'since'"},
      {"list of 101", request("GET", kDeals + "?limit=101"), 400, "100"},
      {"list of 0", request("GET", kDeals + "?limit=0"), 400, "limit"},
      {"list of 51 with history", request("GET", kDeals + "?limit=51&propertiesWithHistory=amount"), 400, "50"},
      {"archived is no boolean", request("GET", kDeals + "?archived=1"), 400, "archived"},
      {"after is no token", request("GET", kDeals + "?after=x"), 400, "after"},
      {"batch without content type",
       [&] {
         auto r = request("POST", batch, "{}");
         r.headers.erase("content-type");
         return r;
       }(),
       415, "Media"},
      {"batch without JSON", request("POST", batch, "{"), 400, "JSON"},
      {"batch that is a list", request("POST", batch, "[]"), 400, "no object"},
      {"batch without propertiesWithHistory", request("POST", batch, R"({"inputs":[],"properties":[]})"), 400,
       "'propertiesWithHistory'"},
      {"batch with an unknown member",
       request("POST", batch, R"({"inputs":[],"properties":[],"propertiesWithHistory":[],"limit":1})"), 400, "'limit'"},
      {"batch of 101", request("POST", batch, with_inputs(101) + empty_lists), 400, "100"},
      {"batch of 51 with history",
       request("POST", batch, with_inputs(51) + R"(,"properties":[],"propertiesWithHistory":["dealstage"]})"), 400,
       "50"},
      {"batch id that is a number", request("POST", batch, R"({"inputs":[{"id":1}])" + empty_lists), 400, "no string"},
      {"batch by another property",
       request("POST", batch, R"({"inputs":[],"properties":[],"propertiesWithHistory":[],"idProperty":"dealname"})"),
       400, "idProperty"},
      {"search without after", request("POST", search, R"({"filterGroups":[],"sorts":[],"properties":[],"limit":1})"),
       400, "'after'"},
      {"search without sorts", request("POST", search, R"({"filterGroups":[],"after":"0","properties":[],"limit":1})"),
       400, "'sorts'"},
      {"search with an unknown member", request("POST", search, search_with("filters", "[]")), 400, "'filters'"},
      {"search of 201", request("POST", search, search_with("limit", "201")), 400, "200"},
      {"search with limit as text", request("POST", search, search_with("limit", "\"10\"")), 400, "integer"},
      {"search with after as number", request("POST", search, search_with("after", "0")), 400, "no string"},
      {"search past the wall", request("POST", search, search_with("after", "\"9991\"")), 400, "10,000"},
      {"two sorts", request("POST", search, search_with("sorts", R"(["amount","dealname"])")), 400, "one sort"},
      {"sort by no property", request("POST", search, search_with("sorts", R"(["nope"])")), 400, "nope"},
      {"sort in no direction",
       request("POST", search, search_with("sorts", R"([{"propertyName":"amount","direction":"UP"}])")), 400,
       "direction"},
      {"seven groups", request("POST", search, groups7), 400, "6 filter groups"},
      {"eleven filters", request("POST", search, search_with("filterGroups", R"([{"filters":)" + filters(11) + "}]")),
       400, "1 to 10"},
      {"26 filters", request("POST", search, total26), 400, "25 filters"},
      {"unknown operator", request("POST", search, group(R"({"propertyName":"amount","operator":"LIKE","value":"1"})")),
       400, "LIKE"},
      {"unknown filter property",
       request("POST", search, group(R"({"propertyName":"nope","operator":"EQ","value":"1"})")), 400, "nope"},
      {"filter without value", request("POST", search, group(R"({"propertyName":"amount","operator":"EQ"})")), 400,
       "'value'"},
      {"filter value as number",
       request("POST", search, group(R"({"propertyName":"amount","operator":"EQ","value":1})")), 400, "no string"},
      {"IN with a value", request("POST", search, group(R"({"propertyName":"dealstage","operator":"IN","value":"x"})")),
       400, "'values'"},
      {"BETWEEN without highValue",
       request("POST", search, group(R"({"propertyName":"amount","operator":"BETWEEN","value":"1"})")), 400,
       "highValue"},
      {"datetime as ISO text",
       request("POST", search,
               group(R"({"propertyName":"hs_lastmodifieddate","operator":"GTE","value":"2026-11-20T10:00:00Z"})")),
       400, "whole number"},
      {"an unknown member of a filter",
       request("POST", search, group(R"({"propertyName":"amount","operator":"HAS_PROPERTY","negate":true})")), 400,
       "'negate'"},
      {"a query of 3001 characters",
       request("POST", search, search_with("query", "\"" + std::string(3001, 'x') + "\"")), 400, "3000"},
      {"ties without inputs", request("POST", kTies, "{}"), 400, "'inputs'"},
      {"ties of 1001", request("POST", kTies, with_inputs(1001) + "}"), 400, "1000"},
      {"ties with an unknown member", request("POST", kTies, R"({"inputs":[{"id":"1","limit":5}]})"), 400, "'limit'"},
  };
  for (const Row& row : rows) {
    const HttpResponse got = peer->handle(row.request);
    EXPECT_EQ(got.status, row.status) << row.name << ": " << got.body;
    EXPECT_THAT(got.body, HasSubstr(row.says)) << row.name;
    const json body = json::parse(got.body);
    EXPECT_EQ(body["status"], "error") << row.name;
    EXPECT_TRUE(body.contains("correlationId")) << row.name;
    pass(seconds(1));
  }
}

TEST_F(HubspotPeerTest, SignsInByStaticTokenOrByOneItIssued) {
  HttpRequest r = request("GET", kDeals);
  r.headers["authorization"] = "Bearer wrong";
  EXPECT_EQ(checked(r, 401)["category"], "INVALID_AUTHENTICATION");
  r.headers.erase("authorization");
  checked(r, 401);

  HttpRequest token = request(
      "POST", "/oauth/2026-09/token",
      "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-refresh");
  const json issued = checked(token, 200);
  EXPECT_EQ(issued["expires_in"], 1800);
  r.headers["authorization"] = "Bearer " + issued["access_token"].get<std::string>();
  checked(r, 200);
  pass(seconds(1800));
  EXPECT_EQ(checked(r, 401)["category"], "EXPIRED_AUTHENTICATION");

  for (const char* body :
       {"grant_type=password&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-refresh",
        "grant_type=refresh_token&client_id=x&client_secret=sandbox-secret&refresh_token=sandbox-refresh",
        "grant_type=refresh_token&client_id=sandbox-client&client_secret=x&refresh_token=sandbox-refresh",
        "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=x", "nothing"}) {
    token.body = body;
    checked(token, 400);
  }
}

TEST_F(HubspotPeerTest, LimitsSearchesPerSecondAndAllRequestsPerTenSeconds) {
  const std::string body = search_with("limit", "1");
  for (int i = 0; i < 5; ++i) post(kDeals + "/search", body);
  const json refused = post(kDeals + "/search", body, 429);
  EXPECT_EQ(refused["policyName"], "SECONDLY");
  EXPECT_EQ(refused["errorType"], "RATE_LIMIT");
  pass(seconds(1));
  post(kDeals + "/search", body);
  pass(seconds(20));
  for (int i = 0; i < 190; ++i) get(kDeals);
  EXPECT_EQ(get(kDeals, 429)["policyName"], "TEN_SECONDLY_ROLLING");
  pass(seconds(10));
  const HttpResponse r = peer->handle(request("GET", kDeals));
  EXPECT_EQ(header(r, "X-HubSpot-RateLimit-Max"), "190");
  EXPECT_EQ(header(r, "X-HubSpot-RateLimit-Remaining"), "189");
  EXPECT_EQ(header(r, "Date"), "Fri, 20 Nov 2026 10:00:31 GMT");
}

TEST_F(HubspotPeerTest, ListsPageByPageAndArchivedRecordsApart) {
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i)
    made.push_back(world.crm.create("deals", {{"name", "Deal"}, {"stage", "won"}}, world.now));
  world.crm.archive("deals", made[1], world.now);
  std::vector<std::string> seen;
  std::string after = "0";
  for (int pages = 0; pages < 2; ++pages) {
    const json page = get(kDeals + "?limit=2&properties=dealstage,nope,amount&after=" + after);
    for (const json& r : page["results"]) {
      seen.push_back(r["id"]);
      EXPECT_EQ(r["properties"]["dealstage"], "closedwon");
      EXPECT_TRUE(r["properties"]["amount"].is_null());
      EXPECT_FALSE(r["properties"].contains("nope"));
    }
    after = page.contains("paging") ? page["paging"]["next"]["after"].get<std::string>() : "";
  }
  EXPECT_THAT(seen, ElementsAre(made[0], made[2], made[3], made[4]));
  EXPECT_EQ(after, "");
  const json archived = get(kDeals + "?archived=true&limit=100");
  ASSERT_EQ(archived["results"].size(), 1U);
  EXPECT_EQ(archived["results"][0]["archivedAt"], "2026-11-20T10:00:00.000Z");
  pass(hours(24 * 91));
  EXPECT_EQ(get(kDeals + "?archived=true&limit=100")["results"].size(), 0U) << "kept for 90 days";
}

TEST_F(HubspotPeerTest, ASearchSeesAChangeTwentySecondsLater) {
  const std::string id = world.crm.create("deals", {{"amount", "5"}}, world.now);
  const std::string five = search_body(R"({"propertyName":"amount","operator":"EQ","value":"5.00"})");
  EXPECT_EQ(post(kDeals + "/search", five)["total"], 0);
  pass(seconds(20));
  EXPECT_EQ(post(kDeals + "/search", five)["total"], 1);
  world.crm.set("deals", id, "amount", "6", world.now);
  pass(seconds(19));
  EXPECT_EQ(post(kDeals + "/search", five)["total"], 1);
  pass(seconds(1));
  EXPECT_EQ(post(kDeals + "/search", five)["total"], 0);
  world.crm.archive("deals", id, world.now);
  EXPECT_EQ(post(kDeals + "/search", search_with("limit", "10"))["total"], 0) << "archived records never";
}

TEST_F(HubspotPeerTest, SearchFiltersByEveryOperator) {
  const std::string a =
      world.crm.create("deals", {{"amount", "5"}, {"stage", "won"}, {"name", "Alpha seats"}}, world.now);
  const std::string b = world.crm.create("deals", {{"amount", "9"}, {"stage", "lost"}, {"name", "Beta"}}, world.now);
  const std::string c = world.crm.create("deals", {{"stage", "proposal"}}, world.now);
  struct Row {
    const char* filter;
    std::vector<std::string> ids;
  };
  const std::vector<Row> rows = {
      {R"({"propertyName":"amount","operator":"GT","value":"5"})", {b}},
      {R"({"propertyName":"amount","operator":"GTE","value":"5"})", {a, b}},
      {R"({"propertyName":"amount","operator":"LT","value":"9"})", {a}},
      {R"({"propertyName":"amount","operator":"LTE","value":"9"})", {a, b}},
      {R"({"propertyName":"amount","operator":"BETWEEN","value":"6","highValue":"10"})", {b}},
      {R"({"propertyName":"amount","operator":"HAS_PROPERTY"})", {a, b}},
      {R"({"propertyName":"amount","operator":"NOT_HAS_PROPERTY"})", {c}},
      {R"({"propertyName":"amount","operator":"NEQ","value":"5"})", {b, c}},
      {R"({"propertyName":"dealstage","operator":"EQ","value":"closedwon"})", {a}},
      {R"({"propertyName":"dealstage","operator":"IN","values":["closedwon","closedlost"]})", {a, b}},
      {R"({"propertyName":"dealstage","operator":"NOT_IN","values":["closedwon","closedlost"]})", {c}},
      {R"({"propertyName":"dealname","operator":"CONTAINS_TOKEN","value":"alpha"})", {a}},
      {R"({"propertyName":"dealname","operator":"NOT_CONTAINS_TOKEN","value":"alpha"})", {b, c}},
      {R"({"propertyName":"hs_is_closed","operator":"EQ","value":"false"})", {c}},
      {R"({"propertyName":"hs_is_closed_won","operator":"EQ","value":"true"})", {a}},
      {R"({"propertyName":"hs_object_id","operator":"GT","value":"1000037"})", {b, c}},
  };
  pass(hours(1));
  for (const Row& row : rows) {
    std::vector<std::string> found;
    const json got = post(kDeals + "/search", search_body(row.filter));
    for (const json& r : got["results"]) found.push_back(r["id"]);
    EXPECT_EQ(found, row.ids) << row.filter;
    pass(seconds(1));
  }
}

TEST_F(HubspotPeerTest, SearchPagesAndSortsEitherWay) {
  for (int i = 0; i < 5; ++i) world.crm.create("deals", {{"amount", std::to_string(i)}}, world.now);
  pass(hours(1));
  const std::string all = R"({"propertyName":"amount","operator":"HAS_PROPERTY"})";
  const json first = post(kDeals + "/search", search_body(all, 3));
  EXPECT_EQ(first["total"], 5);
  EXPECT_EQ(first["paging"]["next"]["after"], "3");
  const json second = post(kDeals + "/search", search_body(all, 3, "3"));
  EXPECT_EQ(second["results"].size(), 2U);
  EXPECT_FALSE(second.contains("paging"));
  for (const char* sort : {R"(["-amount"])", R"([{"propertyName":"amount","direction":"DESCENDING"}])"}) {
    json body = json::parse(search_with("sorts", sort));
    body["properties"] = {"amount"};
    EXPECT_EQ(post(kDeals + "/search", body.dump())["results"][0]["properties"]["amount"], "4");
  }
}

TEST_F(HubspotPeerTest, BatchReadsGiveHistoriesNewestFirstAndOnlyTheLatest) {
  const std::string deal = world.crm.create("deals", {{"stage", "appointment"}, {"amount", "0"}}, world.now);
  const std::string contact = world.crm.create("contacts", {{"lifecycle", "lead"}}, world.now);
  for (int i = 1; i <= 60; ++i) {
    pass(seconds(60));
    world.crm.set("deals", deal, "amount", std::to_string(i), world.now);
    world.crm.set("contacts", contact, "lifecycle", "s" + std::to_string(i), world.now);
  }
  auto history = [&](const std::string& type, const std::string& id, const std::string& property) {
    const json got =
        post("/crm/objects/2026-09/" + type + "/batch/read", json{{"inputs", json::array({{{"id", id}}})},
                                                                  {"properties", json::array()},
                                                                  {"propertiesWithHistory", json::array({property})}}
                                                                 .dump());
    return got["results"][0]["propertiesWithHistory"][property];
  };
  const json amounts = history("deals", deal, "amount");
  ASSERT_EQ(amounts.size(), 20U);
  EXPECT_EQ(amounts[0]["value"], "60");
  EXPECT_EQ(amounts[19]["value"], "41");
  EXPECT_EQ(amounts[0]["sourceType"], "CRM_UI");
  EXPECT_EQ(history("contacts", contact, "lifecyclestage").size(), 45U);
}

TEST_F(HubspotPeerTest, BatchReadsNameWhatIsNotThereInAMultiStatus) {
  const std::string here = world.crm.create("deals", {}, world.now), gone = world.crm.create("deals", {}, world.now);
  world.crm.merge("deals", gone, here, world.now);
  const std::string body = R"({"inputs":[{"id":")" + here + R"("},{"id":")" + gone +
                           R"("}],"properties":["hs_merged_object_ids"],"propertiesWithHistory":[]})";
  const json got = post(kDeals + "/batch/read", body, 207);
  EXPECT_EQ(got["numErrors"], 1);
  EXPECT_EQ(got["errors"][0]["context"]["ids"], json::array({gone}));
  EXPECT_EQ(got["results"][0]["properties"]["hs_merged_object_ids"], gone);
}

TEST_F(HubspotPeerTest, AssociationsPageAndNameThePrimary) {
  const std::string deal = world.crm.create("deals", {}, world.now), bare = world.crm.create("deals", {}, world.now);
  std::vector<std::string> people;
  for (int i = 0; i < 3; ++i) {
    people.push_back(world.crm.create("contacts", {}, world.now));
    world.crm.tie("deals", deal, "contacts", people.back(), i == 0, world.now);
  }
  const json got = post(kTies, R"({"inputs":[{"id":")" + deal + R"("},{"id":")" + bare + R"("}]})", 207);
  ASSERT_EQ(got["results"].size(), 1U);
  const json& one = got["results"][0];
  EXPECT_EQ(one["to"].size(), 2U);
  EXPECT_EQ(one["to"][0]["toObjectId"], people[0]);
  EXPECT_EQ(one["to"][0]["associationTypes"][1]["label"], "Primary contact");
  EXPECT_EQ(got["errors"][0]["subCategory"], "crm.associations.NO_ASSOCIATIONS_FOUND");
  const json rest = post(kTies, R"({"inputs":[{"id":")" + deal + R"(","after":")" +
                                    one["paging"]["next"]["after"].get<std::string>() + R"("}]})");
  EXPECT_EQ(rest["results"][0]["to"][0]["toObjectId"], people[2]);
  EXPECT_FALSE(rest["results"][0].contains("paging"));
  const json back =
      post("/crm/associations/2026-09/contacts/deals/batch/read", R"({"inputs":[{"id":")" + people[1] + R"("}]})");
  EXPECT_EQ(back["results"][0]["to"][0]["toObjectId"], deal);
}

TEST_F(HubspotPeerTest, DescribesItsPropertiesPipelinesAndCurrency) {
  world.crm.create("contacts", {{"ga_client_id", "1.2"}, {"gclid", "x"}}, world.now);
  std::vector<std::string> names;
  const json properties = get("/crm/properties/2026-09/contacts");
  for (const json& p : properties["results"]) names.push_back(p["name"]);
  EXPECT_THAT(names, ::testing::Contains("ga_client_id"));
  EXPECT_THAT(names, ::testing::Contains("hs_google_click_id"));
  EXPECT_THAT(names, ::testing::Not(::testing::Contains("gclid")));
  EXPECT_EQ(get("/crm/pipelines/2026-09/deals")["results"][0]["stages"][4]["metadata"]["probability"], "1.0");
  EXPECT_EQ(get("/settings/currencies/2026-09/company-currency")["currencyCode"], "EUR");
}

}  // namespace
}  // namespace hw::sandbox
