#include "connectors/ga4_bigquery/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/log.h"
#include "connectors/ga4_bigquery/touches.h"

namespace hw::connectors::ga4_bigquery {

namespace {

constexpr std::string_view kStream = "sessions";
/// A day is looked at so much longer than late events come: its table is made about a day after the last of them, and
/// exports have come late (no vendor's figure; looking is free).
constexpr days kLateExport(4);
/// Days that one page looks at, a question or two each.
constexpr int kDaysAPage = 30;

/// Of every option that decides which rows a day has and what touches they become. `pull` is not among them: a mirror
/// holds what a lookup wants.
std::string fingerprint(const Config& c) {
  std::string all = fmt::format("{}\n{}\n{}\n{}\n{}\n", c.data_project, c.dataset, c.zone.name(), c.crm, c.last_click);
  for (const std::string& event : c.events) all += event + "\n";
  for (const auto* mapped : {&c.event_parameters, &c.user_properties}) {
    all += "\n";
    for (const Mapped& m : *mapped) all += m.field + "\t" + m.parameter + "\n";
  }
  return sha256_hex(all).substr(0, 16);
}

}  // namespace

Result<std::vector<std::string>> DayReader::streams(Context) { return std::vector{std::string(kStream)}; }

Result<DayReader::Page> DayReader::pull(std::string_view stream, const connect::Cursor& cursor, std::size_t limit,
                                        Context context) {
  if (stream != kStream)
    return Error{Action::pause, "stream", fmt::format("ga4_bigquery has no stream '{}'", stream), {}, false};
  Result<Position> position = read_position(cursor);
  if (!position) return position.error();
  if (!position->began) {
    // A time further off than a round was named by a clock that was ahead.
    const Timestamp now = env_.clock.system_now();
    if (position->due && now < *position->due && *position->due <= now + config_.every)
      return end_round(std::move(*position));
    if (Status ok = begin_round(*position, context); !ok) return ok.error();
  }
  if (position->job.id.empty()) return look_on(std::move(*position), limit, context);
  Result<Runner::Part> part = runner_.go_on(position->job, position->location, limit, context);
  if (!part) return part.error();
  return take(std::move(*position), *part);
}

Status DayReader::begin_round(Position& p, const Context& context) {
  Result<Api::Place> place = api_.place(context);
  if (!place) return place.error();
  p.began = place->now;  // or a wrong clock here would pass over days
  p.location = place->location;
  p.today = day_of(*p.began, config_.zone);
  follow_configuration(p);
  p.day = *p.from;
  p.back = false;
  p.unsettled.reset();
  p.job = {};
  p.job_modified.reset();
  return {};
}

/// Notes as not told what the configuration wants otherwise than it was told. A cursor from before that was kept is
/// taken to have been told as the configuration is now.
void DayReader::follow_configuration(Position& p) const {
  const Day oldest = p.today - days(config_.days);
  const std::string mapping = fingerprint(config_);
  if (!p.from) p.from = config_.lookup ? p.today - days(config_.late_days) : oldest;
  if (p.mapping.empty() || !p.since) {
    p.since = std::min(*p.from, oldest);
  } else if (p.mapping != mapping || (p.known_alone && !config_.lookup)) {
    p.since = p.from;
    p.read.clear();
  }
  // A look-up of today reaches no further, whatever those before it did.
  if (config_.lookup) p.since = std::min(*p.from, std::max(*p.since, oldest));
  p.mapping = mapping;
  p.known_alone = config_.lookup;
}

/// Half of the day's budget is left to the days that still change.
bool DayReader::goes_back(const Position& p) const {
  const bool is_spent =
      p.spent_on == std::chrono::floor<days>(env_.clock.system_now()) && p.spent > config_.max_bytes_per_day / 2;
  return p.since && *p.since > p.today - days(config_.days) && !is_spent;
}

/// False: the round is over.
bool DayReader::find_day(Position& p) const {
  if (!p.back && p.day <= p.today) return true;
  if (!goes_back(p)) return false;
  if (!p.back)
    log_event(
        Level::info, "old_days_wanted",
        {{"connector", config_.instance}, {"from", iso(p.today - days(config_.days))}, {"before", iso(*p.since)}});
  p.back = true;
  p.day = *p.since - days(1);
  return true;
}

/// Looks from day to day until a table is to be read, or the page has looked long enough.
Result<DayReader::Page> DayReader::look_on(Position p, std::size_t limit, const Context& context) {
  for (int looked = 0; looked < kDaysAPage; ++looked) {
    if (!find_day(p)) return end_round(std::move(p));
    Result<std::optional<Found>> found = look_at_day(p, context);
    if (!found) return found.error();
    if (*found) return begin_table(std::move(p), **found, limit, context);
  }
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
  if (Status ok = spend(p, *bytes); !ok) return p.back ? Result<Page>(end_round(std::move(p))) : ok.error();
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
  } else if (!p.unsettled || p.day < *p.unsettled) {
    p.unsettled = p.day;
  }
  if (p.back) {
    p.since = p.day;
  } else {
    p.day += days(1);
  }
  p.job = {};
  p.job_modified.reset();
}

/// Also the answer while no round is due.
DayReader::Page DayReader::end_round(Position p) const {
  if (p.began) {
    p.due = env_.clock.system_now() + config_.every;
    p.from = p.unsettled.value_or(p.today);
    p.began.reset();
    p.back = false;
  }
  Page page;
  page.next = write(p);
  page.sweep_complete = true;
  return page;
}

}  // namespace hw::connectors::ga4_bigquery
