#include "report/table.h"

#include <gtest/gtest.h>

namespace hw::report {
namespace {

Table sample() {
  return {.name = "t",
          .title = "Channels",
          .columns = {{"channel", "Channel"}, {"spend", "Spend", Holds::number}},
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

TEST(Table, QuantitiesAreReadByThousandsAndIdsNever) {
  const Table t{.name = "t",
                .title = "",
                .columns = {{"id", "Id", Holds::id}, {"value", "Value", Holds::number}, {"note", "Note"}},
                .rows = {{"1234567", "-1234567.50", "1234567"}, {"1", "999", "-"}},
                .note = {}};
  EXPECT_EQ(render({t}, Format::text),
            "     Id          Value  Note\n"
            "-------  -------------  -------\n"
            "1234567  -1,234,567.50  1234567\n"
            "      1            999  -\n");
  EXPECT_EQ(render({t}, Format::csv), "id,value,note\n1234567,-1234567.50,1234567\n1,999,-\n");
  EXPECT_NE(render({t}, Format::json).find("\"value\": -1234567.50"), std::string::npos);
}

/// Columns of 7, 11, 4, 3 and 10 characters.
Table wide() {
  return {
      .name = "t",
      .title = "",
      .columns = {{"object", "Object"}, {"n", "N", Holds::number}, {"state", "State"}, {"c", ""}, {"detail", "Detail"}},
      .rows = {{"deal 17", "12345678.90", "held", "EUR", "headwater status tells more"},
               {"deal 18", "1", "-", "", "-"}},
      .note = {}};
}

TEST(Table, WhatIsWiderThanTheTerminalHasItsTextsBelowTheRow) {
  const std::string broad = render({wide()}, Format::text, 200);
  EXPECT_EQ(broad, render({wide()}, Format::text)) << "what fits stays a table";
  EXPECT_EQ(render({wide()}, Format::text, 40),
            "Object               N  State\n"
            "-------  -------------  -----  ---\n"
            "deal 17  12,345,678.90  held   EUR\n"
            "    Detail: headwater status tells more\n"
            "deal 18              1  -\n");
  EXPECT_EQ(render({wide()}, Format::text, 24),
            "Object               N\n"
            "-------  -------------\n"
            "deal 17  12,345,678.90\n"
            "    State: held  EUR\n"
            "    Detail: headwater status tells more\n"
            "deal 18              1\n")
      << "as many on a line as fit, and a command is never cut";
  EXPECT_EQ(render({wide()}, Format::text, 10).substr(0, 16), "Object\n-------\nd") << "the first column never";
}

TEST(Table, ShortNamesStayBesideTheirNumbers) {
  const Table t{.name = "t",
                .title = "",
                .columns = {{"destination", "Destination"},
                            {"currency", "Currency"},
                            {"wanted", "Wanted", Holds::number},
                            {"uncertain", "Uncertain", Holds::number}},
                .rows = {{"ads_won", "EUR", "1000.00", "0"}},
                .note = {}};
  EXPECT_EQ(render({t}, Format::text, 32),
            "Destination  Currency    Wanted\n"
            "-----------  --------  --------\n"
            "ads_won      EUR       1,000.00\n"
            "    Uncertain: 0\n");
}

TEST(Table, ATableOfTwoColumnsStaysOne) {
  Table t = sample();
  t.rows[0][0] = std::string(90, 'x');
  EXPECT_EQ(render({t}, Format::text, 40), render({t}, Format::text));
}

TEST(Table, ProgramsGetTheSameOnAnyTerminal) {
  for (const Format f : {Format::csv, Format::json}) EXPECT_EQ(render({wide()}, f, 10), render({wide()}, f));
}

TEST(Table, AnEmptyTableSaysSo) {
  Table t = sample();
  t.rows.clear();
  EXPECT_NE(render({t}, Format::text).find("(none)"), std::string::npos);
  EXPECT_EQ(render({t}, Format::json), "[]\n");
}

}  // namespace
}  // namespace hw::report
