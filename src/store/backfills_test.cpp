#include "store/backfills.h"

#include <gmock/gmock.h>

#include "store/ledger_rows.h"
#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kHourSeconds = 3600;

class Backfills : public EngineTest {
 protected:
  std::int64_t conversion(Tx& tx, std::int64_t record, Timestamp entered) {
    StoredConversion c;
    c.dedup_id = "hw-" + std::to_string(record);
    c.goal = "won";
    c.lineage = c.dedup_id;
    c.record_id = record;
    c.entered_at = c.at = c.created_at = entered;
    return ledger_rows::add_conversion(tx, c);
  }
  std::int64_t row(Tx& tx, std::int64_t record, bool backfill, Timestamp next) {
    StoredUpload u;
    u.conversion_id = conversion(tx, record, at(0));
    u.destination = "ads";
    u.made_at = at(0);
    u.next_at = next;
    u.expires_at = at(1'000'000);
    u.backfill = backfill;
    return ledger_rows::add_upload(tx, u, "test");
  }
  void claim(Tx& tx, std::int64_t id, Timestamp now) {
    auto u = *ledger_rows::upload(tx, id);
    u.state = UploadState::in_flight;
    u.first_attempt_at = u.last_attempt_at = now;
    ledger_rows::move(tx, u, UploadState::pending, "test", now);
  }
  void ask(Tx& tx, std::int64_t per_hour) {
    backfills::add(tx, {.id = 0,
                        .goal = "won",
                        .destination = "ads",
                        .actor = "someone",
                        .from = at(-1000),
                        .to = at(1000),
                        .per_hour = per_hour,
                        .created_at = at(per_hour)});
  }
};
HW_BOTH_ENGINES(Backfills);

std::vector<std::int64_t> ids(const std::vector<StoredUpload>& rows) {
  std::vector<std::int64_t> out;
  for (const auto& u : rows) out.push_back(u.id);
  return out;
}

TEST_P(Backfills, HistoryIsDueOnlyWhenNothingElseIs) {
  write([&](Tx& tx) {
    ask(tx, 10);
    const auto old = row(tx, 1, true, at(0)), live = row(tx, 2, false, at(5));
    EXPECT_THAT(ids(ledger_rows::due_uploads(tx, "ads", at(10), 100)), ElementsAre(live));
    claim(tx, live, at(10));
    EXPECT_THAT(ids(ledger_rows::due_uploads(tx, "ads", at(10), 100)), ElementsAre(old));
  });
}

TEST_P(Backfills, HistoryGoesNoFasterThanAskedFor) {
  write([&](Tx& tx) {
    ask(tx, 2);
    const auto a = row(tx, 1, true, at(0)), b = row(tx, 2, true, at(1)), c = row(tx, 3, true, at(2));
    EXPECT_THAT(ids(ledger_rows::due_uploads(tx, "ads", at(10), 100)), ElementsAre(a, b));
    EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), at(0));
    claim(tx, a, at(10));
    claim(tx, b, at(20));
    EXPECT_THAT(ledger_rows::due_uploads(tx, "ads", at(30), 100), testing::IsEmpty());
    EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), at(10 + kHourSeconds));
    EXPECT_THAT(ids(ledger_rows::due_uploads(tx, "ads", at(10 + kHourSeconds), 100)), ElementsAre(c));
  });
}

TEST_P(Backfills, AskingAgainChangesTheRateAlone) {
  write([&](Tx& tx) {
    ask(tx, 2);
    ask(tx, 7);
    const auto known = backfills::list(tx);
    ASSERT_EQ(known.size(), 1U);
    EXPECT_EQ(known[0].per_hour, 7);
    EXPECT_EQ(backfills::room(tx, "ads", at(0)), 7);
  });
}

TEST_P(Backfills, EachModeIsAskedForByItself) {
  write([&](Tx& tx) {
    ask(tx, 2);
    auto tried = backfills::list(tx).at(0);
    tried.mode = Mode::test;
    backfills::add(tx, tried);
    const auto known = backfills::list(tx);
    ASSERT_EQ(known.size(), 2U);
    EXPECT_EQ(known[0].mode, Mode::live);
    EXPECT_EQ(known[1].mode, Mode::test);
  });
}

TEST_P(Backfills, SaysHowFarItIs) {
  write([&](Tx& tx) {
    ask(tx, 2);
    auto tried = backfills::list(tx).at(0);
    const auto first = row(tx, 1, true, at(0));
    row(tx, 2, true, at(0));
    row(tx, 3, false, at(0));
    claim(tx, first, at(1));
    EXPECT_EQ(backfills::progress(tx, tried).done, 1);
    EXPECT_EQ(backfills::progress(tx, tried).left, 1);
    tried.mode = Mode::test;
    EXPECT_EQ(backfills::progress(tx, tried).done + backfills::progress(tx, tried).left, 0);
  });
}

TEST_P(Backfills, OneThatWasStoppedIsForgottenAndWhatIsUnderWayGoesOn) {
  write([&](Tx& tx) {
    ask(tx, 2);
    const auto under_way = row(tx, 1, true, at(0));
    EXPECT_EQ(backfills::remove(tx, "won", "others").size(), 0U);
    EXPECT_EQ(backfills::remove(tx, "won", "ads").size(), 1U);
    EXPECT_THAT(backfills::list(tx), testing::IsEmpty());
    EXPECT_THAT(ids(ledger_rows::due_uploads(tx, "ads", at(10), 100)), ElementsAre(under_way));
  });
}

TEST_P(Backfills, MarksTheRecordsOfItsSpan) {
  write([&](Tx& tx) {
    conversion(tx, 1, at(0));
    conversion(tx, 2, at(99));
    conversion(tx, 3, at(100));
    service_rows::mark_dirty(tx, 2, "change");
    EXPECT_EQ(backfills::mark(tx, "won", at(0), at(100), "backfill"), 2);
    EXPECT_TRUE(service_rows::dirty_of(tx, 1));
    EXPECT_EQ(service_rows::dirty_of(tx, 2)->cause, "backfill");
    EXPECT_FALSE(service_rows::dirty_of(tx, 3));
  });
}

}  // namespace
}  // namespace hw::store
