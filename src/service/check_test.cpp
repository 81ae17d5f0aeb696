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

}  // namespace
}  // namespace hw::service
