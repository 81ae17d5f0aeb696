#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sandbox/peer.h"

namespace hw::sandbox::hubspot {

struct BatchAnswer {
  nlohmann::json results = nlohmann::json::array(), errors = nlohmann::json::array();
};

/// POST /crm/objects/2026-09/{type}/batch/update (CRM reference 2.9). Throws Refused, and then has changed nothing.
BatchAnswer update(World& world, const std::string& type, const HttpRequest& request);

/// Every field that an update has ever set, as it stands.
std::vector<WrittenField> written_fields(const World& world);

}  // namespace hw::sandbox::hubspot
