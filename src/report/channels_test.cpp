#include "report/channels.h"

#include <gtest/gtest.h>

#include "base/zone.h"
#include "conformance/loop.h"
#include "store/touches.h"

namespace hw::report {
namespace {

using conformance::kDay;
using conformance::kStart;
using conformance::kUnit;
using conformance::Loop;

/// A company whose visits and costs a test names by days after its start.
struct Company : Loop {
  Company() {
    settings.stages[0].in_pipeline = true;
    settings.goals[0].revenue = true;
    start();
  }
  void visit(const std::string& contact, int day, const std::string& channel) {
    Touch t;
    t.key = contact + std::to_string(day) + channel;
    t.at = kStart + kDay * day;
    t.source = t.key;
    t.identifiers = {{"crm_contact_id", "crm:" + contact}};
    (void)db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::touches::put(tx, t, "web", channel, {}, {}, clock.system_now(), nullptr);
      return {};
    });
  }
  void cost(const std::string& channel, int day, std::int64_t units, const std::string& currency = "EUR") {
    Spend s;
    s.key = channel + std::to_string(day) + currency;
    s.day = kStart + kDay * day;
    s.micros = units * kUnit;
    s.currency = currency;
    (void)db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::touches::put_spend(tx, s, "ads", channel, {}, clock.system_now());
      return {};
    });
  }
  void on_day(int day) { clock.set(kStart + kDay * day); }
  std::vector<Table> report(const ChannelsAsked& asked = {}) {
    return read([&](store::Tx& tx) { return channels(tx, settings, asked); });
  }
  /// "channel deals pipeline won revenue cost cost/pipeline ROAS remark" of each row, the best channel first.
  std::vector<std::string> rows(const ChannelsAsked& asked = {}, std::size_t table = 0) {
    std::vector<std::string> out;
    const std::vector<Table> tables = report(asked);
    for (const auto& row : tables.at(table).rows) {
      out.emplace_back();
      for (const auto& cell : row) out.back() += (out.back().empty() ? "" : " ") + cell;
    }
    return out;
  }
};

using Rows = std::vector<std::string>;

/// metrics.md, section 4: three deals, the first with three touches and won in the next quarter.
struct WorkedExample : Company {
  WorkedExample() {
    for (const char* id : {"C1", "C2", "C3"}) contact(id, "");
    visit("C1", 1, "Organic Search");
    visit("C1", 20, "Paid Search");
    visit("C1", 39, "Direct");
    visit("C2", 50, "Paid Search");
    cost("Paid Search", 30, 2700);
    cost("Organic Search", 30, 600);
    on_day(40);
    deal("D1", "C1", "qualified", "9000");
    on_day(60);
    deal("D2", "C2", "qualified", "6000");
    on_day(73);
    deal("D3", "C3", "qualified", "5000");
    on_day(100);
    set("D1", "stage", "won");
    set("D2", "stage", "lost");
  }
};

TEST(Channels, TheFirstTouchGetsTheWholeDeal) {
  WorkedExample e;
  EXPECT_EQ(e.rows(), (Rows{"Organic Search 1 9000.00 1 9000.00 600.00 0.0667 15.0000 ",
                            "Paid Search 1 6000.00 0 0.00 2700.00 0.4500 0.0000 ",
                            "(unattributed) 1 5000.00 0 0.00 - - - no_spend_data"}));
}

TEST(Channels, TheLastTouchMayBeDirectOrTheLastThatIsNot) {
  WorkedExample e;
  EXPECT_EQ(e.rows({.model = CreditModel::last})[0], "Direct 1 9000.00 1 9000.00 - - - no_spend_data");
  EXPECT_EQ(e.rows({.model = CreditModel::last_non_direct})[0],
            "Paid Search 2 15000.00 1 9000.00 2700.00 0.1800 3.3333 ");
}

TEST(Channels, AllChannelsTogetherAreAllDeals) {
  WorkedExample e;
  for (CreditModel model : {CreditModel::first, CreditModel::last, CreditModel::last_non_direct})
    EXPECT_NE(e.report({.model = model})[0].note.find("pipeline 20,000.00, won 9,000.00, cost 3,300.00 EUR"),
              std::string::npos);
}

TEST(Channels, TheTableStatesItsPeriodAndWhatIsCountedByWhichTime) {
  WorkedExample e;
  const std::string all = e.report()[0].note;
  EXPECT_NE(all.find("Of all time"), std::string::npos) << all;
  const std::string span = e.report({.from = kStart + kDay, .to = kStart + kDay * 3})[0].note;
  EXPECT_NE(span.find("From " + format_local(kStart + kDay, e.settings.zone) + " to before " +
                      format_local(kStart + kDay * 3, e.settings.zone)),
            std::string::npos)
      << span;
  EXPECT_NE(span.find("deals and pipeline by when a deal entered the pipeline, won and revenue by when it was won"),
            std::string::npos)
      << span;
}

TEST(Channels, PipelineRevenueAndCostBelongToTheirOwnDays) {
  WorkedExample e;
  EXPECT_EQ(e.rows({.from = kStart + kDay * 90, .to = kStart + kDay * 101}),
            Rows{"Organic Search 0 0.00 1 9000.00 - - - no_spend_data"});
  EXPECT_EQ(e.rows({.from = kStart + kDay * 31, .to = kStart + kDay * 45}),
            Rows{"Organic Search 1 9000.00 0 0.00 - - - no_spend_data"});
  EXPECT_EQ(e.rows({.from = kStart + kDay * 30, .to = kStart + kDay * 31}),
            (Rows{"Organic Search 0 0.00 0 0.00 600.00 - 0.0000 no_pipeline",
                  "Paid Search 0 0.00 0 0.00 2700.00 - 0.0000 no_pipeline"}));
}

TEST(Channels, ATouchAfterTheConversionOrAYearBeforeItGetsNothing) {
  Company c;
  c.contact("C1", "");
  c.visit("C1", -325, "Email");
  c.visit("C1", 41, "Display");
  c.on_day(41);
  c.deal("D1", "C1", "qualified", "100");
  EXPECT_EQ(c.rows(), Rows{"Display 1 100.00 0 0.00 - - - no_spend_data"}) << "the e-mail came 366 days before";
  Company early;
  early.contact("C1", "");
  early.visit("C1", 2, "Email");
  early.on_day(1);
  early.deal("D1", "C1", "qualified", "100");
  EXPECT_EQ(early.rows(), Rows{"(unattributed) 1 100.00 0 0.00 - - - no_spend_data"});
}

TEST(Channels, AWonDealThatSkippedTheStagesIsPipelineToo) {
  Company c;
  c.contact("C1", "");
  c.visit("C1", -1, "Email");
  c.on_day(1);
  c.deal("D1", "C1", "won", "100");
  EXPECT_EQ(c.rows(), Rows{"Email 1 100.00 1 100.00 - - - no_spend_data"});
}

TEST(Channels, WhatWasLostAgainIsNoRevenue) {
  Company c;
  c.contact("C1", "");
  c.on_day(1);
  c.deal("D1", "C1", "won", "100");
  c.on_day(2);
  c.set("D1", "stage", "lost");
  EXPECT_EQ(c.rows(), Rows{"(unattributed) 1 100.00 0 0.00 - - - no_spend_data"});
}

TEST(Channels, DeletedAndMergedDealsAndTestsAreLeftOutAndMissingAmountsSaid) {
  Company c;
  c.settings.goals[0].when = {{.op = settings::Condition::Op::not_equals, .field = "deal_type", .values = {"test"}}};
  c.contact("C1", "");
  c.on_day(1);
  for (const char* id : {"kept", "deleted", "loser", "test"}) c.deal(id, "C1", "qualified", "100");
  c.deal("empty", "C1", "qualified", "");
  c.remove("deleted");
  c.merge(Object::deal, "loser", "kept");
  c.set("test", "deal_type", "test");
  EXPECT_EQ(c.rows(), Rows{"(unattributed) 2 100.00 0 0.00 - - - no_spend_data"});
  const std::string note = c.report()[0].note;
  EXPECT_NE(note.find("without an amount, counted as nothing: 1."), std::string::npos) << note;
  EXPECT_NE(note.find("Left out by the revenue goal's conditions: 1."), std::string::npos) << note;
}

TEST(Channels, OtherCurrenciesAreNamedAndNeverAdded) {
  Company c;
  c.contact("C1", "");
  c.visit("C1", -1, "Email");
  c.cost("Email", 0, 7, "JPY");
  c.cost("Email", 1, 50);
  c.on_day(1);
  c.deal("euros", "C1", "qualified", "100");
  c.deal("dollars", "C1", "won", "30");
  EXPECT_EQ(c.report().size(), 2U) << "the yen";
  c.set("dollars", "currency", "USD");
  EXPECT_EQ(c.rows(), Rows{"Email 1 100.00 0 0.00 50.00 0.5000 0.0000 "});
  EXPECT_EQ(c.rows({}, 1), (Rows{"Email JPY 0 0 0 0 7", "Email USD 1 30.00 1 30.00 -"}));
}

TEST(Channels, NoCostIsAnotherThingThanACostOfNothing) {
  Company c;
  c.contact("C1", "");
  c.visit("C1", -1, "Email");
  c.cost("Email", 0, 0);
  c.cost("Audio", 0, 0);
  c.on_day(1);
  c.deal("D1", "C1", "qualified", "100");
  EXPECT_EQ(c.rows(), (Rows{"Email 1 100.00 0 0.00 0.00 0.0000 - ", "Audio 0 0.00 0 0.00 0.00 - - idle"}));
}

}  // namespace
}  // namespace hw::report
