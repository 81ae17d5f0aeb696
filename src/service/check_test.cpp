#include "service/check.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/act_as_owner.h"
#include "service/test_kit.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Check : public AppFixture {
 protected:
  CheckResult checked(bool online = false, const Clock* followed = nullptr) {
    return check(
        {.config = dir_ + "/headwater.yaml", .credentials_directory = "", .online = online, .followed = followed},
        registry_);
  }
};

TEST_F(Check, AGoodConfigurationHasNoErrorAndMakesNoState) {
  const CheckResult result = checked();
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

TEST_F(Check, ASecretThatCannotBeReadIsAnErrorWithItsPlace) {
  std::filesystem::remove(dir_ + "/token");
  const CheckResult result = checked();
  ASSERT_THAT(result.errors, SizeIs(1));
  EXPECT_EQ(result.errors[0].at.line, 6);
  EXPECT_THAT(result.errors[0].message, HasSubstr("does not exist"));
}

TEST_F(Check, OfflineASecretThatOnlyTheServiceSeesIsAWarning) {
  std::string text = config("live");
  text.replace(text.find("${file:token}"), 13, "${credential:ads}");
  write("headwater.yaml", text);
  const CheckResult offline = checked();
  EXPECT_THAT(offline.errors, IsEmpty());
  ASSERT_THAT(offline.warnings, SizeIs(1));
  EXPECT_EQ(offline.warnings[0].at.line, 6);
  EXPECT_THAT(checked(/*online=*/true).errors, SizeIs(1)) << "nobody could sign in";
}

TEST_F(Check, WhatRootMakesWhereTheServiceNeverRanBelongsToTheService) {
  if (::geteuid() != 0) GTEST_SKIP() << "skipped: only root can write in another's name";
  constexpr uid_t kDaemon = 54321;
  std::filesystem::create_directory(dir_ + "/state");
  ASSERT_EQ(::chown((dir_ + "/state").c_str(), kDaemon, kDaemon), 0);
  std::filesystem::permissions(dir_, std::filesystem::perms(0755));
  const auto app = open(AppOptions::Access::hold);
  ASSERT_TRUE(act_as_root_again());
  for (const auto& made : std::filesystem::directory_iterator(dir_ + "/state")) {
    struct stat s {};
    ASSERT_EQ(::stat(made.path().c_str(), &s), 0);
    EXPECT_EQ(s.st_uid, kDaemon) << made.path();
  }
}

TEST_F(Check, WithoutAStoreSaysNothingOfIt) { EXPECT_THAT(checked().online, IsEmpty()); }

TEST_F(Check, LooksAtTheStoreBesideARunningDaemon) {
  const auto daemon = open();
  const CheckResult result = checked();
  ASSERT_THAT(result.online, SizeIs(1));
  EXPECT_EQ(result.online[0].finding.subject, "store");
  EXPECT_EQ(result.online[0].finding.severity, connect::Finding::Severity::ok) << result.online[0].finding.message;
  EXPECT_TRUE(result.online_ok);
}

TEST_F(Check, FindsADamagedStoreAndTellsTheWayBack) {
  open();
  damage_store();
  const CheckResult result = checked();
  EXPECT_FALSE(result.online_ok);
  ASSERT_THAT(result.online, SizeIs(1));
  EXPECT_THAT(result.online[0].finding.message, HasSubstr("headwater restore FILE"));
}

}  // namespace
}  // namespace hw::service
