#pragma once
#include "connect/connector.h"

namespace hw::connectors {

/// HubSpot's CRM: contacts, companies and deals as records, and source fields written to their properties.
connect::ConnectorType hubspot_type();

}  // namespace hw::connectors
