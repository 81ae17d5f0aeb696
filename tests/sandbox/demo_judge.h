#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/company.h"
#include "sandbox/compare.h"
#include "sandbox/sandbox_run.h"

namespace hw::sandbox {

/// What was done to the daemon.
struct Deeds {
  bool killed = false;
  struct Gap {
    Timestamp from, to;  ///< of the backup, and of its restore
  };
  std::optional<Gap> gap{};
  /// Answers of the platforms without a key that may have got lost: so many rows may stand as uncertain for it.
  std::optional<std::size_t> answers_lost{};
};

struct Judged {
  bool good = false;
  std::string last_line;                 ///< "demo: conversions=N destinations=M uncertain=N difference=0.00"
  std::string fields_line;               ///< "source fields: written=N kept=N different=N"
  std::map<std::string, int> happened;   ///< Company::census()
  std::vector<std::string> differences;  ///< a line each
  Comparison comparison;
  std::size_t fields_different = 0;
  std::size_t fields_excused = 0;  ///< that differ as well: of who took in, in the gap, somebody no backup held
};

/// Three views of the world at its end: the script's truth, what Headwater says (`claims`: its report of conversions as
/// JSON), and what the platforms believe; and the CRM's source fields against the script. `deeds`: see compare().
Judged judge(const Company& script, const World& world, const std::string& claims, const std::vector<Belief>& beliefs,
             const Deeds& deeds);
/// The same of a run at its end. `wrong` says so when Headwater could not be asked.
Judged judge(const Company& script, SandboxRun& run, const Deeds& deeds, std::string& wrong);

}  // namespace hw::sandbox
