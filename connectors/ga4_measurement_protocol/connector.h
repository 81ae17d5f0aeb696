#pragma once
#include "connect/connector.h"

/// Google Analytics 4 by the Measurement Protocol: purchases, lead events and refunds. README.md is the admin's page.
namespace hw::connectors {

connect::ConnectorType ga4_measurement_protocol_type();

}  // namespace hw::connectors
