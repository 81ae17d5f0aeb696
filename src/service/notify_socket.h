#pragma once
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/text.h"

namespace hw::service {

/// Stands in for systemd: hears what the daemon says, while it lives. Made before the daemon's threads.
class NotifySocket {
 public:
  NotifySocket() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_notify_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (dir_ + "/socket").copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setenv("NOTIFY_SOCKET", address.sun_path, 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
    std::filesystem::remove_all(dir_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// Reads on until something begins so, and returns that line.
  std::string await(const std::string& beginning) const {
    for (;;) {
      const std::string message = receive(0);
      if (message.empty()) {
        ADD_FAILURE() << "nothing said " << beginning;
        return "";
      }
      for (const auto line : split(message, '\n'))
        if (line.starts_with(beginning)) return std::string(line);
    }
  }
  /// What was said and not read yet, first message; "" = nothing.
  [[nodiscard]] std::string next() const { return receive(MSG_DONTWAIT); }

 private:
  [[nodiscard]] std::string receive(int flags) const {
    char text[4096];
    const auto n = ::recv(fd_, text, sizeof text, flags);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : "";
  }

  std::string dir_;
  int fd_ = -1;
};

}  // namespace hw::service
