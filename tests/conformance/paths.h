#pragma once
#include <string>

namespace hw::conformance {

/// The source tree, for tests that read their data from it. Behind a function, so that only one object file depends on
/// where the tree lies and a compiler cache serves every clone.
std::string source_dir();

}  // namespace hw::conformance
