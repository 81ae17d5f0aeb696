#include "connectors/registry.h"

#include <vector>

// One line a connector. Each defines `connect::ConnectorType X_type()` in its folder. The list is explicit: the linker
// would drop objects that only register themselves.
// clang-format off
#define HW_CONNECTORS(X) \
  X(csv) \
  X(hubspot) \
  X(google_data_manager) \
  X(ga4_measurement_protocol) \
  X(ga4_bigquery) \
  /* above this line */
// clang-format on

namespace hw::connectors {

#define HW_DECLARE(name) connect::ConnectorType name##_type();
HW_CONNECTORS(HW_DECLARE)
#undef HW_DECLARE

connect::Registry all() {
  std::vector<connect::ConnectorType> types;
#define HW_ADD(name) types.push_back(name##_type());
  HW_CONNECTORS(HW_ADD)
#undef HW_ADD
  return connect::Registry(std::move(types));
}

}  // namespace hw::connectors
