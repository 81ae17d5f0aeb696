#include "report/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::report {
namespace {

using conformance::Loop;
using testing::IsEmpty;

/// Cells of a table by column name, a row an entry.
std::vector<std::map<std::string, std::string>> cells_of(Loop& l, const std::string& name) {
  std::vector<std::map<std::string, std::string>> out;
  for (const Table& t :
       l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now(), l.connectors); })) {
    if (t.name != name) continue;
    for (const auto& row : t.rows) {
      out.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) out.back()[t.columns[i].name] = row[i];
    }
  }
  return out;
}

void refused(Loop& l, const std::string& gclid) {
  l.contact("C1", gclid);
  auto shown = l.shown(Object::contact, "C1");
  shown.hashes["email"] = {"hash"};
  l.show(shown);
  l.deal("D1", "C1", "won");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "unknown_person";
  l.settle();
  ASSERT_EQ(l.stands("D1"), "missing rejected");
}

TEST(StatusOfRefusals, OneWithAClickNeedsAPerson) {
  Loop l;
  refused(l, "click-1");
  EXPECT_THAT(cells_of(l, "expected"), IsEmpty());
  ASSERT_EQ(cells_of(l, "trouble").size(), 1U);
  EXPECT_EQ(cells_of(l, "trouble")[0]["what"], "uploads rejected");
}

TEST(StatusOfRefusals, OneOfHashedDataAloneIsAsItShouldBe) {
  Loop l;
  refused(l, "");
  EXPECT_THAT(cells_of(l, "trouble"), IsEmpty());
  ASSERT_EQ(cells_of(l, "expected").size(), 1U);
  EXPECT_EQ(cells_of(l, "expected")[0]["uploads"], "1");
  EXPECT_EQ(cells_of(l, "expected")[0]["code"], "unknown_person");
}

TEST(StatusOfDestinations, WhatAPlatformNeverConfirmsIsSentWithoutReceipt) {
  Loop l;
  l.sink().rules.receipt = connect::Receipt::none;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  l.settle();
  auto one = cells_of(l, "destinations").at(0);
  EXPECT_EQ(one["sent_without_receipt"], "1");
  EXPECT_EQ(one["received"], "-");
  EXPECT_EQ(one["processed"], "-");
}

TEST(StatusOfDestinations, WhatItConfirmsIsProcessed) {
  Loop l;
  l.sink().rules.receipt = connect::Receipt::row;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  l.settle();
  l.pass(conformance::kDay);
  auto one = cells_of(l, "destinations").at(0);
  EXPECT_EQ(one["sent_without_receipt"], "-");
  EXPECT_EQ(one["processed"], "1");
}

}  // namespace
}  // namespace hw::report
