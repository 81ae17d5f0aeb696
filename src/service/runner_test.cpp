#include "service/runner.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "service/slow_platform.h"
#include "service/test_kit.h"

namespace hw::service {
namespace {

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

}  // namespace
}  // namespace hw::service
