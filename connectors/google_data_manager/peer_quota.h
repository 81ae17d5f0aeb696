#pragma once
#include <deque>

#include "model/timestamp.h"

namespace hw::sandbox::data_manager {

/// A project's quota: a sliding minute and the UTC day.
class Quota {
 public:
  Quota(std::size_t per_minute, std::size_t per_day) : per_minute_(per_minute), per_day_(per_day) {}

  /// False when one of the two is used up; a refused request uses nothing.
  bool take(Timestamp now) {
    const auto day = std::chrono::floor<std::chrono::days>(now);
    if (day != day_) today_ = 0;
    day_ = day;
    while (!minute_.empty() && minute_.front() <= now - std::chrono::minutes(1)) minute_.pop_front();
    if (minute_.size() >= per_minute_ || today_ >= per_day_) return false;
    minute_.push_back(now);
    ++today_;
    return true;
  }

 private:
  std::size_t per_minute_, per_day_, today_ = 0;
  std::deque<Timestamp> minute_;
  std::chrono::sys_days day_{};
};

}  // namespace hw::sandbox::data_manager
