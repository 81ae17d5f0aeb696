#include "connectors/ga4_bigquery/lookup.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "conformance/dump.h"
#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr hours kADay(24);

conformance::Overrides lookups(conformance::Overrides more = {}) {
  more.emplace_back("pull", std::string("lookup"));
  return more;
}

/// Visitors of all kinds: known and unknown, over midnight, late, with clicks and user ids.
void populate(Property& p) {
  p.visit("anna.1", 40 * kADay, "https://example.com/?utm_source=news&utm_medium=email",
          {{"manual_source", "news"}, {"manual_medium", "email"}});
  p.visit("anna.1", 2 * kADay, "https://example.com/?gclid=CjAnna", {{"gclid", "CjAnna"}});
  p.visit("anna.1", minutes(40), "https://example.com/again");
  p.visit("bob.2", 3 * kADay, "https://example.com/pricing").user = "bob-7";
  const sandbox::AnalyticsEvent night = p.visit("bob.2", 4 * kADay + hours(13) + minutes(5), "https://example.com/n");
  sandbox::AnalyticsEvent later = night;
  later.at += minutes(15);
  later.name = "page_view";
  later.page = "https://example.com/?gclid=CjNight";
  later.collected = {{"gclid", "CjNight"}};
  p.world.analytics.events.push_back(later);
  p.visit("carl.3", 5 * kADay, "https://example.com/?gclid=CjCarl");
  for (int i = 0; i < 30; ++i) p.visit("stranger." + std::to_string(i), i * kADay, "https://example.com/s");
  sandbox::AnalyticsEvent& denied =
      p.visit("", 6 * kADay, "https://example.com/?gclid=CjDenied", {{"gclid", "CjDenied"}});
  denied.session = 0;
  p.world.analytics.events.back().session = 0;
}

const std::vector<Identifier> kPeople = {{"ga_client_id", "anna.1"}, {"user_id", "bob-7"}, {"gclid", "CjCarl"},
                                         {"gclid", "CjDenied"},      {"gclid", "CjNight"}, {"gclid", "CjNobody"}};

std::vector<std::string> dumped(const std::vector<Touch>& touches) {
  std::vector<std::string> out;
  for (const Touch& t : touches) out.push_back(conformance::dump(t));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool is_of(const Touch& t, const std::vector<Identifier>& ids) {
  return std::any_of(t.identifiers.begin(), t.identifiers.end(),
                     [&](const Identifier& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); });
}

TEST(Ga4BigQueryLookup, GivesTheSameTouchesAsMirrorForTheSamePeople) {
  Property mirror, lookup(lookups());
  populate(mirror);
  populate(lookup);
  std::vector<Touch> of_people;
  for (const Touch& t : mirror.read())
    if (is_of(t, kPeople)) of_people.push_back(t);
  EXPECT_THAT(of_people, SizeIs(7));
  EXPECT_EQ(dumped(lookup.look_up(kPeople)), dumped(of_people));
}

TEST(Ga4BigQueryLookup, OneQueryAnswersForAllAndOneForToday) {
  Property p(lookups());
  populate(p);
  p.look_up(kPeople);
  const std::vector<std::string> texts = p.run_texts();
  ASSERT_THAT(texts, SizeIs(2));
  EXPECT_THAT(texts[0], HasSubstr("events_intraday_20261120`"));
  EXPECT_THAT(texts[1], HasSubstr("events_20*`"));
}

TEST(Ga4BigQueryLookup, StrangersAreNotRead) {
  Property p(lookups());
  populate(p);
  for (const Touch& t : p.look_up({{"ga_client_id", "anna.1"}})) EXPECT_EQ(value_of(t, "ga_client_id"), "anna.1");
  EXPECT_THAT(p.look_up({{"ga_client_id", "nobody.9"}}), IsEmpty());
}

TEST(Ga4BigQueryLookup, AUserIdFindsTheWholeSession) {
  Property p(lookups());
  const sandbox::AnalyticsEvent start =
      p.visit("dora.4", 3 * kADay, "https://example.com/?utm_source=x&utm_medium=email",
              {{"manual_source", "x"}, {"manual_medium", "email"}});
  sandbox::AnalyticsEvent login = start;
  login.at += minutes(3);
  login.name = "login";
  login.page = "https://example.com/login";
  login.collected.clear();
  login.user = "dora-9";
  p.world.analytics.events.push_back(login);
  const std::vector<Touch> got = p.look_up({{"user_id", "dora-9"}});
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(got[0].source, "x");
  EXPECT_EQ(value_of(got[0], "user_id"), "dora-9");
}

TEST(Ga4BigQueryLookup, LimitsSayWhatIsAnsweredAndHowOften) {
  Property p(lookups({{"lookup_ids", std::int64_t{50}}, {"lookup_every", std::int64_t{3'600'000'000}}}));
  const connect::LookupLimits& limits = p.connector().lookup()->limits();
  EXPECT_EQ(limits.types, (std::set<std::string>{"ga_client_id", "gclid", "user_id"}));
  EXPECT_EQ(limits.max_ids, 50U);
  EXPECT_EQ(limits.every, hours(1));
}

TEST(Ga4BigQueryLookup, ThereIsNoneInAMirror) {
  Property p;
  EXPECT_EQ(p.connector().lookup(), nullptr);
}

TEST(Ga4BigQueryLookup, LongAnswersComeInPagesAndSlowOnesAreWaitedFor) {
  Property p(lookups({{"page_rows", std::int64_t{5}}, {"intraday", false}}));
  p.world.analytics.query_time = seconds(7);
  for (int i = 1; i <= 23; ++i) p.visit("anna.1", i * kADay, "https://example.com/a");
  EXPECT_THAT(p.look_up({{"ga_client_id", "anna.1"}}), SizeIs(23));
  EXPECT_EQ(p.runs(), 1U);
}

TEST(Ga4BigQueryLookup, AHistoryAboveTheLimitIsNotRead) {
  Property p(lookups());
  p.world.analytics.bytes_per_event = 1LL << 30;
  populate(p);
  const auto got = p.try_look_up(kPeople);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "bytes_limit");
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_THAT(got.error().detail, HasSubstr("a look-up over 90 days would read"));
}

TEST(Ga4BigQueryLookup, AsManyHistoriesADayAsItsBytesHold) {
  Property p(
      lookups({{"max_bytes_per_query", std::int64_t{30} << 30}, {"max_bytes_per_day", std::int64_t{100} << 30}}));
  p.world.analytics.bytes_per_event = 1LL << 30;
  for (int i = 1; i <= 10; ++i) p.visit("anna.1", i * kADay, "https://example.com/a");
  p.look_up({{"ga_client_id", "anna.1"}});
  const http::Request& run = p.http.requests.back();
  const auto lane = std::find_if(run.lanes.begin(), run.lanes.end(),
                                 [](const http::Lane& l) { return l.key.find("lookup") != std::string::npos; });
  ASSERT_NE(lane, run.lanes.end());
  EXPECT_EQ(lane->per_day, 5) << "20 GiB each";
}

TEST(Ga4BigQueryLookup, AnExportThatWasJustSwitchedOnHasStreamingTablesAlone) {
  Property p(lookups());
  p.visit("anna.1", minutes(30), "https://example.com/a");
  EXPECT_THAT(p.look_up({{"ga_client_id", "anna.1"}}), SizeIs(1));
}

TEST(Ga4BigQueryLookup, AForeignCursorPauses) {
  Property p(lookups());
  const auto got = p.connector().lookup()->lookup(kPeople, {R"({"v":1,"kind":"days"})"}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "cursor");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
