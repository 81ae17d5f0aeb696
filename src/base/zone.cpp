#include "base/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <exception>
#include <vector>

#include "base/text.h"

namespace hw {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using LocalTime = date::local_time<Duration>;

const date::time_zone* tz(const void* zone) { return static_cast<const date::time_zone*>(zone); }

LocalTime local_of(const Civil& c) {
  const date::year_month_day day =
      date::year(c.year) / date::month(static_cast<unsigned>(c.month)) / date::day(static_cast<unsigned>(c.day));
  const Duration time = hours(c.hour) + minutes(c.minute) + seconds(c.second) + Duration(c.micros);
  return LocalTime(date::local_days(day).time_since_epoch()) + (c.has_time ? time : Duration(hours(12)));
}

Civil civil_of(LocalTime t) {
  const auto day = date::floor<date::days>(t);
  const date::year_month_day ymd(day);
  const date::hh_mm_ss<Duration> time(t - day);
  Civil c;
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.hour = static_cast<int>(time.hours().count());
  c.minute = static_cast<int>(time.minutes().count());
  c.second = static_cast<int>(time.seconds().count());
  c.micros = static_cast<int>(time.subseconds().count());
  c.has_time = true;
  return c;
}

/// The named zone, or nullptr: the library throws on unknown names and on a machine without tzdata.
const date::time_zone* locate(std::string_view name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

std::string nearest_zone(std::string_view name) {
  try {
    std::vector<std::string> names;
    for (const date::time_zone& z : date::get_tzdb().zones) names.push_back(z.name());
    return nearest(name, names);
  } catch (const std::exception&) {
    return "";
  }
}

}  // namespace

Zone Zone::utc() { return Zone("UTC", nullptr); }

Result<Zone> Zone::find(std::string_view name) {
  if (name == "UTC") return utc();  // needs no tzdata
  if (const date::time_zone* z = locate(name)) return Zone(std::string(name), z);
  const std::string close = nearest_zone(name);
  return Error{
      .action = Action::pause,
      .code = "time_zone",
      .detail = fmt::format("unknown time zone '{}'{}; names are those of the IANA list, such as Europe/Berlin", name,
                            close.empty() ? "" : fmt::format(", did you mean '{}'", close))};
}

SystemTime Zone::to_utc(const Civil& civil) const {
  const LocalTime local = local_of(civil);
  if (zone_ == nullptr) return SystemTime(local.time_since_epoch());
  // In a gap the offset before it moves the time forward by the gap; in an overlap the first offset is the earlier
  // instant.
  return SystemTime(local.time_since_epoch() - tz(zone_)->get_info(local).first.offset);
}

Civil Zone::to_civil(SystemTime t) const {
  if (zone_ == nullptr) return civil_of(LocalTime(t.time_since_epoch()));
  return civil_of(tz(zone_)->to_local(t));
}

std::string rfc3339(SystemTime t) {
  const Civil c = Zone::utc().to_civil(t);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
  if (c.micros % 1000 != 0) {
    out += fmt::format(".{:06}", c.micros);
  } else if (c.micros != 0) {
    out += fmt::format(".{:03}", c.micros / 1000);
  }
  return out + "Z";
}

std::string format_local(SystemTime t, const Zone& zone) {
  const Civil c = zone.to_civil(t);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

}  // namespace hw
