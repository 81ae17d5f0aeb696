#include "identity/crm_ids.h"

#include <string>

namespace hw::identity {

Identifier crm_identifier(const RecordRef& ref) {
  return {std::string("crm_") + to_string(ref.object) + "_id", ref.crm + ":" + ref.id};
}

std::optional<RecordRef> record_named_by(const Identifier& identifier) {
  for (Object object : {Object::lead, Object::contact, Object::account, Object::deal}) {
    if (identifier.type != std::string("crm_") + to_string(object) + "_id") continue;
    std::size_t colon = identifier.value.find(':');
    if (colon == std::string::npos) return std::nullopt;
    return RecordRef{identifier.value.substr(0, colon), object, identifier.value.substr(colon + 1)};
  }
  return std::nullopt;
}

}  // namespace hw::identity
