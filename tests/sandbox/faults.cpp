#include "sandbox/faults.h"

#include <algorithm>

namespace hw::sandbox {

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
