#include "base/zone.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <stdlib.h>
#include <time.h>

namespace hw {
namespace {

Zone zone(const char* name) { return Zone::find(name).value(); }

struct ReadCase {
  const char* name;
  const char* zone;
  const char* text;
  const char* wanted;  ///< RFC 3339, or the error's code
  const char* format = "";
  bool date_only = false;
};

std::string read(const ReadCase& c) {
  const Result<ReadTime> got = read_time(c.text, zone(c.zone), c.format);
  if (!got) return got.error().code;
  EXPECT_EQ(got->date_only, c.date_only) << c.text;
  return rfc3339(got->at);
}

class ReadTimeTable : public testing::TestWithParam<ReadCase> {};

TEST_P(ReadTimeTable, GivesTheInstantOrRefuses) { EXPECT_EQ(read(GetParam()), GetParam().wanted); }

std::string name_of(const testing::TestParamInfo<ReadCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Iso, ReadTimeTable,
    testing::Values(ReadCase{"date_alone_is_noon", "Europe/Berlin", "2026-11-20", "2026-11-20T11:00:00Z", "", true},
                    ReadCase{"space", "Europe/Berlin", "2026-07-20 16:04:09", "2026-07-20T14:04:09Z"},
                    ReadCase{"minutes_only", "UTC", "2026-07-20 16:04", "2026-07-20T16:04:00Z"},
                    ReadCase{"t_without_zone", "Europe/Berlin", "2026-07-20T16:04:09", "2026-07-20T14:04:09Z"},
                    ReadCase{"z", "Europe/Berlin", "2026-07-20T16:04:09Z", "2026-07-20T16:04:09Z"},
                    ReadCase{"small_letters", "UTC", "2026-07-20t16:04:09z", "2026-07-20T16:04:09Z"},
                    ReadCase{"millis", "UTC", "2026-07-20T16:04:09.120Z", "2026-07-20T16:04:09.120Z"},
                    ReadCase{"nanos_are_cut", "UTC", "2026-07-20T16:04:09.123456789Z", "2026-07-20T16:04:09.123456Z"},
                    ReadCase{"one_fraction_digit", "UTC", "2026-07-20T16:04:09.5Z", "2026-07-20T16:04:09.500Z"},
                    ReadCase{"offset", "Asia/Tokyo", "2026-07-20T16:04:09+02:00", "2026-07-20T14:04:09Z"},
                    ReadCase{"offset_without_colon", "UTC", "2026-07-20T00:30:00-0330", "2026-07-20T04:00:00Z"},
                    ReadCase{"offset_of_hours", "UTC", "2026-07-20 00:30:00+01", "2026-07-19T23:30:00Z"},
                    ReadCase{"white_space_around", "UTC", " 2026-07-20\n", "2026-07-20T12:00:00Z", "", true},
                    ReadCase{"leap_day", "UTC", "2028-02-29", "2028-02-29T12:00:00Z", "", true},
                    ReadCase{"no_leap_day", "UTC", "2026-02-29", "time"},
                    ReadCase{"month_13", "UTC", "2026-13-01", "time"},
                    ReadCase{"hour_24", "UTC", "2026-11-20 24:00:00", "time"},
                    ReadCase{"slashes", "UTC", "2026/11/20", "time"}, ReadCase{"american", "UTC", "11/20/2026", "time"},
                    ReadCase{"empty", "UTC", "", "time"}, ReadCase{"rubbish_after", "UTC", "2026-11-20x", "time"},
                    ReadCase{"ten_fraction_digits", "UTC", "2026-07-20T16:04:09.1234567890Z", "time"},
                    ReadCase{"fraction_without_digits", "UTC", "2026-07-20T16:04:09.Z", "time"},
                    ReadCase{"one_digit_month", "UTC", "2026-7-20", "time"},
                    ReadCase{"number", "UTC", "1784563449000", "time"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Format, ReadTimeTable,
    testing::Values(ReadCase{"american", "America/New_York", "7/4/2026", "2026-07-04T16:00:00Z", "%m/%d/%Y", true},
                    ReadCase{"german", "Europe/Berlin", "20.11.2026 16:04", "2026-11-20T15:04:00Z", "%d.%m.%Y %H:%M"},
                    ReadCase{"afternoon", "UTC", "07/04/26 3:05 pm", "2026-07-04T15:05:00Z", "%m/%d/%y %I:%M %p"},
                    ReadCase{"midnight", "UTC", "07/04/26 12:05 AM", "2026-07-04T00:05:00Z", "%m/%d/%y %I:%M %p"},
                    ReadCase{"old_century", "UTC", "07/04/69", "1969-07-04T12:00:00Z", "%m/%d/%y", true},
                    ReadCase{"month_name", "UTC", "Jul 4, 2026", "2026-07-04T12:00:00Z", "%b %d, %Y", true},
                    ReadCase{"long_month_name", "UTC", "4 september 2026", "2026-09-04T12:00:00Z", "%d %b %Y", true},
                    ReadCase{"offset_wins", "Asia/Tokyo", "20261120 160409 +0100", "2026-11-20T15:04:09Z",
                             "%Y%m%d %H%M%S %z"},
                    ReadCase{"percent_sign", "UTC", "%2026-1-2", "2026-01-02T12:00:00Z", "%%%Y-%m-%d", true},
                    ReadCase{"other_text", "UTC", "2026-11-20", "time", "%d.%m.%Y"},
                    ReadCase{"hour_13_with_half", "UTC", "2026-11-20 13:00 PM", "time", "%Y-%m-%d %I:%M %p"},
                    ReadCase{"unknown_directive", "UTC", "2026-11-20", "time_format", "%Q"},
                    ReadCase{"lone_percent", "UTC", "2026-11-20", "time_format", "%Y-%"}),
    name_of);

// Berlin: 2018-03-25 02:00 -> 03:00, 2018-10-28 03:00 -> 02:00. Sao Paulo changed at midnight: 2018-11-04 00:00 ->
// 01:00, 2018-02-18 00:00 -> 2018-02-17 23:00.
INSTANTIATE_TEST_SUITE_P(
    GapsAndOverlaps, ReadTimeTable,
    testing::Values(
        ReadCase{"berlin_before_the_gap", "Europe/Berlin", "2018-03-25 01:59:59", "2018-03-25T00:59:59Z"},
        ReadCase{"berlin_in_the_gap", "Europe/Berlin", "2018-03-25 02:30:00", "2018-03-25T01:30:00Z"},
        ReadCase{"berlin_after_the_gap", "Europe/Berlin", "2018-03-25 03:00:00", "2018-03-25T01:00:00Z"},
        ReadCase{"berlin_in_the_overlap", "Europe/Berlin", "2018-10-28 02:30:00", "2018-10-28T00:30:00Z"},
        ReadCase{"berlin_after_the_overlap", "Europe/Berlin", "2018-10-28 03:00:00", "2018-10-28T02:00:00Z"},
        ReadCase{"sao_paulo_in_the_gap", "America/Sao_Paulo", "2018-11-04 00:30:00", "2018-11-04T03:30:00Z"},
        ReadCase{"sao_paulo_day_of_the_gap", "America/Sao_Paulo", "2018-11-04", "2018-11-04T14:00:00Z", "", true},
        ReadCase{"sao_paulo_in_the_overlap", "America/Sao_Paulo", "2018-02-17 23:30:00", "2018-02-18T01:30:00Z"},
        ReadCase{"sao_paulo_after_the_overlap", "America/Sao_Paulo", "2018-02-18 00:00:00", "2018-02-18T03:00:00Z"}),
    name_of);

TEST(Zone, ATimeInTheGapIsWrittenAnHourLater) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_EQ(format_local(read_time("2018-03-25 02:30:00", berlin)->at, berlin), "2018-03-25 03:30:00");
}

TEST(Zone, AnUnknownNameTellsTheNearest) {
  const Result<Zone> got = Zone::find("Europe/Berlim");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "time_zone");
  EXPECT_NE(got.error().detail.find("did you mean 'Europe/Berlin'"), std::string::npos) << got.error().detail;
}

TEST(Zone, AnErrorNeverRepeatsTheText) {
  const Result<ReadTime> got = read_time("jane@example.com", Zone::utc());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().detail.find("jane"), std::string::npos);
}

TEST(Zone, WhatIsWrittenIsReadBack) {
  const Zone sao_paulo = zone("America/Sao_Paulo");
  EXPECT_TRUE(rc::check("read_time(rfc3339(t)) == t", [&] {
    const auto t = SystemTime(Duration(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000)));
    RC_ASSERT(read_time(rfc3339(t), sao_paulo)->at == t);
  }));
}

TEST(Zone, TheProcesssOwnZoneChangesNothing) {
  const auto said = [] {
    const Zone berlin = Zone::find("Europe/Berlin").value();
    const auto t = read_time("2026-03-29T00:30:00Z", berlin)->at;
    return format_local(t, berlin) + " " + rfc3339(read_time("2026-03-29 03:30", berlin)->at) + " " + rfc3339(t);
  };
  const std::string before = said();
  const char* kept = std::getenv("TZ");
  const std::string was = kept == nullptr ? "" : kept;
  ::setenv("TZ", "America/New_York", 1);
  ::tzset();
  EXPECT_EQ(said(), before);
  kept == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", was.c_str(), 1);
  ::tzset();
}

}  // namespace
}  // namespace hw
