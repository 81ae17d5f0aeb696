#include <gtest/gtest.h>

#include "delivery/test_deals.h"

/// A destination that is given another connector: what the one before it was told stays what it was.
namespace hw::delivery {
namespace {

using conformance::FakeSink;
using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::kUnit;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Contract;
using connect::Receipt;
using connect::Verdict;

/// Everything of "ads" goes by that connector of the same platform from now on.
FakeSink& swap(Loop& l, Contract contract) {
  FakeSink& made = l.add_sink("new", std::move(contract));
  made.uploader = &l.sink();
  settings::Destination& d = l.settings.destinations[0];
  d.upload_by = d.restate_by = d.retract_by = "new";
  l.start();
  return made;
}
void swap_back(Loop& l) {
  settings::Destination& d = l.settings.destinations[0];
  d.upload_by = d.restate_by = d.retract_by = "ads_connector";
  l.start();
}
Contract of_another_kind(Receipt receipt) {
  Contract c = confirming(receipt);
  c.form = "another";
  return c;
}
void expect_corrected(Loop& l, const std::string& amount, std::int64_t units) {
  l.set("D1", "amount", amount);
  l.pass(kDay * 3);
  EXPECT_EQ(l.believed("D1"), units) << l.history("D1");
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.differences(), "");
}

TEST(Swap, WhatWasTakenWithoutReceiptStaysTakenWhereTheNextConnectorConfirms) {
  Loop l(confirming(Receipt::none));
  win(l, "D1");
  l.settle();
  swap(l, confirming(Receipt::count));
  l.pass(kDay * 3);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.standing("D1").b_micros, 100 * kUnit);
  expect_corrected(l, "250", 250);
}

TEST(Swap, ACorrectionThatAnAdjusterTookStaysTakenWhenTheUploaderCorrectsAgain) {
  Loop l(confirming(Receipt::count));
  l.add_adjuster(confirming(Receipt::none));
  win(l, "D1");
  l.pass(kHour);
  l.set("D1", "amount", "250");
  l.pass(kDay);
  ASSERT_EQ(l.history("D1"), "upload processed 100, restate received 250");
  swap_back(l);
  l.pass(kDay * 3);
  EXPECT_EQ(l.stands("D1"), "taken");
  expect_corrected(l, "300", 300);
}

TEST(Swap, ANewAdjusterThatConfirmsLeavesWhatWasTaken) {
  Loop l(confirming(Receipt::none));
  win(l, "D1");
  l.pass(kHour);
  l.add_adjuster(confirming(Receipt::count));
  l.pass(kDay * 3);
  EXPECT_EQ(l.stands("D1"), "taken");
  expect_corrected(l, "300", 300);
}

TEST(Swap, WhatAwaitsItsReceiptIsNotTakenBecauseTheNextConnectorGivesNone) {
  Loop l(confirming(Receipt::row));
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused_later[l.dedup_id("D1")] = later(Verdict::reject_row, "no");
  l.settle();
  ASSERT_EQ(l.stands("D1"), "missing waiting");
  swap(l, of_another_kind(Receipt::none));
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.pass(kDay * 20);
  EXPECT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(l.differences(), "");
}

TEST(Swap, WhoHeardOfItsReceiptHearsOnWhenTheDestinationHasItBack) {
  Loop l(confirming(Receipt::row));
  win(l, "D1");
  l.settle();
  swap(l, of_another_kind(Receipt::none));
  l.pass(kDay);
  EXPECT_EQ(l.stands("D1"), "uncertain");
  swap_back(l);
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.history("D1"), "upload processed 100");
}

TEST(Swap, AReceiptOfTheSameApiIsAskedAfterInWhicheverFormItsRowsWere) {
  Loop l(confirming(Receipt::row));
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.deliver());
  ASSERT_EQ(l.history("D1"), "upload received 100");
  l.sink().rules.form += " 2";
  l.start();
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload processed 100");
}

TEST(Swap, TheOldConnectorsReceiptHoldsNothingOfTheNewOne) {
  Loop l(confirming(Receipt::row));
  l.sink().forgets = true;  // still being processed
  win(l, "D1");
  l.settle();
  FakeSink& made = swap(l, of_another_kind(Receipt::row));
  made.confirm_errors.assign(1000, {Action::pause, "permission_denied", "not your request", {}, false});
  l.pass(kDay);
  EXPECT_EQ(made.confirms, 0U) << "it knows nothing of it";
  made.confirm_errors.clear();
  win(l, "D2");
  l.pass(kDay);
  EXPECT_EQ(l.stands("D2"), "taken");
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

TEST(Swap, AnAccountThatWasLeftAndShowsItsReceiptsToNobodyHoldsNothingOfTheNextOne) {
  Loop l(confirming(Receipt::row));
  l.sink().forgets = true;
  win(l, "D1");
  l.settle();
  l.settings.destinations[0].account = "another";
  l.start();
  l.sink().confirm_errors.assign(100, {Action::pause, "permission_denied", "not your request", {}, false});
  l.pass(kHour);
  win(l, "D2");
  l.settle();
  EXPECT_EQ(l.history("D2"), "upload received 100");
  l.sink().confirm_errors.assign(100'000, {Action::pause, "permission_denied", "not your request", {}, false});
  l.pass(kDay * 20);
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

TEST(Swap, TheLimitOfTheRestatingConnectorIsNotTheRetractingOnes) {
  Contract limited = generous();
  limited.adjust_until = kDay * 10;
  Loop l(limited);
  l.add_sink("retracter", generous()).uploader = &l.sink();
  l.settings.destinations[0].retract_by = "retracter";
  l.start();
  win(l, "D1");
  l.pass(kDay * 20);
  l.set("D1", "stage", "lost");
  l.pass(kDay * 10);
  EXPECT_EQ(l.believed("D1"), 0) << l.history("D1");
}

TEST(Swap, ACorrectionThatItsConnectorTakesNoMoreIsNotMadeAgainAndAgain) {
  Contract limited = generous();
  limited.adjust_until = kDay * 10;
  Loop l;
  FakeSink& retracter = l.add_sink("retracter", limited);
  retracter.uploader = &l.sink();
  l.settings.destinations[0].retract_by = "retracter";
  l.start();
  win(l, "D1");
  l.pass(kDay * 20);
  l.set("D1", "stage", "lost");
  l.pass(kDay * 10);
  EXPECT_EQ(retracter.calls, 0U);
  EXPECT_EQ(l.stands("D1"), "excess uncorrectable");
  EXPECT_EQ(l.history("D1"), "upload received 100");
}

/// The retracting connector leaves while a retraction is on its way.
void part_with_the_retracter(PlatformFault fault, const std::string& history, const std::string& stands) {
  Contract no_retractions = generous();
  no_retractions.operations = {Operation::upload, Operation::restate};
  no_retractions.zero = connect::ZeroRule::refused;
  Loop l(no_retractions);
  FakeSink& retracter = l.add_sink("retracter", generous());
  retracter.uploader = &l.sink();
  l.settings.destinations[0].retract_by = "retracter";
  l.settings.destinations[0].settle = Duration{};
  l.start();
  win(l, "D1");
  l.settle();
  l.set("D1", "stage", "lost");
  retracter.faults = {fault};
  ASSERT_TRUE(l.reconcile());
  ASSERT_TRUE(l.deliver());
  swap_back(l);
  l.pass(kDay);
  EXPECT_EQ(l.sink().calls, 1U) << "it knows no retractions";
  EXPECT_EQ(l.history("D1"), history);
  EXPECT_EQ(l.stands("D1"), stands);
  EXPECT_EQ(l.differences(), "");
}

TEST(Swap, AConnectorSendsNoOperationThatItDoesNotKnow) {
  part_with_the_retracter(PlatformFault::busy, "upload received 100, retract superseded 0", "excess uncorrectable");
  part_with_the_retracter(PlatformFault::lost_after, "upload received 100, retract uncertain 0", "uncertain");
}

TEST(Swap, ALostAnswerOutlivesATimeInTest) {
  Loop l;
  win(l, "D1");
  ASSERT_TRUE(l.reconcile());
  l.sink().faults = {PlatformFault::lost_after};
  ASSERT_TRUE(l.deliver());
  for (const Mode mode : {Mode::test, Mode::live}) {
    l.settings.destinations[0].mode = mode;
    l.start();
    l.pass(kDay);
  }
  EXPECT_EQ(l.history("D1"), "upload received 100");
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.sink().validated, 0U);
}

}  // namespace
}  // namespace hw::delivery
