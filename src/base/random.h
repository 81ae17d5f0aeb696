#pragma once
#include <cstdint>
#include <memory>

namespace hw {

/// Source of randomness, a parameter like Clock. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  /// Uniform in [0, n); 0 for n == 0.
  std::uint64_t below(std::uint64_t n);
};

std::unique_ptr<Random> make_system_random();
/// The same sequence for the same seed on every machine.
std::unique_ptr<Random> make_seeded_random(std::uint64_t seed);

}  // namespace hw
