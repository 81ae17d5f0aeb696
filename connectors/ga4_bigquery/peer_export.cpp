#include "connectors/ga4_bigquery/peer_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace hw::sandbox::bigquery {

namespace {

using std::chrono::days;
using std::chrono::hours;

// When the records came to the export (web-analytics reference 3.2).
constexpr Day kCollected = Day(std::chrono::year(2023) / 6 / 15), kLastClick = Day(std::chrono::year(2024) / 7 / 17);

std::optional<Day> read_digits(std::string_view s) {
  int n = 0;
  if (s.size() != 8 || std::from_chars(s.data(), s.data() + 8, n).ptr != s.data() + 8) return {};
  const auto ymd = std::chrono::year(n / 10'000) / (n / 100 % 100) / (n % 100);
  return ymd.ok() ? std::optional(Day(ymd)) : std::nullopt;
}

ExportTable table_of(std::string name, Day day, std::vector<const AnalyticsEvent*> events, std::int64_t per_event) {
  ExportTable t;
  t.name = std::move(name);
  t.day = day;
  t.has_collected = day >= kCollected;
  t.has_last_click = day >= kLastClick;
  t.bytes = static_cast<std::int64_t>(events.size()) * per_event;
  t.events = std::move(events);
  return t;
}

}  // namespace

std::string digits(Day day) {
  const std::chrono::year_month_day ymd(day);
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

Export::Export(const World& world) : world_(world), zone_(Zone::find(world.analytics.zone).value()) {}

const std::vector<const AnalyticsEvent*>& Export::happened(Day day) const {
  const auto [known, is_new] = by_day_.try_emplace(day);
  auto& events = known->second;
  if (!is_new) return events;
  const Timestamp from = begin_of(day), to = begin_of(day + days(1));
  for (const AnalyticsEvent& e : world_.analytics.events)
    if (e.at >= from && e.at < to && e.at <= world_.now) events.push_back(&e);
  std::stable_sort(events.begin(), events.end(), [](const AnalyticsEvent* a, const AnalyticsEvent* b) {
    return std::tie(a->at, a->name) < std::tie(b->at, b->name);
  });
  return events;
}

Day Export::day_of(Timestamp at) const {
  const Civil c = zone_.to_civil(at);
  return Day(std::chrono::year(c.year) / c.month / c.day);
}

Timestamp Export::begin_of(Day day) const {
  const std::chrono::year_month_day ymd(day);
  Civil c;
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.has_time = true;
  return zone_.to_utc(c);
}

std::vector<const AnalyticsEvent*> Export::events_of(Day day, Timestamp as_of) const {
  std::vector<const AnalyticsEvent*> out;
  for (const AnalyticsEvent* e : happened(day))
    if (e->arrived.value_or(e->at) <= as_of && (!e->removed || *e->removed > as_of)) out.push_back(e);
  return out;
}

std::optional<ExportTable> Export::daily(Day day) const {
  const Timestamp first = begin_of(day + days(1)) + world_.analytics.lag;
  std::vector<const AnalyticsEvent*> content;
  std::optional<Timestamp> created;
  Timestamp modified{};
  for (int n = 0; n <= world_.analytics.late_days; ++n) {
    const Timestamp made = first + hours(24) * n;
    if (made > world_.now) break;
    auto now = events_of(day, made);
    if (now.empty() || now == content) continue;
    content = std::move(now);
    modified = made;
    if (!created) created = made;
  }
  if (!created) return {};
  ExportTable t = table_of("events_" + digits(day), day, std::move(content), world_.analytics.bytes_per_event);
  t.created = *created;
  t.modified = modified;
  return t;
}

std::optional<ExportTable> Export::streaming(Day day) const {
  if (!world_.analytics.streaming || daily(day)) return {};
  auto events = events_of(day, world_.now);
  if (events.empty()) return {};
  ExportTable t = table_of("events_intraday_" + digits(day), day, std::move(events), world_.analytics.bytes_per_event);
  t.created = begin_of(day);
  t.modified = world_.now;
  t.has_first_touch = false;
  return t;
}

std::optional<ExportTable> Export::table(std::string_view name) const {
  constexpr std::string_view kDaily = "events_", kStreaming = "events_intraday_";
  const bool is_streaming = name.starts_with(kStreaming);
  if (!is_streaming && !name.starts_with(kDaily)) return {};
  const auto day = read_digits(name.substr((is_streaming ? kStreaming : kDaily).size()));
  if (!day) return {};
  return is_streaming ? streaming(*day) : daily(*day);
}

std::vector<ExportTable> Export::daily_between(const std::string& from, const std::string& to) const {
  std::vector<ExportTable> out;
  for (const std::string& name : names()) {
    constexpr std::string_view kPrefix = "events_20";
    if (!name.starts_with(kPrefix)) continue;
    const std::string suffix = name.substr(kPrefix.size());
    if (suffix < from || suffix > to) continue;
    if (auto t = table(name)) out.push_back(std::move(*t));
  }
  return out;
}

std::vector<std::string> Export::names() const {
  std::vector<std::string> out;
  std::set<Day> all;
  for (const AnalyticsEvent& e : world_.analytics.events)
    if (e.at <= world_.now) all.insert(day_of(e.at));
  for (const Day day : all) {
    if (daily(day)) out.push_back("events_" + digits(day));
    if (streaming(day)) out.push_back("events_intraday_" + digits(day));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace hw::sandbox::bigquery
