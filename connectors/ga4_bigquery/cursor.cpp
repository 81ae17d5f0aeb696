#include "connectors/ga4_bigquery/cursor.h"

#include <fmt/format.h>

#include "connectors/ga4_bigquery/json_access.h"

namespace hw::connectors::ga4_bigquery {

namespace {

constexpr int kCursorVersion = 1;

Error foreign_cursor() {
  return Error{Action::pause,
               "cursor",
               "the stored cursor was not written by this version of the ga4_bigquery connector",
               {},
               false};
}

Result<json> open_cursor(const connect::Cursor& cursor, std::string_view kind) {
  json j = parse_json(cursor.text);
  if (!j.is_object() || number(j, "v") != kCursorVersion || text(j, "kind") != kind) return foreign_cursor();
  return j;
}

std::optional<Timestamp> time_at(const json& j, const char* name) {
  const std::optional<std::int64_t> us = number(j, name);
  return us ? std::optional(from_micros(*us)) : std::nullopt;
}

std::optional<Day> day_at(const json& j, const char* name) { return read_day(text(j, name)); }

void put_time(json& j, const char* name, const std::optional<Timestamp>& at) {
  if (at) j[name] = to_micros(*at);
}
void put_day(json& j, const char* name, const std::optional<Day>& day) {
  if (day) j[name] = iso(*day);
}
void put_text(json& j, const char* name, const std::string& value) {
  if (!value.empty()) j[name] = value;
}

Job job_at(const json& j) { return {text(j, "job"), text(j, "page"), static_cast<int>(number(j, "lost").value_or(0))}; }

void put_job(json& j, const Job& job) {
  put_text(j, "job", job.id);
  put_text(j, "page", job.page_token);
  if (job.lost != 0) j["lost"] = job.lost;
}

json cursor_of(const char* kind) { return {{"v", kCursorVersion}, {"kind", kind}}; }

Status read_round(const json& j, Position& p) {
  p.began = time_at(j, "began");
  if (!p.began) return {};
  const std::optional<Day> day = day_at(j, "day"), today = day_at(j, "today");
  if (!day || !today) return foreign_cursor();
  p.day = *day;
  p.today = *today;
  p.back = number(j, "back") == 1;
  p.location = text(j, "location");
  p.unsettled = day_at(j, "unsettled");
  p.job = job_at(j);
  p.job_modified = number(j, "job_modified");
  return {};
}

Civil civil_of(Day day) {
  const std::chrono::year_month_day ymd(day);
  Civil c;
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  return c;
}

}  // namespace

Day day_of(Timestamp at, const Zone& zone) {
  const Civil c = zone.to_civil(at);
  return Day(std::chrono::year(c.year) / c.month / c.day);
}

std::string iso(Day day) {
  const Civil c = civil_of(day);
  return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}

std::string digits(Day day) {
  const Civil c = civil_of(day);
  return fmt::format("{:04}{:02}{:02}", c.year, c.month, c.day);
}

std::optional<Day> read_day(std::string_view s) {
  if (s.size() != 10 || s[4] != '-' || s[7] != '-') return {};
  const auto y = number(s.substr(0, 4)), m = number(s.substr(5, 2)), d = number(s.substr(8, 2));
  if (!y || !m || !d || *m < 1 || *d < 1) return {};
  const std::chrono::year_month_day ymd(std::chrono::year(static_cast<int>(*y)),
                                        std::chrono::month(static_cast<unsigned>(*m)),
                                        std::chrono::day(static_cast<unsigned>(*d)));
  return ymd.ok() ? std::optional(Day(ymd)) : std::nullopt;
}

Result<Position> read_position(const connect::Cursor& cursor) {
  Position p;
  if (cursor.text.empty()) return p;
  Result<json> j = open_cursor(cursor, "days");
  if (!j) return j.error();
  p.due = time_at(*j, "due");
  p.from = day_at(*j, "from");
  p.since = day_at(*j, "since");
  p.mapping = text(*j, "mapping");
  p.known_alone = number(*j, "known_alone") == 1;
  if (Status ok = read_round(*j, p); !ok) return ok.error();
  if (const json* read = member(*j, "read"); read != nullptr && read->is_object())
    for (const auto& [name, modified] : read->items())
      if (const auto day = read_day(name); day && modified.is_number_integer())
        p.read[*day] = modified.get<std::int64_t>();
  p.spent_on = day_at(*j, "spent_on").value_or(Day{});
  p.spent = number(*j, "spent").value_or(0);
  return p;
}

connect::Cursor write(const Position& p) {
  json j = cursor_of("days");
  put_time(j, "due", p.due);
  put_day(j, "from", p.from);
  put_day(j, "since", p.since);
  put_text(j, "mapping", p.mapping);
  if (p.known_alone) j["known_alone"] = 1;
  put_time(j, "began", p.began);
  if (p.began) {
    put_day(j, "day", p.day);
    put_day(j, "today", p.today);
    if (p.back) j["back"] = 1;
    put_text(j, "location", p.location);
    put_day(j, "unsettled", p.unsettled);
    put_job(j, p.job);
    if (p.job_modified) j["job_modified"] = *p.job_modified;
  }
  for (const auto& [day, modified] : p.read) j["read"][iso(day)] = modified;
  if (p.spent != 0) {
    put_day(j, "spent_on", p.spent_on);
    j["spent"] = p.spent;
  }
  return {j.dump()};
}

Result<LookupPosition> read_lookup_position(const connect::Cursor& cursor) {
  LookupPosition p;
  if (cursor.text.empty()) return p;
  Result<json> j = open_cursor(cursor, "lookup");
  if (!j) return j.error();
  p.began = time_at(*j, "began");
  if (!p.began) return foreign_cursor();
  p.location = text(*j, "location");
  p.day = day_at(*j, "day");
  p.job = job_at(*j);
  return p;
}

connect::Cursor write(const LookupPosition& p) {
  json j = cursor_of("lookup");
  put_time(j, "began", p.began);
  put_text(j, "location", p.location);
  put_day(j, "day", p.day);
  put_job(j, p.job);
  return {j.dump()};
}

}  // namespace hw::connectors::ga4_bigquery
