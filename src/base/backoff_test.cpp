#include "base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hw {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(Backoff, StaysBetweenASecondAndTheAttemptsBound) {
  auto random = make_seeded_random(1);
  for (int attempt = 0; attempt < 40; ++attempt) {
    const Duration bound = attempt < 7 ? seconds(30) * (1 << attempt) : Duration(hours(1));
    for (int i = 0; i < 200; ++i) {
      const Duration wait = backoff(attempt, {}, *random);
      EXPECT_GE(wait, seconds(1)) << attempt;
      EXPECT_LE(wait, bound) << attempt;
    }
  }
}

TEST(Backoff, UsesTheWholeRange) {
  auto random = make_seeded_random(2);
  Duration least = hours(1), most{};
  for (int i = 0; i < 2000; ++i) {
    const Duration wait = backoff(20, {}, *random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_LT(least, seconds(30)) << "full jitter, not half";
  EXPECT_GT(most, std::chrono::minutes(59));
}

TEST(Backoff, TheServersWishIsALowerBoundAndADayIsTheMost) {
  auto random = make_seeded_random(3);
  for (int i = 0; i < 100; ++i) {
    EXPECT_GE(backoff(0, hours(2), *random), hours(2));
    EXPECT_EQ(backoff(0, hours(72), *random), hours(24));
    EXPECT_GE(backoff(5, seconds(0), *random), seconds(1));
  }
}

TEST(Backoff, NegativeAttemptsAreTheFirst) {
  auto random = make_seeded_random(4);
  EXPECT_LE(backoff(-1, {}, *random), seconds(30));
}

}  // namespace
}  // namespace hw
