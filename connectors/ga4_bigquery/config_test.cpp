#include "connectors/ga4_bigquery/config.h"

#include <gmock/gmock.h>

#include "connectors/ga4_bigquery/connector.h"
#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

connect::Options given(conformance::Overrides overrides) {
  return conformance::fill_defaults(option_decls(), with_base(std::move(overrides)));
}

std::vector<std::string> errors_of(conformance::Overrides overrides) {
  std::vector<connect::OptionError> errors;
  const connect::Vocabulary known = test_vocabulary();
  read_config(given(std::move(overrides)), "ga4", &known, errors);
  std::vector<std::string> out;
  for (const auto& e : errors) out.push_back(e.message);
  return out;
}

Config config(conformance::Overrides overrides = {}) {
  std::vector<connect::OptionError> errors;
  return read_config(given(std::move(overrides)), "ga4", nullptr, errors);
}

using Map = std::vector<std::pair<std::string, std::string>>;

TEST(Ga4BigQueryConfig, DefaultsReadNinetyDaysAndThreeLateOnes) {
  const Config c = config();
  EXPECT_FALSE(c.lookup);
  EXPECT_TRUE(c.intraday);
  EXPECT_FALSE(c.last_click);
  EXPECT_EQ(c.days, 90);
  EXPECT_EQ(c.late_days, 3);
  EXPECT_EQ(c.every, std::chrono::hours(1));
  EXPECT_EQ(c.max_bytes_per_query, 20LL << 30);
  EXPECT_EQ(c.max_bytes_per_day, 100LL << 30);
  EXPECT_THAT(c.events, ElementsAre("session_start"));
  EXPECT_EQ(c.lookup_ids, 10'000U);
  EXPECT_EQ(c.lookup_every, std::chrono::hours(24));
  EXPECT_EQ(c.data_project, c.project);
  EXPECT_EQ(c.zone.name(), "Europe/Berlin");
}

TEST(Ga4BigQueryConfig, ALeanFileHasNoErrors) { EXPECT_THAT(errors_of({}), IsEmpty()); }

struct BadName {
  const char *option, *value;
};
class Ga4BigQueryBadName : public testing::TestWithParam<BadName> {};
TEST_P(Ga4BigQueryBadName, NeverReachesAStatement) {
  std::vector<connect::OptionError> errors;
  connect::Options options = given({});
  options.values[GetParam().option].value = std::string(GetParam().value);
  read_config(options, "ga4", nullptr, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0].message, HasSubstr(GetParam().option));
}
INSTANTIATE_TEST_SUITE_P(Table, Ga4BigQueryBadName,
                         testing::Values(BadName{"dataset", "a`b"}, BadName{"dataset", "p.analytics_1"},
                                         BadName{"data_project", "Acme"}, BadName{"data_project", "a`;--"},
                                         BadName{"location", "EU/x"}));

TEST(Ga4BigQueryConfig, AWrongProjectIsRefused) {
  connect::Options options = given({{"data_project", std::string("acme")}});
  options.values["project"].value = std::string("Acme Analytics");
  std::vector<connect::OptionError> errors;
  read_config(options, "ga4", nullptr, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0].message, HasSubstr("project: the id of a Cloud project"));
}

TEST(Ga4BigQueryConfig, ADaysBudgetBelowOneQueryIsRefused) {
  EXPECT_THAT(errors_of({{"max_bytes_per_day", std::int64_t{1} << 30}}), ElementsAre(HasSubstr("max_bytes_per_day")));
}

TEST(Ga4BigQueryConfig, CustomParametersFillFieldsIdentifiersAndCrmIds) {
  EXPECT_THAT(errors_of({{"crm", std::string("hubspot")},
                         {"event_parameters", Map{{"campaign", "promo"}, {"msclkid", "ms"}, {"contact_id", "cid"}}}}),
              IsEmpty());
}

TEST(Ga4BigQueryConfig, AMappingToNothingKnownIsRefusedAtItsPlace) {
  EXPECT_THAT(errors_of({{"user_properties", Map{{"colour", "favourite"}}}}), ElementsAre(HasSubstr("'colour'")));
}

TEST(Ga4BigQueryConfig, CrmIdsNeedTheirNamespace) {
  EXPECT_THAT(errors_of({{"event_parameters", Map{{"deal_id", "d"}}}}), ElementsAre(HasSubstr("needs crm")));
}

TEST(Ga4BigQueryConfig, PlainHttpToAnotherMachineIsRefused) {
  connect::Options options = given({});
  options.values["base_url"].value = std::string("http://bigquery.example.com");
  std::vector<connect::OptionError> errors;
  read_config(options, "ga4", nullptr, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0].message, HasSubstr("base_url: "));
}

TEST(Ga4BigQueryConfig, APersonSignsInWhereGoogleSays) {
  const http::LoginPlace place = ga4_bigquery_type().login(given({}));
  EXPECT_THAT(place.auth_url, HasSubstr("access_type=offline"));
  EXPECT_EQ(place.scope, "https://www.googleapis.com/auth/bigquery");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
