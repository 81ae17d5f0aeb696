#include "bench/at_once.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <stdexcept>

namespace hw::bench {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
constexpr int kLookUpMs = 100;  ///< so often a silent connection is asked whether it is to end

bool readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, kLookUpMs) > 0;
}

std::size_t announced(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const auto at = head.find(kName);
  std::size_t n = 0;
  if (at != head.npos) std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), n);
  return n;
}

}  // namespace

AtOnce::AtOnce() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error("no free port on loopback");
  port_ = ntohs(at.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

AtOnce::~AtOnce() {
  thread_.request_stop();
  thread_.join();
  ::close(listener_);
}

void AtOnce::serve(const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    if (!readable(listener_)) continue;
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    const int yes = 1;
    ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    converse(connection, stop);
    ::close(connection);
  }
}

void AtOnce::converse(int connection, const std::stop_token& stop) const {
  std::string seen;
  char buffer[1 << 16];
  while (!stop.stop_requested()) {
    if (!readable(connection)) continue;
    const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
    if (n <= 0) return;
    seen.append(buffer, static_cast<std::size_t>(n));
    const auto end = seen.find("\r\n\r\n");
    if (end == seen.npos) continue;
    const std::size_t whole = end + 4 + announced(std::string_view(seen).substr(0, end + 2));
    if (seen.size() < whole) continue;
    seen.erase(0, whole);
    if (::send(connection, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) return;
  }
}

}  // namespace hw::bench
