#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hw::sandbox {

struct DemoOptions {
  std::string headwater;  ///< path of the program that is shown
  std::uint64_t seed = 1;
  std::string record;  ///< NDJSON of every request
  std::string state;   ///< "" = a temporary directory, removed at the end
  bool quiet = false;  ///< the last line alone
  /// Crash points ("ledger.sent:7" = at its seventh passing), one after the other: the daemon is killed there and
  /// started again.
  std::vector<std::string> crash_at;
};

/// Runs world and daemon on one followed clock to the world's end, prints the reconciliation, and compares key by key
/// what is true, what Headwater says and what the platforms believe. Exit code 0 only if all three agree.
int demo(const DemoOptions& options);

}  // namespace hw::sandbox
