#include "service/commands.h"

#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "reconcile/retry.h"
#include "service/runner.h"
#include "service/slow_platform.h"
#include "service/sync.h"
#include "service/test_kit.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

/// Commands as the holder of the lock takes them up.
class Steering : public AppFixture {
 protected:
  static constexpr std::chrono::seconds kSoon{10};

  static std::int64_t add_command(App& app, const std::string& kind, const std::string& args) {
    return app.db
        ->transact(store::Durability::ledger,
                   [&](store::Tx& tx) -> Result<std::int64_t> {
                     return store::service_rows::add_command(tx, kind, args, "ada", app.clock->system_now());
                   })
        .value();
  }
  /// Whether it comes about while a daemon runs.
  static bool soon(const std::function<bool()>& so) {
    const auto clock = make_system_clock();
    for (const Timestamp end = clock->system_now() + kSoon; clock->system_now() < end;) {
      if (so()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  static bool carries_out(App& app, const std::string& kind, const std::string& args) {
    const std::int64_t id = add_command(app, kind, args);
    return soon([&] {
      return app.db
          ->read(
              [&](store::Tx& tx) -> Result<bool> { return store::service_rows::command(tx, id)->done_at.has_value(); })
          .value();
    });
  }
  /// What the command answers.
  static std::string ask(App& app, const std::string& kind, const std::string& args) {
    const std::int64_t id = add_command(app, kind, args);
    auto taken = take_up_commands(app);
    EXPECT_TRUE(taken && *taken == 1);
    return app.db
        ->read([&](store::Tx& tx) -> Result<std::string> { return store::service_rows::command(tx, id)->result; })
        .value();
  }
  static SyncResult pass(App& app) {
    EXPECT_TRUE(start(app));
    auto done = sync(app, {}, {}, [](const std::string&) {});
    EXPECT_TRUE(done) << (done ? "" : done.error().detail);
    return done ? *done : SyncResult{};
  }
  static std::vector<store::StoredPause> pauses(App& app) {
    return app.db
        ->read([](store::Tx& tx) -> Result<std::vector<store::StoredPause>> { return store::service_rows::pauses(tx); })
        .value();
  }
  static void pause(App& app, const std::string& scope, const std::string& name) {
    EXPECT_TRUE(app.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      store::service_rows::set_pause(tx, {.scope = scope,
                                          .name = name,
                                          .code = "credential",
                                          .detail = "",
                                          .since = app.clock->system_now(),
                                          .retry_at = app.clock->system_now() + std::chrono::hours(1)});
      return {};
    }));
  }
  static std::size_t pulls(App& app) {
    return static_cast<conformance::FakeRecords*>(app.connectors.at("crm")->records())->pulls;
  }
};

TEST_F(Steering, APausedSinkSendsNothingOverARestartUntilItIsResumed) {
  pages_ = {won_deals(1, 2)};
  {
    auto app = open();
    EXPECT_THAT(ask(*app, "pause", "ads"), StartsWith("paused: ads"));
    EXPECT_THAT(ask(*app, "pause", "ads"), HasSubstr("already: ads, by ada since"));
    const SyncResult did = pass(*app);
    EXPECT_EQ(did.sent, 0U);
    EXPECT_FALSE(did.retrying) << "nothing waits for a retry";
  }
  auto app = open();
  EXPECT_EQ(pass(*app).sent, 0U);
  EXPECT_THAT(uploads(*app, "pending"), SizeIs(2));
  EXPECT_THAT(ask(*app, "resume", "ads"), StartsWith("resumed: connector ads (by ada)"));
  EXPECT_EQ(pass(*app).sent, 2U);
  EXPECT_EQ(ask(*app, "resume", "ads"), "ads was not paused");
}

TEST_F(Steering, AnApprovalLetsTheRowsBehindABrakeGoAndSaysWhoseItWas) {
  std::string config = AppFixture::config("live");
  const std::string mode = "mode: live";
  config.replace(config.find(mode), mode.size(), mode + ", settle: 0s, max_lowering: {conversions: 1}");
  write("headwater.yaml", config);
  pages_ = {won_deals(1, 3)};
  auto app = open();
  ASSERT_EQ(pass(*app).sent, 3U);
  pages_.push_back(won_deals(1, 3));
  for (auto& row : pages_.back().rows)
    if (auto* state = std::get_if<RecordState>(&row); state != nullptr && state->ref.object == Object::deal) {
      state->fields["amount"] = "40";
      state->modified += std::chrono::hours(1);
    }
  static_cast<conformance::FakeRecords*>(app->connectors.at("crm")->records())->pages = pages_;
  EXPECT_EQ(pass(*app).sent, 1U) << "as many as may go unasked";
  const auto braked = [&] {
    return app->db
        ->read([](store::Tx& tx) -> Result<std::size_t> {
          return store::ledger_rows::list_standings(tx, "ads_won", "", "braked", 0, 10).size();
        })
        .value();
  };
  ASSERT_EQ(braked(), 2U);
  EXPECT_EQ(ask(*app, "plan_approve", "2"), "no brake 2 waits");
  EXPECT_EQ(ask(*app, "plan_approve", "1"), "approved");
  EXPECT_EQ(ask(*app, "plan_approve", "1"), "no brake 1 waits") << "once";
  EXPECT_EQ(pass(*app).sent, 2U);
  EXPECT_EQ(braked(), 0U);
  EXPECT_EQ(ask(*app, "plan_approve", "1"), "no brake 1 waits") << "released";
}

TEST_F(Steering, APausedSourceIsNotAskedAndTheOthersGoOn) {
  pages_ = {won_deals(1, 1)};
  auto app = open();
  pass(*app);
  const std::size_t before = pulls(*app);
  ask(*app, "pause", "crm");
  const auto read = app->pullers[0]->step({});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->paused);
  EXPECT_FALSE(read->retrying || read->resting);
  EXPECT_TRUE(app->pullers[0]->trial({})->paused);
  pass(*app);
  EXPECT_EQ(pulls(*app), before);
  ask(*app, "resume", "crm");
  pass(*app);
  EXPECT_GT(pulls(*app), before);
}

TEST_F(Steering, APassOfAPausedSourceIsNoReading) {
  auto app = open();
  ask(*app, "pause", "crm");
  app->vitals->metrics.pulled("crm", *app->pullers[0]->step({}), app->clock->system_now());
  const std::string text = exposition(app->vitals->metrics.collect());
  EXPECT_THAT(text, HasSubstr(R"(headwater_pulls_total{connector="crm",result="paused"} 1)"));
  EXPECT_THAT(text, testing::Not(HasSubstr("headwater_last_pull_timestamp_seconds{")));
  const auto stored = store_metrics(*app->db, {}, {}, {}, app->clock->system_now());
  EXPECT_THAT(exposition(*stored), HasSubstr(R"(headwater_paused{name="crm",scope="person"} 1)"));
}

TEST_F(Steering, ResumeLiftsWhatTroublePausedOfTheConnectorToo) {
  auto app = open();
  for (const auto& [scope, name] :
       {std::pair{"connector", "ads"}, {"destination", "ads_won"}, {"source", "ads"}, {"connector", "crm"}})
    pause(*app, scope, name);
  const std::string said = ask(*app, "resume", "ads");
  EXPECT_THAT(said, HasSubstr("destination ads_won (credential)"));
  ASSERT_THAT(pauses(*app), SizeIs(1));
  EXPECT_EQ(pauses(*app)[0].name, "crm");
}

TEST_F(Steering, RefusedRowsGoAgainWhenAPersonAsks) {
  pages_ = {won_deals(1, 3)};
  auto app = open();
  EXPECT_TRUE(start(*app));
  ASSERT_TRUE(app->pullers[0]->step({}));
  ASSERT_TRUE(app->reconciler->step({}));
  for (const auto& u : uploads(*app, "pending")) platform(*app).refused[u.dedup_key] = "not_allowed";
  pass(*app);
  ASSERT_THAT(uploads(*app, "rejected"), SizeIs(3));
  platform(*app).refused.clear();
  reconcile::RetryAsked asked;
  asked.reason = "not_allowed";
  const auto done = reconcile::retried_from(ask(*app, "uploads_retry", reconcile::to_text(asked)));
  ASSERT_TRUE(done);
  ASSERT_THAT(*done, SizeIs(1));
  EXPECT_TRUE(done->front().again);
  EXPECT_EQ(done->front().n, 3);
  EXPECT_EQ(pass(*app).sent, 3U);
  EXPECT_THAT(uploads(*app, "rejected"), IsEmpty());
  EXPECT_EQ(ask(*app, "uploads_retry", "no json"), "the request for a retry is unreadable");
}

TEST_F(Steering, ARetryOfManyRowsShowsThatItIsAliveAndLeavesTheRestAtAStop) {
  pages_ = {won_deals(1, 3)};
  auto app = open();
  EXPECT_TRUE(start(*app));
  ASSERT_TRUE(app->pullers[0]->step({}));
  ASSERT_TRUE(app->reconciler->step({}));
  for (const auto& u : uploads(*app, "pending")) platform(*app).refused[u.dedup_key] = "not_allowed";
  pass(*app);
  reconcile::RetryAsked asked;
  asked.reason = "not_allowed";
  const std::string args = reconcile::to_text(asked);
  EXPECT_TRUE(app->db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::service_rows::add_command(tx, "uploads_retry", args, "ada", app->clock->system_now());
    store::service_rows::add_command(tx, "pause", "ads", "ada", app->clock->system_now());
    return {};
  }));
  FakeClock clock(app->clock->system_now());
  Heartbeats beats(clock);
  Heartbeats::Loop loop(beats, "reconcile");
  loop.works();
  clock.advance(Heartbeats::kStuckAfter * 2);
  ASSERT_TRUE(beats.stuck());
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_EQ(take_up_commands(*app, stopped.get_token()).value_or(9), 0U);
  EXPECT_THAT(uploads(*app, "rejected"), SizeIs(3)) << "the next holder does it";
  EXPECT_THAT(pauses(*app), IsEmpty());
  EXPECT_EQ(take_up_commands(*app).value_or(9), 2U);
  EXPECT_FALSE(beats.stuck());
  EXPECT_THAT(uploads(*app, "rejected"), IsEmpty());
  EXPECT_THAT(pauses(*app), SizeIs(1));
}

TEST_F(Steering, ARunningDaemonGoesOnAtOnceWhenItIsResumed) {
  g_meeting = std::make_unique<Meeting>();
  registry_ = fake_registry(make_slow);
  pages_ = {won_deals(1, 1)};
  auto app = open();
  app->command_poll = std::chrono::milliseconds(1);
  app->look_every = std::chrono::hours(24);  // the command itself must wake the reconciler
  ask(*app, "pause", "ads");
  std::stop_source stop;
  Status ended;
  std::thread daemon([&] { ended = run(*app, stop.get_token()); });
  bool heard = soon([&] { return !uploads(*app, "pending").empty(); });
  // What the start does wakes the reconciler a few times: commands one after another outlast that.
  for (int i = 0; i < 20 && heard; ++i) heard = carries_out(*app, "dance", "");
  EXPECT_TRUE(heard && carries_out(*app, "resume", "ads")) << "nobody woke the reconciler";
  EXPECT_TRUE(g_meeting->comes(&Meeting::under_way, kSoon)) << "the sender alone would look again in an hour";
  g_meeting->tell(&Meeting::may_answer);
  stop.request_stop();
  daemon.join();
  EXPECT_TRUE(ended);
  app.reset();
  g_meeting.reset();
}

TEST_F(Steering, ACommandThatCannotBeCarriedOutYetWakesTheReconcilerOnce) {
  auto app = open();
  CommandWatch watch(*app->db);
  EXPECT_FALSE(watch.sees_another());
  add_command(*app, "pause", "ads");
  EXPECT_TRUE(watch.sees_another());
  EXPECT_FALSE(watch.sees_another()) << "the rest is the failed step's";
  add_command(*app, "pause", "crm");
  EXPECT_TRUE(watch.sees_another());
  EXPECT_EQ(take_up_commands(*app).value_or(9), 2U);
  EXPECT_FALSE(watch.sees_another());
  add_command(*app, "resume", "crm");
  EXPECT_TRUE(watch.sees_another());
}

TEST_F(Steering, WhatNobodyKnowsIsSaid) {
  auto app = open();
  EXPECT_EQ(ask(*app, "dance", ""), "unknown command");
}

}  // namespace
}  // namespace hw::service
