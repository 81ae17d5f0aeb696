#include <gtest/gtest.h>

#include <algorithm>

#include "delivery/test_deals.h"

/// Destinations whose corrections go by another connector: those are answered and repeated by that one's rules.
namespace hw::delivery {
namespace {

using conformance::generous;
using conformance::kDay;
using conformance::kHour;
using conformance::Loop;
using conformance::PlatformFault;
using connect::Contract;
using connect::Receipt;

Contract without_key() {
  Contract c = generous();
  c.dedup = {};
  c.resend_is_harmless = false;
  return c;
}

/// D1 is told, and worth 250 by now.
void change_what_was_told(Loop& l) {
  win(l, "D1");
  l.pass(kHour);
  ASSERT_EQ(l.stands("D1"), "taken");
  l.set("D1", "amount", "250");
}

TEST(Composite, ALostRetractionIsNotRepeatedWhereItsConnectorHasNoKey) {
  Loop l;
  l.add_adjuster(without_key());
  win(l, "D1");
  l.settle();
  l.set("D1", "stage", "lost");
  l.sink("adjuster").faults = {PlatformFault::lost_after};
  l.pass(kDay * 5);
  EXPECT_EQ(l.sink("adjuster").calls, 1U);
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

TEST(Composite, ALostCorrectionIsRepeatedUnderItsConnectorsKey) {
  Loop l(without_key());
  l.add_adjuster(generous());
  change_what_was_told(l);
  l.sink("adjuster").faults = {PlatformFault::lost_before};
  l.pass(kDay);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate received 250");
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Composite, ACorrectionIsTakenOnceItsConnectorHasConfirmedIt) {
  Loop l(confirming(Receipt::none));
  l.add_adjuster(confirming(Receipt::row));
  change_what_was_told(l);
  l.sink("adjuster").refused_later[l.dedup_id("D1")] = later(connect::Verdict::reject_row, "no");
  l.settle();
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.pass(kHour);
  EXPECT_EQ(l.history("D1"), "upload received 100, restate rejected 250");
  EXPECT_EQ(l.stands("D1"), "missing rejected");
}

TEST(Composite, ACorrectionIsTakenAtOnceWhereItsConnectorConfirmsNothing) {
  Loop l(confirming(Receipt::count));
  l.add_adjuster(confirming(Receipt::none));
  change_what_was_told(l);
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload processed 100, restate received 250");
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Composite, ReceiptsAreAskedForAtTheirConnectorsTimes) {
  Loop l(confirming(Receipt::none));
  Contract slow = confirming(Receipt::count);
  slow.first_poll = kHour * 6;
  l.add_adjuster(slow);
  change_what_was_told(l);
  l.pass(kHour * 5);
  EXPECT_EQ(l.sink("adjuster").confirms, 0U);
  EXPECT_EQ(l.stands("D1"), "missing waiting");
  l.pass(kHour * 2);
  EXPECT_EQ(l.stands("D1"), "taken");
}

TEST(Composite, OneCorrectionIsAtStakeWhereItsConnectorHasNoKey) {
  Loop l;
  l.settings.destinations[0].batch = 1;
  l.add_adjuster(without_key());
  for (const char* deal : {"D1", "D2", "D3"}) win(l, deal);
  l.settle();
  for (const char* deal : {"D1", "D2", "D3"}) l.set(deal, "amount", "250");
  ASSERT_TRUE(l.reconcile());
  l.sink("adjuster").faults = {PlatformFault::crash_after};
  l.settle();
  const auto is_doubted = [&](const char* deal) { return l.stands(deal) == "uncertain"; };
  const std::initializer_list<const char*> deals{"D1", "D2", "D3"};
  EXPECT_EQ(std::count_if(deals.begin(), deals.end(), is_doubted), 1);
}

TEST(Composite, APartlyRefusedRequestIsLocatedByItsConnectorsRule) {
  Loop l(confirming(Receipt::count));
  Contract adjuster = without_key();
  adjuster.receipt = Receipt::count;
  l.add_adjuster(adjuster);
  batch(l, 3);
  l.pass(kHour);
  l.sink("adjuster").refused_later[l.dedup_id("D1")] = later(connect::Verdict::reject_row, "no");
  for (const char* deal : {"D0", "D1", "D2"}) l.set(deal, "amount", "250");
  l.pass(kDay * 3);
  EXPECT_EQ(l.sink("adjuster").calls, 1U) << "a repeat might count again";
  EXPECT_EQ(l.stands("D1"), "uncertain");
}

}  // namespace
}  // namespace hw::delivery
