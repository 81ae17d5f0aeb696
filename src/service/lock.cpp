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

/// "PID\nNOTE"
Lock::Holder written_in(int fd) {
  std::string text;
  char some[4096];
  for (ssize_t n = 0; (n = ::pread(fd, some, sizeof some, static_cast<off_t>(text.size()))) > 0;)
    text.append(some, static_cast<std::size_t>(n));
  const auto end = text.find('\n');
  if (end == std::string::npos) return {.process = text, .note = {}};
  return {.process = text.substr(0, end), .note = text.substr(end + 1)};
}

/// Over the old text, whose end is cut off then: whoever reads in between finds a note that makes no sense, not none.
bool write_in(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto n = ::pwrite(fd, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  return ::ftruncate(fd, static_cast<off_t>(text.size())) == 0;
}

Error cannot_write(const std::string& path) {
  return {Action::pause, "lock", "cannot write " + path + ": " + std::strerror(errno), {}, false};
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
    const std::string pid = written_in(fd).process;
    ::close(fd);
    return Error{Action::pause,
                 "locked",
                 "another headwater" + (pid.empty() ? "" : " (process " + pid + ")") + " works on " + state_dir +
                     ": stop it first",
                 {},
                 false};
  }
  if (!write_in(fd, std::to_string(::getpid()) + "\n")) {
    const Error why = cannot_write(path);
    ::close(fd);
    return why;
  }
  return std::unique_ptr<Lock>(new Lock(fd, path));
}

Status Lock::note(const std::string& text) const {
  if (!write_in(fd_, std::to_string(::getpid()) + "\n" + text)) return cannot_write(path_);
  return {};
}

std::optional<Lock::Holder> Lock::holder(const std::string& state_dir) {
  const int fd = ::open((state_dir + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  Holder who = written_in(fd);
  ::close(fd);
  return held ? std::optional(std::move(who)) : std::nullopt;
}

Lock::~Lock() { ::close(fd_); }

}  // namespace hw::service
