#include "service/notify.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "base/log.h"

namespace hw::service::notify {

bool wanted() { return std::getenv("NOTIFY_SOCKET") != nullptr; }
void ready() { sd_notify(0, "READY=1"); }
void reloading() { sd_notify(0, "RELOADING=1"); }
void stopping() { sd_notify(0, "STOPPING=1"); }
void status(std::string_view line) { sd_notify(0, ("STATUS=" + std::string(line)).c_str()); }

Watchdog::Watchdog(const Heartbeats& beats) : beats_(beats) {
  std::uint64_t interval = 0;
  if (sd_watchdog_enabled(0, &interval) <= 0) return;
  thread_ = std::jthread([this, every = std::chrono::microseconds(interval / 2)](std::stop_token stop) {
    std::unique_lock lock(mu_);
    do {
      ping();
    } while (!changed_.wait_for(lock, stop, every, [&] { return stop.stop_requested(); }));
  });
}

bool Watchdog::ping() {
  const auto stuck = beats_.stuck();
  if (!stuck) {
    sd_notify(0, "WATCHDOG=1");
    said_ = false;
    return true;
  }
  if (!said_)
    log_event(Level::error, "loop_stuck",
              {{"loop", stuck->loop},
               {"silent_seconds", std::chrono::duration_cast<std::chrono::seconds>(stuck->silent).count()}});
  said_ = true;
  return false;
}

}  // namespace hw::service::notify
