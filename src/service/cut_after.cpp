#include "service/cut_after.h"

#include "base/log.h"

namespace hw::service {

CutAfter::CutAfter(std::stop_token stop, Duration grace)
    : thread_([this, asked = std::move(stop), grace](std::stop_token over) {
        const std::stop_callback wake(asked, [this] {
          const std::lock_guard lock(mu_);
          changed_.notify_all();
        });
        std::unique_lock lock(mu_);
        changed_.wait(lock, over, [&] { return asked.stop_requested(); });
        if (over.stop_requested()) return;
        changed_.wait_for(lock, over, grace, [] { return false; });
        if (over.stop_requested()) return;
        lock.unlock();
        log_event(Level::warn, "requests_cut", {{"action", "cut"}, {"after_seconds", grace.count() / 1'000'000}});
        cut_.request_stop();
      }) {}

}  // namespace hw::service
