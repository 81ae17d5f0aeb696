#include "sandbox/company.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "base/zone.h"
#include "model/money.h"

namespace hw::sandbox {
namespace {

constexpr int kStrangersADay = 8;
constexpr int kSpendDays = 30;  ///< a file of cost holds so many
/// The last stories end so long before the world does that everything has settled.
constexpr double kQuietEnd = 9;

/// Time of the world as a file's own, so that what the daemon sees of a file fits the time it lives in.
void stamp(const std::string& path, Timestamp at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  const timespec t[2] = {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}};
  ::utimensat(AT_FDCWD, path.c_str(), t, 0);
}

std::string numbered(const char* pattern, int n) {
  char name[64];
  std::snprintf(name, sizeof name, pattern, n);
  return name;
}

}  // namespace

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
    at(d + 0.95, [this](World& w) { drop_touches(w.now); });
    if (d % kSpendDays == kSpendDays - 1) at(d + 0.96, [this](World& w) { drop_spend(w.now); });
  }
  at(kDays + 0.01, [this](World&) { everyday(kDays + 0.01); });
}

std::unique_ptr<Script> make_company(std::uint64_t seed, const std::string& drop_dir) {
  return std::make_unique<Company>(seed, drop_dir);
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
  for (const char* name : {"hw_first_channel", "hw_first_source", "hw_first_medium", "hw_first_campaign",
                           "hw_last_source", "hw_last_medium", "hw_ga_client_id", "hw_touches"})
    world.crm.custom_properties.push_back({.type = "contacts", .name = name});
  for (const char* name : {"hw_first_at", "hw_last_at"})
    world.crm.custom_properties.push_back({.type = "contacts", .name = name, .kind = "datetime"});
}

/// Every story as often as it happens, at any time at which it ends before the world does.
void Company::stories() {
  for (const Story& s : all_stories()) {
    for (int i = 0; i < s.times; ++i) {
      ++census_[s.name];
      (this->*s.tell)(pick(1, kDays - kQuietEnd - s.length));
    }
  }
}

/// A week after the end: some stories of everyday, and the exports of each day.
void Company::everyday(double monday) {
  for (const Story& s : all_stories())
    if (s.everyday) (this->*s.tell)(pick(monday + 0.05, monday + 7));
  for (int d = 0; d < 7; ++d) at(monday + d + 0.95, [this](World& w) { drop_touches(w.now); });
  at(monday + 7, [=, this](World&) { everyday(monday + 7); });
}

void Company::note(TouchRow t) {
  exported_ += rfc3339(t.at) + "," + t.client_id + "," + t.gclid + "," + t.email + "," + t.source + "," + t.medium +
               "," + t.campaign + "," + t.page + "\n";
  visits_.push_back(std::move(t));
}

/// The analytics export of the day. Most visitors stay strangers.
void Company::drop_touches(Timestamp now) {
  std::string text = "time,client_id,gclid,email,source,medium,campaign,page\n" + exported_;
  exported_.clear();
  for (int i = 0; i < kStrangersADay; ++i) {
    const Way& way = any_way();
    const auto paid = campaigns_of(way);
    text += rfc3339(now - std::chrono::minutes(choose(1000))) + "," +
            std::to_string(100'000'000 + choose(900'000'000)) + "." +
            std::to_string(1'700'000'000 + choose(30'000'000)) + ",,," + way.source + "," + way.medium + "," +
            (paid.empty() ? "" : paid[choose(paid.size())]->name) + ",https://www.example.com/\n";
  }
  drop_file(drop_dir_ + numbered("/touches/visits-%04d.csv", files_++), text, now);
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
