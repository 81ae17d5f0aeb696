#pragma once
#include <string>

#include "settings/settings.h"

namespace hw::reconcile {

/// A hash of everything in the configuration that a goal's conversions depend on: when it changes, every subject of the
/// goal is looked at again, once.
std::string fingerprint(const settings::Settings& settings, const settings::Goal& goal);

}  // namespace hw::reconcile
