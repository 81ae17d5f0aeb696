#pragma once
#include <optional>
#include <string_view>

#include "model/record.h"

namespace hw::identity {

/// The identifier a CRM record goes by: {"crm_contact_id", "<crm>:<id>"}.
Identifier crm_identifier(const RecordRef& ref);
/// The record that such an identifier names; nullopt for every other type.
std::optional<RecordRef> record_named_by(const Identifier& identifier);

}  // namespace hw::identity
