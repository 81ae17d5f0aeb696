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
  /// files_fingerprint() of files without an error that it was told to read anew since, and did not take; "" none.
  std::string refused{};
};
Status note_in_force(const Lock& lock, const InForceNote& note);

/// What was read, and the channel rules that it names.
std::string files_fingerprint(const std::vector<settings::Document>& documents, const std::string& channels);

/// What a daemon on this main file works with at this moment, where its files are not what it works with: they have
/// errors (`good_files` is ""), or it refused them for another reason (a secret that is missing, an address that is
/// taken) and they are still the same. nullopt: go by the files. The daemon is looked for in the state directory that
/// the main file names now.
std::optional<InForce> in_force(const std::string& main_file, const connect::Registry& registry,
                                const std::string& good_files);

}  // namespace hw::service
