#include "report/advise.h"

#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::report {
namespace {

using conformance::kDay;
using conformance::Loop;

Duration days(double n) { return Duration(static_cast<std::int64_t>(n * 86'400'000'000)); }

/// metrics.md, oracle G14: S(1) = .888889, S(2) = .833333, ... S(9) = .505051, S(12) = .420875, S(20) = .168350.
std::vector<Waited> oracle() {
  std::vector<Waited> out;
  const std::vector<std::pair<double, bool>> times{{.5, false}, {1, true},   {1, true},   {2, true},  {2, false},
                                                   {3, true},   {4, true},   {5, false},  {6, true},  {7, false},
                                                   {8, true},   {9, true},   {10, false}, {12, true}, {14, false},
                                                   {14, true},  {17, false}, {20, true},  {21, false}};
  for (const auto& [t, happened] : times) out.push_back({days(t), happened});
  return out;
}

TEST(Advise, KaplanMeierAgreesWithItsOracle) {
  struct Row {
    std::int64_t left;
    std::optional<Duration> until;
  };
  for (const Row& r : {Row{888'889, days(1)}, Row{888'887, days(2)}, Row{833'333, days(2)}, Row{773'810, days(3)},
                       Row{714'286, days(4)}, Row{649'351, days(6)}, Row{577'201, days(8)}, Row{505'051, days(9)},
                       Row{500'000, days(12)}, Row{420'875, days(12)}, Row{336'700, days(14)}, Row{168'350, days(20)},
                       Row{100'000, std::nullopt}})
    EXPECT_EQ(waited_until(oracle(), r.left), r.until) << r.left;
}

StageFacts stage(std::int64_t n30, double lag, double window = 90) {
  return {.goal = "g", .last_30_days = n30, .lag = days(lag), .window = days(window)};
}

TEST(Advise, TheDeepestFeasibleStageIsChosenAndEveryOtherSaysWhatItLacks) {
  using Words = std::vector<std::string>;
  struct Row {
    const char* name;
    std::vector<StageFacts> stages;
    Words said;
  };
  for (const Row& r :
       {Row{"deepest with thirty", {stage(200, 5), stage(30, 40), stage(29, 60)}, {"fits", "choose", "fits (thin)"}},
        Row{"too late by a day", {stage(200, 5), stage(90, 84)}, {"choose", "too late"}},
        Row{"a week before the end", {stage(200, 5), stage(90, 83)}, {"fits", "choose"}},
        Row{"deepest with fifteen",
            {stage(20, 5), stage(15, 40), stage(14, 60)},
            {"fits (thin)", "choose (thin)", "too few"}},
        Row{"nothing fits", {stage(3, 5), stage(2, 84)}, {"none fits, least bad: too few", "too few, too late"}}}) {
    Words said;
    for (const Verdict& v : advise(r.stages)) said.push_back(to_text(v));
    EXPECT_EQ(said, r.said) << r.name;
  }
  EXPECT_TRUE(advise({}).empty());
}

/// "won 2 1 50.0 3": goal, conversions, in time, share, window.
std::vector<std::string> advised(Loop& l) {
  const auto tables =
      l.read([&](store::Tx& tx) { return advise_stages(tx, l.settings, l.connectors, l.clock.system_now()); });
  std::vector<std::string> out;
  for (const auto& row : tables.at(0).rows)
    out.push_back(row[2] + " " + row[3] + " " + row[4] + " " + row[5] + " " + row[8]);
  return out;
}

TEST(Advise, WhereBrowsersAloneCountTheWindowBeginsWithTheConversion) {
  Loop l;
  l.sink().rules.click_types.clear();
  l.sink().rules.hash_forms.clear();
  l.sink().rules.client_types = {"client"};
  l.sink().rules.conversion_window = kDay * 3;
  l.start();
  l.contact("C1", "");
  l.shown(Object::contact, "C1").identifiers = {{"client", "browser"}};
  l.set(Object::contact, "C1", "title", "none");
  l.contact("C2", "");
  l.clock.advance(kDay * 30);
  l.deal("known", "C1", "won", "100");
  l.deal("bare", "C2", "won", "100");
  EXPECT_EQ(advised(l), std::vector<std::string>{"won 2 1 50.0 3"});
  const Table stages =
      l.read([&](store::Tx& tx) { return advise_stages(tx, l.settings, l.connectors, l.clock.system_now()); }).at(0);
  EXPECT_EQ(stages.rows.at(0)[9], "0") << "no week fits into three days";
}

TEST(Advise, AFewDaysAreShownByTenths) {
  Loop l;
  l.sink().rules.click_types.clear();
  l.sink().rules.hash_forms.clear();
  l.sink().rules.client_types = {"client"};
  l.sink().rules.conversion_window = kDay * 3 - std::chrono::minutes(5);
  l.start();
  l.contact("C1", "");
  l.shown(Object::contact, "C1").identifiers = {{"client", "browser"}};
  l.set(Object::contact, "C1", "title", "none");
  l.deal("known", "C1", "won", "100");
  EXPECT_EQ(advised(l), std::vector<std::string>{"won 1 1 100.0 2.9"});
}

TEST(Advise, WhatTheGoalExcludesIsNoConversion) {
  Loop l;
  l.settings.goals[0].when = {{.op = settings::Condition::Op::equals, .field = "kind", .values = {"new"}}};
  l.start();
  for (const char* id : {"new", "renewal"}) {
    l.contact(std::string("C") + id, std::string("click-") + id);
    l.deal(id, std::string("C") + id, "qualified", "100");
    l.set(id, "kind", id);
    l.set(id, "stage", "won");
  }
  EXPECT_EQ(advised(l), std::vector<std::string>{"won 1 1 100.0 90"});
}

settings::Condition currency_is(const std::string& code) {
  return {.op = settings::Condition::Op::equals, .field = "currency", .values = {code}};
}

TEST(Advise, WhatTheRouteLeavesOutIsNoConversionOfThatDestination) {
  Loop l;
  l.settings.destinations[0].route = {currency_is("USD")};
  l.start();
  for (const char* currency : {"EUR", "USD"}) {
    const std::string id = currency;
    l.contact("C" + id, "click-" + id);
    l.deal(id, "C" + id, "qualified", "100");
    l.set(id, "currency", id);
    l.set(id, "stage", "won");
  }
  EXPECT_EQ(advised(l), std::vector<std::string>{"won 1 1 100.0 90"});
  const auto tables =
      l.read([&](store::Tx& tx) { return advise_stages(tx, l.settings, l.connectors, l.clock.system_now()); });
  ASSERT_EQ(tables.at(1).rows.size(), 1U);
  EXPECT_EQ(tables[1].rows[0][2], "USD");
}

TEST(Advise, AnOpenDealThatTheDestinationWouldNotBeToldOfIsNotWaitedFor) {
  for (const bool by_route : {true, false}) {
    Loop l;
    auto& conditions = by_route ? l.settings.destinations[0].route : l.settings.goals[0].when;
    conditions = {currency_is("USD")};
    l.start();
    auto deal = [&](const std::string& id, const std::string& currency) {
      l.contact("C" + id, "click-" + id);
      l.deal(id, "C" + id, "qualified", "100");
      l.set(id, "currency", currency);
    };
    for (int i = 0; i < 10; ++i) deal("won" + std::to_string(i), "USD");
    l.clock.advance(kDay);
    for (int i = 0; i < 9; ++i) l.set("won" + std::to_string(i), "stage", "won");
    for (int i = 0; i < 9; ++i) deal("open" + std::to_string(i), "EUR");
    l.clock.advance(kDay * 9);
    l.set("won9", "stage", "won");
    const auto tables =
        l.read([&](store::Tx& tx) { return advise_stages(tx, l.settings, l.connectors, l.clock.system_now()); });
    EXPECT_EQ(tables.at(0).rows.at(0)[7], "2")
        << "nine of the ten took two days from the click; by " << (by_route ? "route" : "when");
  }
}

TEST(Advise, AWindowThatBeginsWithTheConversionIsFeasible) {
  EXPECT_EQ(to_text(advise({stage(30, 0, 3)}).at(0)), "choose");
  EXPECT_EQ(to_text(advise({stage(30, 1, 3)}).at(0)), "none fits, least bad: too late");
}

TEST(Advise, SaysWhatWouldHaveArrivedInTime) {
  Loop l;
  l.settings.goals.push_back(conformance::goal("qualified", "qualified"));
  l.settings.destinations.push_back(conformance::destination("early", "qualified", "ads_connector"));
  l.sink().rules.click_window = kDay * 30;
  l.start();
  for (const char* id : {"quick", "slow"}) {
    l.contact(std::string("C") + id, std::string("click-") + id);
    l.deal(id, std::string("C") + id, "qualified", "100");
  }
  l.clock.advance(kDay * 10);
  l.set("quick", "stage", "won");
  l.clock.advance(kDay * 40);
  l.set("slow", "stage", "won");
  const auto tables =
      l.read([&](store::Tx& tx) { return advise_stages(tx, l.settings, l.connectors, l.clock.system_now()); });
  ASSERT_EQ(tables.size(), 2U);
  ASSERT_EQ(tables[0].rows.size(), 2U);
  const auto& early = tables[0].rows[0];
  const auto& won = tables[0].rows[1];
  EXPECT_EQ(early[2], "qualified") << "shallowest first";
  EXPECT_EQ(early[10], "none fits, least bad: too few");
  EXPECT_EQ(won[2] + " " + won[3] + " " + won[4] + " " + won[5], "won 2 1 50.0");
  EXPECT_EQ(won[7], "51");
  EXPECT_EQ(won[8], "30");
  EXPECT_EQ(won[9], "23") << "a week before the window ends";
  EXPECT_EQ(won[10], "too few, too late");
  const auto& money = tables[1].rows.back();
  EXPECT_EQ(money[1] + " " + money[3] + " " + money[4] + " " + money[5], "won 200.00 100.00 50.0");
}

}  // namespace
}  // namespace hw::report
