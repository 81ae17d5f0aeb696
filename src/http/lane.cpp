#include "http/lane.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "base/log.h"
#include "base/text.h"
#include "model/timestamp.h"

namespace hw::http {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLongestSleep = milliseconds(300);
constexpr Duration kBetweenSaves = seconds(5);
constexpr Duration kLongestClosure = hours(24);
constexpr std::int64_t kDayHours = 24;
constexpr std::int64_t kMostRecent = 100'000;

std::int64_t hour_of(SystemTime t) { return std::chrono::floor<hours>(t).time_since_epoch().count(); }

// An hour counts until it has wholly passed out of the last 24. One far ahead comes from a clock that was wrong.
void forget_old(std::map<std::int64_t, int>& by_hour, SystemTime now) {
  const std::int64_t hour = hour_of(now);
  std::erase_if(by_hour, [hour](const auto& e) { return e.first < hour - kDayHours || e.first > hour + kDayHours; });
}

int sum(const std::map<std::int64_t, int>& by_hour) {
  int n = 0;
  for (const auto& [hour, count] : by_hour) n += count;
  return n;
}

// How long until enough of the oldest hours no longer count.
Duration until_below(const std::map<std::int64_t, int>& by_hour, int limit, SystemTime now) {
  int left = sum(by_hour);
  for (const auto& [hour, count] : by_hour) {
    left -= count;
    if (left < limit) return SystemTime(hours(hour + kDayHours + 1)) - now;
  }
  return Duration::zero();
}

/// What is kept of a lane: "HOUR:COUNT" for each hour, "closed:MICROSECONDS", "limit:COUNT", and of its window
/// "recent:COUNT" requests until "last:MICROSECONDS".
struct Kept {
  std::map<std::int64_t, int> by_hour;
  std::optional<SystemTime> closed_until;
  int per_day = 0, recent = 0;
  SystemTime last{};
};

std::string encode(const Kept& kept) {
  std::string out;
  const auto add = [&out](const auto& name, std::int64_t value) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : " ", name, value);
  };
  for (const auto& [hour, count] : kept.by_hour) add(hour, count);
  if (kept.closed_until) add("closed", to_micros(*kept.closed_until));
  if (kept.per_day > 0) add("limit", kept.per_day);
  if (kept.recent > 0) {
    add("recent", kept.recent);
    add("last", to_micros(kept.last));
  }
  return out;
}

template <class Int>
bool read_int(std::string_view text, Int& out) {
  return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc{};
}

Kept decode(std::string_view text) {
  Kept kept;
  for (std::string_view entry : split(text, ' ')) {
    const auto colon = entry.find(':');
    std::int64_t hour = 0, value = 0;
    if (colon == std::string_view::npos || !read_int(entry.substr(colon + 1), value)) continue;
    const std::string_view name = entry.substr(0, colon);
    constexpr std::int64_t kMost = std::numeric_limits<int>::max() / (2 * kDayHours);
    const int count = static_cast<int>(std::clamp<std::int64_t>(value, 0, kMost));
    if (name == "closed")
      kept.closed_until = from_micros(value);
    else if (name == "limit")
      kept.per_day = static_cast<int>(std::clamp<std::int64_t>(value, 0, std::numeric_limits<int>::max()));
    else if (name == "recent")
      kept.recent = static_cast<int>(std::clamp<std::int64_t>(value, 0, kMostRecent));
    else if (name == "last")
      kept.last = from_micros(value);
    else if (read_int(name, hour))
      kept.by_hour[hour] += count;
  }
  return kept;
}

std::string state_key(const std::string& lane_key) { return kLaneState + lane_key; }

// Real time, and so only under the machine's own clock. False after a stop.
bool sleep_for(Duration d, const std::stop_token& stop) {
  std::mutex m;
  std::condition_variable_any never;
  std::unique_lock lock(m);
  never.wait_for(lock, stop, d, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

LaneUse lane_use(std::string_view text, SystemTime now) {
  Kept kept = decode(text);
  forget_old(kept.by_hour, now);
  LaneUse use;
  use.used = sum(kept.by_hour);
  use.per_day = kept.per_day;
  if (kept.closed_until && *kept.closed_until > now) use.closed_until = kept.closed_until;
  if (!kept.by_hour.empty()) use.frees_at = SystemTime(hours(kept.by_hour.begin()->first + kDayHours + 1));
  return use;
}

Lanes::Lanes(StateStore* state, const Clock& clock, bool may_sleep)
    : state_(state), clock_(clock), may_sleep_(may_sleep) {}

Lanes::~Lanes() {
  if (state_ == nullptr) return;
  MutexLock lock(mu_);
  for (const auto& [key, s] : states_) {
    if (s.unsaved || !s.taken.empty()) (void)state_->save(state_key(key), text_of(s), /*secret=*/false);
  }
}

Status Lanes::enter(const std::vector<Lane>& lanes, const std::stop_token& stop) {
  for (const auto& lane : lanes) load(lane);
  Duration may_wait = may_sleep_ ? kLongestSleep : Duration::zero();
  while (auto refusal = try_enter(lanes)) {
    if (refusal->wait > may_wait) {
      return Error{.action = Action::retry, .code = "lane_full", .detail = refusal->why, .retry_after = refusal->wait};
    }
    may_wait -= refusal->wait;
    if (!sleep_for(refusal->wait, stop)) {
      return Error{.action = Action::retry, .code = "stopped", .detail = "stopped while waiting in a lane"};
    }
  }
  return {};
}

void Lanes::close(const std::vector<Lane>& lanes, Duration wait) {
  for (const auto& lane : lanes) load(lane);
  std::vector<Save> saves;
  {
    MutexLock lock(mu_);
    const SteadyTime until = clock_.steady_now() + std::min(wait, kLongestClosure);
    for (const auto& lane : lanes) {
      State& s = states_[lane.key];
      if (until <= s.closed_until) continue;
      s.closed_until = until;
      s.unsaved = true;
      if (auto due = begin_save(lane, /*at_once=*/true)) saves.push_back(*std::move(due));
    }
  }
  save(saves);
}

void Lanes::load(const Lane& lane) {
  {
    MutexLock lock(mu_);
    if (states_[lane.key].loaded) return;
  }
  const Kept kept = decode(state_ == nullptr ? "" : state_->load(state_key(lane.key)).value_or(""));
  MutexLock lock(mu_);
  State& s = states_[lane.key];
  if (s.loaded) return;
  s.loaded = true;
  for (const auto& [hour, count] : kept.by_hour) s.by_hour[hour] += count;
  // All of them as late as the last one: a window may then be fuller than it is, never emptier.
  const Duration ago = std::max(Duration::zero(), Duration(clock_.system_now() - kept.last));
  if (ago < lane.per) s.taken.insert(s.taken.begin(), static_cast<std::size_t>(kept.recent), clock_.steady_now() - ago);
  if (!kept.closed_until) return;
  const Duration left = *kept.closed_until - clock_.system_now();
  s.closed_until = std::max(s.closed_until, clock_.steady_now() + std::min(left, kLongestClosure));
}

std::optional<Lanes::Refusal> Lanes::try_enter(const std::vector<Lane>& lanes) {
  std::optional<Refusal> worst;
  std::vector<Save> saves;
  {
    MutexLock lock(mu_);
    for (const auto& lane : lanes) {
      auto refusal = judge(lane);
      if (refusal && (!worst || refusal->wait > worst->wait)) worst = std::move(refusal);
    }
    for (const auto& lane : lanes) {
      if (!worst) take(lane);
      if (auto due = begin_save(lane, worst || lane.requests > 0)) saves.push_back(*std::move(due));
    }
  }
  save(saves);
  return worst;
}

std::optional<Lanes::Refusal> Lanes::judge(const Lane& lane) {
  State& s = states_[lane.key];
  const SteadyTime now = clock_.steady_now();
  std::optional<Refusal> worst;
  const auto wants = [&worst](Duration wait, std::string why) {
    if (wait > Duration::zero() && (!worst || wait > worst->wait)) worst = Refusal{.wait = wait, .why = std::move(why)};
  };
  wants(s.closed_until - now, fmt::format("lane '{}' is closed, as the server asked by Retry-After", lane.key));
  while (!s.taken.empty() && s.taken.front() + lane.per <= now) s.taken.pop_front();
  if (lane.requests > 0 && s.taken.size() >= static_cast<std::size_t>(lane.requests)) {
    // With a limit lowered by a new configuration more than one must leave first.
    const auto next = s.taken[s.taken.size() - static_cast<std::size_t>(lane.requests)];
    wants(next + lane.per - now, fmt::format("lane '{}' is full: {} requests in {} ms", lane.key, lane.requests,
                                             std::chrono::duration_cast<milliseconds>(lane.per).count()));
  }
  const SystemTime today = clock_.system_now();
  forget_old(s.by_hour, today);
  if (lane.per_day > 0 && sum(s.by_hour) >= lane.per_day) {
    wants(until_below(s.by_hour, lane.per_day, today),
          fmt::format("lane '{}': the daily limit of {} requests is used up", lane.key, lane.per_day));
  }
  return worst;
}

void Lanes::take(const Lane& lane) {
  State& s = states_[lane.key];
  if (lane.requests > 0) {
    s.taken.push_back(clock_.steady_now());
    s.unsaved = true;
  }
  if (lane.per_day <= 0) return;
  s.per_day = lane.per_day;
  ++s.by_hour[hour_of(clock_.system_now())];
  s.unsaved = true;
}

// A place in a window is saved before its request leaves: a kill must not empty the window. Of a lane that has a daily
// limit alone, rarely enough to cost nothing, often enough that a kill forgets a few seconds' requests only.
std::optional<Lanes::Save> Lanes::begin_save(const Lane& lane, bool at_once) {
  State& s = states_[lane.key];
  if (state_ == nullptr || !s.unsaved || s.saving) return std::nullopt;
  const SteadyTime now = clock_.steady_now();
  if (!at_once && s.saved_at && now - *s.saved_at < kBetweenSaves) return std::nullopt;
  s.saving = true;
  s.unsaved = false;
  s.saved_at = now;
  return Save{.key = lane.key, .value = text_of(s)};
}

std::string Lanes::text_of(const State& s) const {
  const Duration closed = s.closed_until - clock_.steady_now();
  return encode(
      {.by_hour = s.by_hour,
       .closed_until = closed > Duration::zero() ? std::optional(clock_.system_now() + closed) : std::nullopt,
       .per_day = s.per_day,
       .recent = static_cast<int>(s.taken.size()),
       .last = s.taken.empty() ? SystemTime{} : clock_.system_now() - (clock_.steady_now() - s.taken.back())});
}

void Lanes::save(const std::vector<Save>& saves) {
  for (const auto& [key, value] : saves) {
    const auto saved = state_->save(state_key(key), value, /*secret=*/false);
    if (!saved) log_event(Level::warn, "lane_state_not_saved", {{"lane", key}, {"code", saved.error().code}});
    MutexLock lock(mu_);
    State& s = states_[key];
    s.saving = false;
    s.unsaved = s.unsaved || !saved;
  }
}

}  // namespace hw::http
