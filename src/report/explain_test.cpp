#include "report/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "conformance/loop.h"
#include "reconcile/backfill.h"
#include "reconcile/gap_kit.h"
#include "report/status.h"

namespace hw::report {
namespace {

using conformance::Loop;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// All cells of one table, a line a row.
std::vector<std::string> rows_of(const std::vector<Table>& tables, const std::string& name) {
  std::vector<std::string> out;
  for (const Table& t : tables) {
    if (t.name != name) continue;
    for (const auto& row : t.rows) {
      std::string line;
      for (const auto& cell : row) line += (line.empty() ? "" : " | ") + cell;
      out.push_back(line);
    }
  }
  return out;
}

std::vector<Table> explained(Loop& l, Object object, const std::string& id) {
  return l.read([&](store::Tx& tx) { return explain(tx, l.settings, object, id).value(); });
}

TEST(Explain, ADealShowsTheConsentOfItsPeopleAndWhoStatedWhat) {
  Loop l;
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  l.settle();
  l.consent("C1", ConsentState::denied);
  const auto tables = explained(l, Object::deal, "D1");
  EXPECT_THAT(rows_of(tables, "record"),
              AllOf(Contains("consent of contact C1 | ad_user_data denied, ad_personalization denied"),
                    Not(Contains(StartsWith("consent | ")))));
  EXPECT_THAT(rows_of(tables, "identity"), Contains(HasSubstr("stated by contact C1")));
}

TEST(Explain, ClicksAreToldInTheZoneOfNow) {
  Loop l;
  l.contact("C1", "click-1");
  l.touch("t1", "a-later-click-of-theirs", "C1", l.clock.system_now() - std::chrono::hours(2));
  l.deal("D1", "C1", "won");
  l.settle();
  l.settings.zone = *Zone::find("Asia/Tokyo");
  const auto tables = explained(l, Object::deal, "D1");
  EXPECT_THAT(rows_of(tables, "conversions"), ElementsAre(HasSubstr("gclid of 2026-03-01 06:20:01, captured on")));
  EXPECT_THAT(rows_of(tables, "clicks_passed_over"),
              ElementsAre("won | ads | gclid a-late...eirs of 2026-03-02 04:20:01 | not_first_choice"));
}

TEST(Explain, WhatShadowFoundOfAGapIsSaidInWords) {
  reconcile::test::GapStory l;
  l.back_up();
  l.win("d");
  l.settle();
  l.change("d", "stage", "lost");
  l.settings.destinations[0].mode = Mode::shadow;
  l.restore_and_settle();
  EXPECT_THAT(
      rows_of(explained(l, Object::deal, "d"), "conversions"),
      ElementsAre(AllOf(HasSubstr("none | not_wanted"), HasSubstr("no longer in stage won; it may have been told "
                                                                  "between the backup and its restore"))));
}

TEST(Explain, ACountryThatIsAFieldTooStandsOnce) {
  Loop l;
  l.contact("C1", "click-1");
  l.set(Object::contact, "C1", "country", "DE");
  EXPECT_EQ(l.shown(Object::contact, "C1").country, "DE");
  const auto rows = rows_of(explained(l, Object::contact, "C1"), "record");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), "country | DE"), 1);
}

TEST(Explain, AnUnknownRecordIsSaid) {
  Loop l;
  auto none = l.db->read([&](store::Tx& tx) { return explain(tx, l.settings, Object::deal, "nobody"); });
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "not_found");
}

TEST(Status, RefusedRowsNeedALook) {
  Loop l;
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  ASSERT_TRUE(l.reconcile());
  l.sink().refused[l.dedup_id("D1")] = "bad_click";
  l.settle();
  const auto tables = l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); });
  EXPECT_THAT(rows_of(tables, "trouble"), Contains(AllOf(HasSubstr("uploads rejected | ads"), HasSubstr("bad_click"),
                                                         HasSubstr("--state rejected"))));
}

TEST(Status, BackfillsAreShownWithHowFarTheyAre) {
  Loop l;
  l.settings.destinations[0].go_live = conformance::kStart + conformance::kDay;
  l.settings.destinations[0].mode = Mode::test;
  l.start();
  l.contact("C1", "click-1");
  l.deal("D1", "C1", "won");
  l.settle();
  const auto look = [&] {
    return rows_of(l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); }), "backfills");
  };
  EXPECT_THAT(look(), testing::IsEmpty());
  const store::StoredBackfill asked{.id = 0,
                                    .goal = "won",
                                    .destination = "ads",
                                    .actor = "someone",
                                    .from = conformance::kStart,
                                    .to = conformance::kStart + conformance::kHour,
                                    .per_hour = 7,
                                    .created_at = l.clock.system_now(),
                                    .mode = Mode::test};
  (void)l.db->transact(store::Durability::ledger,
                       [&](store::Tx& tx) -> Result<std::string> { return reconcile::take_up(tx, l.settings, asked); });
  ASSERT_TRUE(l.reconcile());
  EXPECT_THAT(look(),
              ElementsAre("won | ads | test | 2026-03-01 21:20:00 | 2026-03-01 22:20:00 | someone | 7 | 0 | 1"));
  l.settle();
  EXPECT_THAT(look(), ElementsAre(testing::EndsWith("| 7 | 1 | 0")));
}

TEST(Status, WhoIsLookedUpIsCountedAndExplainSaysWhoWaitsForIt) {
  Loop l;
  l.add_web(Loop::Tells::who_asks);
  l.lookup().is_down = true;
  l.contact("C1", "");
  RecordState& r = l.shown(Object::contact, "C1");
  r.identifiers = {{"client_id", "browser"}};
  r.hashes["email"] = {"hash"};
  r.modified += std::chrono::seconds(1);
  l.show(r);
  l.deal("D1", "C1", "won");
  l.settle();
  const auto look = [&] {
    return rows_of(l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); }), "lookups");
  };
  EXPECT_THAT(look(), ElementsAre(StartsWith("web | 0 | 1 | 0 | 0 | 2026-03-01 21:20:02")));
  EXPECT_THAT(
      rows_of(explained(l, Object::deal, "D1"), "conversions"),
      Contains(AllOf(HasSubstr("history_pending"), HasSubstr("connector web has not answered for 1 identifier"))));
  l.lookup().is_down = false;
  l.pass(conformance::kHour);
  EXPECT_THAT(look(), ElementsAre(StartsWith("web | 0 | 0 | 1 | 0 | - | ")));
  EXPECT_THAT(rows_of(l.read([&](store::Tx& tx) { return status(tx, l.settings, l.clock.system_now()); }), "sources"),
              Not(Contains(HasSubstr("lookup"))));
}

}  // namespace
}  // namespace hw::report
