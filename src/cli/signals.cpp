#include "cli/signals.h"

#include <unistd.h>

#include <csignal>
#include <utility>

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
      take(sigtimedwait(&mask, nullptr, &wait));
    }
  });
}

void Signals::take(int signal) {
  if (signal == SIGTERM || signal == SIGINT) {
    if (!stop_.stop_requested()) log_event(Level::info, "stopping", {{"signal", signal}});
    stop_.request_stop();
  } else if (signal == SIGHUP) {
    const std::lock_guard lock(mu_);
    hung_up_ = true;
    if (on_hangup_) on_hangup_();
  }
}

void Signals::on_hangup(std::function<void()> action) {
  const std::lock_guard lock(mu_);
  on_hangup_ = std::move(action);
  if (hung_up_ && on_hangup_) on_hangup_();
}

Signals::~Signals() = default;

void end_by_signals_as_process_1() {
  if (::getpid() != 1) return;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, [](int number) { ::_exit(128 + number); });
}

}  // namespace hw::cli
