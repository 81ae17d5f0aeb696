#include "cli/signals.h"

#include <csignal>

#include "base/log.h"

namespace hw::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Signals::Signals() {
  sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error of the write, not the end of the daemon
  thread_ = std::jthread([this](std::stop_token own) {
    sigset_t mask = watched();
    while (!own.stop_requested()) {
      timespec wait{.tv_sec = 0, .tv_nsec = 200'000'000};
      const int signal = sigtimedwait(&mask, nullptr, &wait);
      if (signal == SIGTERM || signal == SIGINT) {
        if (!stop_.stop_requested()) log_event(Level::info, "stopping", {{"signal", signal}});
        stop_.request_stop();
      }
    }
  });
}

Signals::~Signals() = default;

}  // namespace hw::cli
