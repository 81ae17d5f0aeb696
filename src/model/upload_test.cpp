#include "model/upload.h"

#include <gtest/gtest.h>

#include <vector>

namespace hw {
namespace {

TEST(UploadStates, EveryStateSaysWhatMayFollow) {
  using S = UploadState;
  const std::vector<S> all{S::pending,   S::in_flight, S::retrying,  S::received,
                           S::processed, S::rejected,  S::uncertain, S::superseded};
  int allowed = 0;
  for (S a : all)
    for (S b : all) allowed += may_follow(a, b) ? 1 : 0;
  EXPECT_EQ(allowed, 20);
  for (S end : {S::processed, S::superseded})
    for (S b : all) EXPECT_FALSE(may_follow(end, b)) << to_string(end) << " -> " << to_string(b);
  for (S b : all) EXPECT_EQ(may_follow(S::rejected, b), b == S::superseded) << "it is never sent again itself";
  EXPECT_FALSE(may_follow(S::pending, S::received)) << "nothing is received that was not claimed";
}

}  // namespace
}  // namespace hw
