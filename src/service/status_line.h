#pragma once
#include <optional>
#include <string>

#include "service/app.h"

namespace hw::service {

/// What `systemctl status` shows of a running daemon: sources, destinations, rows due, what is paused.
std::string status_line(App& app, bool gated);

/// Tells systemd the line when it changed, at most every few seconds, and only if somebody listens. One thread's.
class StatusLine {
 public:
  explicit StatusLine(App& app) : app_(app) {}
  /// `gated`: some source has not been read through yet.
  void tell(bool gated);

 private:
  App& app_;
  std::string told_;
  std::optional<SteadyTime> told_at_;
};

}  // namespace hw::service
