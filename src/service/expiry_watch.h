#pragma once
#include <optional>

#include "service/app.h"

namespace hw::service {

/// Tells ahead that credentials end: a metric always, and from two weeks before a line in the log, one a day and
/// credential, whichever process writes it.
class ExpiryWatch {
 public:
  explicit ExpiryWatch(App& app) : app_(app) {}
  /// Looks once a minute at most.
  Status look();

 private:
  App& app_;
  std::optional<SteadyTime> looked_at_;
};

}  // namespace hw::service
