#pragma once
#include <string>
#include <vector>

#include "sandbox/company.h"
#include "sandbox/peer.h"

namespace hw::sandbox {

struct Judged {
  bool good = false;
  std::string last_line;                 ///< "demo: conversions=N destinations=M uncertain=N difference=0.00"
  std::string fields_line;               ///< "source fields: written=N kept=N different=N"
  std::vector<std::string> differences;  ///< a line each
};

/// Three views of the world at its end: the script's truth, what Headwater says (`claims`: its report of conversions as
/// JSON), and what the platforms believe; and the CRM's source fields against the script. `killed`: the daemon was, so
/// that an event of unknown fate may stand as uncertain where the platform knows no repeat.
Judged judge(const Company& script, const World& world, const std::string& claims, const std::vector<Belief>& beliefs,
             bool killed);

}  // namespace hw::sandbox
