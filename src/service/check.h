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

/// `headwater check`: the configuration alone; with `online` also every connector's check_online. Opens no store,
/// changes nothing.
CheckResult check(const std::string& config, const connect::Registry& registry,
                  const std::string& credentials_directory, bool online);

}  // namespace hw::service
