#include "service/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hw::service {

Result<std::unique_ptr<Lock>> Lock::take(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error{Action::pause, "lock", "cannot open " + path + ": " + std::strerror(errno), {}, false};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char pid[32] = {};
    const auto n = ::pread(fd, pid, sizeof pid - 1, 0);
    ::close(fd);
    return Error{Action::pause,
                 "locked",
                 "another headwater" + (n > 0 ? " (process " + std::string(pid) + ")" : std::string()) + " works on " +
                     state_dir + ": stop it, or give this one a state directory of its own",
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

Lock::~Lock() { ::close(fd_); }

}  // namespace hw::service
