#include "connectors/csv/connector.h"

#include <gmock/gmock.h>

#include "conformance/paths.h"
#include "connectors/csv/config.h"
#include "connectors/csv/test_files.h"

namespace hw::connectors::csv {
namespace {

using connect::Finding;
using testing::ElementsAre;
using testing::HasSubstr;

std::string data(const char* name) { return conformance::source_dir() + "/connectors/csv/testdata/" + name; }

/// The example of README.md: the four files of testdata.
connect::Options example() {
  const auto origin = translation({{"column", "Origin"},
                                   {"to", std::vector<std::string>{"source", "medium"}},
                                   {"values", Pairs{{"paid_search", "google / cpc"},
                                                    {"direct_traffic", "(direct) / (none)"},
                                                    {"email", "newsletter / email"}}},
                                   {"otherwise", "other / -"}});
  const auto leads = file_entry({{"path", data("leads.csv")},
                                 {"object", "leads"},
                                 {"columns", Pairs{{"id", "Lead ID"},
                                                   {"created", "Created"},
                                                   {"modified", "Last change"},
                                                   {"email", "E-mail"},
                                                   {"phone", "Phone"},
                                                   {"given_name", "First"},
                                                   {"family_name", "Last"},
                                                   {"country", "Country"},
                                                   {"stage", "Status"},
                                                   {"landing_page", "Landing page"},
                                                   {"cookie._ga", "GA cookie"}}},
                                 {"translate", std::vector{origin}}});
  const auto deals = file_entry({{"path", data("")},
                                 {"pattern", "deals_*.csv"},
                                 {"object", "deals"},
                                 {"delimiter", ";"},
                                 {"columns", Pairs{{"id", "Deal"},
                                                   {"lead", "Lead"},
                                                   {"stage", "Fase"},
                                                   {"amount", "Valor"},
                                                   {"currency", "Moeda"},
                                                   {"stage_time", "Ganho em"}}}});
  const auto touches = file_entry({{"path", data("touches.csv")},
                                   {"object", "touches"},
                                   {"delimiter", "tab"},
                                   {"columns", Pairs{{"time", "time"},
                                                     {"ga_client_id", "client"},
                                                     {"source", "source"},
                                                     {"medium", "medium"},
                                                     {"landing_page", "page"}}}});
  const auto spend = file_entry({{"path", data("spend.csv")},
                                 {"object", "spend"},
                                 {"defaults", Pairs{{"currency", "EUR"}}},
                                 {"columns", Pairs{{"day", "day"},
                                                   {"account", "account"},
                                                   {"source", "source"},
                                                   {"medium", "medium"},
                                                   {"campaign", "campaign"},
                                                   {"campaign_id", "campaign_id"},
                                                   {"amount", "cost"},
                                                   {"clicks", "clicks"},
                                                   {"impressions", "impressions"}}}});
  return conformance::fill_defaults(options(), {{"time_zone", "Europe/Berlin"},
                                                {"decimal_comma", false},
                                                {"settle_seconds", 0},
                                                {"files", std::vector{leads, deals, touches, spend}}});
}

conformance::Case conformance_case(std::size_t page_rows) {
  return {.type = csv_type(),
          .options = example,
          .fields = {{Object::lead, "stage"}},
          .personal = {"jane.doe@example.com", "john.roe@example.com", "max@example.com", "nonsense", "5550100", "Jane",
                       "Roe"},
          .page_rows = page_rows};
}

TEST(Csv, KeepsTheContractOfASource) { conformance::check_source_conformance(conformance_case(100)); }
TEST(Csv, KeepsTheContractOfASourceInPagesOfOneRow) { conformance::check_source_conformance(conformance_case(1)); }

struct Connected : World, testing::Test {
  connect::Options leads(Pairs columns) {
    return file_entry({{"path", folder.path("leads.csv")}, {"object", "leads"}, {"columns", std::move(columns)}});
  }
  Finding finding(const connect::References& references, std::size_t i) {
    return connector().check_online(references, {})->at(i);
  }
};

TEST_F(Connected, HasTheRolesOfItsFilesAlone) {
  configure({leads({{"id", "id"}})});
  EXPECT_NE(connector().records(), nullptr);
  EXPECT_EQ(connector().touches(), nullptr);
  EXPECT_EQ(connector().costs(), nullptr);
  EXPECT_EQ(connector().conversions(), nullptr);
}

TEST_F(Connected, AStreamThatIsNotConfiguredPauses) {
  configure({leads({{"id", "id"}})});
  const auto page = connector().records()->pull("file:other.csv|leads", {}, 10, {});
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().action, Action::pause);
}

TEST_F(Connected, CheckNamesMissingFilesAndColumns) {
  configure({leads({{"id", "id"}, {"stage", "Stage"}})});
  EXPECT_EQ(finding({}, 0).severity, Finding::Severity::warning);
  folder.write("leads.csv", "id,Stages\n");
  EXPECT_EQ(finding({}, 0).severity, Finding::Severity::error);
  EXPECT_THAT(finding({}, 0).message, HasSubstr("no column 'Stage'; did you mean 'Stages'?"));
  folder.write("leads.csv", "id,Stage\n");
  EXPECT_EQ(finding({}, 0).severity, Finding::Severity::ok);
}

TEST_F(Connected, CheckWarnsOfAFieldThatNoFileGives) {
  folder.write("leads.csv", "id,Stage\n");
  configure({leads({{"id", "id"}, {"stage", "Stage"}})});
  connect::References references;
  references.fields = {{Object::lead, "stage"}, {Object::deal, "amount"}, {Object::lead, "stge"}};
  const auto findings = connector().check_online(references, {});
  ASSERT_EQ(findings->size(), 2U);
  EXPECT_THAT(findings->at(1).message, HasSubstr("did you mean 'stage'?"));
}

TEST_F(Connected, DiscoverListsTheColumns) {
  folder.write("leads.csv", "\xEF\xBB\xBFid, Stage \n1,new\n");
  configure({leads({{"id", "id"}})});
  const auto objects = connector().discover({});
  ASSERT_TRUE(objects.has_value());
  std::vector<std::string> columns;
  for (const auto& object : *objects) columns.push_back(object.kind + " " + object.id + " of " + object.label);
  EXPECT_THAT(columns, ElementsAre("column id of leads.csv", "column Stage of leads.csv"));
}

TEST_F(Connected, TheCrmOptionNamesTheRecords) {
  shared_.emplace_back("crm", "big_crm");
  folder.write("leads.csv", "id\n1\n");
  configure({leads({{"id", "id"}})});
  connect::Cursor cursor;
  EXPECT_EQ(std::get<RecordState>(pull(cursor).rows.at(0)).ref.crm, "big_crm");
}

}  // namespace
}  // namespace hw::connectors::csv
