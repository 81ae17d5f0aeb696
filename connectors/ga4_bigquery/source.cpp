#include "connectors/ga4_bigquery/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/ga4_bigquery/touches.h"

namespace hw::connectors::ga4_bigquery {

namespace {

constexpr std::string_view kStream = "sessions";
/// A day is looked at so much longer than late events come: its table is made about a day after the last of them, and
/// exports have come late (no vendor's figure; looking is free).
constexpr days kLateExport(4);
/// Days that one page looks at, a question or two each.
constexpr int kDaysAPage = 30;

}  // namespace

Result<std::vector<std::string>> DayReader::streams(Context) { return std::vector{std::string(kStream)}; }

Result<DayReader::Page> DayReader::pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                        Context context) {
  if (stream != kStream)
    return Error{Action::pause, "stream", fmt::format("ga4_bigquery has no stream '{}'", stream), {}, false};
  Result<Position> position = read_position(cursor);
  if (!position) return position.error();
  if (!position->began) {
    if (position->due && env_.clock.system_now() < *position->due) return end_round(std::move(*position));
    if (Status ok = begin_round(*position, context); !ok) return ok.error();
  }
  if (position->job.id.empty()) return look_on(std::move(*position), limit, context);
  Result<Runner::Part> part = runner_.go_on(position->job, position->location, limit, context);
  if (!part) return part.error();
  return take(std::move(*position), *part);
}

Status DayReader::begin_round(Position& p, const Context& context) {
  Result<std::string> location = api_.location(context);
  if (!location) return location.error();
  p.began = env_.clock.system_now();
  p.location = *location;
  p.today = day_of(*p.began, config_.zone);
  p.day = p.from.value_or(p.today - days(config_.lookup ? config_.late_days : config_.days));
  p.unsettled.reset();
  p.job = {};
  p.job_modified.reset();
  return {};
}

/// Looks from day to day until a table is to be read, or the page has looked long enough.
Result<DayReader::Page> DayReader::look_on(Position p, std::size_t limit, const Context& context) {
  for (int looked = 0; looked < kDaysAPage && p.day <= p.today; ++looked) {
    Result<std::optional<Found>> found = look_at_day(p, context);
    if (!found) return found.error();
    if (*found) return begin_table(std::move(p), **found, limit, context);
  }
  if (p.day > p.today) return end_round(std::move(p));
  Page page;
  page.more = true;
  page.next = write(p);
  return page;
}

/// The table of the day to be read; nullopt: there is no news, and the day is over.
Result<std::optional<DayReader::Found>> DayReader::look_at_day(Position& p, const Context& context) {
  const std::string daily_name = "events_" + digits(p.day);
  Result<std::optional<Table>> daily = api_.table(daily_name, context);
  if (!daily) return daily.error();
  const auto known = p.read.find(p.day);
  const bool is_news = *daily && (known == p.read.end() || known->second != (*daily)->modified);
  if (is_news) return std::optional(Found{daily_name, **daily, /*is_daily=*/true});
  if (!*daily && config_.intraday && may_change(p)) {
    const std::string name = "events_intraday_" + digits(p.day);
    Result<std::optional<Table>> streaming = api_.table(name, context);
    if (!streaming) return streaming.error();
    if (*streaming) return std::optional(Found{name, **streaming, /*is_daily=*/false});
  }
  finish_day(p);
  return std::optional<Found>();
}

/// Counts the bytes of a query about to run. Retry "bytes_budget" until the next day (UTC) when they are too many.
Status DayReader::spend(Position& p, std::int64_t bytes) const {
  const Timestamp now = env_.clock.system_now();
  const Day today = std::chrono::floor<days>(now);
  if (p.spent_on != today) p.spent = 0;
  p.spent_on = today;
  if (p.spent + bytes <= config_.max_bytes_per_day) {
    p.spent += bytes;
    return {};
  }
  return Error{Action::retry, "bytes_budget",
               fmt::format("the day {} would read {} more, and {} of max_bytes_per_day, {}, are used: goes on at 00:00 "
                           "UTC, or raise it",
                           iso(p.day), bytes_text(bytes), bytes_text(p.spent), bytes_text(config_.max_bytes_per_day)),
               std::chrono::duration_cast<Duration>(Timestamp(today + days(1)) - now), false};
}

Result<DayReader::Page> DayReader::begin_table(Position p, const Found& found, std::size_t limit,
                                               const Context& context) {
  const Query query = day_query(config_, env_.vocabulary, found.name, found.table.columns);
  Result<std::int64_t> bytes = runner_.estimate(query, p.location, "the table " + found.name, context);
  if (!bytes) return bytes.error();
  if (Status ok = spend(p, *bytes); !ok) return ok.error();
  p.job_modified.reset();
  if (found.is_daily) p.job_modified = found.table.modified;
  const std::string id =
      fmt::format("{}\n{}\n{}\n{}", found.name, found.table.modified, to_micros(*p.began), p.job.lost);
  Result<Runner::Part> part = runner_.begin(query, p.location, id, limit, {}, context);
  if (!part) return part.error();
  part->job.lost = p.job.lost;
  return take(std::move(p), *part);
}

Result<DayReader::Page> DayReader::take(Position p, const Runner::Part& part) {
  Page page;
  page.partition = iso(p.day);
  const Mapping mapping{config_, env_.normaliser, env_.vocabulary};
  for (const json& row : part.rows) add_touches(row, mapping, page.rows, page.rejected);
  p.job = part.job;
  page.again_in = part.again_in;
  page.more = !part.again_in;
  page.partition_ends = part.is_last;
  if (page.partition_ends) {
    if (p.job_modified) p.read[p.day] = *p.job_modified;
    finish_day(p);
  }
  page.next = write(p);
  return page;
}

bool DayReader::may_change(const Position& p) const { return p.day >= p.today - days(config_.late_days) - kLateExport; }

void DayReader::finish_day(Position& p) const {
  if (!may_change(p)) {
    p.read.erase(p.day);
  } else if (!p.unsettled) {
    p.unsettled = p.day;
  }
  p.day += days(1);
  p.job = {};
  p.job_modified.reset();
}

/// Also the answer while no round is due.
DayReader::Page DayReader::end_round(Position p) const {
  if (p.began) {
    p.due = *p.began + config_.every;
    p.from = p.unsettled.value_or(p.today);
    p.began.reset();
  }
  Page page;
  page.next = write(p);
  page.sweep_complete = true;
  return page;
}

}  // namespace hw::connectors::ga4_bigquery
