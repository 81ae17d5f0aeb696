#include "reconcile/adopt.h"

#include <gtest/gtest.h>

#include "conformance/loop.h"
#include "reconcile/retry.h"

namespace hw::reconcile {
namespace {

using conformance::kDay;
using conformance::Loop;

void unmerge(Loop& l, const std::string& deal, const std::string& from) {
  l.clock.advance(std::chrono::seconds(1));
  l.take({Merge{{"crm", Object::deal, deal}, from, l.clock.system_now(), true}});
}

void deal_in(Loop& l, const std::string& deal, const std::string& stage) {
  l.contact("C" + deal, "click-" + deal);
  l.deal(deal, "C" + deal, stage, "100");
}

TEST(Adopt, AConversionThatTravelledTwiceComesHomeTwice) {
  Loop l;
  deal_in(l, "D1", "won");
  deal_in(l, "D2", "new");
  deal_in(l, "D4", "new");
  l.settle();
  const std::string key = l.dedup_id("D1");
  for (const char* into : {"D2", "D4", "D2"}) {
    l.merge(Object::deal, "D1", into);
    l.settle();
    EXPECT_EQ(l.dedup_id(into), key);
    unmerge(l, "D1", into);
    ASSERT_TRUE(l.reconcile()) << into;
    l.settle();
    EXPECT_EQ(l.dedup_id("D1"), key) << into;
  }
  l.pass(kDay * 5);
  EXPECT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(l.believed("D1"), 100);
  EXPECT_EQ(l.differences(), "");
}

TEST(Adopt, WhatWasRefusedAndTriedAgainWasToldToNobody) {
  for (const bool retried : {false, true}) {
    Loop l;
    deal_in(l, "D1", "won");
    deal_in(l, "D2", "won");
    ASSERT_TRUE(l.reconcile());
    l.sink().refused[l.dedup_id("D1")] = "bad_row";
    l.settle();
    if (retried) {
      ASSERT_TRUE(retry(l.settings, l.connectors, *l.db, l.clock, RetryAsked{}, "ada", [] { return true; }));
      l.settle();
    }
    const std::string told = l.dedup_id("D2");
    l.merge(Object::deal, "D2", "D1");
    l.pass(kDay * 5);
    EXPECT_EQ(l.stands("D1"), "taken") << retried;
    EXPECT_EQ(l.dedup_id("D1"), told) << "the survivor takes what the platform knows";
    EXPECT_EQ(l.believed("D1"), 100) << retried;
    EXPECT_EQ(l.differences(), "");
  }
}

}  // namespace
}  // namespace hw::reconcile
