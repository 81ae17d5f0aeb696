#include "connectors/ga4_bigquery/connector.h"

#include <gmock/gmock.h>

#include "conformance/conformance.h"
#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using connect::Finding;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<Finding> check(Property& p) {
  auto got = p.connector().check_online({}, {});
  EXPECT_TRUE(got) << got.error().detail;
  return got ? *got : std::vector<Finding>{};
}

const Finding* about(const std::vector<Finding>& all, const std::string& subject) {
  for (const Finding& f : all)
    if (f.subject == subject) return &f;
  return nullptr;
}

/// An export with every kind of visit, for the conformance suite.
conformance::Case conformance_case(const std::string& pull) {
  auto world = std::make_shared<Property>(conformance::Overrides{{"pull", pull}});
  world->visit("anna.1", 3 * kDay, "https://example.com/?gclid=CjA&email=jane%40example.com");
  world->visit("bob.2", minutes(50), "https://example.com/b").user = "jane@example.com";
  for (int i = 0; i < 12; ++i) world->visit("c." + std::to_string(i), minutes(20 + i), "https://example.com/c");
  return {.type = ga4_bigquery_type(),
          .options =
              [pull] {
                return conformance::fill_defaults(
                    ga4_bigquery_type().options,
                    with_base({{"pull", pull}, {"days", std::int64_t{10}}, {"page_rows", std::int64_t{5}}}));
              },
          .good = [world](const http::Request& r) { return world->http.send(r, {}); },
          .personal = {"jane@example.com", "jane%40example.com"},
          .now = kStart,
          .asked = {{"ga_client_id", "anna.1"}, {"ga_client_id", "c.1"}}};
}

TEST(Ga4BigQuery, KeepsTheContractOfASource) { conformance::check_source_conformance(conformance_case("mirror")); }
TEST(Ga4BigQuery, KeepsTheContractOfASourceBesideLookups) {
  conformance::check_source_conformance(conformance_case("lookup"));
}

TEST(Ga4BigQueryCheck, AGoodExportIsFoundWithWhatADayCosts) {
  Property p;
  p.visit("a.1", 2 * kDay, "https://example.com/");
  p.visit("a.1", minutes(5), "https://example.com/");
  const std::vector<Finding> all = check(p);
  for (const Finding& f : all) EXPECT_EQ(f.severity, Finding::Severity::ok) << f.subject << ": " << f.message;
  ASSERT_NE(about(all, "data set"), nullptr);
  EXPECT_EQ(about(all, "data set")->message, "analytics_123456789 in EU");
  EXPECT_EQ(about(all, "tables")->message, "1 daily tables, events_20261118 to events_20261118");
  ASSERT_NE(about(all, "bytes of a day"), nullptr);
  EXPECT_THAT(about(all, "bytes of a day")->message, HasSubstr("events_20261118 reads"));
  EXPECT_EQ(p.runs(), 0U) << "a check costs nothing";
}

TEST(Ga4BigQueryCheck, LookupsAreEstimatedToo) {
  Property p({{"pull", std::string("lookup")}});
  p.world.analytics.bytes_per_event = 15LL << 30;
  p.visit("a.1", 2 * kDay, "https://example.com/");
  const std::vector<Finding> all = check(p);
  ASSERT_NE(about(all, "bytes of a look-up"), nullptr);
  EXPECT_EQ(about(all, "bytes of a look-up")->severity, Finding::Severity::error);
  EXPECT_THAT(about(all, "bytes of a look-up")->message, HasSubstr("max_bytes_per_query"));
}

TEST(Ga4BigQueryCheck, AnExportWithoutTablesIsAnErrorWithTheMend) {
  Property p;
  const std::vector<Finding> all = check(p);
  ASSERT_NE(about(all, "tables"), nullptr);
  EXPECT_EQ(about(all, "tables")->severity, Finding::Severity::error);
  EXPECT_THAT(about(all, "tables")->message, HasSubstr("link BigQuery in GA4"));
}

TEST(Ga4BigQueryCheck, MissingStreamingTablesAreAWarning) {
  Property p;
  p.world.analytics.streaming = false;
  p.visit("a.1", 2 * kDay, "https://example.com/");
  const std::vector<Finding> all = check(p);
  const Finding* f = about(all, "streaming tables");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->severity, Finding::Severity::warning);
}

TEST(Ga4BigQueryCheck, AWrongPlaceAndAMissingRightAreErrors) {
  Property elsewhere({{"location", std::string("US")}});
  const std::vector<Finding> place = check(elsewhere);
  ASSERT_NE(about(place, "data set"), nullptr);
  EXPECT_THAT(about(place, "data set")->message, HasSubstr("write location: EU"));

  Property denied;
  denied.world.analytics.project = "another";
  const std::vector<Finding> right = check(denied);
  ASSERT_NE(about(right, "data set"), nullptr);
  EXPECT_THAT(about(right, "data set")->message, HasSubstr("BigQuery Data Viewer"));
}

TEST(Ga4BigQueryCheck, ARefusedSignInIsSaid) {
  Property p;
  p.world.sign_in.refresh_token = "another";
  const std::vector<Finding> all = check(p);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].subject, "sign-in");
  EXPECT_EQ(all[0].severity, Finding::Severity::error);
}

TEST(Ga4BigQueryDiscover, NamesWhatTheExportHolds) {
  Property p;
  for (int day = 1; day < 5; ++day) p.visit("a.1", day * kDay, "https://example.com/");
  p.visit("a.1", minutes(5), "https://example.com/");
  auto got = p.connector().discover({});
  ASSERT_TRUE(got) << got.error().detail;
  ASSERT_THAT(*got, SizeIs(3));
  EXPECT_EQ((*got)[1].id, "events_20261119");
  EXPECT_EQ((*got)[1].label, "the newest of 4, since events_20261116");
  EXPECT_EQ((*got)[2].id, "events_intraday_20261120");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
