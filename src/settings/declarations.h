#pragma once
#include <string>
#include <vector>

#include "connect/options.h"

/// The main file's sections as data, in the order of the reference page. The connectors' own options are declared by
/// the connectors; here stand those that every connector instance has.
namespace hw::settings {

const std::vector<connect::OptionDecl>& main_sections();

/// The declaration of one section; aborts on a name that is none.
const connect::OptionDecl& section(const std::string& name);

}  // namespace hw::settings
