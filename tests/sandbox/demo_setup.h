#pragma once
#include <string>
#include <vector>

#include "sandbox/compare.h"
#include "sandbox/world.h"

namespace hw::sandbox {

/// Writes the configuration and secrets of the demo under `dir` (headwater.yaml, connectors.d/, secrets/) against a
/// sandbox on `port`, makes the drop directories, and tells the world which key signs. Returns "" or what went wrong.
std::string write_demo_config(const std::string& dir, int port, World& world);

/// Writes `dir`/headwater, a script that runs the program on this configuration and its clock: the command that the
/// demo shows to people. Returns "" or what went wrong.
std::string write_demo_command(const std::string& dir, const std::string& headwater);

/// Lets the sources be read every two hours from the daemon's next reload on. Returns "" or what went wrong.
std::string quicken_demo(const std::string& dir);

/// Which destination of the demo's configuration an account and action is.
std::vector<Place> demo_places();

}  // namespace hw::sandbox
