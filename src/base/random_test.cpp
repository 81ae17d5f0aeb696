#include "base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace hw {
namespace {

TEST(Random, TheSameSeedGivesTheSameNumbersEverywhere) {
  // The first outputs of SplitMix64 with seed 1234567, as published with its reference code.
  const auto random = make_seeded_random(1234567);
  EXPECT_EQ(random->next(), 6457827717110365317ULL);
  EXPECT_EQ(random->next(), 3203168211198807973ULL);
  EXPECT_EQ(random->next(), 9817491932198370423ULL);
}

TEST(Random, BelowStaysBelowAndReachesEverything) {
  const auto random = make_system_random();
  std::vector<int> hits(5);
  for (int i = 0; i < 1000; ++i) ++hits.at(random->below(5));
  for (const int h : hits) EXPECT_GT(h, 0);
  EXPECT_EQ(random->below(0), 0U);
  EXPECT_EQ(random->below(1), 0U);
}

}  // namespace
}  // namespace hw
