#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connect/registry.h"
#include "settings/settings.h"
#include "store/engine/db.h"

/// The configuration that a running daemon works with. When its files are edited to something that it refuses, it goes
/// on with the one from before, and the commands that look at it or steer it must too.
namespace hw::service {

/// Keeps what the daemon's files said, in the store. It holds references to secrets alone, as every configuration does.
Status note_in_force(store::Db& db, const std::string& main_file, const std::vector<settings::Document>& documents);

/// The settings, without secrets, that a daemon on this main file works with at this moment; nullopt where none does.
std::optional<settings::Loaded> in_force(const std::string& main_file, const connect::Registry& registry);

}  // namespace hw::service
