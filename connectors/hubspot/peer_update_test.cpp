#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/zone.h"
#include "connectors/hubspot/peer.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

const std::string kUpdate = "/crm/objects/2026-09/contacts/batch/update";

class HubspotPeerUpdateTest : public ::testing::Test {
 protected:
  HubspotPeerUpdateTest() {
    world.now = read_time("2026-11-20T10:00:00Z", Zone::utc())->at;
    world.crm.custom_properties = {{.type = "contacts", .name = "source"},
                                   {.type = "contacts", .name = "count", .kind = "number"},
                                   {.type = "contacts", .name = "at", .kind = "datetime"},
                                   {.type = "contacts", .name = "day", .kind = "date"},
                                   {.type = "contacts", .name = "flag", .kind = "bool"},
                                   {.type = "contacts", .name = "choice", .kind = "enumeration", .options = {"a", "b"}},
                                   {.type = "contacts", .name = "frozen", .read_only = true}};
    id = world.crm.create("contacts", {}, world.now);
  }
  HttpResponse post(const std::string& body) {
    HttpRequest r;
    r.method = "POST";
    r.path = kUpdate;
    r.headers = {{"authorization", "Bearer sandbox-token"}, {"content-type", "application/json"}};
    r.body = body;
    return peer->handle(r);
  }
  static json input(const std::string& record, const json& properties) {
    return {{"id", record}, {"properties", properties}};
  }
  static std::string inputs(const std::vector<json>& list) { return json{{"inputs", json(list)}}.dump(); }
  HttpResponse write(const json& properties) { return post(inputs({input(id, properties)})); }
  std::string held(const std::string& property) { return world.crm.find("contacts", id)->get(property); }

  World world;
  std::unique_ptr<Peer> peer = make_hubspot_peer(world);
  std::string id;
};

TEST_F(HubspotPeerUpdateTest, RefusesTheWholeOfWhatHubspotsDocumentationForbids) {
  std::vector<json> many;
  for (int i = 0; i < 101; ++i) many.push_back(input(std::to_string(i + 1), json::object()));
  struct Row {
    const char* name;
    std::string body;
    const char* says;
  };
  auto one = [&](const char* property, const char* value) { return inputs({input(id, {{property, value}})}); };
  const std::vector<Row> rows = {
      {"no inputs", "{}", "'inputs'"},
      {"an unknown member", R"({"inputs":[],"properties":[]})", "'properties'"},
      {"empty", R"({"inputs":[]})", "empty"},
      {"101 inputs", inputs(many), "at most 100"},
      {"an input without properties", R"({"inputs":[{"id":"1"}]})", "'properties'"},
      {"an id that is a number", R"({"inputs":[{"id":1,"properties":{}}]})", "no string"},
      {"an id that is no number", R"({"inputs":[{"id":"x","properties":{}}]})", "whole number"},
      {"a value that is a number", R"({"inputs":[{"id":"1","properties":{"count":3}}]})", "no string"},
      {"by a property that is not unique", R"({"inputs":[{"id":"1","idProperty":"hs_object_id","properties":{}}]})",
       "non-unique"},
      {"one record twice", inputs({input(id, {{"source", "a"}}), input(id, {{"source", "b"}})}), "Duplicate"},
      {"unknown property", one("sourc", "a"), "PROPERTY_DOESNT_EXIST"},
      {"read-only property", one("frozen", "a"), "READ_ONLY_VALUE"},
      {"HubSpot's own figure", one("hs_object_id", "1"), "READ_ONLY_VALUE"},
      {"HubSpot's analytics", one("hs_analytics_first_url", "a"), "READ_ONLY_VALUE"},
      {"a number with a comma", one("count", "1,000"), "INVALID_FLOAT"},
      {"a time that is none", one("at", "yesterday"), "INVALID_DATE"},
      {"a day with a time", one("day", "2026-11-20T10:00:00Z"), "INVALID_DATE"},
      {"no option", one("choice", "A"), "INVALID_OPTION"},
      {"no boolean", one("flag", "yes"), "INVALID_OPTION"},
      {"a text beyond 65536", one("source", std::string(65537, 'x').c_str()), "TOO_LONG"},
      {"one bad among good",
       inputs({input(id, {{"source", "a"}}), input("5", {{"count", "x"}}), input("6", {{"source", "a"}})}),
       "INVALID_FLOAT"},
  };
  for (const Row& row : rows) {
    const HttpResponse got = post(row.body);
    EXPECT_EQ(got.status, 400) << row.name << ": " << got.body;
    EXPECT_THAT(got.body, HasSubstr(row.says)) << row.name;
    EXPECT_EQ(json::parse(got.body)["category"], "VALIDATION_ERROR") << row.name;
    world.now += seconds(1);
  }
  EXPECT_TRUE(peer->written().empty());
}

TEST_F(HubspotPeerUpdateTest, AValueThatDoesNotFitIsNamedByItsPropertyInMessageAndErrors) {
  const json refused = json::parse(write({{"choice", "c"}}).body);
  EXPECT_EQ(refused["errors"][0]["code"], "INVALID_OPTION");
  EXPECT_EQ(refused["errors"][0]["context"]["propertyName"], json::array({"choice"}));
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr(R"("name":"choice")"));
}

TEST_F(HubspotPeerUpdateTest, WritesKeepTheTraceAndMoveTheStampEvenWhereNothingChanges) {
  world.now += seconds(60);
  json in = input(id, {{"source", "google"}, {"at", "2026-11-20T09:00:00Z"}});
  in["objectWriteTraceId"] = "r17";
  for (int writes = 1; writes <= 2; ++writes) {
    world.now += seconds(60);
    const HttpResponse got = post(inputs({in}));
    ASSERT_EQ(got.status, 200) << got.body;
    const json one = json::parse(got.body)["results"][0];
    EXPECT_EQ(one["objectWriteTraceId"], "r17");
    EXPECT_EQ(one["properties"]["source"], "google");
    EXPECT_EQ(one["properties"]["at"], "2026-11-20T09:00:00.000Z");
    EXPECT_EQ(world.crm.find("contacts", id)->modified, world.now);
    ASSERT_EQ(peer->written().size(), 2U);
    EXPECT_EQ(peer->written()[1].writes, writes);
  }
  EXPECT_EQ(held("at"), "2026-11-20T09:00:00Z");
}

TEST_F(HubspotPeerUpdateTest, RecordsThatAreNotThereAreNamedAndTheOthersWritten) {
  const std::string gone = world.crm.create("contacts", {}, world.now);
  const std::string loser = world.crm.create("contacts", {}, world.now);
  world.crm.archive("contacts", gone, world.now);
  world.crm.merge("contacts", loser, id, world.now);
  const json source = {{"source", "google"}};
  const HttpResponse got =
      post(inputs({input(gone, source), input("5", source), input(id, source), input(loser, source)}));
  EXPECT_EQ(got.status, 207);
  const json body = json::parse(got.body);
  EXPECT_EQ(body["results"].size(), 1U);
  EXPECT_EQ(body["errors"][0]["category"], "OBJECT_NOT_FOUND");
  EXPECT_EQ(body["errors"][0]["context"]["ids"], json::array({gone, "5", loser}));
  EXPECT_EQ(held("source"), "google");
}

TEST_F(HubspotPeerUpdateTest, AnAdminsRuleRefusesAWriteThatHasNothingToDoWithIt) {
  world.crm.set("contacts", id, "lifecycle", "customer", world.now);
  world.crm.rules = {{"contacts", "lifecycle", "customer", "country"}};
  const HttpResponse got = write({{"source", "google"}});
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.body, HasSubstr("'country' is required"));
  EXPECT_EQ(held("source"), "");
  EXPECT_EQ(write({{"source", "google"}, {"country", "DE"}}).status, 200);
}

TEST_F(HubspotPeerUpdateTest, NeedsTheScopeToWrite) {
  world.sign_in.withheld_scopes = {"crm.objects.contacts.write"};
  const HttpResponse got = write({{"source", "google"}});
  EXPECT_EQ(got.status, 403);
  const json body = json::parse(got.body);
  EXPECT_EQ(body["category"], "MISSING_SCOPES");
  EXPECT_EQ(body["errors"][0]["context"]["requiredGranularScopes"], json::array({"crm.objects.contacts.write"}));
}

TEST_F(HubspotPeerUpdateTest, NamesOfHubspotsOwnAreKeptInTheWorldsWords) {
  EXPECT_EQ(write({{"lifecyclestage", "marketingqualifiedlead"}, {"hs_google_click_id", "Cj0"}}).status, 200);
  EXPECT_EQ(held("lifecycle"), "mql");
  EXPECT_EQ(held("gclid"), "Cj0");
  EXPECT_EQ(peer->written()[0].field, "hs_google_click_id");
}

TEST_F(HubspotPeerUpdateTest, ItIsKnownWhatAPersonTypedAndWhatTheApiWrote) {
  write({{"source", "google"}, {"count", "3"}});
  world.crm.type_in("contacts", id, "source", {"fair", "sales@b2b.example.com"}, world.now);
  const std::vector<WrittenField> written = peer->written();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_TRUE(written[0].by_api);
  EXPECT_EQ(written[1].field, "source");
  EXPECT_EQ(written[1].value, "fair");
  EXPECT_FALSE(written[1].by_api);
  EXPECT_EQ(world.crm.find("contacts", id)->typed.at("source").by, "sales@b2b.example.com");
}

TEST_F(HubspotPeerUpdateTest, AnEmptyTextClears) {
  EXPECT_EQ(write({{"source", ""}}).status, 200);
  write({{"source", "google"}});
  const HttpResponse got = write({{"source", ""}, {"count", ""}});
  EXPECT_TRUE(json::parse(got.body)["results"][0]["properties"]["source"].is_null());
  ASSERT_EQ(peer->written().size(), 2U);
  EXPECT_EQ(peer->written()[1].value, "");
  EXPECT_EQ(peer->written()[1].writes, 3);
}

}  // namespace
}  // namespace hw::sandbox
