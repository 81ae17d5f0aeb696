#pragma once
#include <string>
#include <vector>

#include "connect/connector.h"
#include "connectors/hubspot/api.h"
#include "connectors/hubspot/decode.h"

namespace hw::connectors::hubspot {

/// Whether a source field can be written to this property of the plan's object, as the portal describes it; `found` is
/// nullptr where it has none of the name.
connect::Finding check_written_field(const ObjectPlan&, const std::string& property, const PortalProperty* found);

/// Whether the credential may write records of the type: asked by an update of no record, which changes nothing.
connect::Finding check_write_scope(const Config&, const Api&, const std::string& type, const connect::Context&);

}  // namespace hw::connectors::hubspot
