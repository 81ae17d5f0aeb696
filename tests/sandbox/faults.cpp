#include "sandbox/faults.h"

#include <algorithm>
#include <cstdio>

#include "base/zone.h"

namespace hw::sandbox {

std::string http_date(Timestamp t) {
  static const char* const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = Zone::utc().to_civil(t);
  const auto day = std::chrono::floor<std::chrono::days>(t).time_since_epoch().count();
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[((day % 7) + 7) % 7], c.day,
                months[c.month - 1], c.year, c.hour, c.minute, c.second);
  return text;
}

std::optional<Fault> Faults::take(const std::string& peer, const std::string& path, Timestamp now) {
  auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const Fault& f) {
    return (f.peer.empty() || f.peer == peer) && path.find(f.path) != std::string::npos;
  });
  if (it == waiting_.end()) return weather_ ? weather_(peer, now) : std::nullopt;
  Fault taken = *it;
  if (--it->times <= 0) waiting_.erase(it);
  return taken;
}

}  // namespace hw::sandbox
