#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "service/heartbeat.h"

/// What systemd is told, over $NOTIFY_SOCKET. Without one (a terminal, a container) nothing happens.
namespace hw::service::notify {

/// Somebody listens: what costs a query is worth asking.
bool wanted();
void ready();      ///< started, or reloaded
void reloading();  ///< ready() follows, whatever came of it
void stopping();
/// One line for `systemctl status`.
void status(std::string_view line);

/// Says that the daemon is alive, if its loops are. A stuck loop is logged once.
class Watchdog {
 public:
  /// Pings at half the interval that systemd asks for ($WATCHDOG_USEC), in real time; without one, never.
  explicit Watchdog(const Heartbeats& beats);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  /// One ping; false and none when a loop is stuck. By its own thread, or by a test.
  bool ping();

 private:
  const Heartbeats& beats_;
  bool said_ = false;
  std::mutex mu_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace hw::service::notify
