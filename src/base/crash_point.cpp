#include "base/crash_point.h"

#ifdef HEADWATER_TEST_HOOKS
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

namespace hw {
namespace {

/// One pass of one point, as an environment variable names it.
class Pass {
 public:
  explicit Pass(const char* text) {
    if (text == nullptr) return;
    std::string_view s = text;
    const std::size_t colon = s.rfind(':');
    if (colon != std::string_view::npos) {
      int pass = 1;
      std::from_chars(s.data() + colon + 1, s.data() + s.size(), pass);
      left_ = pass;
      s = s.substr(0, colon);
    }
    const std::size_t slash = s.find('/');
    name_ = s.substr(0, slash);
    if (slash != std::string_view::npos) part_ = s.substr(slash + 1);
  }
  bool is_this(const char* name, std::string_view part) {
    if (name_.empty() || name_ != name || (!part_.empty() && part_ != part)) return false;
    return left_.fetch_sub(1) == 1;
  }

 private:
  std::string name_, part_;
  std::atomic<int> left_ = 1;
};

/// Until whoever waits for the signal has asked everybody to stop.
constexpr std::chrono::milliseconds kHeard(50);

}  // namespace

void crash_point(const char* name, std::string_view part) {
  static Pass crash(std::getenv("HW_CRASH_AT")), stop(std::getenv("HW_STOP_AT"));
  if (crash.is_this(name, part)) std::raise(SIGKILL);
  if (!stop.is_this(name, part)) return;
  ::kill(::getpid(), SIGTERM);
  std::this_thread::sleep_for(kHeard);
}

}  // namespace hw
#endif
