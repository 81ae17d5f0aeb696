#pragma once
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace hw::cli {

/// Blocks SIGTERM, SIGINT and SIGHUP for the whole process and waits for them on one thread. Made before any other
/// thread, so that all inherit the mask. SIGTERM and SIGINT ask to stop; a second one is harmless. Works as process 1
/// too: a blocked signal is kept for the waiter, where an unblocked one without a handler would be thrown away.
class Signals {
 public:
  Signals();
  ~Signals();
  [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
  /// What SIGHUP does from now on, and now if one came before; nothing when empty. No call is under way any more when
  /// it returns.
  void on_hangup(std::function<void()> action);

 private:
  void take(int signal);

  std::stop_source stop_;
  std::mutex mu_;
  std::function<void()> on_hangup_;
  bool hung_up_ = false;
  std::jthread thread_;
};

/// For commands that just run and end. The kernel throws away a signal to process 1 that has no handler, and such a
/// command in a container could not be stopped; elsewhere nothing changes.
void end_by_signals_as_process_1();

}  // namespace hw::cli
