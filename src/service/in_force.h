#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connect/registry.h"
#include "service/lock.h"
#include "settings/settings.h"

/// The configuration that a running daemon works with. When its files are edited to something that it refuses, it goes
/// on with the one from before, and the commands that look at it or steer it must too.
namespace hw::service {

struct InForce {
  settings::Loaded loaded;  ///< without secrets
  std::string channels;     ///< the channel rules' text
};

/// What the daemon's files said when it took them, as the note of its lock: it is gone with the daemon, and belongs to
/// no backup. It holds references to secrets alone, as every configuration does.
struct InForceNote {
  std::string main_file;
  std::vector<settings::Document> documents;
  std::string channels;
  bool refused = false;  ///< it was told to read its files anew since, and did not take them
};
Status note_in_force(const Lock& lock, const InForceNote& note);

/// What a daemon on this main file works with at this moment, where its files are not what it works with: they have
/// errors, or it refused them (a secret that is missing, an address that is taken). nullopt: go by the files. The
/// daemon is looked for in the state directory that the main file names now.
std::optional<InForce> in_force(const std::string& main_file, const connect::Registry& registry, bool files_are_good);

}  // namespace hw::service
