#include "base/backoff.h"

#include <algorithm>

namespace hw {

Duration backoff(int attempt, std::optional<Duration> wish, Random& random) {
  using std::chrono::hours;
  using std::chrono::seconds;
  const Duration least = seconds(1);
  const Duration cap = std::min<Duration>(hours(1), seconds(30) * (std::int64_t{1} << std::clamp(attempt, 0, 12)));
  const auto span = static_cast<std::uint64_t>((cap - least).count());
  Duration wait = least + Duration(static_cast<std::int64_t>(random.below(span + 1)));
  if (wish) wait = std::max(wait, std::min<Duration>(*wish, hours(24)));
  return wait;
}

}  // namespace hw
