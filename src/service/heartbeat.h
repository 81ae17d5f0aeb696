#pragma once
#include <atomic>
#include <list>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace hw::service {

/// Whether the daemon's loops are alive. A loop says when it begins a step, when it gets on within one (each exchange
/// with a vendor does that for it) and when it waits; one that does neither for kStuckAfter is stuck. Thread-safe.
class Heartbeats {
 public:
  /// Longer than any transfer's deadline and than any wait within a step.
  static constexpr Duration kStuckAfter = std::chrono::minutes(10);

  explicit Heartbeats(const Clock& clock) : clock_(clock) {}

  /// The calling thread's loop, until the object's end. Used by that thread alone; one a thread.
  class Loop {
   public:
    Loop(Heartbeats& beats, std::string name);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    void works();
    void waits();

   private:
    friend class Heartbeats;
    static constexpr std::int64_t kWaiting = -1;
    Heartbeats& beats_;
    std::string name_;
    std::atomic<std::int64_t> since_ = kWaiting;  ///< steady microseconds of the last sign of life
  };

  /// The calling thread's loop got on. Harmless on a thread without one.
  static void got_on();

  struct Stuck {
    std::string loop;
    Duration silent{};
  };
  /// The loop that has been silent longest, if it is stuck.
  [[nodiscard]] std::optional<Stuck> stuck() const;

 private:
  [[nodiscard]] std::int64_t now() const { return clock_.steady_now().time_since_epoch().count(); }

  const Clock& clock_;
  mutable Mutex mu_;
  std::list<const Loop*> loops_ GUARDED_BY(mu_);
};

}  // namespace hw::service
