#pragma once
#include <functional>

#include "sandbox/clock_file.h"
#include "sandbox/script.h"
#include "sandbox/server.h"

namespace hw::sandbox {

/// Moves the world's time: only while the daemon is idle, to the earliest of the script's next event, the peers' own
/// next event and what the daemon waits for.
class Conductor {
 public:
  Conductor(World& world, Script& script, Server& server, ClockFile& clock)
      : world_(world), script_(script), server_(server), clock_(clock) {}

  /// Until `end` of world time, or until `go_on` says no (the daemon has ended, Ctrl-C). Returns whether the end was
  /// reached.
  bool run_until(Timestamp end, const std::function<bool()>& go_on, const std::function<void(Timestamp)>& progress);
  /// No faster than this: the latest time at which the world may be now.
  void pace(std::function<Timestamp()> at_most) { at_most_ = std::move(at_most); }
  /// Until the daemon has done all that is due now. Returns false when `go_on` said no before.
  bool settle(const std::function<bool()>& go_on);

 private:
  void step_to(Timestamp t);
  World& world_;
  Script& script_;
  Server& server_;
  ClockFile& clock_;
  std::function<Timestamp()> at_most_;
};

}  // namespace hw::sandbox
