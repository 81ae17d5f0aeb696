#include "sandbox/conductor.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace hw::sandbox {

void Conductor::step_to(Timestamp t) {
  server_.locked([&] {
    script_.advance(world_, t);
    server_.advance(t);
  });
  clock_.set_now(t);
}

bool Conductor::run_until(Timestamp end, const std::function<bool()>& go_on,
                          const std::function<void(Timestamp)>& progress) {
  int polls = 0;
  while (world_.now < end) {
    const Timestamp idle = clock_.idle_until();
    if (idle <= world_.now) {
      if (++polls % 256 == 0 && !go_on()) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      continue;
    }
    Timestamp next = std::min({idle, end, script_.next_event()});
    server_.locked([&] { next = std::min(next, server_.next_event()); });
    if (at_most_ && next > at_most_()) {
      if (!go_on()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    step_to(std::max(next, world_.now + Duration(1)));
    progress(world_.now);
    if (!go_on()) return false;
  }
  return true;
}

bool Conductor::settle(const std::function<bool()>& go_on) {
  while (clock_.idle_until() <= world_.now) {
    if (!go_on()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace hw::sandbox
