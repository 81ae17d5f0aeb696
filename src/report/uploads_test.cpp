#include "report/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"
#include "reconcile/retry.h"
#include "report/explain.h"
#include "report/status.h"

namespace hw::report {
namespace {

using conformance::Loop;
using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

void refused_deal(Loop& l) {
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "not_allowed";
  l.settle();
}

/// The store as the first version of the program left it, closed and opened again by a new process.
void upgrade(Loop& l) {
  ASSERT_TRUE(l.db->transact(store::Durability::ledger, [](store::Tx& tx) -> Status {
    for (const char* sql : {"DROP TRIGGER upload_event_no_update", "DROP TRIGGER upload_event_no_delete",
                            "ALTER TABLE pause DROP COLUMN retrying", "DROP INDEX source_field_by_state"})
      tx.exec(sql);
    store::service_rows::set_meta(tx, "schema_version", "1");
    return {};
  }));
  l.db.reset();
  l.db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = l.store_file(), .postgres = {}}));
  ASSERT_EQ(l.read([](store::Tx& tx) { return store::service_rows::meta(tx, "schema_version"); }),
            std::to_string(store::schema_version()));
  l.start();
}

TEST(UploadsReport, ADeadLetterCrossesAnUpgradeAndIsListedAndRetriedAfterIt) {
  Loop l;
  refused_deal(l);
  const auto id = l.uploads("D1").front().id;
  const auto shown = [&] {
    std::vector<std::vector<std::vector<std::string>>> rows;
    for (const Table& t : l.read([&](store::Tx& tx) { return upload(tx, id, Zone::utc()); })) rows.push_back(t.rows);
    rows.push_back(l.read([&](store::Tx& tx) {
      store::ledger_rows::UploadFilter refused;
      refused.reason = "not_allowed";
      return uploads(tx, refused, Zone::utc()).rows;
    }));
    return rows;
  };
  const auto before = shown();
  l.clock.advance(std::chrono::hours(5));
  upgrade(l);
  EXPECT_EQ(shown(), before) << "the platform's word, the item, the attempts and the trail";
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload rejected 100") << "nothing goes again by itself";
  l.sink().refused.clear();
  reconcile::RetryAsked asked;
  asked.reason = "not_allowed";
  ASSERT_TRUE(reconcile::retry(l.settings, l.connectors, *l.db, l.clock, asked, "cli:somebody", [] { return true; }));
  l.settle();
  EXPECT_EQ(l.history("D1"), "upload superseded 100, upload received 100");
  EXPECT_EQ(l.differences(), "");
}

TEST(UploadsReport, ADeadLetterKeepsThePlatformsWordItsItemAndItsAttempts) {
  Loop l;
  refused_deal(l);
  upgrade(l);
  const auto id = l.uploads("D1").front().id;
  const auto tables = l.read([&](store::Tx& tx) { return upload(tx, id, Zone::utc()); });
  ASSERT_EQ(tables.size(), 3U);
  ASSERT_EQ(tables[2].name, "item");
  ASSERT_EQ(tables[2].rows.size(), 1U);
  EXPECT_THAT(tables[2].rows[0][0], HasSubstr("click-1"));
  std::map<std::string, std::string> cells;
  for (const auto& row : tables[0].rows) cells[row[0]] = row[1];
  EXPECT_EQ(cells["state"], "rejected");
  EXPECT_EQ(cells["code"], "not_allowed");
  EXPECT_EQ(cells["detail"], "said by the fake platform");
  EXPECT_EQ(cells["first attempt"], "2026-03-01 21:20:02");
  EXPECT_EQ(cells["last attempt"], "2026-03-01 21:20:02");
  EXPECT_EQ(cells["conversion stands under"], "rejected");
  EXPECT_EQ(cells["attempts"], "1") << "it was sent";
  EXPECT_EQ(cells["failed attempts"], "0") << "and answered";
  std::vector<std::string> trail;
  for (const auto& row : tables[1].rows) trail.push_back(row[1] + ">" + row[2] + " " + row[3] + " by " + row[4]);
  EXPECT_THAT(trail, ElementsAre(">pending  by reconcile", "pending>in_flight  by delivery",
                                 "in_flight>rejected not_allowed by delivery"));
}

TEST(UploadsReport, TheListNamesTheAttemptsThatItCounts) {
  Loop l;
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  l.settle();
  const Table t = l.read([&](store::Tx& tx) { return uploads(tx, {}, Zone::utc()); });
  ASSERT_EQ(t.rows.size(), 1U);
  auto named = [&](const char* name) {
    return std::find_if(t.columns.begin(), t.columns.end(), [&](const Column& c) { return c.name == name; });
  };
  EXPECT_EQ(named("attempts"), t.columns.end()) << "of a row that was taken at once none counts";
  ASSERT_NE(named("spent_attempts"), t.columns.end());
  EXPECT_EQ(t.rows[0].at(static_cast<std::size_t>(named("spent_attempts") - t.columns.begin())), "0");
}

TEST(UploadsReport, StatusAsksForALookAtRefusalsThatAreNobodysFaultNever) {
  Loop l;
  for (const char* id : {"fault", "fine"}) {
    l.contact(std::string("C") + id, std::string("click-") + id);
    l.deal(id, std::string("C") + id, "won", "100");
  }
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("fault")] = "not_allowed";
  l.sink().refused[l.dedup_id("fine")] = connect::kUnattributed;
  l.settle();
  std::map<std::string, std::vector<std::vector<std::string>>> rows;
  for (const Table& t : l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); }))
    rows[t.name] = t.rows;
  ASSERT_EQ(rows["trouble"].size(), 1U);
  EXPECT_THAT(rows["trouble"][0], Contains("not_allowed"));
  ASSERT_EQ(rows["as_it_should_be"].size(), 1U);
  EXPECT_THAT(rows["as_it_should_be"][0], ElementsAre("ads", _, "1"));
}

TEST(UploadsReport, ExplainSaysWhenByWhomAndWhyOfEachEvent) {
  Loop l;
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won", "100");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "not_allowed";
  l.sink().faults = {conformance::PlatformFault::busy};
  l.clock.advance(std::chrono::minutes(1));
  ASSERT_TRUE(l.deliver());
  l.pass(std::chrono::hours(1));
  reconcile::RetryAsked asked;
  asked.ids = {l.uploads("D1").front().id};
  ASSERT_TRUE(reconcile::retry(l.settings, l.connectors, *l.db, l.clock, asked, "cli:somebody", [] { return true; }));
  ASSERT_TRUE(l.reconcile());
  const auto tables = l.read([&](store::Tx& tx) { return explain(tx, l.settings, Object::deal, "D1").value(); });
  std::vector<std::string> trail;  // when, what it became, by whom, code, why
  for (const Table& t : tables)
    if (t.name == "uploads")
      for (const auto& row : t.rows)
        trail.push_back(row[0].substr(11) + " " + row[6] + " by " + row[7] + " (" + row[8] + "): " + row[9]);
  EXPECT_THAT(
      trail,
      ElementsAre(
          "21:20:02 pending by reconcile (): 100.00 EUR wanted; cause: the CRM tied records or parted them",
          "21:21:02 in_flight by delivery (): ", "21:21:02 retrying by delivery (http_429): said by the fake platform",
          "21:31:02 in_flight by delivery (http_429): said by the fake platform",
          "21:31:02 rejected by delivery (not_allowed): said by the fake platform",
          "22:21:02 superseded by cli:somebody (retried): a person has it tried again; it was "
          "rejected, not_allowed: said by the fake platform",
          "22:21:02 pending by reconcile (): 100.00 EUR wanted; cause: a person had rows tried again"));
}

}  // namespace
}  // namespace hw::report
