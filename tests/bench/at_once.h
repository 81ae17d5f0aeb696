#pragma once
#include <atomic>
#include <string>
#include <thread>

namespace hw::bench {

/// The quickest platform there is: reads a request and answers 200 with "{}", one connection at a time, on loopback.
class AtOnce {
 public:
  AtOnce();  ///< throws std::runtime_error when no port is free
  ~AtOnce();
  AtOnce(const AtOnce&) = delete;
  AtOnce& operator=(const AtOnce&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/events"; }

 private:
  void serve(const std::stop_token& stop) const;
  void converse(int connection, const std::stop_token& stop) const;
  int listener_ = -1, port_ = 0;
  std::jthread thread_;
};

}  // namespace hw::bench
