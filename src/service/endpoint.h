#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "service/vitals.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::service {

/// Answers this machine over plain HTTP, on a loopback address alone (the configuration refuses any other):
/// GET /healthz   200 while the loops are alive, else 503 and which is stuck
/// GET /readyz    200 once every source has been read through and while the store takes a write, else 503 and why not
/// GET /metrics   Prometheus' text format
class Endpoint {
 public:
  /// Bound when it returns. Error "listen": the address is taken. Port 0 takes any.
  static Result<std::unique_ptr<Endpoint>> open(const settings::Settings::Service& where, std::shared_ptr<store::Db> db,
                                                std::shared_ptr<Vitals> vitals, std::shared_ptr<Clock> clock);
  /// Returns when what is being answered has been.
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  [[nodiscard]] int port() const;

 private:
  struct Impl;
  explicit Endpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hw::service
