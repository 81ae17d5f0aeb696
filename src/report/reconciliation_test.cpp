#include "report/reconciliation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "conformance/loop.h"
#include "model/money.h"

namespace hw::report {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;
using testing::Contains;

void win(Loop& l, const std::string& deal, const std::string& amount) {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, "won", amount);
}

std::string cell(const Table& t, std::size_t row, const std::string& column) {
  for (std::size_t i = 0; i < t.columns.size(); ++i)
    if (t.columns[i].name == column) return t.rows.at(row).at(i);
  ADD_FAILURE() << "no column " << column;
  return "";
}

std::int64_t micros(const Table& t, std::size_t row, const std::string& column) {
  const std::string text = cell(t, row, column);
  return text.empty() || text == "-" ? 0 : parse_micros(text).value();
}

/// Deals in every state, in two currencies.
void every_state(Loop& l) {
  for (int i = 0; i < 10; ++i) win(l, "D" + std::to_string(i), std::to_string(100 + i) + ".07");
  l.set("D9", "currency", "USD");
  l.settle();
  l.set("D0", "amount", "40.01");  // settling
  l.set("D1", "stage", "lost");    // settling
  l.remove("D2");                  // taken back later
  l.consent("CD3", ConsentState::denied);
  l.set("D3", "amount", "900.33");  // missing consent
  l.contact("X", "");
  l.deal("no-click", "X", "won", "55.50");
  l.deal("no-value", "CD4", "won", "");
  l.sink().faults = {PlatformFault::lost_before};
  win(l, "unknown", "77.77");
  l.settle();
}

TEST(ReconciliationReport, EveryRowOfTheAccountsAddsUpToTheCent) {
  connect::Contract c = generous();
  for (const bool dedup : {true, false}) {
    c.dedup.exists = dedup;
    Loop l(c);
    every_state(l);
    for (int days = 0; days < 2; ++days) {
      const auto tables = l.read([](store::Tx& tx) { return reconciliation(tx); });
      const Table& accounts = tables.at(0);
      ASSERT_EQ(accounts.name, "accounts");
      std::int64_t conversions = 0;
      for (std::size_t i = 0; i < accounts.rows.size(); ++i) {
        EXPECT_EQ(micros(accounts, i, "wanted"), micros(accounts, i, "taken") + micros(accounts, i, "missing"));
        EXPECT_EQ(micros(accounts, i, "told"), micros(accounts, i, "taken") +
                                                   micros(accounts, i, "correction_waiting") +
                                                   micros(accounts, i, "uncorrectable"));
        conversions += std::stoll(cell(accounts, i, "conversions")) + std::stoll(cell(accounts, i, "none"));
      }
      EXPECT_EQ(conversions, 13) << "each conversion has exactly one state";
      l.pass(kDay * 4);
    }
  }
}

TEST(ReconciliationReport, ReasonsAddUpToTheAccounts) {
  Loop l;
  every_state(l);
  const auto tables = l.read([](store::Tx& tx) { return reconciliation(tx); });
  const Table& accounts = tables.at(0);
  const Table& reasons = tables.at(1);
  for (std::size_t i = 0; i < accounts.rows.size(); ++i) {
    std::int64_t missing = 0, excess = 0, taken = 0, n = 0;
    for (std::size_t k = 0; k < reasons.rows.size(); ++k) {
      if (cell(reasons, k, "currency") != cell(accounts, i, "currency")) continue;
      n += std::stoll(cell(reasons, k, "conversions"));
      if (cell(reasons, k, "state") == "missing") missing += micros(reasons, k, "value");
      if (cell(reasons, k, "state") == "excess") excess += micros(reasons, k, "value");
      if (cell(reasons, k, "state") == "taken") taken += micros(reasons, k, "value");
      taken += micros(reasons, k, "also_taken");
    }
    EXPECT_EQ(taken, micros(accounts, i, "taken"));
    EXPECT_EQ(excess, micros(accounts, i, "correction_waiting") + micros(accounts, i, "uncorrectable"));
    EXPECT_EQ(missing, micros(accounts, i, "missing"));
    EXPECT_EQ(n, std::stoll(cell(accounts, i, "conversions")) + std::stoll(cell(accounts, i, "none")));
  }
}

TEST(ReconciliationReport, ATakenLineHoldsWhatIsFullyTakenAndNoPartOfAnother) {
  Loop l;
  for (const char* deal : {"whole", "lowered", "raised"}) win(l, deal, "100");
  l.settle();
  l.set("lowered", "amount", "40");  // settling: 40 of it are right
  l.consent("Craised", ConsentState::denied);
  l.set("raised", "amount", "170");  // 100 of it are right
  l.settle();
  const Table why = l.read([](store::Tx& tx) { return reconciliation(tx); }).at(1);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < why.rows.size(); ++i)
    lines.push_back(cell(why, i, "state") + " " + cell(why, i, "conversions") + " " + cell(why, i, "value") + " " +
                    cell(why, i, "also_taken"));
  EXPECT_THAT(lines,
              testing::UnorderedElementsAre("taken 1 100.00 0.00", "excess 1 60.00 40.00", "missing 1 70.00 100.00"));
}

TEST(ReconciliationReport, WhatWasToldTooMuchStandsUnderItsClassAndTheReasonThatItsConversionsName) {
  Loop l;
  for (const char* deal : {"withdrawn", "slip"}) win(l, deal, "100");
  l.settle();
  l.consent("Cwithdrawn", ConsentState::denied);
  l.set("withdrawn", "amount", "40");
  l.set("slip", "amount", "40");
  l.settle();
  l.read([](store::Tx& tx) {
    const Table why = reconciliation(tx).at(1);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < why.rows.size(); ++i)
      lines.push_back(cell(why, i, "state") + " " + cell(why, i, "class") + " " + cell(why, i, "reason") + " " +
                      cell(why, i, "conversions") + " " + cell(why, i, "value") + " " + cell(why, i, "also_taken"));
    EXPECT_THAT(lines, testing::UnorderedElementsAre("excess uncorrectable consent 1 60.00 40.00",
                                                     "excess correction_waiting settling 1 60.00 40.00"));
    for (const char* asked : {"consent", "uncorrectable"}) {
      const Table behind =
          conversions(tx, {.destination = "", .goal = "", .reason = asked, .state = "", .limit = 0}, Zone::utc());
      EXPECT_EQ(behind.rows.size(), 1U) << asked;
      EXPECT_EQ(cell(behind, 0, "class") + " " + cell(behind, 0, "reason"), "uncorrectable consent");
    }
    return 0;
  });
}

TEST(ReconciliationReport, WhatIsLeftOutNamesTheConditionAndWhoseItIs) {
  Loop l;
  l.settings.destinations[0].route = {{settings::Condition::Op::in, "currency", {"EUR", "SEK"}}};
  l.settings.goals[0].when = {{settings::Condition::Op::not_equals, "kind", {"test"}}};
  l.start();
  for (const char* deal : {"francs", "test"}) win(l, deal, "100");
  l.set("francs", "currency", "CHF");
  l.set("test", "currency", "EUR");
  l.set("test", "kind", "test");
  l.settle();
  EXPECT_EQ(l.standing("francs").detail, "`route:` of destination ads does not hold: currency in EUR, SEK");
  EXPECT_EQ(l.standing("test").detail, "`when:` of goal won does not hold: kind not test");
  const auto tables = l.read([](store::Tx& tx) { return reconciliation(tx); });
  EXPECT_THAT(tables.at(1).note, testing::HasSubstr("`route:`"));
}

TEST(ReconciliationReport, ClosedWonOfTheCrmIsAccountedFor) {
  Loop l;
  l.settings.goals[0].when = {{settings::Condition::Op::not_equals, "region", {"south"}}};
  l.start();
  win(l, "A", "100.25");
  win(l, "B", "50");
  l.set("B", "region", "south");
  win(l, "C", "");
  l.settle();
  const auto tables = l.read([](store::Tx& tx) { return reconciliation(tx); });
  ASSERT_EQ(tables.size(), 3U);
  const Table& revenue = tables[2];
  ASSERT_EQ(revenue.rows.size(), 1U);
  EXPECT_EQ(cell(revenue, 0, "deals"), "3");
  EXPECT_EQ(cell(revenue, 0, "closed_won"), "150.25");
  EXPECT_EQ(cell(revenue, 0, "excluded_by_goal"), "50.00");
  EXPECT_EQ(cell(revenue, 0, "wanted"), "100.25");
}

TEST(ReconciliationReport, WhatIsNeitherWantedNorToldIsNoConversionOfTheAccount) {
  Loop l;
  l.settings.goals[0].when = {{settings::Condition::Op::not_equals, "kind", {"test"}}};
  l.start();
  for (const char* deal : {"A", "test"}) win(l, deal, "100");
  l.set("test", "kind", "test");
  l.settle();
  const Table accounts = l.read([](store::Tx& tx) { return reconciliation(tx); }).at(0);
  ASSERT_EQ(accounts.rows.size(), 1U);
  EXPECT_EQ(cell(accounts, 0, "conversions"), "1");
  EXPECT_EQ(cell(accounts, 0, "none"), "1");
}

TEST(ReconciliationReport, WhatMayBeBelievedStandsInItsOwnCurrency) {
  connect::Contract c = generous();
  c.dedup = {};
  Loop l(c);
  win(l, "D1", "1000");
  l.set("D1", "currency", "JPY");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::lost_after};
  l.settle();
  ASSERT_EQ(l.stands("D1"), "uncertain");
  const Table t = l.read([](store::Tx& tx) {
    return conversions(tx, {.destination = "", .goal = "", .reason = "", .state = "", .limit = 0}, Zone::utc());
  });
  EXPECT_EQ(cell(t, 0, "told_high") + " " + cell(t, 0, "range_currency"), "1000 JPY");
}

TEST(ReconciliationReport, TheSubjectsBehindAReasonAreListed) {
  Loop l;
  every_state(l);
  const Table t = l.read([](store::Tx& tx) {
    return conversions(tx, {.destination = "", .goal = "", .reason = "no_identifier", .state = "", .limit = 0},
                       Zone::utc());
  });
  ASSERT_EQ(t.rows.size(), 1U);
  EXPECT_THAT(t.rows[0], Contains("no-click"));
}

TEST(ReconciliationReport, EveryReasonThatItShowsListsAsManySubjects) {
  Loop l;
  every_state(l);
  l.read([&](store::Tx& tx) {
    const auto tables = reconciliation(tx);
    const Table& why = tables.at(1);
    for (std::size_t i = 0; i < why.rows.size(); ++i) {
      const std::string reason = cell(why, i, "reason"), state = cell(why, i, "state");
      if (reason.empty() || cell(why, i, "conversions") == "0") continue;
      std::int64_t shown = 0;
      for (std::size_t k = 0; k < why.rows.size(); ++k)
        if ((cell(why, k, "reason") == reason || cell(why, k, "class") == reason) && cell(why, k, "state") == state)
          shown += std::stoll(cell(why, k, "conversions"));
      const Table behind =
          conversions(tx, {.destination = "", .goal = "", .reason = reason, .state = state, .limit = 0}, Zone::utc());
      EXPECT_EQ(static_cast<std::int64_t>(behind.rows.size()), shown) << state << " " << reason;
    }
    return 0;
  });
}

}  // namespace
}  // namespace hw::report
