#include "service/runner.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "service/slow_platform.h"
#include "service/test_kit.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Stop : public AppFixture {
 protected:
  Stop() {
    g_meeting = std::make_unique<Meeting>();
    registry_ = fake_registry(make_slow);
    pages_ = {won_deals(1, 1)};
    app_ = open();
  }
  ~Stop() override {
    app_.reset();
    g_meeting.reset();
  }
  /// A daemon whose one request is under way is asked to stop; `then` is what happens next.
  void stop_with_a_request_under_way(Duration deadline, const std::function<void()>& then) {
    app_->settings.service.stop_deadline = deadline;
    std::stop_source stop;
    Status ended;
    std::thread daemon([&] { ended = run(*app_, stop.get_token()); });
    g_meeting->await(&Meeting::under_way);
    stop.request_stop();
    then();
    daemon.join();
    EXPECT_TRUE(ended) << (ended ? "" : ended.error().detail);
  }

  std::unique_ptr<App> app_;
};

TEST_F(Stop, ARequestUnderWayMayEndAndItsAnswerIsKept) {
  stop_with_a_request_under_way(std::chrono::minutes(10), [] { g_meeting->tell(&Meeting::may_answer); });
  EXPECT_FALSE(g_meeting->was_cut);
  EXPECT_THAT(uploads(*app_, "in_flight"), IsEmpty());
  EXPECT_THAT(uploads(*app_, "retrying"), IsEmpty());
}

TEST_F(Stop, ARequestThatDoesNotEndIsCutAtTheDeadlineAndItsRowKept) {
  stop_with_a_request_under_way(std::chrono::milliseconds(1), [] {});
  EXPECT_TRUE(g_meeting->was_cut);
  EXPECT_THAT(uploads(*app_, "in_flight"), IsEmpty()) << "that nothing is known of it is recorded";
  EXPECT_THAT(uploads(*app_, "retrying"), SizeIs(1));
}

class Running : public AppFixture {};

TEST_F(Running, AFailureThatDoesNotPassEndsTheDaemon) {
  pages_ = {won_deals(1, 1)};
  auto app = open();
  ASSERT_TRUE(app->db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    tx.exec("CREATE TRIGGER no_cursor BEFORE INSERT ON cursor BEGIN SELECT RAISE(ABORT, 'no cursor'); END");
    return {};
  }));
  std::stop_source stop;
  auto ended = std::async(std::launch::async, [&] { return run(*app, stop.get_token()); });
  EXPECT_EQ(ended.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "by itself";
  stop.request_stop();
  const Status how = ended.get();
  ASSERT_FALSE(how);
  EXPECT_EQ(how.error().code, "store_constraint");
}

class Restarted : public AppFixture {};

TEST_F(Restarted, ASourceThatIsNotReadAnyMoreHasItsAgeBeforeItIsReadAgain) {
  const Timestamp long_ago = from_micros(1'700'000'000'500'000);
  {
    auto before = open();
    ASSERT_TRUE(before->db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      for (const Duration later : {Duration(0), Duration(std::chrono::hours(3))})
        store::service_rows::put_cursor(tx, {.connector = "crm",
                                             .role = "records",
                                             .stream = later == Duration(0) ? "deals" : "contacts",
                                             .text = "",
                                             .swept_at = long_ago,
                                             .again_at = {},
                                             .updated_at = long_ago + later});
      return {};
    }));
  }
  auto app = open();
  ASSERT_TRUE(note_last_reads(*app));
  const std::string text = exposition(app->vitals->metrics.collect());
  EXPECT_THAT(text, HasSubstr("headwater_last_pull_timestamp_seconds{connector=\"crm\"} 1700000000.5\n"));
  EXPECT_THAT(text, HasSubstr("headwater_pull_interval_seconds{connector=\"crm\"} 900\n"));
}

TEST_F(Restarted, ASourceThatWasNeverReadCountsFromTheStart) {
  auto app = open();
  ASSERT_TRUE(note_last_reads(*app));
  EXPECT_THAT(exposition(app->vitals->metrics.collect()), HasSubstr("headwater_last_pull_timestamp_seconds{"));
}

}  // namespace
}  // namespace hw::service
