#pragma once
#include <cstdint>
#include <string>

#include "sandbox/demo_setup.h"

namespace hw::sandbox {

struct DemoOptions {
  std::string headwater;  ///< path of the program that is shown
  std::uint64_t seed = 1;
  Touches touches = touches_of_seed(1);
  std::string record;  ///< NDJSON of every request
  std::string state;   ///< "" = a temporary directory, removed at the end
  bool once = false;   ///< to the world's end and no further
  bool quiet = false;  ///< the last line alone
};

/// Runs world and daemon on one followed clock to the world's end and compares key by key what is true, what Headwater
/// says and what the platforms believe. With `once` it ends there, with exit code 0 only if all three agree. Else the
/// world lives on at a gentle pace, and says what happens, until SIGINT or SIGTERM.
int demo(const DemoOptions& options);

}  // namespace hw::sandbox
