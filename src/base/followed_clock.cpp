#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <list>
#include <thread>

#include "base/clock.h"

namespace hw {
namespace {

constexpr std::size_t kFileSize = 16;
constexpr std::chrono::microseconds kPollEvery{100};

std::int64_t little_endian(std::int64_t v) {
  if constexpr (std::endian::native == std::endian::little) return v;
  return static_cast<std::int64_t>(__builtin_bswap64(static_cast<std::uint64_t>(v)));
}

/// The two numbers that daemon and sandbox share.
class SharedFile {
 public:
  explicit SharedFile(std::int64_t* words) : words_(words) {}
  ~SharedFile() { munmap(words_, kFileSize); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  [[nodiscard]] SystemTime now() const {
    return SystemTime(Duration(little_endian(std::atomic_ref(words_[0]).load(std::memory_order_acquire))));
  }
  void set_idle_until(std::int64_t t) { std::atomic_ref(words_[1]).store(little_endian(t), std::memory_order_release); }

 private:
  std::int64_t* words_;
};

/// One thread's entry. Guarded by the group's mutex.
struct Sleeper {
  std::condition_variable_any cv;
  bool waiting = false;
  bool woken = false;
  bool due = false;  ///< the time came, or was set back: since the wait began
  SystemTime until;
  SetBack set_back;
  void look(SystemTime now) { due = set_back.since_last(now) || now >= until || due; }
};

/// All waiters of the clock. `now` can move only while every one of them waits; then one of the waiting threads watches
/// the file for all and wakes those whose time has come. Who only asks for the time says nothing: beside a daemon it
/// would speak for that one.
class Group {
 public:
  explicit Group(std::int64_t* words) : file_(words) {}
  ~Group() {
    if (has_spoken_) file_.set_idle_until(0);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] SystemTime now() const { return file_.now(); }

  /// Goes on with the file's time, and never back with it.
  SteadyTime steady_now() {
    std::lock_guard lock(mu_);
    const SystemTime now = file_.now();
    steady_ += std::max(now - seen_, Duration::zero());
    seen_ = now;
    return steady_;
  }

  Sleeper& add() {
    std::lock_guard lock(mu_);
    Sleeper& s = sleepers_.emplace_back();
    s.set_back.since_last(now());
    publish();
    return s;
  }

  void remove(Sleeper& gone) {
    std::lock_guard lock(mu_);
    sleepers_.remove_if([&](const Sleeper& s) { return &s == &gone; });
    publish();
    // The others may now be all asleep with none of them watching.
    for (Sleeper& s : sleepers_) s.cv.notify_all();
  }

  void wake(Sleeper& s) {
    std::lock_guard lock(mu_);
    s.woken = true;
    publish();
    s.cv.notify_all();
  }

  bool wait(Sleeper& s, SystemTime t, const std::stop_token& stop) {
    std::unique_lock lock(mu_);
    s.until = t;
    s.due = false;
    const auto is_over = [&] {
      s.look(now());
      return s.due || s.woken || stop.stop_requested();
    };
    if (!is_over()) {
      s.waiting = true;
      publish();
    }
    while (!is_over()) {
      if (idle_ && !watched_) {
        watch(lock);
      } else {
        s.cv.wait(lock, stop, [&] { return is_over() || (idle_ && !watched_); });
      }
    }
    s.waiting = s.woken = false;
    publish();
    return !stop.stop_requested();
  }

 private:
  void watch(std::unique_lock<std::mutex>& lock) {
    watched_ = true;
    lock.unlock();
    std::this_thread::sleep_for(kPollEvery);
    lock.lock();
    watched_ = false;
    for (Sleeper& s : sleepers_) {
      if (!s.waiting) continue;
      s.look(now());
      if (s.due) s.cv.notify_all();
    }
  }

  /// Tells the sandbox how far it may move time: not at all while any thread is busy.
  void publish() {
    has_spoken_ = true;
    SystemTime until = SystemTime::max();
    idle_ = !sleepers_.empty();
    for (const Sleeper& s : sleepers_) {
      idle_ = idle_ && s.waiting && !s.woken;
      until = std::min(until, s.until);
    }
    file_.set_idle_until(idle_ ? until.time_since_epoch().count() : 0);
  }

  SharedFile file_;
  std::mutex mu_;
  SystemTime seen_{};
  SteadyTime steady_{};
  std::list<Sleeper> sleepers_;
  bool idle_ = false;
  bool watched_ = false;
  bool has_spoken_ = false;
};

class FollowedWaiter final : public Waiter {
 public:
  explicit FollowedWaiter(std::shared_ptr<Group> group) : group_(std::move(group)), sleeper_(group_->add()) {}
  ~FollowedWaiter() override { group_->remove(sleeper_); }
  bool wait_until(SystemTime t, std::stop_token stop) override { return group_->wait(sleeper_, t, stop); }
  void wake() override { group_->wake(sleeper_); }

 private:
  std::shared_ptr<Group> group_;
  Sleeper& sleeper_;
};

class FollowedClock final : public Clock {
 public:
  explicit FollowedClock(std::int64_t* words) : group_(std::make_shared<Group>(words)) {}
  SystemTime system_now() const override { return group_->now(); }
  SteadyTime steady_now() const override { return group_->steady_now(); }
  std::unique_ptr<Waiter> waiter(std::string) override { return std::make_unique<FollowedWaiter>(group_); }

 private:
  std::shared_ptr<Group> group_;
};

/// The mapped words, or nullptr with errno (0 for a file that is too short).
std::int64_t* map_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  struct stat info {};
  void* at = MAP_FAILED;
  errno = 0;
  if (fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kFileSize)) {
    at = mmap(nullptr, kFileSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  const int cause = errno;
  close(fd);
  errno = cause;
  return at == MAP_FAILED ? nullptr : static_cast<std::int64_t*>(at);
}

}  // namespace

Result<std::unique_ptr<Clock>> make_followed_clock(const std::string& path) {
  if (std::int64_t* words = map_file(path)) return std::unique_ptr<Clock>(std::make_unique<FollowedClock>(words));
  const std::string why = errno == 0 ? "it is shorter than 16 bytes" : std::strerror(errno);
  return Error{.action = Action::pause, .code = "clock_file", .detail = "clock file " + path + ": " + why};
}

}  // namespace hw
