#pragma once
#include "connect/connector.h"

namespace hw::connectors {

/// CSV files as a source of records, touches and spend: see README.md.
connect::ConnectorType csv_type();

}  // namespace hw::connectors
