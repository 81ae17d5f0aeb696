#include <gtest/gtest.h>

#include <functional>

#include "base/log.h"
#include "ingest/test_kit.h"

namespace hw::ingest {
namespace {

using conformance::kHour;
using conformance::kStart;
using connect::Page;
using testing_kit::contact;
using testing_kit::deal;
using testing_kit::page_of;
using testing_kit::Pulling;

TEST(Pace, AFailureIsSaidAndTriedAgainWithBackOff) {
  Pulling p;
  p.source().pages = {page_of({deal("D1", "won")})};
  p.source().errors = {{Action::retry, "http_503", "", {}, false}};
  EXPECT_TRUE(p.pull().retrying);
  EXPECT_EQ(p.pauses(), 1U);
  EXPECT_TRUE(p.retries_alone());
  EXPECT_FALSE(p.swept());
  EXPECT_TRUE(p.pull().resting);
  EXPECT_EQ(p.source().pulls, 1U);
  p.loop.clock.advance(std::chrono::minutes(2));
  EXPECT_FALSE(p.pull().retrying);
  EXPECT_EQ(p.pauses(), 0U);
  EXPECT_TRUE(p.swept());
}

TEST(Pace, APauseThatAnEarlierProcessNotedEndsWithTheFirstPageThatWorks) {
  Pulling p;
  p.source().pages = {page_of({deal("D1", "won")})};
  p.source().errors = {{Action::pause, "credentials", "", {}, false}};
  p.pull();
  EXPECT_EQ(p.pauses(), 1U);
  EXPECT_FALSE(p.retries_alone());
  p.start();
  p.pull();
  EXPECT_EQ(p.pauses(), 0U);
}

/// Two streams, of which one may be in trouble.
struct TwoStreams final : connect::RecordSource {
  bool broken = true;
  int good_reads = 0;
  Result<std::vector<std::string>> streams(connect::Context) override {
    return std::vector<std::string>{"bad", "good"};
  }
  Result<Page<Record>> pull(std::string_view stream, const connect::Cursor& cursor, std::size_t,
                            connect::Context) override {
    if (stream == "bad" && broken) return Error{Action::retry, "http_500", "", {}, false};
    if (stream == "good") ++good_reads;
    Page<Record> page;
    if (cursor.text.empty()) page.rows = {deal(stream == "bad" ? "B" : "G", "won")};
    page.next.text = "end";
    page.sweep_complete = true;
    return page;
  }
};

int g_failed = 0;
void count_failures(std::string_view line) {
  g_failed += line.find("event=pull_failed") != std::string_view::npos ? 1 : 0;
}

TEST(Pace, AStreamInTroubleHoldsUpNoOtherAndIsSaidOnce) {
  g_failed = 0;
  set_log_sink_for_test(count_failures);
  Pulling p;
  auto source = std::make_unique<TwoStreams>();
  TwoStreams& streams = *source;
  p.connector.source = std::move(source);
  p.pull();
  EXPECT_EQ(p.state_of(Object::deal, "G"), "live");
  for (int i = 0; i < 5; ++i) {
    p.loop.clock.advance(kHour * 2);
    p.pull();
    EXPECT_EQ(p.pauses(), 1U) << "the good stream does not end the bad one's trouble";
  }
  EXPECT_EQ(g_failed, 1);
  EXPECT_FALSE(p.swept());
  streams.broken = false;
  p.loop.clock.advance(kHour * 2);
  p.pull();
  EXPECT_EQ(p.pauses(), 0U);
  EXPECT_TRUE(p.swept());
  set_log_sink_for_test(nullptr);
}

TEST(Pace, AJobThatStillRunsIsLookedAtAgainWhenItSaid) {
  Pulling p;
  struct Running final : connect::RecordSource {
    int pulls = 0;
    Result<std::vector<std::string>> streams(connect::Context) override { return std::vector<std::string>{"deals"}; }
    Result<Page<Record>> pull(std::string_view, const connect::Cursor&, std::size_t, connect::Context) override {
      Page<Record> out;
      if (++pulls == 1) {
        out.again_in = std::chrono::minutes(10);
      } else {
        out.rows = {deal("D1", "won")};
        out.sweep_complete = true;
      }
      return out;
    }
  };
  auto source = std::make_unique<Running>();
  Running& running = *source;
  p.connector.source = std::move(source);
  EXPECT_EQ(p.pull().next, kStart + std::chrono::minutes(10));
  p.pull();
  EXPECT_EQ(running.pulls, 1);
  EXPECT_FALSE(p.swept());
  p.loop.clock.advance(std::chrono::minutes(10));
  p.pull();
  EXPECT_TRUE(p.swept());
}

/// Three streams that share a lane: `left` requests may go until the test gives more.
struct SharedLane final : connect::RecordSource {
  int left = 0;
  std::map<std::string, int, std::less<>> read;
  Result<std::vector<std::string>> streams(connect::Context) override {
    return std::vector<std::string>{"a", "b", "c"};
  }
  Result<Page<Record>> pull(std::string_view stream, const connect::Cursor&, std::size_t, connect::Context) override {
    if (left == 0) return Error{Action::retry, http::kLaneFull, "", std::chrono::seconds(1), false};
    --left;
    ++read[std::string(stream)];
    Page<Record> page;
    page.sweep_complete = true;
    return page;
  }
};

TEST(Pace, AStreamThatWaitsForItsLaneIsNotPassedByThoseThatWereRead) {
  Pulling p;
  p.instance.pull_every = std::chrono::minutes(10);
  auto source = std::make_unique<SharedLane>();
  SharedLane& lane = *source;
  p.connector.source = std::move(source);
  for (int second = 0; second < 2; ++second) {
    lane.left = 2;
    const Puller::Pass pass = p.pull();
    EXPECT_EQ(pass.resting, second == 0);
    p.loop.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(lane.read["a"], 1);
  EXPECT_EQ(lane.read["b"], 1);
  EXPECT_EQ(lane.read["c"], 1);
  EXPECT_TRUE(p.swept());
}

TEST(Pace, AStreamInLastingTroubleKeepsNoOtherFromItsHours) {
  Pulling p;
  p.instance.pull_every = std::chrono::minutes(10);
  auto source = std::make_unique<TwoStreams>();
  TwoStreams& streams = *source;
  p.connector.source = std::move(source);
  p.pull();
  ASSERT_EQ(streams.good_reads, 1);
  p.loop.clock.advance(std::chrono::minutes(9));
  p.pull();
  EXPECT_EQ(streams.good_reads, 1) << "its hour has not come";
  p.loop.clock.advance(std::chrono::minutes(1));
  p.pull();
  EXPECT_EQ(streams.good_reads, 2);
}

/// Has always more; counts what it is asked.
struct Endless final : connect::RecordSource {
  int asked = 0;
  std::function<void()> meanwhile = [] {};
  Result<std::vector<std::string>> streams(connect::Context) override {
    ++asked;
    return std::vector<std::string>{"deals"};
  }
  Result<Page<Record>> pull(std::string_view, const connect::Cursor&, std::size_t, connect::Context) override {
    meanwhile();
    Page<Record> page = page_of({deal("D" + std::to_string(++asked), "won")});
    page.next.text = std::to_string(asked);
    page.more = true;
    return page;
  }
};

void pause_by_person(Pulling& p) {
  ASSERT_TRUE(p.loop.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_pause(tx, {.scope = store::kByPerson,
                                        .name = "crm",
                                        .code = "by_person",
                                        .detail = "ada",
                                        .since = p.loop.clock.system_now(),
                                        .retry_at = {}});
    return {};
  }));
}

TEST(Pace, ASourceThatAPersonPausedIsAskedNothing) {
  Pulling p;
  auto made = std::make_unique<Endless>();
  const Endless& source = *made;
  p.connector.source = std::move(made);
  pause_by_person(p);
  for (const auto& pass : {p.puller->step({}), p.puller->trial({}), p.puller->ask({})}) {
    ASSERT_TRUE(pass);
    EXPECT_TRUE(pass->paused);
    EXPECT_EQ(pass->next, p.loop.clock.system_now() + p.instance.pull_every);
  }
  EXPECT_EQ(source.asked, 0);
}

TEST(Pace, APersonsPauseEndsAPassAfterThePageUnderWay) {
  Pulling p;
  auto made = std::make_unique<Endless>();
  made->meanwhile = [&] { pause_by_person(p); };
  p.connector.source = std::move(made);
  const auto pass = p.pull();
  EXPECT_TRUE(pass.paused);
  EXPECT_EQ(pass.rows, 1U);
}

}  // namespace
}  // namespace hw::ingest
