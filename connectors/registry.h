#pragma once
#include "connect/registry.h"

namespace hw::connectors {

/// The connectors of this build. main calls it once and hands the registry on.
connect::Registry all();

}  // namespace hw::connectors
