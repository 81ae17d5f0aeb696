#include "base/random.h"

#include <sys/random.h>

#include <atomic>
#include <cstdlib>

namespace hw {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t value = 0;
    // Reads of up to 256 bytes are never short nor interrupted once the pool is ready.
    if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
    return value;
  }
};

/// SplitMix64 (Steele, Lea, Flood 2014): its state is a counter, so that one atomic addition makes it thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() override {
    constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_.fetch_add(kStep, std::memory_order_relaxed) + kStep;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace

std::uint64_t Random::below(std::uint64_t n) {
  if (n == 0) return 0;
  // The lowest (2^64 mod n) values would make the small results likelier; they are drawn again.
  const std::uint64_t skip = (0 - n) % n;
  std::uint64_t value = next();
  while (value < skip) value = next();
  return value % n;
}

std::unique_ptr<Random> make_system_random() { return std::make_unique<SystemRandom>(); }
std::unique_ptr<Random> make_seeded_random(std::uint64_t seed) { return std::make_unique<SeededRandom>(seed); }

}  // namespace hw
