#pragma once
#include "connect/connector.h"

namespace hw::connectors {

/// GA4's export to BigQuery as a source of touches. See README.md in this folder.
connect::ConnectorType ga4_bigquery_type();

}  // namespace hw::connectors
