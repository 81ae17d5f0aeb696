#pragma once
#include <memory>

#include "base/clock.h"
#include "http/login.h"

namespace hw::service {

/// Listens on loopback for the browser that a login page sends back.
class LoginCallback {
 public:
  /// @param port  0: any that is free. Error "listen" when it is taken.
  static Result<std::unique_ptr<LoginCallback>> open(int port);
  ~LoginCallback();
  LoginCallback(const LoginCallback&) = delete;
  LoginCallback& operator=(const LoginCallback&) = delete;

  [[nodiscard]] int port() const;
  /// The code that the browser brings, or why access was not given. A request that does not answer this login is turned
  /// away and ends nothing. Errors: those of http::Login::code_from, "timed_out", "stopped". To be called once.
  Result<Secret> await(const http::Login& login, Clock& clock, Duration patience, std::stop_token stop);

 private:
  struct Impl;
  explicit LoginCallback(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hw::service
