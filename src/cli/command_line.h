#pragma once
#include "connect/registry.h"

namespace hw::cli {

/// Reads the command line, runs the command that it names and gives the exit code. `registry` outlives it.
int run_command_line(int argc, const char* const* argv, const connect::Registry& registry);

}  // namespace hw::cli
