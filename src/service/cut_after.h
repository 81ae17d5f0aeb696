#pragma once
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace hw::service {

/// What is under way when a stop is asked for may end by itself within `grace`; then token() is requested and it is
/// cut. The grace is real time, like every transfer's deadline: a followed clock may stand still.
///
/// Its end waits for nobody. Outlives those who hold the token's work, is destroyed after they have ended.
class CutAfter {
 public:
  CutAfter(std::stop_token stop, Duration grace);
  CutAfter(const CutAfter&) = delete;
  CutAfter& operator=(const CutAfter&) = delete;
  [[nodiscard]] std::stop_token token() const { return cut_.get_token(); }

 private:
  std::mutex mu_;
  std::condition_variable_any changed_;
  std::stop_source cut_;
  std::jthread thread_;
};

}  // namespace hw::service
