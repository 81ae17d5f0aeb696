#pragma once
#include "connect/registry.h"
#include "settings/reader.h"
#include "settings/typed.h"

namespace hw::settings {

/// What is wrong between values: names, references, triggers, goals and destinations that do not fit together, and what
/// each connector finds in its own options. `reader` is the one that read `root`.
void cross_check(const Settings& settings, const connect::Options& root, const connect::Registry& registry,
                 const Reader& reader, Findings& findings);

}  // namespace hw::settings
