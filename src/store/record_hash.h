#pragma once
#include <cstdint>

#include "model/record.h"

namespace hw::store {

/// Of everything a state says but its `modified`: the same state read twice gives the same hash, for ever. Private to
/// records.
std::int64_t content_hash(const RecordState& state);

}  // namespace hw::store
