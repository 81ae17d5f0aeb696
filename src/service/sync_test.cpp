#include "service/sync.h"

#include <gmock/gmock.h>

#include "service/test_kit.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Sync : public AppFixture {
 protected:
  static SyncResult sync_once(App& app, std::optional<std::int64_t> limit = {}) {
    EXPECT_TRUE(start(app));
    auto done = sync(app, limit, {}, [](const std::string&) {});
    EXPECT_TRUE(done) << (done ? "" : done.error().detail);
    return done ? *done : SyncResult{};
  }
  static std::string cursor(App& app) {
    return app.db
        ->read([](store::Tx& tx) -> Result<std::string> {
          auto c = store::service_rows::cursor(tx, "crm", "records", "deals");
          return c ? c->text : std::string("-");
        })
        .value();
  }
};

TEST_F(Sync, ReadsReconcilesAndDeliversUntilNothingIsDue) {
  pages_ = {won_deals(1, 2), won_deals(3, 1)};
  auto app = open();
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.sent, 3U);
  EXPECT_FALSE(did.gated);
  EXPECT_FALSE(did.retrying);
  EXPECT_THAT(platform(*app).believed, SizeIs(3));
}

TEST_F(Sync, ATrialOnANewStoreSendsItsRowsMovesNoCursorAndLeavesNothingToBeSent) {
  pages_ = {won_deals(1, 3), won_deals(4, 2)};
  auto app = open();
  const SyncResult did = sync_once(*app, 2);
  EXPECT_FALSE(did.gated) << "a trial does not wait for the whole history";
  EXPECT_EQ(did.sent, 2U);
  EXPECT_EQ(cursor(*app), "-");
  EXPECT_THAT(platform(*app).believed, SizeIs(2));
  EXPECT_THAT(uploads(*app, "pending"), IsEmpty()) << "the daemon would send them before it knows the whole story";
  EXPECT_THAT(uploads(*app, "superseded"), SizeIs(1));
}

TEST_F(Sync, WhatATrialSentIsNotSentAgainAndTheRestFollows) {
  pages_ = {won_deals(1, 3), won_deals(4, 2)};
  auto app = open();
  sync_once(*app, 2);
  const SyncResult did = sync_once(*app);
  EXPECT_EQ(did.sent, 3U);
  EXPECT_EQ(cursor(*app), "2");
  EXPECT_THAT(platform(*app).believed, SizeIs(5));
  for (const auto& [key, belief] : platform(*app).believed) EXPECT_EQ(belief.counted, 1) << key;
}

TEST_F(Sync, ATrialAfterTheFirstSweepLeavesTheRestForTheNextPass) {
  pages_ = {won_deals(1, 1)};
  auto app = open();
  sync_once(*app);
  static_cast<conformance::FakeRecords*>(app->connectors.at("crm")->records())->pages.push_back(won_deals(2, 3));
  const SyncResult did = sync_once(*app, 1);
  EXPECT_EQ(did.sent, 1U);
  EXPECT_EQ(cursor(*app), "1");
  EXPECT_THAT(uploads(*app, "pending"), SizeIs(2));
  EXPECT_EQ(sync_once(*app).sent, 2U);
}

TEST_F(Sync, AfterATrialTheGateIsShutAgain) {
  pages_ = {won_deals(1, 1), won_deals(2, 1)};
  auto app = open();
  sync_once(*app, 1);
  auto pass = app->reconciler->step({});
  ASSERT_TRUE(pass);
  EXPECT_TRUE(pass->gated);
}

TEST_F(Sync, AFieldThatAGoalNamesFromNowOnIsKnownOfTheRecordsSeenBefore) {
  pages_ = {won_deals(1, 2)};
  for (Record& r : pages_[0].rows)
    if (auto* deal = std::get_if<RecordState>(&r); deal && deal->ref.object == Object::deal)
      deal->fields["signed"] = "yes";
  std::string text = config("live");
  const auto use = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    write("headwater.yaml", text);
  };
  use("trigger: {stage: won}", "trigger: {stage: never}");
  {
    auto app = open();
    EXPECT_EQ(sync_once(*app).sent, 0U);
  }
  use("trigger: {stage: never}", "trigger: {signed: \"yes\"}");
  auto app = open();
  EXPECT_EQ(sync_once(*app).sent, 2U);
}

// ------------------------------------------------------------------------------------------------------------
// which secrets a command needs

TEST_F(Sync, WhoOnlyLooksNeedsNoSecret) {
  { auto app = open(); }
  std::filesystem::remove(dir_ + "/token");
  for (auto access : {AppOptions::Access::look, AppOptions::Access::ask}) EXPECT_TRUE(open(access));
}

TEST_F(Sync, WhoSendsIsToldOfAMissingSecretBeforeAnythingElse) {
  std::filesystem::remove(dir_ + "/token");
  auto app = App::make({.config = dir_ + "/headwater.yaml",
                        .state_of = "",
                        .credentials_directory = "",
                        .follow_clock = "",
                        .access = AppOptions::Access::work},
                       registry_);
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().code, "config");
  EXPECT_THAT(app.error().detail, HasSubstr("token does not exist"));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

}  // namespace
}  // namespace hw::service
