// SIGTERM in every phase of the daemon's work: it ends in the orderly way, and the next start goes on from there.
#include <random>
#include <thread>

#include "faults/machine_kit.h"

namespace hw::sandbox {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class StopInPhase : public MachineFault {
 protected:
  /// Goes on until such a request is under way, and stops the daemon there.
  void stop_while_asking(const std::string& match) {
    const int before = network_->struck();
    network_->fault({.kind = FaultProxy::Kind::delay, .time = milliseconds(150), .match = match});
    ASSERT_TRUE(pass_until_struck(before)) << match << " was never asked\n" << run_.log_tail();
    stop();
    network_->clear();
    ASSERT_TRUE(start()) << run_.log_tail();
  }
  /// Moves the world on, at most three days, until a request has met the fault.
  bool pass_until_struck(int before) {
    const Timestamp last = run_.world().now + kDay * 3;
    while (network_->struck() == before && run_.world().now < last) {
      const Timestamp until = run_.world().now + std::chrono::minutes(10);
      run_.conductor().run_until(
          until, [&] { return alive() && network_->struck() == before; }, [](Timestamp) {});
      if (!alive()) return false;
    }
    return network_->struck() > before;
  }
};

TEST_F(StopInPhase, PullingSendingConfirmingAndWaiting) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay));
  stop_while_asking("/hubspot/");                   // pulling
  stop_while_asking("/v1/events:ingest");           // sending
  stop_while_asking("/v1/requestStatus:retrieve");  // confirming
  stop_while_asking("/google_data_manager/token");  // signing in
  ASSERT_TRUE(pass(kDay));
  ASSERT_TRUE(run_.conductor().settle([this] { return alive(); }));
  stop();  // waiting
  ASSERT_TRUE(start());
  expect_nothing_lost_or_doubled();
}

TEST_F(StopInPhase, AtEveryDurableStep) {
  for (const char* point : {"store.migrating:1", "store.migrating:40", "store.migrated:1", "store.migrated:2"}) {
    std::filesystem::remove_all(state());
    run_.start_daemon({std::string("HW_STOP_AT=") + point});
    EXPECT_FALSE(pass(kDay)) << point << " was never reached";
    EXPECT_EQ(ended(), 0) << point << "\n" << run_.log_tail();
  }
  ASSERT_TRUE(start());
  stop();
  for (const char* point :
       {"ingest.page_read", "ingest.page_committed", "reconcile.computed", "reconcile.committed", "ledger.claimed",
        "ledger.sent", "ledger.recorded", "ledger.confirmed", "fields.intended", "fields.written", "fields.recorded"}) {
    run_.start_daemon({std::string("HW_STOP_AT=") + point});
    EXPECT_FALSE(pass(kDay * 3)) << point << " was never reached";
    EXPECT_EQ(ended(), 0) << point << "\n" << run_.log_tail();
  }
  ASSERT_TRUE(start()) << run_.log_tail();
  expect_nothing_lost_or_doubled();
}

TEST_F(StopInPhase, AtAnyMomentWhileItWorksOffADay) {
  std::mt19937 random(7);
  ASSERT_TRUE(start());
  for (int i = 0; i < 12; ++i) {
    const auto moment = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 60'000);
    run_.conductor().run_until(
        run_.world().now + kDay, [&] { return alive() && std::chrono::steady_clock::now() < moment; },
        [](Timestamp) {});
    stop();
    ASSERT_TRUE(start()) << run_.log_tail();
  }
  expect_nothing_lost_or_doubled();
}

TEST_F(StopInPhase, WhileItStarts) {
  for (int i = 0; i < 8; ++i) {
    run_.start_daemon();
    std::this_thread::sleep_for(milliseconds(5 * i));
    run_.daemon().signal(SIGTERM);
    const int code = run_.daemon().wait(30);
    EXPECT_TRUE(code == 0 || code == 128 + SIGTERM) << code << "\n" << run_.log_tail();
  }
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  expect_nothing_lost_or_doubled();
}

TEST_F(StopInPhase, AfterAnAnswerThatWasLostTheRowGoesOnceMoreAndCountsOnce) {
  ASSERT_TRUE(start());
  ASSERT_TRUE(pass(kDay * 2));
  const int before = network_->struck();
  network_->fault({.kind = FaultProxy::Kind::cut_response, .bytes = 0, .match = "/v1/events:ingest"});
  ASSERT_TRUE(pass_until_struck(before)) << "the platform has counted, and its answer is lost";
  stop();
  ASSERT_TRUE(start());
  expect_nothing_lost_or_doubled();
}

}  // namespace
}  // namespace hw::sandbox
