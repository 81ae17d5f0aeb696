#include "report/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"

namespace hw::report {
namespace {

using conformance::Loop;

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

/// One conversion, told to a platform that confirms so.
void one_told(Loop& l, connect::Receipt receipt) {
  l.sink().rules.receipt = receipt;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  l.settle();
}

TEST(StatusOfDestinations, WhatAPlatformNeverConfirmsIsSentWithoutReceipt) {
  Loop l;
  one_told(l, connect::Receipt::none);
  auto one = cells_of(l, "destinations").at(0);
  EXPECT_EQ(one["sent_without_receipt"], "1");
  EXPECT_EQ(one["received"], "-");
  EXPECT_EQ(one["processed"], "-");
}

TEST(StatusOfDestinations, WhatWasAdoptedIsCountedAlsoWhereNothingIsConfirmed) {
  Loop l;
  one_told(l, connect::Receipt::none);
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    auto row = l.uploads("D1").front();
    const UploadState from = row.state;
    row.state = UploadState::processed;  // as headwater ledger import leaves it
    store::ledger_rows::move(tx, row, from, "test", l.clock.system_now());
    return {};
  }));
  EXPECT_EQ(cells_of(l, "destinations").at(0)["processed"], "1");
}

TEST(StatusOfDestinations, WhatItConfirmsIsProcessed) {
  Loop l;
  one_told(l, connect::Receipt::row);
  l.pass(conformance::kDay);
  auto one = cells_of(l, "destinations").at(0);
  EXPECT_EQ(one["sent_without_receipt"], "-");
  EXPECT_EQ(one["processed"], "1");
}

}  // namespace
}  // namespace hw::report
