#include "service/endpoint.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <cstdlib>
#include <regex>
#include <set>

#include "base/text.h"
#include "service/sync.h"
#include "service/test_kit.h"
#include "service/watched.h"
#include "store/source_fields.h"

namespace hw::service {
namespace {

using testing::HasSubstr;
using testing::IsSubsetOf;
using testing::Not;

settings::Settings::Service any_port() {
  settings::Settings::Service s;
  s.listen_host = "127.0.0.1";
  return s;
}

/// An endpoint on the store of a real App, under a clock that the test moves.
class Asked : public AppFixture {
 protected:
  void open_endpoint(AppOptions::Access access = AppOptions::Access::work) {
    app_ = open(access);
    vitals_ = std::make_shared<Vitals>(*clock_);
    endpoint_ = Endpoint::open(any_port(), app_->db, vitals_, clock_).value();
  }
  httplib::Result get(const std::string& path) const {
    return httplib::Client("127.0.0.1", endpoint_->port()).Get(path);
  }

  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>(from_micros(1'700'000'000'000'000));
  std::shared_ptr<Vitals> vitals_;
  std::unique_ptr<App> app_;
  std::unique_ptr<Endpoint> endpoint_;
};

TEST_F(Asked, HealthyWhileTheLoopsGetOn) {
  open_endpoint();
  EXPECT_EQ(get("/healthz")->status, 200);
}

TEST_F(Asked, NotHealthyWhenALoopIsStuckAndSaysWhich) {
  open_endpoint();
  Heartbeats::Loop loop(vitals_->beats, "deliver ads_won");
  loop.works();
  clock_->advance(std::chrono::minutes(11));
  for (const char* path : {"/healthz", "/readyz"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer->status, 503) << path;
    EXPECT_THAT(answer->body, HasSubstr("deliver ads_won")) << path;
  }
}

TEST_F(Asked, ReadyOnceEverySourceWasReadThrough) {
  open_endpoint();
  EXPECT_EQ(get("/readyz")->status, 503);
  EXPECT_THAT(get("/readyz")->body, HasSubstr("read through"));
  vitals_->swept = true;
  EXPECT_EQ(get("/readyz")->status, 200);
}

TEST_F(Asked, NotReadyWhileTheStoreTakesNoWrite) {
  { auto made = open(); }
  open_endpoint(AppOptions::Access::look);
  vitals_->swept = true;
  const auto answer = get("/readyz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("store_readonly"));
}

TEST_F(Asked, NothingElseIsServed) {
  open_endpoint();
  EXPECT_EQ(get("/")->status, 404);
  EXPECT_EQ(httplib::Client("127.0.0.1", endpoint_->port()).Post("/metrics")->status, 404);
}

TEST_F(Asked, AnAddressThatIsTakenIsAnErrorAndSharedWithNobody) {
  open_endpoint();
  auto taken = any_port();
  taken.listen_port = endpoint_->port();
  const auto second = Endpoint::open(taken, app_->db, vitals_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "listen");
}

/// The metrics after three deals were told to the platform.
class Scraped : public AppFixture {
 protected:
  Scraped() {
    pages_ = {won_deals(1, 3)};
    app_ = open();
    EXPECT_TRUE(start(*app_));
    auto pass = app_->pullers[0]->step({});
    EXPECT_TRUE(pass);
    app_->vitals->metrics.pulled("crm", *pass, from_micros(1'700'000'000'500'000));
    EXPECT_TRUE(sync(*app_, {}, {}, [](const std::string&) {}));
    app_->vitals->set_destinations(app_->sender_names);
    auto endpoint = Endpoint::open(any_port(), app_->db, app_->vitals, app_->clock).value();
    const auto answer = httplib::Client("127.0.0.1", endpoint->port()).Get("/metrics");
    EXPECT_EQ(answer->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    text_ = answer->body;
  }
  std::unique_ptr<App> app_;
  std::string text_;
};

TEST_F(Scraped, CountsWhatWasDone) {
  for (const char* line : {
           "headwater_pulls_total{connector=\"crm\",result=\"ok\"} 1\n",
           "headwater_rows_pulled_total{connector=\"crm\"} 12\n",
           "headwater_last_pull_timestamp_seconds{connector=\"crm\"} 1700000000.5\n",
           "headwater_rows_answered_total{destination=\"ads_won\",verdict=\"accepted\"} 3\n",
           "headwater_rows_due{destination=\"ads_won\"} 0\n",
           "headwater_ledger_value_currency_units{currency=\"EUR\",destination=\"ads_won\",goal=\"closed_won\",line=\"",
           "headwater_request_duration_seconds_bucket{destination=\"ads_won\",le=\"+Inf\"}",
           "headwater_requests_total{destination=\"ads_won\",verdict=\"accepted\"}",
           "headwater_build_info{version=\"",
           "headwater_store_size_bytes ",
           "headwater_subjects_waiting ",
       })
    EXPECT_THAT(text_, HasSubstr(line));
}

/// Labels are names of the configuration and closed sets: neither a person nor a record shows.
TEST_F(Scraped, EveryLineIsAMetricOfOursUnderAKnownLabel) {
  const std::set<std::string> known{"connector", "result", "destination", "verdict", "goal",    "currency",
                                    "line",      "reason", "scope",       "name",    "version", "le"};
  const std::regex sample(R"re(headwater_[a-z_]+(\{(.*)\})? [-+0-9.e]+|headwater_[a-z_]+(\{(.*)\})? \+Inf)re");
  const std::regex label(R"re(([a-z_]+)="[^"]*")re");
  std::size_t samples = 0;
  for (const auto line : split(text_, '\n')) {
    if (line.empty() || line.starts_with("# HELP headwater_") || line.starts_with("# TYPE headwater_")) continue;
    const std::string text(line);
    std::smatch found;
    ASSERT_TRUE(std::regex_match(text, found, sample)) << text;
    ++samples;
    const std::string labels = found[2];
    for (std::sregex_iterator it(labels.begin(), labels.end(), label), end; it != end; ++it)
      EXPECT_TRUE(known.contains((*it)[1])) << text;
  }
  EXPECT_GT(samples, 20U);
}

TEST_F(Scraped, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool >/dev/null") != 0)
    GTEST_SKIP() << "promtool (Debian package prometheus) is not installed";
  write("metrics.txt", text_);
  EXPECT_EQ(std::system(("promtool check metrics <" + dir_ + "/metrics.txt").c_str()), 0) << text_;
}

TEST_F(Scraped, APassThatRestsIsNoReadThatSucceeded) {
  ingest::Puller::Pass resting;
  resting.resting = true;
  app_->vitals->metrics.pulled("crm", resting, from_micros(1'800'000'000'000'000));
  const std::string text = exposition(app_->vitals->metrics.collect());
  EXPECT_THAT(text, HasSubstr("headwater_pulls_total{connector=\"crm\",result=\"waits\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("headwater_last_pull_timestamp_seconds{connector=\"crm\"} 1700000000.5\n"));
}

TEST_F(Scraped, EveryVerdictHasItsSeriesBeforeItsFirst) {
  app_->vitals->metrics.keep_destinations({"quiet"});
  EXPECT_THAT(exposition(app_->vitals->metrics.collect()),
              HasSubstr("headwater_rows_answered_total{destination=\"quiet\",verdict=\"reject_row\"} 0\n"));
}

/// A platform that takes one row of the action "single" in a request, and seven of any other.
struct ByAction final : connect::ConversionSink {
  connect::Contract rules;
  const connect::Contract& contract() const override { return rules; }
  connect::Contract contract_for(const connect::Target& t) const override {
    connect::Contract c = rules;
    c.max_items = t.action == "single" ? 1 : 7;
    return c;
  }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion&, const connect::Revision&,
                                                        const connect::Target&, const connect::Sent*,
                                                        Timestamp) const override {
    return connect::Item{};
  }
  std::string body(std::span<const connect::Item>, const connect::Target&, bool) const override { return ""; }
  Result<connect::Answer> send(std::span<const connect::Item>, const connect::Target&, bool,
                               connect::Context) override {
    return connect::Answer{};
  }
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string>, const connect::Target&,
                                                     connect::Context) override {
    return std::vector<connect::Confirmation>{};
  }
};

TEST_F(Scraped, ASinkThatIsWatchedKeepsTheContractOfItsTarget) {
  ByAction sink;
  const WatchedSink watched(sink, "ads", *app_->vitals, *app_->clock);
  connect::Target target;
  target.action = "single";
  EXPECT_EQ(watched.contract_for(target).max_items, 1U);
}

TEST_F(Scraped, AConnectorThatAReloadTookAwayIsForgotten) {
  app_->vitals->metrics.keep_connectors({{"crm", std::chrono::minutes(15)}, {"other", std::chrono::hours(24)}});
  app_->vitals->metrics.keep_connectors({{"other", std::chrono::hours(12)}});
  const std::string text = exposition(app_->vitals->metrics.collect());
  EXPECT_THAT(text, Not(HasSubstr("headwater_last_pull_timestamp_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("headwater_pull_interval_seconds{connector=\"crm\"}")));
  EXPECT_THAT(text, HasSubstr("headwater_pull_interval_seconds{connector=\"other\"} 43200\n"));
}

TEST_F(Scraped, WhatTheStoreKnowsOfTheLastReadingStandsUntilThisProcessHasRead) {
  Metrics metrics;
  const auto known =
      app_->db->read([](store::Tx& tx) -> Result<std::map<std::string, Timestamp>> { return last_reads(tx); });
  ASSERT_TRUE(known->contains("crm"));
  metrics.read_before("crm", from_micros(1'600'000'000'500'000));
  EXPECT_THAT(exposition(metrics.collect()),
              HasSubstr("headwater_last_pull_timestamp_seconds{connector=\"crm\"} 1600000000.5\n"));
  metrics.pulled("crm", {}, from_micros(1'700'000'000'500'000));
  metrics.read_before("crm", from_micros(1'600'000'000'500'000));
  EXPECT_THAT(exposition(metrics.collect()),
              HasSubstr("headwater_last_pull_timestamp_seconds{connector=\"crm\"} 1700000000.5\n"));
}

TEST_F(Scraped, ARetryByItselfIsNoPauseForAnHour) {
  const Timestamp since = from_micros(1'700'000'000'000'000);
  auto paused_at = [&](Duration later, bool retrying) {
    EXPECT_TRUE(app_->db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::service_rows::set_pause(tx, {"source", "crm", "connect", "refused", since, since, retrying});
      return {};
    }));
    return exposition(*store_metrics(*app_->db, {}, {}, {}, since + later)).find("headwater_paused{") !=
           std::string::npos;
  };
  EXPECT_FALSE(paused_at(std::chrono::minutes(59), true));
  EXPECT_TRUE(paused_at(std::chrono::hours(1), true));
  EXPECT_TRUE(paused_at(std::chrono::seconds(1), false));
}

TEST_F(Scraped, SourceFieldsAreCountedByWhatSomebodyMayHaveToDo) {
  EXPECT_TRUE(app_->db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    for (std::int64_t record : {1, 2, 3})
      store::source_fields::put_state(tx, {.name = "contacts",
                                           .record = record,
                                           .state = record == 3 ? "due" : "rejected",
                                           .code = "http_400",
                                           .detail = "",
                                           .tries = 0,
                                           .next_at = {},
                                           .updated_at = from_micros(1)});
    return {};
  }));
  const std::string text = exposition(*store_metrics(*app_->db, {}, {}, {"contacts"}, from_micros(1)));
  EXPECT_THAT(text, HasSubstr("headwater_source_fields{entry=\"contacts\",state=\"rejected\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("headwater_source_fields{entry=\"contacts\",state=\"due\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("headwater_source_fields{entry=\"contacts\",state=\"kept_theirs\"} 0\n"));
}

}  // namespace
}  // namespace hw::service
