#pragma once
#include <cstdint>
#include <string>

namespace hw::sandbox {

struct TortureOptions {
  std::string headwater;  ///< path of the program, built with test hooks
  std::uint64_t seed = 1;
  int kills = 50;
  /// Kills in one world of 18 months; more of them go through further worlds (seed, seed + 1, ...).
  int kills_a_world = 500;
  std::string state;   ///< "" = a temporary directory, removed at the end; else of the last world
  bool quiet = false;  ///< the last line alone
};

/// Runs the daemon through the company's months while vendors and network fail at random, and kills it `kills` times:
/// at named crash points and at random instants of its work. Now and then it stays down for hours, is stopped in the
/// orderly way, or goes on from a backup, and people are at work beside it (operators.h). The last days are calm; then
/// truth, ledger and platforms are compared key by key. (The seed chooses what happens; at which instruction a kill
/// strikes is the machine's choice.) The last line: "torture: kills=N conversions=N lost=0 doubled=0 uncertain=N
/// difference=0.00". Returns 0 if nothing was lost, doubled or different, 1 if it was, 70 if the run itself failed.
int torture(const TortureOptions& options);

}  // namespace hw::sandbox
