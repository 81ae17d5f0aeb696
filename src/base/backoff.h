#pragma once
#include <optional>

#include "base/random.h"
#include "base/result.h"

namespace hw {

/// Full jitter: uniform between 1 s and min(1 h, 30 s * 2^attempt); the server's wish is a lower bound, capped at a
/// day. `attempt` counts from 0.
Duration backoff(int attempt, std::optional<Duration> wish, Random& random);

}  // namespace hw
