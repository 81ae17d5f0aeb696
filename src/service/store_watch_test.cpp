#include "service/store_watch.h"

#include <gmock/gmock.h>

#include "report/status.h"
#include "service/runner.h"
#include "service/sync.h"
#include "service/test_kit.h"

namespace hw::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// An App whose clock the test moves.
class LookingForDamage : public AppFixture {
 protected:
  std::unique_ptr<App> open_at(Timestamp now) {
    auto app = open();
    clock_ = std::make_shared<FakeClock>(now);
    app->clock = clock_;
    return app;
  }
  /// What `headwater status` says of the last look.
  static std::vector<std::string> told(App& app) {
    std::vector<std::string> out;
    const auto tables = app.db->read([&](store::Tx& tx) -> Result<std::vector<report::Table>> {
      return report::status(tx, app.settings, app.clock->system_now());
    });
    for (const auto& t : *tables)
      if (t.name == "store_check")
        for (const auto& row : t.rows) out.push_back(row[0] + " " + row[1]);
    return out;
  }
  static std::string metrics(App& app) { return exposition(app.vitals->metrics.collect()); }

  const Timestamp noon_ = from_micros(1'795'176'000'000'000);  // 2026-11-20T12:00:00Z
  std::shared_ptr<FakeClock> clock_;
};

TEST_F(LookingForDamage, IsDoneAtTheStartAndThenOnceADay) {
  const auto app = open_at(noon_);
  EXPECT_THAT(told(*app), IsEmpty());
  StoreWatch watch(*app);
  EXPECT_EQ(**watch.step({}), noon_ + std::chrono::hours(24));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("12:00")));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("nothing")));
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_store_check_timestamp_seconds 1795176000"));
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_store_damaged 0"));

  clock_->advance(std::chrono::hours(23));
  EXPECT_EQ(**watch.step({}), noon_ + std::chrono::hours(24));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("12:00"))) << "not yet";
  clock_->advance(std::chrono::hours(1));
  EXPECT_EQ(**StoreWatch(*app).step({}), noon_ + std::chrono::hours(48)) << "a reload changes nothing";
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("2026-11-21 12:00")));
}

TEST_F(LookingForDamage, GoesOnWhenTheClockIsSetBack) {
  const auto app = open_at(noon_);
  ASSERT_TRUE(StoreWatch(*app).step({}));
  clock_->set(noon_ - std::chrono::hours(24 * 30));
  EXPECT_EQ(**StoreWatch(*app).step({}), noon_ - std::chrono::hours(24 * 29));
}

TEST_F(LookingForDamage, EndsAtAStopWithoutAFinding) {
  open();
  damage_store();
  const auto app = open_at(noon_);
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_TRUE(StoreWatch(*app).step(stopped.get_token()));
  EXPECT_THAT(told(*app), IsEmpty());
}

TEST_F(LookingForDamage, EndsTheDaemonWithTheWayBackAndNothingIsSent) {
  pages_ = {won_deals(1, 1)};
  open();
  damage_store();
  const auto app = open();
  const Status ended = run(*app, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, "store_corrupt");
  EXPECT_THAT(ended.error().detail, HasSubstr("headwater restore FILE"));
  EXPECT_THAT(metrics(*app), HasSubstr("headwater_store_damaged 1"));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("headwater restore FILE")));
}

TEST_F(LookingForDamage, AStoreKnownAsDamagedIsRefusedUntilItIsWhole) {
  open();
  std::filesystem::copy_file(dir_ + "/state/headwater.db", dir_ + "/sound.db");
  damage_store();
  {
    const auto app = open_at(noon_);
    ASSERT_FALSE(StoreWatch(*app).step({}));
  }
  EXPECT_EQ(start(*open()).error().code, "store_corrupt") << "before anything is sent";
  std::filesystem::copy_file(dir_ + "/sound.db", dir_ + "/state/headwater.db",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(start(*open()));
}

TEST_F(LookingForDamage, AStopEndsTheLookAtAKnownDamageAndLeavesItKnown) {
  const auto app = open();
  note_damage(*app, {Action::pause, "store_corrupt", "a page", {}, false});
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_TRUE(start(*app, stopped.get_token()));
  EXPECT_TRUE(run(*app, stopped.get_token()));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("a page"))) << "nobody looked it through";
  EXPECT_TRUE(start(*app));
  EXPECT_THAT(told(*app), ElementsAre(HasSubstr("nothing")));
}

TEST_F(LookingForDamage, AReadThatNobodyMindsEndsTheDaemonToo) {
  const auto app = open();
  const Status met = app->db->read([](store::Tx&) -> Status {
    return Error{Action::pause, "store_corrupt", "a page that a metric read", {}, false};
  });
  ASSERT_FALSE(met);
  const Status ended = run(*app, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().detail, "a page that a metric read");
}

}  // namespace
}  // namespace hw::service
