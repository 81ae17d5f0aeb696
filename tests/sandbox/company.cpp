#include "sandbox/company.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "base/zone.h"
#include "model/money.h"

namespace hw::sandbox {
namespace {

constexpr int kSpendDays = 30;  ///< a file of cost holds so many
/// The last stories end so long before the world does that everything has settled.
constexpr double kQuietEnd = 9;

/// Time of the world as a file's own, so that what the daemon sees of a file fits the time it lives in.
void stamp(const std::string& path, Timestamp at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  const timespec t[2] = {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}};
  ::utimensat(AT_FDCWD, path.c_str(), t, 0);
}

}  // namespace

std::string numbered(const char* pattern, int n) {
  char name[64];
  std::snprintf(name, sizeof name, pattern, n);
  return name;
}

void drop_file(const std::string& path, const std::string& text, Timestamp at) {
  const std::string beside = path + ".tmp";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text;
  }
  stamp(beside, at);
  std::rename(beside.c_str(), path.c_str());
}

Company::Company(std::uint64_t seed, std::string drop_dir) : random_(seed * 7919 + 17), drop_dir_(std::move(drop_dir)) {
  start_ = read_time("2025-01-06T06:00:00Z", Zone::utc())->at;
  at(-120, [this](World& w) { setting(w); });
  stories();
  for (int d = 0; d < kDays; ++d) {
    at(d + 0.95, [this](World& w) { end_of_day(w); });
    if (d % kSpendDays == kSpendDays - 1) at(d + 0.96, [this](World& w) { drop_spend(w.now); });
  }
  at(kDays + 0.01, [this](World&) { everyday(kDays + 0.01); });
}

Timestamp Company::next_event() const { return events_.empty() ? Timestamp::max() : events_.begin()->first; }

void Company::advance(World& world, Timestamp now) {
  while (!events_.empty() && events_.begin()->first <= now) {
    const Timestamp when = events_.begin()->first;
    Event event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    world.now = when;
    event(world);
  }
  world.now = now;
}

Timestamp Company::day(double days) const {
  return start_ + Duration(static_cast<std::int64_t>(days * 86'400'000'000.0));
}

double Company::pick(double low, double high) {
  // A distribution of the standard library would differ between implementations.
  const double unit = static_cast<double>(random_() >> 11) / 9007199254740992.0;
  return low + (high - low) * unit;
}

std::size_t Company::choose(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

std::int64_t Company::amount() { return static_cast<std::int64_t>(pick(500'000, 6'000'000)) * (kUnit / 100); }

void Company::at(double days, Event event) { events_.emplace(day(days), std::move(event)); }

void Company::say(const World& world, const std::string& text) const {
  if (listener_) listener_(world.now, text);
}

std::string Company::deal_to_show() const { return shown_.empty() ? "" : deals_[shown_.back()].id; }

void Company::setting(World& world) {
  auto action = [&](const char* account, const char* id) {
    world.ads.actions.push_back({.account = account,
                                 .id = id,
                                 .type = "UPLOAD_CLICKS",
                                 .counting = "every",
                                 .default_currency = "EUR",
                                 .created = world.now,
                                 .enhanced_conversions = true});
  };
  for (const char* id : {Names::kQualified, Names::kOpportunity, Names::kWon}) action(Names::kEu, id);
  for (const char* id : {Names::kQualifiedUs, Names::kWonUs}) action(Names::kUs, id);
  world.ads.login_accounts.insert(Names::kManager);
  add_source_properties(world);
}

/// Every story as often as it happens, at any time at which it ends before the world does.
void Company::stories() {
  for (const Story& s : all_stories())
    for (int i = 0; i < s.times; ++i) (this->*s.tell)(pick(1, kDays - kQuietEnd - s.length));
}

/// A week after the end: some stories of everyday, and the visits of each day.
void Company::everyday(double monday) {
  for (const Story& s : all_stories())
    if (s.everyday) (this->*s.tell)(pick(monday + 0.05, monday + 7));
  for (int d = 0; d < 7; ++d) at(monday + d + 0.95, [this](World& w) { end_of_day(w); });
  at(monday + 7, [=, this](World&) { everyday(monday + 7); });
}

/// What the ads of the month cost: one row a day and campaign.
void Company::drop_spend(Timestamp now) {
  std::string text = "day,source,medium,campaign,cost,currency,clicks\n";
  for (int d = kSpendDays - 1; d >= 0; --d)
    for (const Campaign& c : campaigns())
      text += rfc3339(now - std::chrono::hours(24 * d)).substr(0, 10) + "," + c.source + "," + c.medium + "," + c.name +
              "," +
              decimal(static_cast<std::int64_t>(pick(0.6, 1.4) * static_cast<double>(c.cents_a_day)) * 10'000, 2) +
              "," + c.currency + "," + std::to_string(choose(90)) + "\n";
  drop_file(drop_dir_ + numbered("/spend/spend-%04d.csv", files_++), text, now);
}

}  // namespace hw::sandbox
