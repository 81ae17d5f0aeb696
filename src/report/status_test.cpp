#include "report/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"
#include "store/source_fields.h"

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

TEST(StatusOfDestinations, ATestCountsNothingAsToldAndLiveNothingAsValidated) {
  Loop l;
  one_told(l, connect::Receipt::request);
  l.settings.destinations[0].mode = Mode::test;
  l.start();
  EXPECT_EQ(cells_of(l, "destinations").at(0)["received"], "0");
  l.contact("C2", "click-2");
  l.deal("D2", "C2", "won");
  l.settle();
  EXPECT_EQ(cells_of(l, "destinations").at(0)["processed"], "1");
  l.settings.destinations[0].mode = Mode::live;
  l.start();
  EXPECT_EQ(cells_of(l, "destinations").at(0)["processed"], "0");
  EXPECT_EQ(cells_of(l, "destinations").at(0)["received"], "1");
}

TEST(StatusOfTrouble, WhatALaterRowSettledNeedsNobody) {
  Loop l;
  one_told(l, connect::Receipt::request);
  const std::string key = l.dedup_id("D1");
  l.sink().faults = {conformance::PlatformFault::lost_after};
  l.sink().weather = [&] {
    if (l.sink().faults.empty()) l.sink().refused[key] = "bad_row";
    return conformance::PlatformFault::none;
  };
  l.set("D1", "amount", "150");
  l.pass(conformance::kDay);
  ASSERT_EQ(l.stands("D1"), "uncertain");
  EXPECT_EQ(cells_of(l, "trouble").size(), 1U);
  EXPECT_EQ(cells_of(l, "destinations").at(0)["uncertain"], "1");
  l.sink().weather = nullptr;
  l.sink().refused.clear();
  l.set("D1", "amount", "170");
  l.pass(conformance::kDay);
  ASSERT_EQ(l.stands("D1"), "taken");
  EXPECT_EQ(cells_of(l, "trouble").size(), 0U);
  EXPECT_EQ(cells_of(l, "destinations").at(0)["uncertain"], "0");
}

void put_pause(Loop& l, const store::StoredPause& p) {
  ASSERT_TRUE(l.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::set_pause(tx, p);
    return {};
  }));
}

TEST(StatusOfTrouble, ARetryByItselfNeedsNobodyForAnHour) {
  Loop l;
  l.start();
  const Timestamp since = l.clock.system_now();
  put_pause(l, {"source", "crm", "connect", "contacts: refused", since, since + std::chrono::seconds(4), true});
  l.clock.advance(std::chrono::minutes(59));
  EXPECT_TRUE(cells_of(l, "trouble").empty());
  EXPECT_EQ(cells_of(l, "retrying").at(0)["code"], "connect");
  l.clock.advance(std::chrono::minutes(1));
  EXPECT_EQ(cells_of(l, "trouble").at(0)["what"], "paused source");
  EXPECT_TRUE(cells_of(l, "retrying").empty());
}

TEST(StatusOfTrouble, RefusedSourceFieldsAreFoundWithOneOfTheirRecords) {
  Loop l;
  l.settings.source_fields.emplace_back();
  l.settings.source_fields[0].name = "contacts";
  l.settings.source_fields[0].connector = "crm";
  l.start();
  for (const char* id : {"C1", "C2"}) {
    l.contact(id, "");
    const std::int64_t record = l.record_id(Object::contact, id);
    ASSERT_TRUE(l.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::source_fields::put_state(tx, {.name = "contacts",
                                           .record = record,
                                           .state = "rejected",
                                           .code = "http_400",
                                           .detail = "no such option",
                                           .tries = 0,
                                           .next_at = {},
                                           .updated_at = l.clock.system_now()});
      return {};
    }));
  }
  const auto rows = cells_of(l, "trouble");
  ASSERT_EQ(rows.size(), 1U);
  auto one = rows[0];
  EXPECT_EQ(one["what"] + "/" + one["name"] + "/" + one["code"], "source fields refused/contacts/http_400");
  EXPECT_THAT(one["detail"], testing::HasSubstr("2 records, such as contact C2: no such option"));
  EXPECT_THAT(one["detail"], testing::HasSubstr("headwater explain contact C2"));
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
