#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/compare.h"
#include "sandbox/world.h"

namespace hw::sandbox {

/// Where the demo's configuration reads the visits: the company has them in both places.
enum class Touches : std::uint8_t {
  files,    ///< CSV files, a day each
  events,   ///< the export of its web analytics to a warehouse, a day each
  lookups,  ///< the same export, asked for the people the CRM knows
};

/// The first line of those files: what the configuration maps. A file that lacks one of these columns is refused.
extern const char kVisitColumns[];

/// The seeds try them all in turn.
Touches touches_of_seed(std::uint64_t seed);

/// Writes the configuration and secrets of the demo under `dir` (headwater.yaml, connectors.d/, secrets/) against a
/// sandbox on `port`, makes the drop directories, and tells the world which key signs. Returns "" or what went wrong.
std::string write_demo_config(const std::string& dir, int port, World& world, Touches touches = Touches::files);

/// Writes `dir`/headwater, a script that runs the program on this configuration and its clock: the command that the
/// demo shows to people. Returns "" or what went wrong.
std::string write_demo_command(const std::string& dir, const std::string& headwater);

/// Lets the sources be read so often ("2h") from the daemon's next reload on. Returns "" or what went wrong.
std::string pull_demo_every(const std::string& dir, const std::string& every);

/// Which destination of the demo's configuration an account and action is.
std::vector<Place> demo_places();

}  // namespace hw::sandbox
