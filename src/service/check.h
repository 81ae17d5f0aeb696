#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
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

struct CheckOptions {
  std::string config;                 ///< main file
  std::string credentials_directory;  ///< $CREDENTIALS_DIRECTORY
  bool online = false;
  const Clock* followed = nullptr;  ///< a sandbox's; nullptr: the machine's
};

/// `headwater check`, beside a running daemon too: the configuration and, where there is a store, whether it is
/// damaged. Secrets that only another user may see are warnings. With `online` everybody signs in, for which all
/// secrets are needed, and every connector's check_online is asked. Changes nothing but refresh tokens that the signing
/// in replaces; where those have no place yet, it makes state directory and store for them.
CheckResult check(const CheckOptions& options, const connect::Registry& registry);

}  // namespace hw::service
