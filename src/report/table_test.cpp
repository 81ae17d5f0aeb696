#include "report/table.h"

#include <gtest/gtest.h>

namespace hw::report {
namespace {

Table sample() {
  return {.name = "t",
          .title = "Channels",
          .columns = {{"channel", "Channel"}, {"spend", "Spend", true}},
          .rows = {{"Paid Search", "12.50"}, {"a \"quoted\", cell", "-"}, {"Größe", "007"}},
          .note = {}};
}

TEST(Table, TextAlignsByWhatIsSeenNotByBytes) {
  EXPECT_EQ(render({sample()}, Format::text),
            "Channels\n"
            "Channel           Spend\n"
            "----------------  -----\n"
            "Paid Search       12.50\n"
            "a \"quoted\", cell      -\n"
            "Größe               007\n");
}

TEST(Table, JsonWritesNumbersOnlyWhereTheyAreNumbers) {
  const std::string json = render({sample()}, Format::json);
  EXPECT_NE(json.find("\"spend\": 12.50"), std::string::npos) << json;
  EXPECT_NE(json.find("\"spend\": \"-\""), std::string::npos);
  EXPECT_NE(json.find("\"spend\": \"007\""), std::string::npos) << "a leading zero is no JSON number";
}

TEST(Table, CsvQuotesWhatNeedsIt) {
  EXPECT_EQ(render({sample()}, Format::csv),
            "channel,spend\nPaid Search,12.50\n\"a \"\"quoted\"\", cell\",-\nGröße,007\n");
}

TEST(Table, AnEmptyTableSaysSo) {
  Table t = sample();
  t.rows.clear();
  EXPECT_NE(render({t}, Format::text).find("(none)"), std::string::npos);
  EXPECT_EQ(render({t}, Format::json), "[]\n");
}

}  // namespace
}  // namespace hw::report
