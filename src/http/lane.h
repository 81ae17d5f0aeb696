#pragma once
#include <deque>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"

namespace hw::http {

/// What the state knows of a lane, for status.
struct LaneUse {
  int used = 0;                            ///< requests in the last 24 to 25 hours
  int per_day = 0;                         ///< of so many; 0 = it has no daily limit
  std::optional<SystemTime> closed_until;  ///< as the server asked
  std::optional<SystemTime> frees_at;      ///< when the oldest of `used` counts no longer
};
inline constexpr const char* kLaneState = "lane/";
LaneUse lane_use(std::string_view kept, SystemTime now);

/// The rate lanes of a process, by key. Each is a sliding window: in no span of `per`, wherever it begins, do more than
/// `requests` go (a bucket would let nearly twice as many through, which strict vendors refuse). The daily limit is a
/// sliding window too, of 24 to 25 hours in steps of an hour: it holds whatever time zone the vendor's day begins in.
/// A key has one limit: what a vendor counts in two windows takes two keys.
/// What a day has used, what the last window held and how long a server wants to be left alone outlive the process and
/// a reload. A kill forgets what another thread took while a save was under way; of a lane with a daily limit alone the
/// last five seconds.
/// Thread-safe; never blocks, but for the short wait of enter().
class Lanes {
 public:
  /// @param state      keeps daily use and closures under kLaneState + KEY; may be null
  /// @param may_sleep  see ClientOptions
  Lanes(StateStore* state, const Clock& clock, bool may_sleep);
  /// Saves what the daily lanes still have unsaved.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// Takes one place in every lane, or in none. Retry "lane_full" with the exact retry_after; retry "stopped".
  Status enter(const std::vector<Lane>& lanes, const std::stop_token& stop) EXCLUDES(mu_);

  /// Closes the lanes until that time has passed (a server's 429 with Retry-After, up to a day).
  /// Kept over a restart when it returns; a power cut may forget it.
  void close(const std::vector<Lane>& lanes, Duration wait) EXCLUDES(mu_);

 private:
  struct State {
    std::deque<SteadyTime> taken;  ///< within the last `per`, oldest first
    SteadyTime closed_until{};
    std::map<std::int64_t, int> by_hour{};  ///< hours since 1970: requests, for the daily limit
    int per_day = 0;                        ///< the limit, as last asked
    bool loaded = false, unsaved = false, saving = false;
    std::optional<SteadyTime> saved_at{};
  };
  struct Refusal {
    Duration wait{};
    std::string why;
  };
  struct Save {
    std::string key, value;
  };

  void load(const Lane& lane) EXCLUDES(mu_);
  std::optional<Refusal> try_enter(const std::vector<Lane>& lanes) EXCLUDES(mu_);
  std::optional<Refusal> judge(const Lane& lane) REQUIRES(mu_);
  void take(const Lane& lane) REQUIRES(mu_);
  std::optional<Save> begin_save(const Lane& lane, bool at_once) REQUIRES(mu_);
  std::string text_of(const State& s) const REQUIRES(mu_);
  void save(const std::vector<Save>& saves) EXCLUDES(mu_);

  StateStore* const state_;
  const Clock& clock_;
  const bool may_sleep_;
  Mutex mu_;
  std::map<std::string, State> states_ GUARDED_BY(mu_);
};

}  // namespace hw::http
