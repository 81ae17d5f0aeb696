#pragma once
#include <fstream>
#include <string>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// --record FILE: every request as one line of JSON (at, peer, method, path, query, headers without secrets, body,
/// status).
class Recorder {
 public:
  explicit Recorder(const std::string& path) : out_(path, std::ios::trunc) {}
  [[nodiscard]] bool ok() const { return out_.good(); }
  void record(Timestamp at, const std::string& peer, const HttpRequest& request, int status);

 private:
  std::ofstream out_;
};

}  // namespace hw::sandbox
