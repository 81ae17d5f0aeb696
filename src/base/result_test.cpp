#include "base/result.h"

#include <gtest/gtest.h>

namespace hw {
namespace {

TEST(Result, HoldsAValueOrAClassifiedError) {
  const Result<int> good = 7;
  const Result<int> bad = Error{.action = Action::pause, .code = "credential", .detail = "sign in again"};
  EXPECT_EQ(good.value_or(1), 7);
  EXPECT_EQ(bad.value_or(1), 1);
  EXPECT_STREQ(to_string(bad.error().action), "pause");
  EXPECT_EQ(Result<int>(good).and_then([](int v) { return Result<std::string>(std::to_string(v)); }).value(), "7");
  EXPECT_EQ(Result<int>(bad).and_then([](int v) { return Result<std::string>(std::to_string(v)); }).error().code,
            "credential");
}

}  // namespace
}  // namespace hw
