#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/faults.h"
#include "sandbox/peer.h"
#include "sandbox/recorder.h"
#include "sandbox/world.h"

namespace httplib {
class Server;
}

namespace hw::sandbox {

/// Serves every peer under its own prefix on loopback: http://127.0.0.1:PORT/<peer>/... One lock guards the world and
/// all peers, so that a request sees one instant. Beside the peers:
///   GET  /__sandbox/believed   what each platform believes: per dedup key, and summed per action and currency
///   GET  /__sandbox/written    what each CRM holds in the fields that were written to it, a row a field
///   GET  /__sandbox/truth      what the script says is true, where the world has a script
///   GET  /__sandbox/now        the world's time (RFC 3339)
///   POST /__sandbox/faults     {"peer","path","kind","status","retry_after","times"}: see faults.h
class Server {
 public:
  Server(World& world, std::vector<std::unique_ptr<Peer>> peers, std::unique_ptr<Recorder> recorder);
  ~Server();
  /// Binds 127.0.0.1 (port 0: a free one) and serves on threads of its own. Returns the port, 0 on failure.
  int start(int port);
  void stop();

  /// Runs `body` while no request is being answered.
  void locked(const std::function<void()>& body);
  /// Moves the world's clock and lets the peers' own work happen. Call under locked().
  void advance(Timestamp now);
  /// The earliest of the peers' own next events. Call under locked().
  [[nodiscard]] Timestamp next_event() const;
  /// What all platforms believe. Call under locked().
  [[nodiscard]] std::vector<Belief> believed() const;
  [[nodiscard]] std::string believed_json() const;
  [[nodiscard]] std::string written_json() const;
  void set_truth(std::function<std::string()> truth) { truth_ = std::move(truth); }
  Faults& faults() { return faults_; }

 private:
  void route();

  World& world_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::unique_ptr<Recorder> recorder_;
  Faults faults_;
  std::function<std::string()> truth_;
  std::unique_ptr<httplib::Server> http_;
  std::mutex mu_;
  std::jthread thread_;
};

}  // namespace hw::sandbox
