#include "base/crash_point.h"

#ifdef HEADWATER_TEST_HOOKS
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace hw {
namespace {

struct CrashAt {
  std::string name;
  int pass = 1;
};

CrashAt crash_at_from(const char* text) {
  if (text == nullptr) return {};
  std::string_view s = text;
  const std::size_t colon = s.rfind(':');
  if (colon == std::string_view::npos) return {std::string(s), 1};
  CrashAt at{std::string(s.substr(0, colon)), 1};
  std::from_chars(s.data() + colon + 1, s.data() + s.size(), at.pass);
  return at;
}

}  // namespace

void crash_point(const char* name) {
  static const CrashAt at = crash_at_from(std::getenv("HW_CRASH_AT"));
  static std::atomic<int> passes{0};
  if (at.name.empty() || at.name != name) return;
  if (passes.fetch_add(1) + 1 == at.pass) std::raise(SIGKILL);
}

}  // namespace hw
#endif
