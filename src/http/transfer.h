#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"

namespace hw::http {

/// One HTTP exchange after another over pooled libcurl handles, each with its own kept connections. Knows nothing of
/// tokens, lanes or repeats. Thread-safe; a stop ends a running transfer at once.
class Transfers {
 public:
  /// ca_file "" = the system's certificate authorities; otherwise those in the file alone.
  Transfers(std::string ca_file, std::string user_agent);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// @param bearer  sent as Authorization unless empty
  /// Any answer is a Response. Errors are those of HttpClient::send that belong to the wire. A request is never sent a
  /// second time, not even when a kept connection turns out to be dead (libcurl by itself would), except GET and HEAD.
  Result<Response> run(const Request& request, const Secret& bearer, const std::stop_token& stop) EXCLUDES(mu_);

 private:
  struct Handle;
  std::unique_ptr<Handle> borrow() EXCLUDES(mu_);
  void give_back(std::unique_ptr<Handle> handle) EXCLUDES(mu_);

  const std::string ca_file_;
  const std::string user_agent_;
  Mutex mu_;
  std::vector<std::unique_ptr<Handle>> idle_ GUARDED_BY(mu_);
};

}  // namespace hw::http
