#include "sandbox/fault_proxy.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

namespace hw::sandbox {
namespace {

using Kind = FaultProxy::Kind;
using std::chrono::milliseconds;

sockaddr_in on_loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// Answers each line with kAnswer, on as many connections as come.
class LineServer {
 public:
  static constexpr std::size_t kAnswerSize = 1000;
  static std::string answer() { return std::string(kAnswerSize - 1, 'a') + "\n"; }

  LineServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = on_loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 100), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept(); });
  }
  ~LineServer() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    for (std::thread& t : serving_) t.join();
    ::close(listener_);
  }
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string received() {
    const std::lock_guard lock(mu_);
    return received_;
  }
  [[nodiscard]] int lines() const { return lines_; }
  /// Until a connection has ended: what it received is then known.
  void await_end() const { ended_.wait(0); }

 private:
  void accept() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      serving_.emplace_back([this, fd] { serve(fd); });
  }
  void serve(int fd) {
    char c = 0;
    while (::recv(fd, &c, 1, 0) == 1) {
      {
        const std::lock_guard lock(mu_);
        received_ += c;
      }
      if (c != '\n') continue;
      ++lines_;
      const std::string text = answer();
      (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    }
    ::close(fd);
    ++ended_;
    ended_.notify_all();
  }

  int listener_, port_ = 0;
  std::mutex mu_;
  std::string received_;
  std::atomic<int> lines_ = 0, ended_ = 0;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

/// One connection to the proxy.
class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = on_loopback(port);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    why_not_ = connected_ ? 0 : errno;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int why_not() const { return why_not_; }

  /// Sends a line and returns what came back: an answer, or less when the connection broke.
  std::string ask(const std::string& line) const {
    const std::string text = line + "\n";
    (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    std::string got;
    std::array<char, 4096> chunk{};
    while (got.size() < LineServer::kAnswerSize) {
      const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
      if (n <= 0) break;
      got.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return got;
  }

 private:
  int fd_;
  bool connected_ = false;
  int why_not_ = 0;
};

class FaultyNetwork : public testing::Test {
 protected:
  FaultyNetwork() : proxy_(server_.port()), port_(proxy_.start()) { EXPECT_NE(port_, 0); }

  LineServer server_;
  FaultProxy proxy_;
  int port_;
};

TEST_F(FaultyNetwork, WithoutFaultsPassesAllOn) {
  const Client one(port_), two(port_);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(one.ask("hello"), LineServer::answer());
    EXPECT_EQ(two.ask(std::string(300'000, 'x')), LineServer::answer());
  }
  EXPECT_EQ(server_.lines(), 6);
  EXPECT_EQ(server_.received().size(), 3 * (6U + 300'001U));
  EXPECT_EQ(proxy_.struck(), 0);
}

TEST_F(FaultyNetwork, ClosesBeforeTheServerSeesAByte) {
  const Client old(port_);
  old.ask("before");
  proxy_.fault(Kind::close, 0, 2);
  EXPECT_EQ(old.ask("on an open connection"), "");
  EXPECT_EQ(Client(port_).ask("on a new one"), "");
  EXPECT_EQ(Client(port_).ask("after"), LineServer::answer());
  EXPECT_EQ(server_.received(), "before\nafter\n");
  EXPECT_EQ(proxy_.struck(), 2);
}

TEST_F(FaultyNetwork, CutsARequestAfterSoManyBytes) {
  proxy_.fault(Kind::cut_request, 4);
  EXPECT_EQ(Client(port_).ask("0123456789"), "");
  server_.await_end();
  EXPECT_EQ(server_.received(), "0123");
  EXPECT_EQ(server_.lines(), 0);
}

TEST_F(FaultyNetwork, CutsAnAnswerAfterSoManyBytes) {
  proxy_.fault(Kind::cut_response, 10);
  EXPECT_EQ(Client(port_).ask("half an answer"), std::string(10, 'a'));
  proxy_.fault(Kind::cut_response, 0);
  EXPECT_EQ(Client(port_).ask("no answer"), "");
  EXPECT_EQ(server_.lines(), 2) << "the server has worked";
}

TEST_F(FaultyNetwork, AnExchangeThatIsShorterThanTheCutGoesThrough) {
  const Client client(port_);
  proxy_.fault(Kind::cut_request, 1000);
  EXPECT_EQ(client.ask("short"), LineServer::answer());
  proxy_.fault(Kind::cut_response, 2 * LineServer::kAnswerSize);
  EXPECT_EQ(client.ask("short"), LineServer::answer());
  EXPECT_EQ(client.ask("and the next one is whole again"), LineServer::answer());
  EXPECT_EQ(proxy_.struck(), 2);
}

TEST_F(FaultyNetwork, StrikesOnlyTheExchangeThatWasNamed) {
  proxy_.fault({.kind = Kind::close, .match = "POST /uploads"});
  const Client client(port_);
  EXPECT_EQ(client.ask("GET /deals"), LineServer::answer());
  EXPECT_EQ(client.ask("POST /uploads"), "");
  EXPECT_EQ(proxy_.struck(), 1);
}

TEST_F(FaultyNetwork, DelaysAndThenPassesAllOn) {
  proxy_.fault({.kind = Kind::delay, .time = milliseconds(40)});
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Client(port_).ask("patience"), LineServer::answer());
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(40));
}

TEST_F(FaultyNetwork, SwallowsEverythingAndBreaksInTheEnd) {
  proxy_.fault({.kind = Kind::black_hole, .time = milliseconds(40)});
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Client(port_).ask(std::string(300'000, 'x')), "");
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(40));
  EXPECT_EQ(server_.received(), "");
}

TEST_F(FaultyNetwork, LetsTheBeginningOfARequestThroughAndThenNothing) {
  for (const std::size_t size : {10U, 300'000U}) {
    proxy_.fault({.kind = Kind::black_hole, .bytes = 5, .time = milliseconds(40)});
    EXPECT_EQ(Client(port_).ask(std::string(size, 'x')), "");
  }
  proxy_.fault({.kind = Kind::black_hole, .bytes = 100, .time = milliseconds(40)});
  EXPECT_EQ(Client(port_).ask("whole"), "") << "and what the server answers is lost";
  while (server_.received().size() < 16) std::this_thread::yield();
  EXPECT_EQ(server_.received(), "xxxxxxxxxxwhole\n");
  EXPECT_EQ(proxy_.swallowed(), 3);
}

TEST_F(FaultyNetwork, ThrottlesAnAnswer) {
  proxy_.fault(Kind::throttle, 20'000);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(Client(port_).ask("slowly"), LineServer::answer());
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(50)) << "1000 bytes at 20,000 a second";
}

TEST_F(FaultyNetwork, RefusesWhoeverComesAndCutsWhoIsThere) {
  const Client old(port_);
  old.ask("before");
  proxy_.fault({.kind = Kind::refuse, .time = std::chrono::hours(1)});
  EXPECT_EQ(Client(port_).why_not(), ECONNREFUSED);
  EXPECT_EQ(old.ask("gone"), "");
  proxy_.clear();
  EXPECT_EQ(Client(port_).ask("after"), LineServer::answer());
  EXPECT_EQ(server_.received(), "before\nafter\n");
  EXPECT_EQ(proxy_.struck(), 1);
}

TEST_F(FaultyNetwork, ListensAgainByItself) {
  proxy_.fault({.kind = Kind::refuse, .time = milliseconds(20)});
  while (!Client(port_).connected()) std::this_thread::yield();
  EXPECT_EQ(Client(port_).ask("after"), LineServer::answer());
}

TEST_F(FaultyNetwork, FaultsThatWaitCanBeForgotten) {
  proxy_.fault(Kind::close, 0, 100);
  proxy_.clear();
  EXPECT_EQ(Client(port_).ask("unharmed"), LineServer::answer());
}

TEST_F(FaultyNetwork, GoesToAServerOnAnotherPort) {
  LineServer other;
  const Client old(port_);
  old.ask("old");
  proxy_.retarget(other.port());
  EXPECT_EQ(Client(port_).ask("new"), LineServer::answer());
  EXPECT_EQ(other.received(), "new\n");
}

TEST_F(FaultyNetwork, AServerThatIsGoneLooksLikeABrokenConnection) {
  proxy_.retarget(1);
  EXPECT_EQ(Client(port_).ask("nobody"), "");
}

TEST_F(FaultyNetwork, EndsWithConnectionsOpenAndFaultsWaiting) {
  proxy_.fault({.kind = Kind::black_hole, .time = std::chrono::hours(1)});
  const Client stuck(port_), idle(port_);
  std::string got = "nothing yet";
  std::thread asking([&] { got = stuck.ask("for ever"); });
  while (proxy_.struck() == 0) std::this_thread::yield();
  proxy_.stop();
  asking.join();
  EXPECT_EQ(got, "");
  EXPECT_EQ(Client(port_).why_not(), ECONNREFUSED);
  EXPECT_EQ(proxy_.open(), 0);
}

TEST_F(FaultyNetwork, ManyClientsAndFaultsAtOnce) {
  std::vector<std::thread> clients;
  std::atomic<int> whole = 0;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      for (int n = 0; n < 20; ++n)
        if (Client(port_).ask("many") == LineServer::answer()) ++whole;
    });
  for (int n = 0; n < 10; ++n)
    for (const Kind kind : {Kind::close, Kind::cut_request, Kind::cut_response}) proxy_.fault(kind, 2);
  for (std::thread& t : clients) t.join();
  EXPECT_GE(whole, 8 * 20 - 30);
  EXPECT_LE(proxy_.struck(), 30);
}

}  // namespace
}  // namespace hw::sandbox
