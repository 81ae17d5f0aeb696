#include "service/check.h"

#include <gmock/gmock.h>

#include "service/test_kit.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Check = AppFixture;

TEST_F(Check, AGoodConfigurationHasNoErrorAndMakesNoState) {
  const CheckResult result = check(dir_ + "/headwater.yaml", registry_, "", false);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

TEST_F(Check, ASecretThatCannotBeReadIsAnErrorWithItsPlace) {
  std::filesystem::remove(dir_ + "/token");
  const CheckResult result = check(dir_ + "/headwater.yaml", registry_, "", false);
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_EQ(result.errors[0].at.line, 6);
  EXPECT_THAT(result.errors[0].message, HasSubstr("does not exist"));
}

TEST_F(Check, WithoutAStoreSaysNothingOfIt) {
  EXPECT_THAT(check(dir_ + "/headwater.yaml", registry_, "", false).online, IsEmpty());
}

TEST_F(Check, LooksAtTheStoreBesideARunningDaemon) {
  const auto daemon = open();
  const CheckResult result = check(dir_ + "/headwater.yaml", registry_, "", false);
  ASSERT_THAT(result.online, SizeIs(1));
  EXPECT_EQ(result.online[0].finding.subject, "store");
  EXPECT_EQ(result.online[0].finding.severity, connect::Finding::Severity::ok) << result.online[0].finding.message;
  EXPECT_TRUE(result.online_ok);
}

TEST_F(Check, FindsADamagedStoreAndTellsTheWayBack) {
  open();
  damage_store();
  const CheckResult result = check(dir_ + "/headwater.yaml", registry_, "", false);
  EXPECT_FALSE(result.online_ok);
  ASSERT_THAT(result.online, SizeIs(1));
  EXPECT_THAT(result.online[0].finding.message, HasSubstr("headwater restore FILE"));
}

}  // namespace
}  // namespace hw::service
