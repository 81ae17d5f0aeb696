#include "conformance/paths.h"

namespace hw::conformance {

std::string source_dir() { return HW_SOURCE_DIR; }

}  // namespace hw::conformance
