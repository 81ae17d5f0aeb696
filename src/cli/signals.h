#pragma once
#include <stop_token>
#include <thread>

namespace hw::cli {

/// Blocks SIGTERM, SIGINT and SIGHUP for the whole process and waits for them on one thread. Made before any other
/// thread, so that all inherit the mask. SIGTERM and SIGINT ask to stop; a second one is harmless.
class Signals {
 public:
  Signals();
  ~Signals();
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace hw::cli
