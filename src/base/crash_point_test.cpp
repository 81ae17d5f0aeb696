#include "base/crash_point.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace hw {
namespace {

#ifdef HEADWATER_TEST_HOOKS
/// Passes "claimed" `passes` times, and another point before each, in a process that HW_CRASH_AT speaks to.
[[noreturn]] void pass(const char* crash_at, int passes) {
  setenv("HW_CRASH_AT", crash_at, 1);
  for (int i = 0; i < passes; ++i) {
    crash_point("sent");
    crash_point("claimed", i % 2 == 0 ? "even" : "odd");
  }
  _exit(0);
}

class CrashPoint : public testing::Test {
 protected:
  // The environment is read once a process, so each death needs a fresh one.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void TearDown() override { GTEST_FLAG_SET(death_test_style, "fast"); }
};

TEST_F(CrashPoint, KillsAtTheFirstPassOfItsName) {
  EXPECT_EXIT(pass("claimed", 1), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("other", 3), testing::ExitedWithCode(0), "");
}

TEST_F(CrashPoint, CountsThePassesOfItsOwnNameAlone) {
  EXPECT_EXIT(pass("claimed:3", 3), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("claimed:3", 2), testing::ExitedWithCode(0), "");
}

TEST_F(CrashPoint, CountsThePassesOfThePartThatIsNamed) {
  EXPECT_EXIT(pass("claimed/odd", 2), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("claimed/odd:2", 3), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(pass("claimed/other", 3), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace hw
