#pragma once
#include <string>
#include <string_view>

#include "connect/connector.h"
#include "connectors/hubspot/config.h"
#include "connectors/hubspot/encode.h"

namespace hw::connectors::hubspot {

/// Sends requests of this portal through its lanes and judges the answers. Thread-safe; keeps nothing between calls.
class Api {
 public:
  Api(const Config& config, const connect::Env& env) : config_(config), env_(env) {}

  /// A 200 or 207 with a JSON body, or the classified refusal.
  Result<http::Response> get(const std::string& path, const connect::Context&) const;
  Result<http::Response> post(const std::string& path, std::string body, const connect::Context&) const;
  /// A search counts in a lane of its own too.
  Result<http::Response> search(const std::string& path, std::string body, const connect::Context&) const;
  /// Changes records. An answer is also a 400 with a JSON body: what it means is told by the rows. maybe_applied as the
  /// client and the status say.
  Result<http::Response> write(const std::string& path, std::string body, const connect::Context&) const;
  Status sign_in(const connect::Context&) const;

  /// The server's clock as an answer tells it, this machine's where it does not.
  [[nodiscard]] Timestamp server_now(const http::Response& response) const;

 private:
  /// Signed in, through the lanes; any status.
  Result<http::Response> exchange(http::Request request, const connect::Context&) const;
  Result<http::Response> read(http::Request request, const connect::Context&) const;
  [[nodiscard]] http::Auth auth() const;

  const Config& config_;
  const connect::Env& env_;
};

}  // namespace hw::connectors::hubspot
