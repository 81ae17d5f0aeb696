#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "sandbox/company.h"

/// What every world must hold (DESIGN section 10), counted in the world's own records.
namespace hw::sandbox {
namespace {

using testing::Each;
using testing::Gt;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;

class Census : public testing::TestWithParam<std::uint64_t> {
 protected:
  Census() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_census_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    for (const char* sub : {"/touches", "/spend"}) std::filesystem::create_directory(dir_ + sub);
    company_ = std::make_unique<Company>(GetParam(), dir_);
    world_.now = company_->start();
  }
  ~Census() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  std::unique_ptr<Company> company_;
  World world_;
};

TEST_P(Census, EveryWorldHoldsAllThatIsHardToAccountFor) {
  company_->advance(world_, company_->end());
  const auto held = company_->census(world_);
  EXPECT_THAT(held, UnorderedElementsAre(Key("reopen"), Key("edit_down"), Key("delete"), Key("contact_merge"),
                                         Key("unmerge"), Key("shared_mailbox"), Key("late_click"),
                                         Key("consent_withdrawn"), Key("final_zero")));
  EXPECT_THAT(held, Each(Pair(testing::_, Gt(0))));
}

TEST_P(Census, WhatIsOnlyPlannedDoesNotCount) {
  company_->advance(world_, company_->start());
  EXPECT_THAT(company_->census(world_), Each(Pair(testing::_, 0)));
}

/// The analytics' export holds what the files hold.
TEST_P(Census, TheExportOfTheAnalyticsIsNotEmpty) {
  company_->advance(world_, company_->start() + std::chrono::hours(24 * 30));
  EXPECT_GT(world_.analytics.events.size(), 2U * 8 * 29);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Census, testing::Values(1, 2, 3, 5, 7));

}  // namespace
}  // namespace hw::sandbox
