#pragma once
#include <string>
#include <vector>

#include "connect/registry.h"
#include "settings/settings.h"

namespace hw::service {

struct CheckResult {
  std::vector<settings::OptionError> errors, warnings;
  std::vector<std::string> online;  ///< a line each: "ok crm: sign-in", "error ads: action 70 not found: ..."
  bool online_ok = true;
};

/// `headwater check`: the configuration alone; with `online` also every connector's check_online. Opens no store,
/// changes nothing.
CheckResult check(const std::string& config, const connect::Registry& registry,
                  const std::string& credentials_directory, bool online);

}  // namespace hw::service
