#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "service/heartbeat.h"
#include "service/metrics.h"

namespace hw::service {

/// What a running daemon knows of itself; whoever asks it (watchdog, /readyz, /metrics) touches no loop. Thread-safe.
class Vitals {
 public:
  explicit Vitals(const Clock& clock) : beats(clock) {}

  Heartbeats beats;
  Metrics metrics;
  std::atomic<bool> swept = false;  ///< Reconciler::sources_swept()

  /// What the configuration that works now names.
  void set_destinations(std::vector<std::string> names) {
    MutexLock lock(mu_);
    destinations_ = std::move(names);
  }
  void set_lookups(std::vector<std::string> names) {
    MutexLock lock(mu_);
    lookups_ = std::move(names);
  }
  void set_source_fields(std::vector<std::string> names) {
    MutexLock lock(mu_);
    source_fields_ = std::move(names);
  }
  /// When the store was last looked through for damage; over a reload too.
  void store_checked(Timestamp at) {
    MutexLock lock(mu_);
    store_checked_at_ = at;
  }
  [[nodiscard]] std::optional<Timestamp> store_checked_at() const {
    MutexLock lock(mu_);
    return store_checked_at_;
  }
  [[nodiscard]] std::vector<std::string> destinations() const {
    MutexLock lock(mu_);
    return destinations_;
  }
  [[nodiscard]] std::vector<std::string> lookups() const {
    MutexLock lock(mu_);
    return lookups_;
  }
  [[nodiscard]] std::vector<std::string> source_fields() const {
    MutexLock lock(mu_);
    return source_fields_;
  }

 private:
  mutable Mutex mu_;
  std::vector<std::string> destinations_ GUARDED_BY(mu_), lookups_ GUARDED_BY(mu_), source_fields_ GUARDED_BY(mu_);
  std::optional<Timestamp> store_checked_at_ GUARDED_BY(mu_);
};

}  // namespace hw::service
