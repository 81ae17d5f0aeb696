#include "reconcile/goals.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "conformance/loop.h"
#include "reconcile/consent.h"

namespace hw::reconcile {
namespace {

using conformance::kHour;
using conformance::kUnit;
using ledger::Reason;
using settings::Goal;
using settings::Settings;
using settings::Stage;
using settings::ValueRule;

const Timestamp kNoon = from_micros(1'772'366'400'000'000);  // 2026-03-01T12:00:00Z

Settings two_stages() {
  Settings s;
  s.stages = {{.name = "sql",
               .subject = Object::deal,
               .field = "stage",
               .values = {"sql", "demo"},
               .pipeline = "",
               .in_pipeline = true,
               .won = false,
               .lost = false,
               .order = 0,
               .at = {}},
              {.name = "won",
               .subject = Object::deal,
               .field = "stage",
               .values = {"won"},
               .pipeline = "",
               .in_pipeline = false,
               .won = true,
               .lost = false,
               .order = 1,
               .at = {}}};
  return s;
}

Goal on(const std::string& stage) {
  Goal g;
  g.name = "g";
  g.subject = Object::deal;
  g.stage = stage;
  g.value.kind = ValueRule::Kind::amount;
  return g;
}

/// A deal that went through these stages, an hour apart, from noon on.
Subject deal(const std::vector<std::string>& stages, const std::string& amount = "100") {
  Subject s{.record = {}, .facts = {}, .people = {}, .lead = {}, .lead_created = kNoon, .changed = kNoon};
  s.record.ref = {"crm", Object::deal, "D1"};
  s.record.state = "live";
  s.record.created = s.record.modified = kNoon;
  s.record.fields = {{"amount", amount}, {"currency", "EUR"}};
  if (!stages.empty()) s.record.fields["stage"] = stages.back();
  for (std::size_t i = 0; i < stages.size(); ++i)
    s.facts.push_back({.seq = static_cast<std::int64_t>(i),
                       .name = "stage",
                       .value = stages[i],
                       .true_from = kNoon + kHour * static_cast<std::int64_t>(i),
                       .learned = kNoon + kHour * 24,
                       .basis = Basis::crm_history});
  return s;
}

Reached only(const Subject& s, const Goal& g, const Settings& settings = two_stages()) {
  const auto all = reached(s, g, settings);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? Reached{} : all.front();
}

TEST(Goals, AStageThatWasNeverEnteredIsNoConversion) {
  EXPECT_TRUE(reached(deal({"new"}), on("sql"), two_stages()).empty());
}

TEST(Goals, AnEarlyStageStaysReachedAndCountsItsFirstStay) {
  const Reached r = only(deal({"new", "sql", "new", "demo", "won"}), on("sql"));
  EXPECT_TRUE(r.wanted);
  EXPECT_EQ(r.entered_at, kNoon + kHour);
}

TEST(Goals, TwoValuesOfOneStageAreOneStay) {
  const auto all = stays(deal({"sql", "demo", "won"}), two_stages().stages[0]);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].left, kNoon + kHour * 2);
}

TEST(Goals, AWonStageIsWantedWhileTheDealIsInItAndCountsItsLastStay) {
  EXPECT_TRUE(only(deal({"won"}), on("won")).wanted);
  const Reached lost = only(deal({"won", "lost"}), on("won"));
  EXPECT_FALSE(lost.wanted);
  EXPECT_EQ(lost.why_not, Reason::not_wanted);
  EXPECT_EQ(lost.changed_at, kNoon + kHour) << "settle counts from the loss";
  EXPECT_EQ(only(deal({"won", "lost", "won"}), on("won")).entered_at, kNoon + kHour * 2);
}

TEST(Goals, EachCountsEveryStay) {
  Goal g = on("won");
  g.count = Goal::Count::each;
  const auto all = reached(deal({"won", "lost", "won"}), g, two_stages());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_FALSE(all[0].wanted);
  EXPECT_TRUE(all[1].wanted);
}

TEST(Goals, AnotherPipelineIsNoStay) {
  Settings s = two_stages();
  s.stages[1].pipeline = "sales";
  Subject d = deal({"won"});
  EXPECT_TRUE(reached(d, on("won"), s).empty());
  d.record.fields["pipeline"] = "sales";
  EXPECT_EQ(reached(d, on("won"), s).size(), 1U);
}

struct ValueRow {
  const char* name;
  const char* amount;
  ValueRule rule;
  std::optional<std::int64_t> missing;
  bool send_zero;
  bool wanted;
  Reason why_not;
  std::optional<std::int64_t> micros;
};

ValueRule rule(ValueRule::Kind kind, std::int64_t number = 0, const std::string& field = "") {
  ValueRule r;
  r.kind = kind;
  r.field = field;
  if (kind == ValueRule::Kind::fixed) r.micros = number;
  if (kind == ValueRule::Kind::share) r.millionths = number;
  return r;
}

TEST(Goals, ValuesByRule) {
  using Kind = ValueRule::Kind;
  const ValueRow rowset[] = {
      {"the amount, exactly", "18250.015", rule(Kind::amount), {}, false, true, Reason::not_wanted, 18'250'015'000},
      {"a missing amount is withheld", "", rule(Kind::amount), {}, false, false, Reason::no_value, {}},
      {"a missing amount is replaced", "", rule(Kind::amount), 5 * kUnit, false, true, Reason::not_wanted, 5 * kUnit},
      {"an amount that is none is withheld", "a lot", rule(Kind::amount), {}, false, false, Reason::no_value, {}},
      {"zero is withheld", "0", rule(Kind::amount), {}, false, false, Reason::not_positive, 0},
      {"zero is sent where asked", "0", rule(Kind::amount), {}, true, true, Reason::not_wanted, 0},
      {"below zero never", "-3", rule(Kind::amount), {}, true, false, Reason::not_positive, -3 * kUnit},
      {"a fixed value", "", rule(Kind::fixed, 40 * kUnit), {}, false, true, Reason::not_wanted, 40 * kUnit},
      {"a share, rounded to the cent",
       "100.01",
       rule(Kind::share, 333'333),
       {},
       false,
       true,
       Reason::not_wanted,
       33'340'000},
      {"another field", "7", rule(Kind::field, 0, "margin"), {}, false, true, Reason::not_wanted, 12 * kUnit},
      {"no value at all", "7", rule(Kind::none), {}, false, true, Reason::not_wanted, {}},
  };
  for (const ValueRow& row : rowset) {
    Subject d = deal({"won"}, row.amount);
    d.record.fields["margin"] = "12";
    Goal g = on("won");
    g.value = row.rule;
    g.missing_value_micros = row.missing;
    g.send_zero = row.send_zero;
    const Reached r = only(d, g);
    EXPECT_EQ(r.wanted, row.wanted) << row.name;
    EXPECT_TRUE(row.wanted || r.why_not == row.why_not) << row.name;
    EXPECT_EQ(r.micros, row.micros) << row.name;
  }
}

struct ReasonRow {
  const char* name;
  std::vector<std::string> stages;
  const char* state;
  const char* region;
  const char* amount;
  Reason first;
};

TEST(Goals, TheFirstReasonThatHoldsStands) {
  const ReasonRow rowset[] = {
      {"deleted before all else", {"won"}, "deleted", "south", "", Reason::not_wanted},
      {"lost before excluded", {"won", "lost"}, "live", "south", "", Reason::not_wanted},
      {"excluded before no value", {"won"}, "live", "south", "", Reason::excluded_by_goal},
      {"no value before merged", {"won"}, "merged", "north", "", Reason::no_value},
      {"merged", {"won"}, "merged", "north", "5", Reason::merged},
      {"gone", {"won"}, "gone", "north", "5", Reason::gone},
  };
  for (const ReasonRow& row : rowset) {
    Subject d = deal(row.stages, row.amount);
    d.record.state = row.state;
    d.record.fields["region"] = row.region;
    Goal g = on("won");
    g.when = {{settings::Condition::Op::equals, "region", {"north"}}};
    const Reached r = only(d, g);
    EXPECT_FALSE(r.wanted) << row.name;
    EXPECT_EQ(r.why_not, row.first) << row.name;
  }
}

TEST(Goals, TheTimeIsByPreferenceAndSaysHowItIsKnown) {
  Subject d = deal({"won"});
  d.record.fields["closed"] = "2026-02-27T09:30:00Z";
  Goal g = on("won");
  EXPECT_EQ(only(d, g).at, kNoon);
  g.time = Goal::Time::recorded;
  EXPECT_EQ(only(d, g).at, kNoon + kHour * 24);
  EXPECT_EQ(only(d, g).at_basis, Basis::observed);
  g.time = Goal::Time::close_date;
  EXPECT_EQ(only(d, g).at, kNoon - kHour * 50 - std::chrono::minutes(30));
  EXPECT_EQ(only(d, g).at_basis, Basis::inferred);
}

TEST(Goals, ACloseDateWithoutTimeIsNoonOfTheConfiguredZone) {
  Subject d = deal({"won"});
  d.record.fields["closed"] = "2026-02-27";
  Settings s = two_stages();
  auto zone = Zone::find("America/Sao_Paulo");
  ASSERT_TRUE(zone);
  s.zone = *zone;
  Goal g = on("won");
  g.time = Goal::Time::close_date;
  EXPECT_EQ(only(d, g, s).at, kNoon - kHour * 48 + kHour * 3) << "12:00 in Sao Paulo is 15:00 UTC";
}

TEST(Goals, OnlyARevenueGoalIsHeldAgainstTheCrmsClosedWonAmount) {
  Goal g = on("won");
  EXPECT_FALSE(only(deal({"won"}), g).crm);
  g.revenue = true;
  ASSERT_TRUE(only(deal({"won"}), g).crm);
  EXPECT_EQ(only(deal({"won"}), g).crm->micros, 100 * kUnit);
  EXPECT_FALSE(only(deal({"won", "lost"}), g).crm);
}

TEST(Goals, ADedupIdIsStableAndTellsItsOccurrence) {
  EXPECT_EQ(dedup_id("crm/deal/D1", "won", 1), dedup_id("crm/deal/D1", "won", 1));
  EXPECT_NE(dedup_id("crm/deal/D1", "won", 1), dedup_id("crm/deal/D1", "won", 2));
  EXPECT_NE(dedup_id("crm/deal/D1", "won", 1), dedup_id("crm/deal/D", "1won", 1));
  EXPECT_EQ(dedup_id("crm/deal/someone@example.com", "won", 1).find("example"), std::string::npos);
  EXPECT_EQ(dedup_id("a", "b", 1).substr(0, 3), "hw-");
}

struct ConsentRow {
  const char* name;
  ConsentState said;
  const char* country;
  bool send_unknown;
  ConsentState unknown_region;
  bool may_send;
};

TEST(ConsentRule, WhoMayBeToldOf) {
  using C = ConsentState;
  const ConsentRow rowset[] = {
      {"granted in a regulated country", C::granted, "DE", false, C::granted, true},
      {"denied anywhere", C::denied, "US", true, C::granted, false},
      {"unknown in a regulated country", C::unknown, "DE", false, C::granted, false},
      {"unknown there, but the configuration sends", C::unknown, "DE", true, C::granted, true},
      {"unknown elsewhere", C::unknown, "US", false, C::granted, true},
      {"unknown, without country, taken for unregulated", C::unknown, "", false, C::granted, true},
      {"unknown, without country, taken for regulated", C::unknown, "", false, C::unknown, false},
  };
  for (const ConsentRow& row : rowset) {
    settings::Settings::ConsentRule rules;
    rules.regions = {"DE"};
    rules.send_unknown = row.send_unknown;
    rules.unknown_region = row.unknown_region;
    EXPECT_EQ(judge({row.said, row.said}, row.country, rules).may_send, row.may_send) << row.name;
  }
}

}  // namespace
}  // namespace hw::reconcile
