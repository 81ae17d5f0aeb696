#pragma once
#include <nlohmann/json.hpp>

#include "connectors/hubspot/peer_portal.h"
#include "sandbox/peer.h"

namespace hw::sandbox::hubspot {

/// POST /crm/objects/2026-09/{type}/search. Throws Refused.
nlohmann::json search(const World& world, const std::string& type, const HttpRequest& request);

/// One record with these properties, as every endpoint shows it.
nlohmann::json record_of(const CrmObject& o, const std::vector<std::string>& names, const std::vector<Property>& all,
                         Timestamp at);

}  // namespace hw::sandbox::hubspot
