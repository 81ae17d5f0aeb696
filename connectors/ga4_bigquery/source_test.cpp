#include "connectors/ga4_bigquery/source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> clients(const std::vector<Touch>& touches) {
  std::vector<std::string> out;
  for (const Touch& t : touches) out.push_back(value_of(t, "ga_client_id"));
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Ga4BigQuerySource, HistoryIsReadOnceAndTodayFromTheStreamingTable) {
  Property p;
  p.visit("old.1", 50 * kDay, "https://example.com/a");
  p.visit("mid.1", 10 * kDay, "https://example.com/a");
  p.visit("now.1", minutes(30), "https://example.com/a");
  p.visit("too.old", 200 * kDay, "https://example.com/a");
  EXPECT_THAT(clients(p.read()), testing::ElementsAre("mid.1", "now.1", "old.1"));
  EXPECT_THAT(p.run_texts(), Contains(HasSubstr("events_intraday_20261120`")));

  p.pass(hours(2));
  p.http.requests.clear();
  EXPECT_THAT(clients(p.read()), testing::ElementsAre("now.1")) << "today is read again, history is not";
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQuerySource, EveryQueryIsEstimatedFirst) {
  Property p;
  p.visit("a.1", 5 * kDay, "https://example.com/a");
  p.read();
  std::string estimated;
  for (const http::Request& r : p.http.requests) {
    if (r.method != "POST") continue;
    const auto j = nlohmann::json::parse(r.body);
    if (j.value("dryRun", false)) {
      estimated = j["query"];
      continue;
    }
    EXPECT_EQ(j["query"], estimated);
    EXPECT_EQ(j["maximumBytesBilled"], std::to_string(20LL << 30));
  }
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQuerySource, NothingIsAskedBeforeTheNextRoundIsDue) {
  Property p;
  p.visit("a.1", minutes(30), "https://example.com/a");
  p.read();
  p.pass(minutes(59));
  p.http.requests.clear();
  EXPECT_THAT(p.read(), IsEmpty());
  EXPECT_THAT(p.http.requests, IsEmpty());
  p.pass(minutes(1));
  EXPECT_THAT(p.read(), SizeIs(1));
}

TEST(Ga4BigQuerySource, AClockThatWasAMonthAheadForDaysPassesOverNoDay) {
  Property p;
  p.read();
  p.clock_error = kDay * 30;
  for (int day = 0; day < 7; ++day) {
    p.pass(kDay);
    p.visit("visitor." + std::to_string(day), hours(2), "https://example.com/a");
    p.read();
  }
  p.clock_error = {};
  p.pass(kDay + hours(2));
  p.read();
  EXPECT_EQ(p.held.size(), 7U);
}

TEST(Ga4BigQuerySource, TheDailyTableTakesTheStreamingOnesPlace) {
  Property p;
  p.visit("stays.1", minutes(30), "https://example.com/a");
  sandbox::AnalyticsEvent& e = p.visit("spam.1", minutes(20), "https://example.com/a");
  e.removed = p.world.now + hours(5);
  p.world.analytics.events.back().removed = e.removed;
  p.read();
  EXPECT_EQ(p.held.size(), 2U);
  const std::string key = p.held.begin()->first;
  p.pass(kDay + hours(2));  // 15:00 of the next day: the table is there since noon
  p.read();
  ASSERT_EQ(p.held.size(), 1U) << "no visit twice, and what processing took out is gone";
  EXPECT_EQ(value_of(p.held.begin()->second.touch, "ga_client_id"), "stays.1");
  EXPECT_THAT(p.run_texts(), Contains(HasSubstr("events_20261120`")));
}

TEST(Ga4BigQuerySource, LateEventsAreReadWithTheirWholeDay) {
  Property p({{"intraday", false}});
  p.visit("prompt.1", hours(3), "https://example.com/a");
  p.visit("late.1", hours(2), "https://example.com/a");
  for (std::size_t i = 2; i < 4; ++i) p.world.analytics.events[i].arrived = p.world.now + 2 * kDay;
  p.pass(kDay);
  EXPECT_THAT(clients(p.read()), testing::ElementsAre("prompt.1"));
  p.pass(kDay);
  p.http.requests.clear();
  EXPECT_THAT(p.read(), IsEmpty());
  EXPECT_EQ(p.runs(), 0U) << "the table has not changed: looking is free";
  p.pass(kDay);
  EXPECT_THAT(clients(p.read()), testing::ElementsAre("late.1", "prompt.1"));
  EXPECT_EQ(p.held.size(), 2U);
}

TEST(Ga4BigQuerySource, WhatComesOnTheThirdDayIsStillRead) {
  Property p({{"intraday", false}});
  p.visit("prompt.1", hours(3), "https://example.com/a");
  p.visit("late.1", hours(2), "https://example.com/a");
  for (std::size_t i = 2; i < 4; ++i) p.world.analytics.events[i].arrived = p.world.now + 3 * kDay;
  for (int i = 0; i < 6 * 4; ++i) {
    p.read();
    p.pass(hours(6));
  }
  EXPECT_EQ(p.held.size(), 2U);
}

TEST(Ga4BigQuerySource, AFurtherClickIsOneTouchInBothTables) {
  Property p;
  sandbox::AnalyticsEvent first = p.visit("a.1", minutes(30), "https://example.com/a");
  sandbox::AnalyticsEvent click = first;
  click.name = "page_view";
  click.at += minutes(5);
  click.page = "https://example.com/b?gclid=Cj5";
  click.collected = {{"gclid", "Cj5"}};
  p.world.analytics.events.push_back(click);
  const std::vector<Touch> streamed = p.read();
  // The ads record is filled by later processing.
  p.world.analytics.events.back().ads_campaign = {{"campaign_id", "12"}, {"campaign_name", "brand"}};
  p.pass(kDay + hours(2));
  const std::vector<Touch> daily = p.read();
  ASSERT_THAT(streamed, SizeIs(2));
  ASSERT_THAT(daily, SizeIs(2));
  EXPECT_EQ(streamed[1].key, daily[1].key) << "a look-up may have kept the first for good";
  EXPECT_EQ(daily[1].campaign, "brand");
}

TEST(Ga4BigQuerySource, ADayIsDoneWithOnceItCanNoLongerChange) {
  Property p({{"intraday", false}});
  p.visit("a.1", hours(2), "https://example.com/a");
  for (int i = 0; i < 12; ++i) {
    p.read();
    p.pass(kDay);
  }
  p.http.requests.clear();
  p.read();
  for (const http::Request& r : p.http.requests) EXPECT_THAT(r.url, Not(HasSubstr("events_20261120")));
}

TEST(Ga4BigQuerySource, ATableThatComesLateIsNotMissed) {
  Property p({{"intraday", false}});
  p.world.analytics.lag = 5 * kDay;
  p.visit("a.1", hours(2), "https://example.com/a");
  for (int i = 0; i < 7; ++i) {
    p.read();
    p.pass(kDay);
  }
  EXPECT_EQ(p.held.size(), 1U);
}

TEST(Ga4BigQuerySource, AfterALongOutageEveryDayInBetweenIsRead) {
  Property p({{"intraday", false}});
  p.read();
  for (int day = 0; day < 40; ++day) {
    p.pass(kDay);
    p.visit("c." + std::to_string(day), hours(1), "https://example.com/a");
  }
  p.pass(2 * kDay);
  p.restart();
  p.read();
  EXPECT_EQ(p.held.size(), 40U);
}

TEST(Ga4BigQuerySource, ADayWithoutAnyTableIsNoTrouble) {
  Property p;
  EXPECT_THAT(p.read(), IsEmpty());
  EXPECT_EQ(p.runs(), 0U);
}

TEST(Ga4BigQuerySource, ATableThatVanishesWithdrawsNothing) {
  Property p;
  p.visit("a.1", minutes(30), "https://example.com/a");
  p.read();
  p.world.analytics.streaming = false;
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.held.size(), 1U);
}

TEST(Ga4BigQuerySource, ASessionOverMidnightIsOneTouchOfItsFirstDay) {
  Property p;
  // 23:50 in Berlin on the 19th.
  const sandbox::AnalyticsEvent first = p.visit("night.1", hours(13) + minutes(10), "https://example.com/a");
  sandbox::AnalyticsEvent later = first;
  later.name = "page_view";
  later.at += minutes(20);
  later.page = "https://example.com/b";
  p.world.analytics.events.push_back(later);
  p.pass(2 * kDay);
  p.read();
  ASSERT_EQ(p.held.size(), 1U);
  EXPECT_EQ(p.held.begin()->second.partition, "2026-11-19");
  EXPECT_EQ(p.held.begin()->second.touch.landing_page, "https://example.com/a");
}

TEST(Ga4BigQuerySource, AnAdClickAfterMidnightInsideASessionIsATouchOfItsDay) {
  Property p;
  // 23:50 in Berlin on the 19th, the click at 00:05.
  const sandbox::AnalyticsEvent first = p.visit("night.1", hours(13) + minutes(10), "https://example.com/a");
  sandbox::AnalyticsEvent click = first;
  click.name = "page_view";
  click.at += minutes(15);
  click.page = "https://example.com/b?gclid=CjNight";
  click.collected = {{"gclid", "CjNight"}};
  p.world.analytics.events.push_back(click);
  const std::vector<Touch> streamed = p.read();
  p.pass(2 * kDay);
  const std::vector<Touch> daily = p.read();
  ASSERT_EQ(p.held.size(), 2U) << "the session's touch and the click's";
  std::map<std::string, Touch> by_day;
  for (const auto& [key, h] : p.held) by_day[h.partition] = h.touch;
  EXPECT_EQ(value_of(by_day["2026-11-19"], "gclid"), "");
  EXPECT_EQ(by_day["2026-11-19"].landing_page, "https://example.com/a");
  const Touch& of_click = by_day["2026-11-20"];
  EXPECT_EQ(value_of(of_click, "gclid"), "CjNight");
  EXPECT_EQ(value_of(of_click, "ga_client_id"), "night.1");
  EXPECT_EQ(of_click.at, click.at);
  EXPECT_EQ(of_click.landing_page, "https://example.com/b");
  EXPECT_EQ(of_click.source + " / " + of_click.medium, "google / cpc");
  EXPECT_EQ(streamed.back().key, daily.back().key);
}

TEST(Ga4BigQuerySource, WhatAServerSaysOfAnOldSessionsClickIsNoTouch) {
  Property p;
  const sandbox::AnalyticsEvent first = p.visit("a.1", 20 * kDay, "https://example.com/?gclid=Cj9", {{"gclid", "Cj9"}});
  sandbox::AnalyticsEvent purchase = first;
  purchase.name = "purchase";
  purchase.at = p.world.now - hours(1);
  p.world.analytics.events.push_back(purchase);
  // Of last night's session, without a page.
  sandbox::AnalyticsEvent lead = p.visit("b.2", hours(14), "https://example.com/?gclid=Cj8", {{"gclid", "Cj8"}});
  lead.name = "generate_lead";
  lead.at = p.world.now - hours(1);
  lead.page = "";
  p.world.analytics.events.push_back(lead);
  p.read();
  EXPECT_EQ(p.held.size(), 2U);
}

TEST(Ga4BigQuerySource, ASessionWhoseStartWasNotExportedCountsOnTheDayOfItsId) {
  Property p;
  sandbox::AnalyticsEvent& e = p.visit("a.1", hours(1), "https://example.com/a");
  e.name = "page_view";
  p.read();
  EXPECT_EQ(p.held.size(), 1U);
}

TEST(Ga4BigQuerySource, AServersEventOfAnOldSessionIsNoTouch) {
  Property p;
  sandbox::AnalyticsEvent& e = p.visit("a.1", 20 * kDay, "https://example.com/a");
  sandbox::AnalyticsEvent purchase = e;
  purchase.name = "purchase";
  purchase.at = p.world.now - hours(1);
  purchase.page = "";
  p.world.analytics.events.push_back(purchase);
  p.read();
  EXPECT_EQ(p.held.size(), 1U);
  EXPECT_EQ(p.held.begin()->second.partition, "2026-10-31");
}

TEST(Ga4BigQuerySource, PagesOfADayArePartsOfOnePartition) {
  Property p;
  for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), minutes(30 + i), "https://example.com/a");
  std::size_t pages = 0, ends = 0;
  for (bool more = true; more;) {
    const connect::Page<Touch> got = p.page(10);
    if (got.partition) {
      EXPECT_EQ(*got.partition, "2026-11-20");
      EXPECT_LE(got.rows.size(), 10U);
      ++pages;
      ends += got.partition_ends ? 1U : 0U;
    }
    more = got.more;
  }
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(ends, 1U);
  EXPECT_EQ(p.held.size(), 25U);
  EXPECT_EQ(p.runs(), 1U) << "further pages are of the same job";
}

TEST(Ga4BigQuerySource, ARestartInTheMiddleOfADayGoesOnFromTheStoredCursor) {
  Property p;
  for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), minutes(30 + i), "https://example.com/a");
  std::vector<Touch> rows;
  for (bool more = true; more;) {
    const connect::Page<Touch> got = p.page(10);
    rows.insert(rows.end(), got.rows.begin(), got.rows.end());
    more = got.more;
    p.restart();
  }
  EXPECT_EQ(clients(rows).size(), 25U);
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQuerySource, TheSameCursorGivesTheSameRowsAgainWithoutAnotherJob) {
  Property p;
  for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), minutes(30 + i), "https://example.com/a");
  while (p.run_texts().empty()) {
    const connect::Cursor before = p.cursor;
    const auto once = clients(p.page(10).rows);
    if (p.run_texts().empty()) continue;
    p.cursor = before;
    EXPECT_EQ(clients(p.page(10).rows), once);
  }
  std::vector<std::string> ids;
  for (const http::Request& r : p.http.requests)
    if (r.method == "POST" && !nlohmann::json::parse(r.body).value("dryRun", false))
      ids.push_back(nlohmann::json::parse(r.body)["requestId"]);
  ASSERT_THAT(ids, SizeIs(2));
  EXPECT_EQ(ids[0], ids[1]) << "a repeat after a lost answer is not billed twice";
}

TEST(Ga4BigQuerySource, AQueryThatTakesItsTimeIsWaitedFor) {
  Property p;
  p.world.analytics.query_time = seconds(12);
  p.visit("a.1", minutes(30), "https://example.com/a");
  std::size_t waits = 0;
  for (bool goes_on = true; goes_on;) {
    const connect::Page<Touch> got = p.page();
    if (got.again_in) {
      EXPECT_EQ(*got.again_in, seconds(5));
      EXPECT_FALSE(got.more);
      EXPECT_FALSE(got.partition_ends);
      ++waits;
      p.pass(*got.again_in);
      p.restart();
    }
    goes_on = got.more || got.again_in;
  }
  EXPECT_EQ(waits, 3U);
  EXPECT_EQ(p.held.size(), 1U);
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQuerySource, AnAnswerThatIsNoLongerKeptIsAskedForAnew) {
  Property p;
  for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), 2 * kDay + minutes(i), "https://example.com/a");
  while (p.page(10).rows.empty()) continue;
  p.pass(25 * hours(1));
  p.read(10);
  EXPECT_EQ(p.held.size(), 25U);
  EXPECT_EQ(p.runs(), 2U);
}

/// BigQuery says of every job that it is over, or nothing at all.
std::optional<http::Response> over(const http::Request& r, const char* reason, int status) {
  if (r.url.find("/queries/") == std::string::npos) return {};
  return http::Response{
      status, {}, fmt::format(R"({{"error":{{"message":"no","errors":[{{"reason":"{}","message":"no"}}]}}}})", reason)};
}

TEST(Ga4BigQuerySource, AJobThatIsOverWithoutAnAnswerIsBegunAnewAndNotPaidEveryMinute) {
  struct Row {
    const char* reason;
    int status;
  };
  for (const Row& row : std::initializer_list<Row>{{"notFound", 404},
                                                   {"stopped", 400},
                                                   {"timeout", 400},
                                                   {"jobBackendError", 400},
                                                   {"jobInternalError", 400},
                                                   {"resourcesExceeded", 400},
                                                   {"responseTooLarge", 403},
                                                   {"bytesBilledLimitExceeded", 400}}) {
    SCOPED_TRACE(row.reason);
    Property p;
    for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), 2 * kDay + minutes(i), "https://example.com/a");
    p.http.intercept = [row](const http::Request& r) { return over(r, row.reason, row.status); };
    std::vector<std::size_t> runs;
    while (runs.size() < 2 && !testing::Test::HasFailure()) {
      const connect::Page<Touch> got = p.page(10);
      if (!got.again_in) continue;
      EXPECT_EQ(*got.again_in, Duration(hours(1)));
      runs.push_back(p.runs());
      p.pass(*got.again_in);
      p.restart();
    }
    EXPECT_EQ(runs, (std::vector<std::size_t>{2, 3})) << "at once the first time, then an hour apart";
    p.http.intercept = nullptr;
    p.read(10);
    EXPECT_EQ(p.held.size(), 25U) << "nothing is lost, and nobody has to help";
  }
}

TEST(Ga4BigQuerySource, WhatSaysNothingOfTheJobLeavesItUnderWay) {
  for (const char* reason : {"rateLimitExceeded", "quotaExceeded", "accessDenied"}) {
    SCOPED_TRACE(reason);
    Property p;
    for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), 2 * kDay + minutes(i), "https://example.com/a");
    while (p.page(10).rows.empty()) continue;
    p.http.intercept = [reason](const http::Request& r) { return over(r, reason, 403); };
    EXPECT_FALSE(p.try_page(10));
    p.http.intercept = nullptr;
    p.read(10);
    EXPECT_EQ(p.held.size(), 25U);
    EXPECT_EQ(p.runs(), 1U) << "the same job goes on";
  }
}

TEST(Ga4BigQuerySource, AQueryAboveItsLimitIsNotRun) {
  Property p;
  p.world.analytics.bytes_per_event = 15LL << 30;
  p.visit("a.1", minutes(30), "https://example.com/a");
  for (int i = 0; i < 200; ++i) {
    auto got = p.try_page();
    if (!got) {
      EXPECT_EQ(got.error().action, Action::pause);
      EXPECT_EQ(got.error().code, "bytes_limit");
      EXPECT_THAT(got.error().detail, HasSubstr("events_intraday_20261120 would read 30.0 GiB (32212254720 bytes)"));
      EXPECT_THAT(got.error().detail, HasSubstr("max_bytes_per_query, 20.0 GiB"));
      EXPECT_EQ(p.runs(), 0U);
      return;
    }
    p.cursor = got->next;
  }
  FAIL() << "it was run";
}

TEST(Ga4BigQuerySource, TheDaysBudgetHoldsAcrossARestartAndReturnsAtMidnight) {
  Property p({{"max_bytes_per_query", std::int64_t{8} << 30}, {"max_bytes_per_day", std::int64_t{10} << 30}});
  p.world.analytics.bytes_per_event = 2LL << 30;
  for (int day = 4; day < 10; ++day) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  std::optional<Error> budget;
  for (int i = 0; i < 200 && !budget; ++i) {
    auto got = p.try_page();
    if (!got) {
      budget = got.error();
      break;
    }
    p.cursor = got->next;
    p.restart();
  }
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->code, "bytes_budget");
  EXPECT_EQ(budget->action, Action::retry);
  EXPECT_EQ(*budget->retry_after, hours(12));
  EXPECT_THAT(budget->detail, HasSubstr("8.0 GiB of max_bytes_per_day, 10.0 GiB, are used"));
  EXPECT_EQ(p.runs(), 2U);
  p.pass(*budget->retry_after);
  auto got = p.try_page();
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(p.runs(), 3U);
}

TEST(Ga4BigQuerySource, TablesFromBeforeARecordAreReadWithoutIt) {
  Property p({{"days", std::int64_t{2000}}});
  sandbox::AnalyticsEvent& e = p.visit("old.1", 1400 * kDay, "https://example.com/a");  // January 2023
  e.parameters = {{"source", "news"}, {"medium", "email"}, {"campaign", "c"}};
  p.visit("mid.1", 900 * kDay, "https://example.com/a", {{"manual_source", "mid"}, {"manual_medium", "email"}});
  const std::vector<Touch> got = p.read();
  ASSERT_NE(find(got, "old.1"), nullptr);
  EXPECT_EQ(find(got, "old.1")->source, "news");
  ASSERT_NE(find(got, "mid.1"), nullptr);
  EXPECT_EQ(find(got, "mid.1")->source, "mid");
}

TEST(Ga4BigQuerySource, AnotherLocationPausesWithTheMend) {
  Property p({{"location", std::string("US")}});
  auto got = p.try_page();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "location");
  EXPECT_THAT(got.error().detail, HasSubstr("write location: EU"));
}

TEST(Ga4BigQuerySource, AMissingDataSetIsNotTakenForMissingTables) {
  Property p({{"data_project", std::string("sandbox-analytics")}});
  p.world.analytics.dataset = "analytics_9";
  auto got = p.try_page();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "not_found");
}

TEST(Ga4BigQuerySource, WithLookupTheDaysFromNowOnAreReadAlone) {
  Property p({{"pull", std::string("lookup")}});
  p.visit("old.1", 50 * kDay, "https://example.com/a");
  p.visit("now.1", minutes(30), "https://example.com/a");
  EXPECT_THAT(clients(p.read()), testing::ElementsAre("now.1"));
}

// ----------------------------------------------------------- what a changed configuration wants of days gone by

TEST(Ga4BigQuerySource, DaysThatARaisedOptionAddsAreReadNewestFirst) {
  Property p({{"days", std::int64_t{30}}});
  for (int day = 5; day < 60; day += 5) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  EXPECT_EQ(p.held.size(), 6U);
  p.configure({{"days", std::int64_t{50}}});
  p.pass(hours(2));
  p.http.requests.clear();
  p.read();
  EXPECT_EQ(p.held.size(), 10U);
  ASSERT_EQ(p.runs(), 4U) << "what was read stays read";
  EXPECT_THAT(p.run_texts().front(), HasSubstr("events_20261016`"));
  EXPECT_THAT(p.run_texts().back(), HasSubstr("events_20261001`"));
  p.pass(hours(2));
  p.http.requests.clear();
  p.read();
  EXPECT_EQ(p.runs(), 0U) << "once";
}

TEST(Ga4BigQuerySource, DaysOfAChangedMappingAreReadAnew) {
  Property p({{"days", std::int64_t{30}}});
  for (int day : {2, 20, 29}) {
    p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
    p.world.analytics.events.back().parameters["member"] = "m-" + std::to_string(day);
  }
  p.read();
  const auto members = [&] {
    std::vector<std::string> out;
    for (const auto& [key, h] : p.held) out.push_back(value_of(h.touch, "user_id"));
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_THAT(members(), Each(""));
  p.configure({{"days", std::int64_t{30}},
               {"event_parameters", std::vector<std::pair<std::string, std::string>>{{"user_id", "member"}}}});
  p.pass(hours(2));
  p.http.requests.clear();
  p.read();
  EXPECT_THAT(members(), testing::ElementsAre("m-2", "m-20", "m-29"));
  EXPECT_EQ(p.runs(), 3U);
  p.pass(hours(2));
  p.http.requests.clear();
  p.read();
  EXPECT_EQ(p.runs(), 0U) << "once";
}

TEST(Ga4BigQuerySource, ASwitchFromLookupToMirrorReadsTheHistory) {
  Property p({{"pull", std::string("lookup")}, {"days", std::int64_t{30}}});
  for (int day = 1; day < 30; day += 2) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  p.pass(20 * kDay);
  p.read();
  p.held.clear();  // as if the CRM knew none of them
  p.configure({{"days", std::int64_t{60}}});
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.held.size(), 15U);
}

TEST(Ga4BigQuerySource, ALookupsRoundsReachAsFarBackAsItsAnswersDid) {
  Property p({{"pull", std::string("lookup")}, {"days", std::int64_t{30}}});
  for (int day = 5; day < 60; day += 5) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  p.pass(kDay);
  p.http.requests.clear();
  p.read();
  EXPECT_EQ(p.runs(), 0U);
  p.configure({{"pull", std::string("lookup")}, {"days", std::int64_t{45}}});
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.runs(), 3U) << "of days 30, 35 and 40: no look-up of today reached them";
}

TEST(Ga4BigQuerySource, OldDaysLeaveHalfOfTheBudgetAndWaitForNobody) {
  const conformance::Overrides budget = {{"max_bytes_per_query", std::int64_t{8} << 30},
                                         {"max_bytes_per_day", std::int64_t{20} << 30}};
  conformance::Overrides less = budget, more = budget;
  less.emplace_back("days", std::int64_t{10});
  more.emplace_back("days", std::int64_t{40});
  Property p(less);
  p.world.analytics.bytes_per_event = 2LL << 30;  // 4 GiB a visit
  for (int day = 12; day < 20; ++day) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  EXPECT_EQ(p.runs(), 0U);
  p.configure(more);
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.runs(), 3U) << "8 GiB are less than half of 20, 12 are not";
  p.visit("now.1", minutes(10), "https://example.com/a");
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.held.size(), 4U) << "today goes on";
  for (int day = 0; day < 3; ++day) {
    p.pass(kDay);
    p.read();
  }
  EXPECT_EQ(p.held.size(), 9U);
}

TEST(Ga4BigQuerySource, OldDaysGoOnAfterARestart) {
  Property p({{"days", std::int64_t{10}}});
  for (int i = 0; i < 25; ++i) p.visit("c." + std::to_string(i), 15 * kDay + minutes(i), "https://example.com/a");
  p.read();
  p.configure({{"days", std::int64_t{30}}});
  p.pass(hours(2));
  p.http.requests.clear();
  for (bool more = true; more;) {
    more = p.page(10).more;
    p.restart();
  }
  EXPECT_EQ(p.held.size(), 25U);
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQuerySource, ALoweredOptionEndsTheReadingOfOldDays) {
  Property p({{"days", std::int64_t{10}}});
  for (int day = 12; day < 20; ++day) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  p.configure({{"days", std::int64_t{40}}});
  p.pass(hours(2));
  for (int i = 0; i < 50 && p.held.size() < 3; ++i) p.page();
  p.configure({{"days", std::int64_t{10}}});
  p.read();
  EXPECT_EQ(p.held.size(), 3U);
}

TEST(Ga4BigQuerySource, ACursorFromBeforeThisGoesOnAsItDid) {
  Property p({{"days", std::int64_t{30}}});
  for (int day = 5; day < 60; day += 5) p.visit("c." + std::to_string(day), day * kDay, "https://example.com/a");
  p.read();
  auto older = nlohmann::json::parse(p.cursor.text);
  for (const char* field : {"since", "mapping", "known_alone"}) older.erase(field);
  p.cursor.text = older.dump();
  p.pass(hours(2));
  p.http.requests.clear();
  p.read();
  EXPECT_EQ(p.runs(), 0U);
  p.configure({{"days", std::int64_t{50}}});
  p.pass(hours(2));
  p.read();
  EXPECT_EQ(p.held.size(), 10U) << "but what is changed from now on is seen";
}

TEST(Ga4BigQuerySource, AnUnknownStreamOrCursorPauses) {
  Property p;
  auto stream = p.connector().touches()->pull("users", {}, 10, {});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().action, Action::pause);
  p.cursor.text = R"({"v":9})";
  auto cursor = p.try_page();
  ASSERT_FALSE(cursor);
  EXPECT_EQ(cursor.error().code, "cursor");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
