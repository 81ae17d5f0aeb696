#pragma once
#include <string>

#include "settings/instances.h"
#include "settings/settings.h"

namespace hw::reconcile {

/// A hash of everything in the configuration that a goal's conversions depend on, what the connectors say of their
/// platforms included: when it changes, every subject of the goal is looked at again, once. No secret is part of it.
std::string fingerprint(const settings::Settings& settings, const settings::Connectors& connectors,
                        const settings::Goal& goal);

/// Of a destination and the connectors that carry it, as the user configured them: when it changes, what was refused
/// may be taken.
std::string fingerprint(const settings::Settings& settings, const settings::Destination& destination);

/// Of a `source_fields` entry: when it changes, every record of its object is looked at again.
std::string fingerprint(const settings::SourceFields& entry);

}  // namespace hw::reconcile
