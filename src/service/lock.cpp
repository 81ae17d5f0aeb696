#include "service/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace hw::service {
namespace {

constexpr std::chrono::milliseconds kLookAgain(20);

bool lock_within(int fd, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
  return true;
}

std::string process_in(int fd) {
  char pid[32] = {};
  const auto n = ::pread(fd, pid, sizeof pid - 1, 0);
  return n > 0 ? std::string(pid) : std::string();
}

Error cannot_open(const std::string& path, int why) {
  const bool forbidden = why == EACCES || why == EROFS || why == EPERM;
  std::string text = "cannot open " + path + ": " + std::strerror(why);
  if (forbidden)
    text +=
        ". Make the user that runs Headwater the owner of the state directory, with mode 0700, on a file system "
        "mounted for writing";
  return {Action::pause, forbidden ? "store_readonly" : "lock", std::move(text), {}, false};
}

}  // namespace

Result<std::unique_ptr<Lock>> Lock::take(const std::string& state_dir, std::chrono::milliseconds patience) {
  const std::string path = state_dir + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_open(path, errno);
  if (!lock_within(fd, patience)) {
    const std::string pid = process_in(fd);
    ::close(fd);
    return Error{Action::pause,
                 "locked",
                 "another headwater" + (pid.empty() ? "" : " (process " + pid + ")") + " works on " + state_dir +
                     ": stop it first",
                 {},
                 false};
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    ::close(fd);
    return Error{Action::pause, "lock", "cannot write " + path + ": " + std::strerror(errno), {}, false};
  }
  return std::unique_ptr<Lock>(new Lock(fd));
}

std::optional<std::string> Lock::holder(const std::string& state_dir) {
  const int fd = ::open((state_dir + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  const std::string pid = process_in(fd);
  ::close(fd);
  return held ? std::optional(pid) : std::nullopt;
}

Lock::~Lock() { ::close(fd_); }

}  // namespace hw::service
