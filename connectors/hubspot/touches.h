#pragma once
#include <optional>
#include <vector>

#include "connect/identifiers.h"
#include "connectors/hubspot/decode.h"
#include "model/touch.h"

namespace hw::connectors::hubspot {

/// A contact's own source properties as touches of kind "crm_source": its first session and, when HubSpot tells its
/// time, its latest. What a touch says of its source comes from the mapped UTM properties, else from the landing page,
/// else from HubSpot's source class (CRM reference 2.8), whose unknown values are kept verbatim. Addresses lose query
/// and fragment.
std::vector<Touch> source_touches(const Properties& properties, const ObjectPlan& plan, const RecordRef& ref,
                                  std::optional<Timestamp> created, const connect::Vocabulary& vocabulary);

}  // namespace hw::connectors::hubspot
