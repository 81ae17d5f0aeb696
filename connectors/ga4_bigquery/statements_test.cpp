#include "connectors/ga4_bigquery/statements.h"

#include <gmock/gmock.h>

namespace hw::connectors::ga4_bigquery {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Ga4BigQueryStatements, ADayNamesItsTableAlone) {
  const std::string sql = day_statement("acme.analytics_1.events_20261120", {}, Of::everybody);
  EXPECT_THAT(sql, HasSubstr("FROM `acme.analytics_1.events_20261120`\n)"));
  EXPECT_THAT(sql, Not(HasSubstr("_TABLE_SUFFIX")));
  EXPECT_THAT(sql, Not(HasSubstr("@clients")));
}

TEST(Ga4BigQueryStatements, AHistoryLeavesStreamingTablesOutAndAsksForPeople) {
  const std::string sql = history_statement("acme.analytics_1");
  EXPECT_THAT(sql, HasSubstr("FROM `acme.analytics_1.events_20*`\n  WHERE _TABLE_SUFFIX BETWEEN @from AND @to"));
  EXPECT_THAT(sql, HasSubstr("client IN UNNEST(@clients)"));
}

TEST(Ga4BigQueryStatements, AMissingRecordIsNotNamed) {
  for (const bool collected : {true, false})
    for (const bool last_click : {true, false})
      for (const bool first_touch : {true, false}) {
        const std::string sql = day_statement("a.b.c", {collected, last_click, first_touch}, Of::people);
        EXPECT_EQ(sql.find("collected_traffic_source") != std::string::npos, collected);
        EXPECT_EQ(sql.find("session_traffic_source_last_click") != std::string::npos, last_click);
        EXPECT_EQ(sql.find("(traffic_source.") != std::string::npos, first_touch);
      }
}

TEST(Ga4BigQueryStatements, NoColumnIsReadThatIsNotNamed) {
  const std::string sql = history_statement("a.b");
  const std::string of_tables = sql.substr(0, sql.find("FROM `"));
  EXPECT_THAT(of_tables, Not(HasSubstr("*,"))) << "BigQuery bills by column";
}

TEST(Ga4BigQueryStatements, ParenthesesAreBalanced) {
  for (const std::string& sql : {day_statement("a.b.c", {}, Of::everybody),
                                 day_statement("a.b.c", {false, false, false}, Of::people), history_statement("a.b")}) {
    int depth = 0;
    for (const char c : sql) {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      ASSERT_GE(depth, 0);
    }
    EXPECT_EQ(depth, 0);
  }
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
