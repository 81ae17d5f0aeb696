#include "connectors/ga4_bigquery/decode.h"

#include <gmock/gmock.h>

#include "connectors/ga4_bigquery/cursor.h"

namespace hw::connectors::ga4_bigquery {
namespace {

constexpr const char* kSchema =
    R"("schema":{"fields":[{"name":"a","type":"STRING","mode":"NULLABLE"},{"name":"n","type":"INTEGER"},)"
    R"({"name":"r","type":"RECORD","fields":[{"name":"x","type":"STRING"}]},)"
    R"({"name":"l","type":"RECORD","mode":"REPEATED","fields":[{"name":"y","type":"INT64"}]}]})";

std::string answer(const std::string& rows) {
  return std::string(R"({"jobComplete":true,"jobReference":{"jobId":"j"},"totalBytesProcessed":"12",)") + kSchema +
         R"(,"rows":)" + rows + "}";
}

TEST(Ga4BigQueryDecode, TextsBecomeValuesOfTheirColumns) {
  const auto got = decode_query(answer(
      R"([{"f":[{"v":"t"},{"v":"-5"},{"v":{"f":[{"v":"in"}]}},{"v":[{"v":{"f":[{"v":"7"}]}},{"v":{"f":[{"v":null}]}}]}]},)"
      R"({"f":[{"v":null},{"v":null},{"v":null},{"v":null}]}])"));
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_TRUE(got->complete);
  EXPECT_EQ(got->job, "j");
  EXPECT_EQ(got->bytes, 12);
  ASSERT_EQ(got->rows.size(), 2U);
  EXPECT_EQ(got->rows[0], json::parse(R"({"a":"t","n":-5,"r":{"x":"in"},"l":[{"y":7},{"y":null}]})"));
  EXPECT_EQ(got->rows[1], json::parse(R"({"a":null,"n":null,"r":null,"l":[]})"));
}

TEST(Ga4BigQueryDecode, AnEmptyAnswerHasNeitherRowsNorSchema) {
  const auto got = decode_query(R"({"jobComplete":true})");
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->rows.empty());
}

TEST(Ga4BigQueryDecode, AJobUnderWayHasItsId) {
  const auto got = decode_query(R"({"jobComplete":false,"jobReference":{"jobId":"j9","location":"EU"}})");
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->complete);
  EXPECT_EQ(got->job, "j9");
}

struct Broken {
  const char* name;
  std::string body;
};
class Ga4BigQueryBroken : public testing::TestWithParam<Broken> {};
TEST_P(Ga4BigQueryBroken, IsNeverHalfAnAnswer) {
  const auto got = decode_query(GetParam().body);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "bad_answer");
  EXPECT_EQ(got.error().action, Action::retry);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Ga4BigQueryBroken,
    testing::Values(Broken{"NoJson", "{"}, Broken{"NoJobComplete", "{}"},
                    Broken{"JobCompleteIsNoBoolean", R"({"jobComplete":"true"})"},
                    Broken{"NoJobId", R"({"jobComplete":false})"},
                    Broken{"PageTokenWithoutJobId", R"({"jobComplete":true,"pageToken":"x"})"},
                    Broken{"RowsWithoutSchema", R"({"jobComplete":true,"rows":[]})"},
                    Broken{"RowsThatAreNoList", answer("{}")}, Broken{"TooFewCells", answer(R"([{"f":[{"v":"t"}]}])")},
                    Broken{"NoCells", answer("[{}]")},
                    Broken{"NumberThatIsNone", answer(R"([{"f":[{"v":"t"},{"v":"5x"},{"v":null},{"v":[]}]}])")},
                    Broken{"NumberInsteadOfText", answer(R"([{"f":[{"v":1},{"v":"5"},{"v":null},{"v":[]}]}])")},
                    Broken{"RecordThatIsText", answer(R"([{"f":[{"v":"t"},{"v":"5"},{"v":"x"},{"v":[]}]}])")},
                    Broken{"ListThatIsText", answer(R"([{"f":[{"v":"t"},{"v":"5"},{"v":null},{"v":"x"}]}])")},
                    Broken{"CellWithoutValue", answer(R"([{"f":[{"v":"t"},{"w":"5"},{"v":null},{"v":[]}]}])")}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Ga4BigQueryDecode, ARecordWithinRecordsWithinRecordsIsRefused) {
  std::string schema = R"({"name":"x","type":"STRING"})", value = R"({"v":"t"})";
  for (int i = 0; i < 20; ++i) {
    schema = R"({"name":"x","type":"RECORD","fields":[)" + schema + "]}";
    value = R"({"v":{"f":[)" + value + "]}}";
  }
  EXPECT_FALSE(
      decode_query(R"({"jobComplete":true,"schema":{"fields":[)" + schema + R"(]},"rows":[{"f":[)" + value + "]}]}"));
}

TEST(Ga4BigQueryDecode, ATableTellsItsLastChangeAndItsRecords) {
  const auto t = decode_table(
      R"({"lastModifiedTime":"1795176000000","numBytes":"10","numRows":"2","schema":{"fields":[{"name":"event_name"},{"name":"collected_traffic_source"}]}})");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->modified, 1'795'176'000'000);
  EXPECT_EQ(t->bytes, 10);
  EXPECT_EQ(t->columns, (Columns{true, false, false}));
  EXPECT_FALSE(decode_table(R"({"schema":{"fields":[]}})"));
  EXPECT_FALSE(decode_table(R"({"lastModifiedTime":"1"})"));
}

TEST(Ga4BigQueryDecode, EstimatesDataSetsAndLists) {
  EXPECT_EQ(decode_estimate(R"({"totalBytesProcessed":"123"})").value_or(0), 123);
  EXPECT_FALSE(decode_estimate("{}"));
  EXPECT_FALSE(decode_estimate(R"({"totalBytesProcessed":"-1"})"));
  EXPECT_EQ(decode_dataset(R"({"location":"EU"})").value_or(""), "EU");
  EXPECT_FALSE(decode_dataset("{}"));
  const auto tables =
      decode_tables(R"({"tables":[{"tableReference":{"tableId":"events_20261120"}},{}],"nextPageToken":"p"})");
  ASSERT_TRUE(tables);
  EXPECT_THAT(tables->names, testing::ElementsAre("events_20261120"));
  EXPECT_EQ(tables->page_token, "p");
}

TEST(Ga4BigQueryCursor, ComesBackAsItWasWritten) {
  Position p;
  p.due = Timestamp(std::chrono::hours(5));
  p.from = *read_day("2026-11-17");
  p.began = Timestamp(std::chrono::hours(4));
  p.location = "EU";
  p.day = *read_day("2026-11-19");
  p.today = *read_day("2026-11-20");
  p.unsettled = *read_day("2026-11-18");
  p.job = {"j", "t", 1};
  p.job_modified = 77;
  p.read = {{*read_day("2026-11-18"), 5}};
  p.spent_on = *read_day("2026-11-20");
  p.spent = 9;
  const auto back = read_position(write(p));
  ASSERT_TRUE(back);
  EXPECT_EQ(write(*back).text, write(p).text);
  EXPECT_EQ(back->job.page_token, "t");
  EXPECT_EQ(back->read, p.read);
}

TEST(Ga4BigQueryCursor, TextOfOthersPauses) {
  for (const char* text : {"x", "{}", R"({"v":2,"kind":"days"})", R"({"v":1,"kind":"lookup"})",
                           R"({"v":1,"kind":"days","began":1,"day":"2026-13-40","today":"2026-11-20"})"}) {
    const auto p = read_position({text});
    ASSERT_FALSE(p) << text;
    EXPECT_EQ(p.error().code, "cursor");
  }
  EXPECT_FALSE(read_lookup_position({R"({"v":1,"kind":"lookup"})"}));
}

TEST(Ga4BigQueryCursor, DaysAreThoseOfTheZone) {
  const Zone berlin = Zone::find("Europe/Berlin").value();
  const Timestamp late = Timestamp(std::chrono::seconds(1'795'130'400));  // 2026-11-19T23:20:00Z
  EXPECT_EQ(iso(day_of(late, berlin)), "2026-11-20");
  EXPECT_EQ(digits(day_of(late, Zone::utc())), "20261119");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
