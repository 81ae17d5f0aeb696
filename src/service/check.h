#pragma once
#include <string>
#include <vector>

#include "connect/registry.h"
#include "settings/settings.h"

namespace hw::service {

/// What one connector found when it looked online.
struct OnlineFinding {
  std::string connector;
  connect::Finding finding;
};
const char* to_string(connect::Finding::Severity severity);

struct CheckResult {
  std::vector<settings::OptionError> errors, warnings;
  std::vector<OnlineFinding> online;
  bool online_ok = true;
};

/// `headwater check`: the configuration and, where there is a store, whether it is damaged (beside a running daemon
/// too); with `online` also every connector's check_online. Changes nothing.
CheckResult check(const std::string& config, const connect::Registry& registry,
                  const std::string& credentials_directory, bool online);

}  // namespace hw::service
