#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace hw::sandbox {

/// A TCP relay on loopback, 127.0.0.1:start() -> 127.0.0.1:target_port, that breaks exchanges on demand: what a network
/// does to a client and no HTTP answer can. It corrupts no byte that it passes on.
///
/// An exchange is what a connection carries from the first byte of a request to the first byte of the next one; the
/// relay reads no HTTP: a request begins with the first bytes from the client after bytes from the server, or after
/// the connection was made. The faults that wait strike one exchange each, in the order in which they were given; one
/// that names a text strikes the first exchange whose first bytes hold it.
///
/// All of it may be called from any thread. One thread serves all connections, 256 at most; more are closed at once.
class FaultProxy {
 public:
  enum class Kind {
    refuse,        ///< for `time`: nobody listens and open connections are cut; `bytes`, `times`, `match` mean nothing
    close,         ///< the connection ends when its request begins; the server sees no byte of it
    cut_request,   ///< after `bytes` of the request have gone to the server, both sides are reset; a request that is
                   ///< shorter goes through
    cut_response,  ///< after `bytes` of the answer have gone to the client it is reset; 0: the server has worked and
                   ///< the client learns nothing; an answer that is shorter goes through
    delay,         ///< nothing goes on for `time`, then all does
    black_hole,    ///< the server sees `bytes` of the request, the client hears nothing; reset after `time`
    throttle,      ///< the answer goes to the client at `bytes` a second
  };
  struct Fault {
    Kind kind = Kind::close;
    std::size_t bytes = 0;
    int times = 1;
    std::chrono::milliseconds time{1000};
    std::string match{};  ///< "POST /hubspot/": in the first bytes of the exchange; "" = any
  };

  explicit FaultProxy(int target_port);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  /// Binds a free port and serves. Returns the port, 0 on failure.
  int start();
  void stop();  ///< cuts every connection; the destructor does it too

  void fault(const Fault& fault);
  void fault(Kind kind, std::size_t bytes = 0, int times = 1) { fault({.kind = kind, .bytes = bytes, .times = times}); }
  /// Forgets the faults that wait, and listens again if it refused. An exchange that was struck stays so.
  void clear();
  /// How many exchanges (and, of `refuse`, spans) faults have struck since start().
  [[nodiscard]] int struck() const;
  /// How many black holes have done their work: the server has seen all that it is to see, or its answer to a shorter
  /// request is swallowed.
  [[nodiscard]] int swallowed() const;
  /// Connections that are open now.
  [[nodiscard]] int open() const;
  /// For a server that was started again on another port: new connections go there.
  void retarget(int target_port);

 private:
  class Relay;
  std::unique_ptr<Relay> relay_;
};

}  // namespace hw::sandbox
