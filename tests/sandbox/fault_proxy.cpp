#include "sandbox/fault_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hw::sandbox {
namespace {

using Fault = FaultProxy::Fault;
using Kind = FaultProxy::Kind;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kChunk = 16U << 10;
constexpr std::size_t kBuffer = 4 * kChunk;  ///< of each direction of a connection
constexpr std::size_t kConnections = 256;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
constexpr std::chrono::milliseconds kThrottleStep(5);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Its end will be a reset instead of an orderly goodbye.
  void reset_at_end() const {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  int fd_ = -1;
};

Socket new_socket() {
  Socket made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (made) ::setsockopt(made.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// Bound to the port (0: a free one); nobody can connect before listen().
Socket bound(int port) {
  Socket made = new_socket();
  const int on = 1;
  const sockaddr_in address = loopback(port);
  if (!made || ::setsockopt(made.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Socket();
  return made;
}

int port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

struct Connection {
  explicit Connection(Socket accepted) : client(std::move(accepted)) {}

  Socket client, server;                ///< the server's is made with the first byte that goes there
  std::string to_server, to_client;     ///< taken and not passed on yet
  std::optional<Fault> fault;           ///< of the present exchange
  Steady::time_point since{};           ///< when the exchange began
  std::size_t asked = 0, answered = 0;  ///< bytes of the exchange that were passed on
  bool is_answering = true;             ///< the server has spoken in this exchange; true before the first one
  bool client_ended = false, server_ended = false, server_told = false;
  bool over = false;
  bool has_swallowed = false;  ///< the black hole of the present exchange

  [[nodiscard]] bool struck_by(Kind kind) const { return fault && fault->kind == kind; }
  [[nodiscard]] std::size_t may_ask(Steady::time_point now) const {
    if (struck_by(Kind::close)) return 0;
    if (struck_by(Kind::delay)) return now - since >= fault->time ? kAll : 0;
    if (struck_by(Kind::cut_request) || struck_by(Kind::black_hole))
      return fault->bytes - std::min(asked, fault->bytes);
    return kAll;
  }
  [[nodiscard]] std::size_t may_answer(Steady::time_point now) const {
    if (struck_by(Kind::black_hole)) return 0;
    if (struck_by(Kind::cut_response)) return fault->bytes - std::min(answered, fault->bytes);
    if (!struck_by(Kind::throttle)) return kAll;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - since).count();
    const std::size_t allowed = fault->bytes * static_cast<std::size_t>(passed) / 1000;
    return allowed - std::min(answered, allowed);
  }
  /// Has its fault come to the point where the connection breaks?
  [[nodiscard]] bool is_cut(Steady::time_point now) const {
    if (!fault) return false;
    switch (fault->kind) {
      case Kind::close:
        return true;
      case Kind::cut_request:
        return asked >= fault->bytes;
      case Kind::cut_response:
        return is_answering && answered >= fault->bytes;
      case Kind::black_hole:
        return client_ended || now - since >= fault->time;
      case Kind::refuse:
      case Kind::delay:
      case Kind::throttle:
        return false;
    }
    return false;
  }
  /// When to look at it again though nothing comes.
  [[nodiscard]] Steady::time_point next(Steady::time_point now) const {
    const bool waits = struck_by(Kind::black_hole) || (struck_by(Kind::delay) && may_ask(now) == 0);
    if (waits) return since + fault->time;
    if (struck_by(Kind::throttle) && !to_client.empty()) return now + kThrottleStep;
    return Steady::time_point::max();
  }
};

/// Takes what has come. Returns false when the other side has ended; a broken one makes the connection over.
bool take_bytes(Connection& c, const Socket& from, std::string& chunk) {
  chunk.resize(kChunk);
  const ssize_t n = ::recv(from.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR) c.over = true;
  chunk.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return n != 0;
}

/// Passes on as much as may go and fits. Returns how much went.
std::size_t give_bytes(Connection& c, const Socket& to, std::string& waiting, std::size_t at_most) {
  const std::size_t size = std::min(waiting.size(), at_most);
  if (size == 0) return 0;
  const ssize_t n = ::send(to.fd(), waiting.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) c.over = true;
  if (n <= 0) return 0;
  waiting.erase(0, static_cast<std::size_t>(n));
  return static_cast<std::size_t>(n);
}

/// Under way until the first byte can be written.
Socket connect_to(int port) {
  Socket made = new_socket();
  const sockaddr_in address = loopback(port);
  if (made && ::connect(made.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    return Socket();
  return made;
}

}  // namespace

class FaultProxy::Relay {
 public:
  explicit Relay(int target_port) : target_port_(target_port) {}
  ~Relay() { stop(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  int start() {
    stop();
    Socket listener = bound(0);
    wake_ = Socket(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!listener || !wake_ || ::listen(listener.fd(), SOMAXCONN) != 0) return 0;
    port_ = port_of(listener);
    listener_ = std::move(listener);
    struck_ = swallowed_ = 0;
    {
      const std::lock_guard lock(mu_);
      serves_ = listens_ = true;
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    return port_;
  }

  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    wake();
    thread_.join();
    listener_ = Socket();
  }

  void add(const Fault& fault) {
    std::unique_lock lock(mu_);
    if (fault.kind != Kind::refuse) {
      if (fault.times > 0) waiting_.push_back(fault);
      return;
    }
    refuses_until_ = Steady::now() + fault.time;
    wake();
    changed_.wait(lock, [&] { return !listens_ || !serves_; });
  }

  void clear() {
    std::unique_lock lock(mu_);
    waiting_.clear();
    refuses_until_ = {};
    wake();
    changed_.wait(lock, [&] { return listens_ || !serves_; });
  }

  void retarget(int target_port) { target_port_ = target_port; }
  [[nodiscard]] int struck() const { return struck_; }
  [[nodiscard]] int swallowed() const { return swallowed_; }
  [[nodiscard]] int open() const { return open_; }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_.fd(), &one, sizeof one);
  }

  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      refuse_or_listen();
      sleep();
      accept();
      for (Connection& c : connections_) work(c);
      connections_.remove_if([](const Connection& c) { return c.over; });
      open_ = static_cast<int>(connections_.size());
    }
    cut_all();
    const std::lock_guard lock(mu_);
    serves_ = false;
    changed_.notify_all();
  }

  void refuse_or_listen() {
    const std::lock_guard lock(mu_);
    const bool refuses = Steady::now() < refuses_until_;
    if (refuses != listens_) return;
    listener_ = Socket();
    listener_ = bound(port_);  // bound alone, the port refuses and stays ours
    listens_ = !refuses && ::listen(listener_.fd(), SOMAXCONN) == 0;
    if (refuses) {
      cut_all();
      ++struck_;
    }
    changed_.notify_all();
  }

  void cut_all() {
    for (const Connection& c : connections_) {
      c.client.reset_at_end();
      c.server.reset_at_end();
    }
    connections_.clear();
    open_ = 0;
  }

  /// Until a byte can be moved, a fault's time has come or somebody wakes it.
  void sleep() {
    const auto now = Steady::now();
    auto until = Steady::time_point::max();
    std::vector<pollfd> watched{{.fd = wake_.fd(), .events = POLLIN, .revents = 0}};
    {
      const std::lock_guard lock(mu_);
      if (listens_) watched.push_back({.fd = listener_.fd(), .events = POLLIN, .revents = 0});
      if (!listens_) until = refuses_until_;
    }
    for (const Connection& c : connections_) {
      watch(watched, c.client, !c.client_ended && c.to_server.size() < kBuffer,
            !c.to_client.empty() && c.may_answer(now) > 0);
      watch(watched, c.server, !c.server_ended && c.to_client.size() < kBuffer,
            !c.to_server.empty() && c.may_ask(now) > 0);
      until = std::min(until, c.next(now));
    }
    int ms = -1;
    if (until != Steady::time_point::max())
      ms = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::max(until, now) - now).count());
    ::poll(watched.data(), watched.size(), ms);
    std::uint64_t woken = 0;
    [[maybe_unused]] const auto n = ::read(wake_.fd(), &woken, sizeof woken);
  }

  static void watch(std::vector<pollfd>& watched, const Socket& socket, bool reads, bool writes) {
    const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
    if (socket && events != 0)
      watched.push_back({.fd = socket.fd(), .events = static_cast<short>(events), .revents = 0});
  }

  void accept() {
    for (;;) {
      Socket client(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client) return;
      if (connections_.size() >= kConnections) continue;
      const int on = 1;
      ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.emplace_back(std::move(client));
    }
  }

  void work(Connection& c) {
    if (!c.client_ended && c.to_server.size() < kBuffer) take_from_client(c);
    if (c.server && !c.server_ended && c.to_client.size() < kBuffer) take_from_server(c);
    const auto now = Steady::now();
    if (!c.to_server.empty() && c.may_ask(now) > 0) {
      if (!c.server) c.server = connect_to(target_port_);
      if (!c.server) c.over = true;
      c.asked += give_bytes(c, c.server, c.to_server, c.may_ask(now));
    }
    c.answered += give_bytes(c, c.client, c.to_client, c.may_answer(now));
    note_swallowed(c);
    if (c.is_cut(now) || c.over) {
      c.over = true;
      c.client.reset_at_end();
      c.server.reset_at_end();
    }
    say_goodbye(c);
  }

  void note_swallowed(Connection& c) {
    if (c.has_swallowed || !c.struck_by(Kind::black_hole)) return;
    c.has_swallowed = c.asked >= c.fault->bytes || !c.to_client.empty();
    if (c.has_swallowed) ++swallowed_;
  }

  static void say_goodbye(Connection& c) {
    if (c.server_ended && c.to_client.empty()) c.over = true;
    if (!c.client_ended || !c.to_server.empty() || c.server_told) return;
    c.server_told = true;
    if (!c.server || ::shutdown(c.server.fd(), SHUT_WR) != 0) c.over = true;
  }

  void take_from_client(Connection& c) {
    c.client_ended = !take_bytes(c, c.client, chunk_);
    if (chunk_.empty()) return;
    if (c.is_answering) {
      c.is_answering = false;
      c.asked = c.answered = 0;
      c.since = Steady::now();
      c.fault = take_fault(chunk_);
      c.has_swallowed = false;
    }
    const bool swallows = c.struck_by(Kind::black_hole) && c.may_ask(Steady::now()) <= c.to_server.size();
    if (!swallows) c.to_server += chunk_;
  }

  void take_from_server(Connection& c) {
    c.server_ended = !take_bytes(c, c.server, chunk_);
    if (!chunk_.empty()) c.is_answering = true;
    c.to_client += chunk_;
  }

  /// The first that waits for such an exchange.
  std::optional<Fault> take_fault(std::string_view first_bytes) {
    const std::lock_guard lock(mu_);
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Fault& f) {
      return first_bytes.find(f.match) != std::string_view::npos;
    });
    if (found == waiting_.end()) return std::nullopt;
    ++struck_;
    const Fault out = *found;
    if (--found->times == 0) waiting_.erase(found);
    return out;
  }

  std::atomic<int> target_port_, struck_ = 0, swallowed_ = 0, open_ = 0;
  int port_ = 0;
  Socket wake_;
  std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  std::deque<Fault> waiting_;
  Steady::time_point refuses_until_{};
  bool serves_ = false, listens_ = false;
  // The thread's own while it runs.
  Socket listener_;
  std::list<Connection> connections_;
  std::string chunk_;
  std::jthread thread_;
};

FaultProxy::FaultProxy(int target_port) : relay_(std::make_unique<Relay>(target_port)) {}
FaultProxy::~FaultProxy() = default;
int FaultProxy::start() { return relay_->start(); }
void FaultProxy::stop() { relay_->stop(); }
void FaultProxy::fault(const Fault& fault) { relay_->add(fault); }
void FaultProxy::clear() { relay_->clear(); }
int FaultProxy::struck() const { return relay_->struck(); }
int FaultProxy::swallowed() const { return relay_->swallowed(); }
int FaultProxy::open() const { return relay_->open(); }
void FaultProxy::retarget(int target_port) { relay_->retarget(target_port); }

}  // namespace hw::sandbox
