#pragma once
#include <string>
#include <vector>

namespace hw::settings {

/// What may be written to a CRM's source fields: "first_channel", "last_at", "touches", ... Beside these there is
/// `identifier.TYPE` of each identifier type.
const std::vector<std::string>& source_field_names();

}  // namespace hw::settings
