#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/zone.h"
#include "connect/connector.h"
#include "model/timestamp.h"

/// What a cursor holds. The text is JSON with a version of its own.
namespace hw::connectors::ga4_bigquery {

/// A day of the property's calendar.
using Day = std::chrono::sys_days;
using std::chrono::days;
Day day_of(Timestamp at, const Zone& zone);
std::string iso(Day day);     ///< "2026-11-20", as partitions are named
std::string digits(Day day);  ///< "20261120", as tables are named
std::optional<Day> read_day(std::string_view iso_text);

/// A query under way.
struct Job {
  std::string id;          ///< "" = none
  std::string page_token;  ///< "" = its first answer
  int lost = 0;            ///< how often BigQuery no longer knew the job
};

/// Of the stream "sessions": rounds over the days from `from` to the day on which the round began, and then back over
/// days before `since` that the configuration has come to want.
struct Position {
  std::optional<Timestamp> due;  ///< no round is open: when the next may begin; nullopt = there was none
  std::optional<Day> from;       ///< the oldest day that may still change; nullopt = there was no round
  std::optional<Day> since;      ///< the oldest day told of as the configuration is now; nullopt = there was no round
  std::string mapping;           ///< what rows became touches by (fingerprint); "" = a cursor from before it was kept
  bool known_alone = false;      ///< told under pull: lookup, so of people whom the CRM knows
  // of the open round
  std::optional<Timestamp> began;  ///< nullopt = none is open
  std::string location;
  Day day{}, today{};                        ///< the day to look at, the last one
  bool back = false;                         ///< past today: `day` is the one before `since`
  std::optional<Day> unsettled;              ///< the oldest day of this round that may still change
  Job job;                                   ///< of `day`
  std::optional<std::int64_t> job_modified;  ///< of the daily table it reads; nullopt = the streaming table
  std::map<Day, std::int64_t> read;          ///< unsettled days: the daily table as it was when it was read
  Day spent_on{};                            ///< UTC day of `spent`
  std::int64_t spent = 0;                    ///< bytes of that day's queries
};

/// Of a look-up: the streaming tables first, then the history, whose daily tables overrule them.
struct LookupPosition {
  std::optional<Timestamp> began;
  std::string location;
  std::optional<Day> day;  ///< of the streaming table to look at; nullopt = the history
  Job job;
};

/// An empty cursor is the beginning. Error pause "cursor" for text that this connector did not write.
Result<Position> read_position(const connect::Cursor& cursor);
Result<LookupPosition> read_lookup_position(const connect::Cursor& cursor);
connect::Cursor write(const Position& position);
connect::Cursor write(const LookupPosition& position);

}  // namespace hw::connectors::ga4_bigquery
