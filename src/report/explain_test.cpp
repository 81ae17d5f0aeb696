#include "report/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/loop.h"
#include "report/status.h"

namespace hw::report {
namespace {

using conformance::Loop;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

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
                    Not(Contains(testing::StartsWith("consent | ")))));
  EXPECT_THAT(rows_of(tables, "identity"), Contains(HasSubstr("stated by contact C1")));
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
  EXPECT_THAT(rows_of(tables, "trouble"),
              Contains(AllOf(HasSubstr("rows rejected | ads"), HasSubstr("bad_click"), HasSubstr("--state rejected"))));
}

}  // namespace
}  // namespace hw::report
