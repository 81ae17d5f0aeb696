#include <gmock/gmock.h>

#include <algorithm>

#include "conformance/conformance.h"
#include "connectors/hubspot/connector.h"
#include "connectors/hubspot/test_portal.h"

namespace hw::connectors::hubspot {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Severity = connect::Finding::Severity;

std::vector<connect::Finding> findings(Portal& portal, const connect::References& references) {
  auto got = portal.connector().check_online(references, {});
  EXPECT_TRUE(got);
  return got ? *got : std::vector<connect::Finding>{};
}

std::string find(const std::vector<connect::Finding>& all, const std::string& subject, Severity severity) {
  for (const connect::Finding& f : all)
    if (f.subject == subject && f.severity == severity) return f.message;
  return {};
}

TEST(HubspotPortal, CheckOnlineFindsFieldsStagesAndCurrency) {
  Portal portal;
  portal.contact({{"ga_client_id", "1.2"}});
  connect::References references;
  references.fields = {{Object::deal, "stage"}, {Object::deal, "dealstag"}, {Object::contact, "lifecycle"}};
  references.stage_values = {{"stage", "closedwon"},
                             {"dealstage", "closedwn"},
                             {"lifecycle", "lead"},
                             {"lifecyclestage", "leed"},
                             {"unheard_of", "x"}};
  const auto all = findings(portal, references);
  EXPECT_NE(find(all, "sign-in", Severity::ok), "");
  EXPECT_NE(find(all, "field 'stage'", Severity::ok), "");
  EXPECT_THAT(find(all, "field 'dealstag'", Severity::error), HasSubstr("did you mean 'dealstage'?"));
  EXPECT_NE(find(all, "value 'closedwon'", Severity::ok), "");
  EXPECT_THAT(find(all, "value 'closedwn'", Severity::error), HasSubstr("did you mean 'closedwon'?"));
  EXPECT_NE(find(all, "value 'lead'", Severity::ok), "");
  EXPECT_THAT(find(all, "value 'leed'", Severity::error), HasSubstr("did you mean 'lead'?"));
  EXPECT_EQ(find(all, "company currency", Severity::ok), "EUR");
  EXPECT_EQ(find(all, "property 'ga_client_id'", Severity::warning), "");
}

TEST(HubspotPortal, CheckOnlineWarnsOfAMissingClientIdProperty) {
  Portal portal;
  EXPECT_THAT(find(findings(portal, {}), "property 'ga_client_id'", Severity::warning), HasSubstr("create it"));
}

TEST(HubspotPortal, CheckOnlineReportsARefusedSignIn) {
  Portal portal;
  portal.http.intercept = [](const http::Request&) {
    return http::Response{401, {}, R"({"message":"Invalid access token."})"};
  };
  EXPECT_THAT(find(findings(portal, {}), "sign-in", Severity::error), HasSubstr("Invalid access token"));
}

TEST(HubspotPortal, CheckOnlineReportsThatNoCurrencyCanBeRead) {
  Portal portal;
  portal.http.intercept = [](const http::Request& r) -> std::optional<http::Response> {
    if (r.url.find("currencies") == std::string::npos) return {};
    return http::Response{403, {}, R"({"category":"MISSING_SCOPES","message":"no"})"};
  };
  EXPECT_THAT(find(findings(portal, {}), "company currency", Severity::error), HasSubstr("set company_currency"));
}

TEST(HubspotPortal, DiscoverListsStagesLifecycleAndProperties) {
  Portal portal;
  const auto got = portal.connector().discover({});
  ASSERT_TRUE(got);
  auto has = [&](const std::string& kind, const std::string& id) {
    return std::any_of(got->begin(), got->end(),
                       [&](const connect::RemoteObject& o) { return o.kind == kind && o.id == id; });
  };
  EXPECT_TRUE(has("stage", "closedwon"));
  EXPECT_TRUE(has("lifecycle", "marketingqualifiedlead"));
  EXPECT_TRUE(has("deals property", "deal_currency_code"));
}

TEST(HubspotPortal, RefusesItsOptionsWithTheirPlace) {
  const connect::ConnectorType type = hubspot_type();
  std::vector<connect::OptionError> errors;
  type.check(conformance::fill_defaults(type.options, {{"credential", std::string("portal")},
                                                       {"base_url", std::string("http://api.hubapi.com")}}),
             errors);
  ASSERT_FALSE(errors.empty());
  EXPECT_GT(errors[0].at.line, 0);
}

/// A small portal that always answers the same: two contacts, one deal.
http::Response good_day(const http::Request& r) {
  auto is = [&](const char* part) { return r.url.find(part) != std::string::npos; };
  const std::string record =
      R"({"id":"501","createdAt":"2026-10-01T08:00:00Z","updatedAt":"2026-11-01T09:30:00Z","archived":false,"properties":{
    "email":"jane.roe@example.com","phone":"+1 202 555 0143","firstname":"Janetta","lastname":"Roeburn","lifecyclestage":"lead",
    "amount":"18250","deal_currency_code":null,"dealstage":"closedwon","hs_analytics_first_url":"https://www.example.com/?mail=jane.roe@example.com"},
    "propertiesWithHistory":{"dealstage":[{"value":"closedwon","timestamp":"2026-11-01T09:30:00Z","sourceType":"CRM_UI"}]}})";
  if (is("/properties/"))
    return conformance::json(200, R"({"results":[{"name":"dealstage","label":"Stage","options":[]}]})");
  if (is("/pipelines/"))
    return conformance::json(200, R"({"results":[{"id":"default","stages":[{"id":"closedwon","label":"Won"}]}]})");
  if (is("company-currency")) return conformance::json(200, R"({"currencyCode":"EUR"})");
  if (is("/associations/"))
    return conformance::json(
        200,
        R"({"status":"COMPLETE","results":[{"from":{"id":"501"},"to":[{"toObjectId":"777","associationTypes":[]}]}]})");
  if (is("/batch/read")) return conformance::json(200, R"({"status":"COMPLETE","results":[)" + record + "]}");
  if (is("archived=true"))
    return conformance::json(
        200,
        R"({"results":[{"id":"600","archived":true,"archivedAt":"2026-11-01T09:30:00Z","properties":{"email":"jane.roe@example.com"}}]})");
  return conformance::json(200, R"({"total":1,"results":[{"id":"501","properties":{"hs_object_id":"501"}}]})");
}

TEST(HubspotPortal, KeepsTheContractOfASource) {
  conformance::Case c{
      .type = hubspot_type(), .options = [] {
        return conformance::fill_defaults(hubspot_type().options, {{"credential", std::string("portal")}});
      }};
  c.fields = {{Object::deal, "stage"}, {Object::contact, "lifecycle"}};
  c.good = good_day;
  c.personal = {"jane.roe", "202 555", "2025550143", "Janetta", "Roeburn"};
  conformance::check_source_conformance(c);
}

TEST(HubspotPortal, KeepsTheContractOfAWriter) {
  conformance::Case c{
      .type = hubspot_type(), .options = [] {
        return conformance::fill_defaults(hubspot_type().options, {{"credential", std::string("portal")}});
      }};
  c.good = [](const http::Request& r) {
    const bool is_write = r.url.find("/batch/update") != std::string::npos;
    return conformance::json(
        200, is_write ? R"({"status":"COMPLETE","results":[{"id":"501","objectWriteTraceId":"0"},
                                                  {"id":"502","objectWriteTraceId":"1"}]})"
                      : R"({"status":"COMPLETE","results":[{"id":"501","properties":{"email":"jane.roe@example.com"}},
                                                  {"id":"502","properties":{"first_source":"Janetta"}}]})");
  };
  c.changes = {{{"crm", Object::contact, "501"}, {{"first_source", "google"}}},
               {{"crm", Object::contact, "502"}, {{"first_source", "newsletter"}, {"first_medium", "email"}}}};
  c.personal = {"jane.roe"};
  conformance::check_writer_conformance(c);
}

}  // namespace
}  // namespace hw::connectors::hubspot
