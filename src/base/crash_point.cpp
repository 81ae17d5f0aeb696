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
  std::string name, part;
  int pass = 1;
};

CrashAt crash_at_from(const char* text) {
  if (text == nullptr) return {};
  std::string_view s = text;
  const std::size_t colon = s.rfind(':');
  CrashAt at;
  if (colon != std::string_view::npos) {
    std::from_chars(s.data() + colon + 1, s.data() + s.size(), at.pass);
    s = s.substr(0, colon);
  }
  const std::size_t slash = s.find('/');
  at.name = s.substr(0, slash);
  if (slash != std::string_view::npos) at.part = s.substr(slash + 1);
  return at;
}

}  // namespace

void crash_point(const char* name, std::string_view part) {
  static const CrashAt at = crash_at_from(std::getenv("HW_CRASH_AT"));
  static std::atomic<int> passes{0};
  if (at.name.empty() || at.name != name || (!at.part.empty() && at.part != part)) return;
  if (passes.fetch_add(1) + 1 == at.pass) std::raise(SIGKILL);
}

}  // namespace hw
#endif
