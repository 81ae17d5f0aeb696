#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace hw {

/// Lets a repeated line through once per 10 s and counts the others. Not thread-safe.
class LogLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kEvery{10};

  /// True: write `line` now. False: it is counted, and the latest one is told by a later overdue().
  bool admit(const std::string& key, const std::string& line, Time now);

  struct Held {
    std::string line;  ///< the latest that was held back
    int count = 0;
  };
  /// Lines held back whose 10 s are over, each once. Keys that have been quiet are forgotten.
  std::vector<Held> overdue(Time now);

 private:
  struct Entry {
    Time written;
    Held held;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace hw
