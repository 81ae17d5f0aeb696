#pragma once
#include "connect/connector.h"

namespace hw::connectors {

/// HubSpot's CRM as a source of records: contacts, companies, deals.
connect::ConnectorType hubspot_type();

}  // namespace hw::connectors
