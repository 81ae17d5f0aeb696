#pragma once
#include "connect/connector.h"

/// Google Data Manager API v1, `events:ingest` for Google Ads conversion actions: uploads by click id and hashed user
/// data, restatements by transaction id, fate of requests by counts. README.md is the admin's page.
namespace hw::connectors {

connect::ConnectorType google_data_manager_type();

}  // namespace hw::connectors
