#pragma once
#include <string_view>

#include "store/engine/db.h"

namespace hw::store {

/// Rows of a destination that may be sent at `now`, at most `limit` of them, so that a backfill's millions are never
/// counted. Walks the index of what waits alone. For the status line and the metrics.
std::int64_t count_due(Tx& tx, std::string_view destination, Timestamp now, std::int64_t limit);

}  // namespace hw::store
