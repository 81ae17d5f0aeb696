#include "connectors/hubspot/writer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "connectors/hubspot/test_portal.h"

namespace hw::connectors::hubspot {
namespace {

using connect::FieldValues;
using connect::Finding;
using connect::Scope;
using connect::Verdict;
using std::chrono::seconds;
using ::testing::HasSubstr;
using Values = std::map<std::string, std::string>;
using Severity = Finding::Severity;

class HubspotWriterTest : public ::testing::Test {
 protected:
  HubspotWriterTest() {
    portal.world.crm.custom_properties = {
        {.type = "contacts", .name = "first_source"},
        {.type = "contacts", .name = "first_at", .kind = "datetime"},
        {.type = "contacts", .name = "touches", .kind = "number"},
        {.type = "contacts", .name = "choice", .kind = "enumeration", .options = {"google"}},
        {.type = "contacts", .name = "frozen", .read_only = true}};
  }
  connect::SourceFieldWriter& writer() { return *portal.connector().source_fields(); }
  static RecordRef ref(const std::string& id) { return {"crm", Object::contact, id}; }
  std::vector<connect::Outcome> write(const std::vector<FieldValues>& changes) {
    Result<connect::Answer> answer = writer().write(changes, {});
    EXPECT_TRUE(answer) << answer.error().detail;
    return answer ? answer->outcomes : std::vector<connect::Outcome>(changes.size());
  }
  std::vector<FieldValues> current(const std::vector<std::string>& ids, const std::vector<std::string>& fields) {
    std::vector<RecordRef> refs;
    for (const std::string& id : ids) refs.push_back(ref(id));
    auto got = writer().current(refs, fields, {});
    EXPECT_TRUE(got);
    return got ? *got : std::vector<FieldValues>{};
  }
  Result<connect::Answer> refused(int status, const char* body) {
    portal.http.intercept = [=](const http::Request&) { return http::Response{status, {}, body}; };
    return writer().write(std::vector<FieldValues>{{ref("1"), {{"first_source", "x"}}}}, {});
  }
  std::string finding(const std::string& field, Severity severity) {
    connect::References references;
    references.written_fields = {{Object::contact, field}};
    auto all = portal.connector().check_online(references, {});
    EXPECT_TRUE(all);
    for (const Finding& f : *all)
      if (f.subject == "source field '" + field + "'" && f.severity == severity) return f.message;
    return "";
  }

  Portal portal;
};

TEST_F(HubspotWriterTest, WhatWasWrittenIsReadBackAndComesBackThroughTheSearch) {
  const std::string id = portal.contact();
  portal.read("contacts");
  portal.pass(seconds(600));
  const Values values = {{"first_source", "google"}, {"first_at", "2026-09-21T14:13:20Z"}, {"touches", "3"}};
  const auto outcomes = write({{ref(id), values}});
  EXPECT_EQ(outcomes[0].verdict, Verdict::accepted);
  const auto held = current({id}, {"first_source", "first_at", "touches", "choice"});
  ASSERT_EQ(held.size(), 1U);
  Values expected = values;
  expected["choice"] = "";
  EXPECT_EQ(held[0].values, expected);
  portal.pass(seconds(600));
  EXPECT_EQ(ids(of<RecordState>(portal.read("contacts"))), std::vector{id}) << "the echo";
}

TEST_F(HubspotWriterTest, RecordsThatThePortalDoesNotShowAreLeftOutAndRefused) {
  const std::string here = portal.contact(), gone = portal.contact(), loser = portal.contact();
  portal.world.crm.archive("contacts", gone, portal.world.now);
  portal.world.crm.merge("contacts", loser, here, portal.world.now);
  const auto held = current({gone, here, loser}, {"first_source"});
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].ref.id, here);
  const Values values = {{"first_source", "google"}};
  const auto outcomes = write({{ref(gone), values}, {ref(here), values}, {ref(loser), values}, {ref("5"), values}});
  EXPECT_EQ(outcomes[0].code, "object_not_found");
  EXPECT_EQ(outcomes[0].verdict, Verdict::reject_row);
  EXPECT_EQ(outcomes[1].verdict, Verdict::accepted);
  EXPECT_EQ(outcomes[2].verdict, Verdict::reject_row);
  EXPECT_EQ(outcomes[3].verdict, Verdict::reject_row);
}

TEST_F(HubspotWriterTest, ARuleOfTheAdminsIsToldInItsOwnWordsOnceTheRowStandsAlone) {
  const std::string good = portal.contact(), bad = portal.contact({{"lifecycle", "customer"}});
  portal.world.crm.rules = {{"contacts", "lifecycle", "customer", "country"}};
  const Values values = {{"first_source", "google"}};
  const auto both = write({{ref(good), values}, {ref(bad), values}});
  EXPECT_EQ(both[0].verdict, Verdict::reject_batch);
  EXPECT_EQ(both[1].verdict, Verdict::reject_batch);
  EXPECT_EQ(portal.world.crm.find("contacts", good)->get("first_source"), "") << "all or nothing";
  const auto alone = write({{ref(bad), values}});
  EXPECT_EQ(alone[0].verdict, Verdict::reject_row);
  EXPECT_THAT(alone[0].detail, HasSubstr("'country' is required"));
  EXPECT_EQ(write({{ref(good), values}})[0].verdict, Verdict::accepted);
}

TEST_F(HubspotWriterTest, AFieldThatCannotBeWrittenConcernsTheWriterNotTheRecord) {
  const std::string id = portal.contact();
  for (const auto& [field, code] : Values{{"nowhere", "property_doesnt_exist"},
                                          {"frozen", "read_only_value"},
                                          {"hs_analytics_source", "read_only_value"},
                                          {"touches", "invalid_float"}}) {
    const auto outcomes = write({{ref(id), {{field, "newsletter"}}}});
    EXPECT_EQ(outcomes[0].verdict, Verdict::pause) << field;
    EXPECT_EQ(outcomes[0].scope, Scope::destination) << field;
    EXPECT_EQ(outcomes[0].code, code) << field;
    EXPECT_THAT(outcomes[0].detail, HasSubstr("'" + field + "'")) << field;
    EXPECT_EQ(outcomes[0].detail.find("newsletter"), std::string::npos) << outcomes[0].detail;
  }
  EXPECT_EQ(write({{ref(id), {{"choice", "newsletter"}}}})[0].verdict, Verdict::reject_row);
}

TEST_F(HubspotWriterTest, WithoutAnAnswerOfItsRowsACallIsJudgedAsAWhole) {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Action action;
    const char* code;
    bool maybe_applied;
  };
  const std::vector<Row> rows = {
      {"token refused", 401, R"({"message":"no"})", Action::pause, "http_401", false},
      {"scope missing", 403, R"({"category":"MISSING_SCOPES","message":"no"})", Action::pause, "missing_scopes", false},
      {"ten seconds' limit", 429, R"({"policyName":"TEN_SECONDLY_ROLLING"})", Action::retry, "http_429", false},
      {"the day's limit", 429, R"({"policyName":"DAILY"})", Action::retry, "daily_limit", false},
      {"locked", 423, "{}", Action::retry, "http_423", false},
      {"server error", 500, "{}", Action::retry, "http_500", true},
      {"gateway time-out", 504, "<html>", Action::retry, "http_504", true},
      {"a page for an answer", 200, "<html>", Action::retry, "no_json", true},
      {"a page for a refusal", 400, "<html>", Action::retry, "no_json", false},
      {"cut off", 200, R"({"results":[)", Action::retry, "bad_answer", true},
  };
  for (const Row& row : rows) {
    const Result<connect::Answer> answer = refused(row.status, row.body);
    ASSERT_FALSE(answer) << row.name;
    EXPECT_EQ(answer.error().action, row.action) << row.name;
    EXPECT_EQ(answer.error().code, row.code) << row.name;
    EXPECT_EQ(answer.error().maybe_applied, row.maybe_applied) << row.name;
  }
}

TEST_F(HubspotWriterTest, WritingSharesThePortalsLane) {
  const std::string id = portal.contact();
  write({{ref(id), {{"first_source", "google"}}}});
  current({id}, {"first_source"});
  for (const http::Request& r : portal.http.requests) {
    ASSERT_EQ(r.lanes.size(), 1U);
    EXPECT_EQ(r.lanes[0].key, "portal/hubspot");
  }
}

TEST_F(HubspotWriterTest, NothingToDoAsksNothing) {
  EXPECT_TRUE(write({}).empty());
  EXPECT_TRUE(current({}, {"first_source"}).empty());
  EXPECT_TRUE(portal.http.requests.empty());
  EXPECT_EQ(writer().max_records(), 100U);
  EXPECT_EQ(Portal({{"write_batch", std::int64_t{20}}}).connector().source_fields()->max_records(), 20U);
}

TEST_F(HubspotWriterTest, CheckOnlineKnowsWhichPropertiesTakeSourceFields) {
  portal.world.crm.custom_properties.push_back({.type = "contacts", .name = "utm_source"});
  portal.world.crm.custom_properties.push_back({.type = "contacts", .name = "day", .kind = "date"});
  for (const char* field : {"first_source", "first_at", "touches"})
    EXPECT_NE(finding(field, Severity::ok), "") << field;
  EXPECT_THAT(finding("first_sourc", Severity::error), HasSubstr("create it"));
  EXPECT_THAT(finding("frozen", Severity::error), HasSubstr("nobody"));
  EXPECT_THAT(finding("hs_analytics_first_url", Severity::error), HasSubstr("nobody"));
  EXPECT_THAT(finding("email", Severity::error), HasSubstr("personal"));
  EXPECT_THAT(finding("choice", Severity::error), HasSubstr("'enumeration'"));
  EXPECT_THAT(finding("day", Severity::error), HasSubstr("'date'"));
  EXPECT_THAT(finding("utm_source", Severity::warning), HasSubstr("also read as 'utm_source'"));
}

TEST_F(HubspotWriterTest, CheckOnlineMissesTheScopeAndChangesNothing) {
  const std::string id = portal.contact();
  const Timestamp modified = portal.world.crm.find("contacts", id)->modified;
  connect::References references;
  references.written_fields = {{Object::contact, "first_source"}, {Object::contact, "touches"}};
  auto scope = [&] {
    std::vector<Finding> out;
    auto all = portal.connector().check_online(references, {});
    EXPECT_TRUE(all);
    for (const Finding& f : *all)
      if (f.subject == "writing contacts") out.push_back(f);
    EXPECT_EQ(out.size(), 1U);
    return out.at(0);
  };
  EXPECT_EQ(scope().severity, Severity::ok);
  portal.world.sign_in.withheld_scopes = {"crm.objects.contacts.write"};
  EXPECT_EQ(scope().severity, Severity::error);
  EXPECT_THAT(scope().message, HasSubstr("crm.objects.contacts.write"));
  EXPECT_EQ(portal.world.crm.find("contacts", id)->modified, modified);
}

}  // namespace
}  // namespace hw::connectors::hubspot
