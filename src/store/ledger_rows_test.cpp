#include "store/ledger_rows.h"

#include <functional>
#include <map>

#include "base/random.h"
#include "store/service_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StoredConversion conversion_of(std::int64_t record, std::string goal, std::int64_t occurrence = 1) {
  StoredConversion out;
  out.dedup_id = "hw-" + goal + std::to_string(record) + "-" + std::to_string(occurrence);
  out.goal = std::move(goal);
  out.lineage = "crm/lead/" + std::to_string(record);
  out.record_id = record;
  out.occurrence = occurrence;
  out.entered_at = at(1);
  out.at = at(2);
  out.created_at = at(3);
  return out;
}

Standing standing_of(std::int64_t conversion, std::string destination, std::string reason, std::int64_t t = 0) {
  Standing out;
  out.conversion_id = conversion;
  out.destination = std::move(destination);
  out.goal = "won";
  out.state = "missing";
  out.reason = std::move(reason);
  out.t_micros = t;
  out.t_currency = "EUR";
  out.changed_at = at(9);
  return out;
}

/// As the accounts do it: one line wanted, one told, each in its own currency, nothing where there is nothing.
std::vector<Contribution> lines_of(const Standing& s) {
  std::vector<Contribution> out;
  if (s.t_micros != 0) out.push_back({s.t_currency, "wanted", s.reason, 1, s.t_micros});
  if (s.b_micros != 0) out.push_back({s.b_currency, "told", s.reason, 0, s.b_micros});
  return out;
}

StoredUpload upload_of(std::int64_t conversion, std::string destination = "ads", int revision = 0) {
  StoredUpload out;
  out.conversion_id = conversion;
  out.destination = std::move(destination);
  out.revision = revision;
  out.value_micros = 5000000;
  out.currency = "EUR";
  out.item = R"({"body":"first"})";
  out.dedup_key = "hw-a";
  out.consent = "granted";
  out.made_at = at(10);
  out.next_at = at(10);
  out.not_before = at(10);
  out.expires_at = at(1000);
  return out;
}

class LedgerTest : public EngineTest {
 protected:
  static std::int64_t conversion(Tx& tx, std::int64_t record, std::string goal = "won") {
    return ledger_rows::add_conversion(tx, conversion_of(record, std::move(goal)));
  }
  static StoredUpload add(Tx& tx, const StoredUpload& u) {
    return *ledger_rows::upload(tx, ledger_rows::add_upload(tx, u, "reconcile"));
  }
  /// Moves and reads back.
  static StoredUpload moved(Tx& tx, StoredUpload u, UploadState to, std::string code = "") {
    const UploadState from = u.state;
    u.state = to;
    u.code = std::move(code);
    ledger_rows::move(tx, u, from, "delivery", at(50));
    return *ledger_rows::upload(tx, u.id);
  }
  static std::vector<std::int64_t> due(Tx& tx, Timestamp now) {
    std::vector<std::int64_t> out;
    for (const StoredUpload& u : ledger_rows::due_uploads(tx, "ads", now, 10)) out.push_back(u.id);
    return out;
  }
};
HW_BOTH_ENGINES(LedgerTest);

TEST_P(LedgerTest, AConversionIsFoundByItsKeyItsRecordAndItsLineage) {
  write([](Tx& tx) {
    StoredConversion told = conversion_of(4, "won", 2);
    told.at_basis = Basis::inferred;
    const auto id = ledger_rows::add_conversion(tx, told);
    conversion(tx, 5);
    const auto c = *ledger_rows::conversion(tx, id);
    EXPECT_EQ(c.goal + c.lineage, "woncrm/lead/4");
    EXPECT_EQ(c.occurrence, 2);
    EXPECT_EQ(c.entered_at, at(1));
    EXPECT_EQ(c.at, at(2));
    EXPECT_EQ(c.created_at, at(3));
    EXPECT_EQ(c.at_basis, Basis::inferred);
    EXPECT_EQ(ledger_rows::conversion_by_dedup(tx, told.dedup_id)->id, id);
    EXPECT_EQ(ledger_rows::conversions_of_record(tx, 4).at(0).id, id);
    EXPECT_EQ(ledger_rows::conversions_of_lineage(tx, "crm/lead/4").at(0).id, id);
    ledger_rows::set_conversion_time(tx, id, at(6), at(7), Basis::observed);
    EXPECT_EQ(ledger_rows::conversion(tx, id)->at, at(7));
    EXPECT_EQ(ledger_rows::conversion(tx, id)->at_basis, Basis::observed);
  });
}

TEST_P(LedgerTest, ADedupIdIsGivenOnce) {
  const Status refused = db_->transact(Durability::ledger, [](Tx& tx) -> Status {
    conversion(tx, 4);
    StoredConversion other = conversion_of(5, "lead");
    other.dedup_id = conversion_of(4, "won").dedup_id;
    ledger_rows::add_conversion(tx, other);
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_constraint");
}

TEST_P(LedgerTest, AStandingComesBackWholeAndIsWrittenOnlyWhenItDiffers) {
  write([](Tx& tx) {
    Standing s = standing_of(conversion(tx, 4), "ads", "waiting", 100);
    s.detail = "until tomorrow";
    s.b_micros = 1;
    s.b_low = 2;
    s.b_high = 3;
    s.crm_micros = 4;
    s.b_currency = "USD";
    s.crm_currency = "BRL";
    s.look_again_at = at(70);
    s.flags = "time_inferred";
    s.story = R"({"click":1})";
    EXPECT_TRUE(ledger_rows::put_standing(tx, s, lines_of));
    EXPECT_EQ(*ledger_rows::standing(tx, s.conversion_id, "ads"), s);
    Standing later = s;
    later.changed_at = at(99);
    EXPECT_FALSE(ledger_rows::put_standing(tx, later, lines_of));
    later.detail = "";
    EXPECT_TRUE(ledger_rows::put_standing(tx, later, lines_of));
    EXPECT_THAT(ledger_rows::standings(tx, s.conversion_id), ElementsAre(later));
  });
}

using Recount = std::map<std::string, std::pair<std::int64_t, std::int64_t>>;

Recount totals_now(Tx& tx) {
  Recount out;
  for (const Total& t : ledger_rows::totals(tx)) {
    out[t.destination + "|" + t.goal + "|" + t.currency + "|" + t.line + "|" + t.reason] = {t.n, t.micros};
  }
  return out;
}

Recount recounted(const std::map<std::pair<std::int64_t, std::string>, Standing>& standings) {
  Recount out;
  for (const auto& [place, s] : standings) {
    for (const Contribution& c : lines_of(s)) {
      auto& [n, micros] = out[s.destination + "|" + s.goal + "|" + c.currency + "|" + c.line + "|" + c.reason];
      n += c.n;
      micros += c.micros;
    }
  }
  for (auto it = out.begin(); it != out.end();)
    it = it->second == std::pair<std::int64_t, std::int64_t>{} ? out.erase(it) : std::next(it);
  return out;
}

TEST_P(LedgerTest, TotalsEqualARecountUnderAnySequenceOfChanges) {
  const std::vector<std::string> reasons{"", "waiting", "consent", "rejected"}, currencies{"EUR", "USD", "JPY"};
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto random = make_seeded_random(seed);
    const auto pick = [&](const std::vector<std::string>& from) { return from[random->below(from.size())]; };
    std::map<std::pair<std::int64_t, std::string>, Standing> model;
    write([&](Tx& tx) {
      tx.exec("DELETE FROM standing");
      tx.exec("DELETE FROM ledger_total");
      for (int i = 0; i < 150; ++i) {
        Standing s =
            standing_of(1 + static_cast<std::int64_t>(random->below(6)), pick({"ads", "analytics"}), pick(reasons));
        s.t_micros = static_cast<std::int64_t>(random->below(3)) * 1000000 - 1000000;
        s.b_micros = static_cast<std::int64_t>(random->below(3)) * 1000000;
        s.t_currency = pick(currencies);
        s.b_currency = pick(currencies);
        ledger_rows::put_standing(tx, s, lines_of);
        model[{s.conversion_id, s.destination}] = s;
        ASSERT_EQ(totals_now(tx), recounted(model)) << "after change " << i;
      }
      for (auto& [place, s] : model) {
        s.t_micros = s.b_micros = 0;
        ledger_rows::put_standing(tx, s, lines_of);
      }
      EXPECT_THAT(ledger_rows::totals(tx), IsEmpty());
    });
  }
}

TEST_P(LedgerTest, StandingsAreDueByTime) {
  write([](Tx& tx) {
    EXPECT_EQ(ledger_rows::next_due_standing(tx), std::nullopt);
    for (const auto& [record, seconds] : std::map<std::int64_t, std::int64_t>{{4, 30}, {5, 20}, {6, 40}}) {
      Standing s = standing_of(conversion(tx, record), "ads", "too_recent");
      s.look_again_at = at(seconds);
      ledger_rows::put_standing(tx, s, lines_of);
    }
    ledger_rows::put_standing(tx, standing_of(conversion(tx, 7), "ads", "waiting"), lines_of);
    EXPECT_EQ(ledger_rows::next_due_standing(tx), at(20));
    std::vector<std::int64_t> records;
    for (const auto& due : ledger_rows::due_standings(tx, at(30), 10)) records.push_back(due.record_id);
    EXPECT_THAT(records, ElementsAre(5, 4));
    EXPECT_THAT(ledger_rows::due_standings(tx, at(99), 1), SizeIs(1));
  });
}

TEST_P(LedgerTest, WhatStandsUnderAReasonIsFoundAndMarked) {
  write([&](Tx& tx) {
    for (const std::int64_t record : {1, 2, 3}) {
      const auto id = ledger_rows::add_conversion(tx, conversion_of(record, "won"));
      ledger_rows::put_standing(tx, standing_of(id, "ads", record == 2 ? "settling" : "braked"), lines_of);
    }
    EXPECT_TRUE(ledger_rows::any_standing(tx, "ads", "braked"));
    EXPECT_FALSE(ledger_rows::any_standing(tx, "ads", "consent"));
    EXPECT_FALSE(ledger_rows::any_standing(tx, "other", "braked"));
    service_rows::mark_dirty(tx, 1, "page");
    ledger_rows::mark_standings(tx, "ads", "braked", "approved");
    const auto marked = service_rows::dirty(tx, 10);
    ASSERT_EQ(marked.size(), 2U);
    EXPECT_EQ(marked[0].record_id, 1);
    EXPECT_EQ(marked[1].record_id, 3);
    EXPECT_EQ(marked[1].cause, "approved");
  });
}

TEST_P(LedgerTest, StandingsAreListedByWholeConversions) {
  write([](Tx& tx) {
    std::vector<std::int64_t> ids;
    for (std::int64_t record = 1; record <= 3; ++record) {
      ids.push_back(conversion(tx, record));
      for (const char* destination : {"ads", "analytics"}) {
        ledger_rows::put_standing(tx, standing_of(ids.back(), destination, record == 2 ? "consent" : "waiting"),
                                  lines_of);
      }
    }
    const auto listed = ledger_rows::list_standings(tx, "", "", "waiting", 0, 1);
    ASSERT_THAT(listed, SizeIs(2));
    EXPECT_EQ(listed[1].standing.destination, "analytics");
    EXPECT_EQ(listed[1].conversion.record_id, 1);
    const auto rest = ledger_rows::list_standings(tx, "ads", "won", "waiting", ids[0], 10);
    ASSERT_THAT(rest, SizeIs(1));
    EXPECT_EQ(rest[0].conversion.id, ids[2]);
    EXPECT_THAT(ledger_rows::list_standings(tx, "", "other", "", 0, 10), IsEmpty());
    EXPECT_THAT(ledger_rows::list_standings(tx, "", "", "", 0, 10), SizeIs(6));
  });
}

TEST_P(LedgerTest, AnUploadComesBackWholeWithItsFirstEvent) {
  write([](Tx& tx) {
    StoredUpload told = upload_of(conversion(tx, 4), "ads", 2);
    told.operation = Operation::restate;
    told.mode = Mode::test;
    told.detail = "d";
    told.request_id = 8;
    const StoredUpload u = add(tx, told);
    EXPECT_EQ(u.revision, 2);
    EXPECT_EQ(u.operation, Operation::restate);
    EXPECT_EQ(u.mode, Mode::test);
    EXPECT_EQ(u.state, UploadState::pending);
    EXPECT_EQ(u.value_micros, 5000000);
    EXPECT_EQ(u.currency + u.item + u.dedup_key + u.consent + u.detail, "EUR" + told.item + "hw-agrantedd");
    EXPECT_EQ(u.made_at, at(10));
    EXPECT_EQ(u.expires_at, at(1000));
    EXPECT_EQ(u.first_attempt_at, std::nullopt);
    const auto events = ledger_rows::events(tx, u.id);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].from_state + ">" + events[0].to_state + " " + events[0].actor, ">pending reconcile");
    EXPECT_EQ(ledger_rows::uploads(tx, u.conversion_id, "ads").at(0).id, u.id);
    EXPECT_THAT(ledger_rows::uploads_of_request(tx, 8), SizeIs(1));
    EXPECT_EQ(ledger_rows::first_of_request(tx, 8)->id, ledger_rows::uploads_of_request(tx, 8).front().id);
    EXPECT_FALSE(ledger_rows::first_of_request(tx, 9));
    StoredUpload again = u;
    again.state = UploadState::in_flight;
    ledger_rows::move(tx, again, UploadState::pending, "delivery", at(11));
    again.state = UploadState::retrying;
    ledger_rows::move(tx, again, UploadState::in_flight, "delivery", at(12));
    EXPECT_TRUE(ledger_rows::any_retrying(tx, "ads", Mode::test));
    EXPECT_FALSE(ledger_rows::any_retrying(tx, "ads", Mode::live)) << "waits until the destination has its mode back";
  });
}

TEST_P(LedgerTest, EveryChangeOfStateOrCodeLeavesAnEvent) {
  write([](Tx& tx) {
    StoredUpload u = add(tx, upload_of(conversion(tx, 4)));
    u.first_attempt_at = u.last_attempt_at = at(20);
    u.attempts = 1;
    u = moved(tx, u, UploadState::in_flight);
    EXPECT_THAT(ledger_rows::in_flight(tx, "ads"), SizeIs(1));
    u = moved(tx, u, UploadState::retrying, "http_429");
    u = moved(tx, u, UploadState::retrying, "http_429");
    u = moved(tx, u, UploadState::retrying, "http_503");
    u = moved(tx, u, UploadState::in_flight);
    u.received_at = at(30);
    u.processed_at = at(31);
    u = moved(tx, u, UploadState::processed);
    EXPECT_EQ(u.received_at, at(30));
    EXPECT_EQ(u.processed_at, at(31));
    EXPECT_EQ(u.attempts, 1);
    std::vector<std::string> story;
    for (const UploadEvent& e : ledger_rows::events(tx, u.id))
      story.push_back(e.from_state + ">" + e.to_state + " " + e.code);
    EXPECT_THAT(story, ElementsAre(">pending ", "pending>in_flight ", "in_flight>retrying http_429",
                                   "retrying>retrying http_503", "retrying>in_flight ", "in_flight>processed "));
    EXPECT_EQ(ledger_rows::events(tx, u.id)[1].at, at(50));
  });
}

TEST_P(LedgerTest, EveryTransitionThatMayBeMadeLeavesItsEvent) {
  using S = UploadState;
  int made = 0;
  for (const S from :
       {S::pending, S::in_flight, S::retrying, S::received, S::processed, S::rejected, S::uncertain, S::superseded})
    for (const S to :
         {S::pending, S::in_flight, S::retrying, S::received, S::processed, S::rejected, S::uncertain, S::superseded}) {
      if (!may_follow(from, to)) continue;
      ++made;
      write([&](Tx& tx) {
        StoredUpload u = upload_of(conversion(tx, 100 + made));
        u.state = from;
        u = moved(tx, add(tx, u), to, "why");
        const auto events = ledger_rows::events(tx, u.id);
        ASSERT_THAT(events, SizeIs(2)) << to_string(from) << " -> " << to_string(to);
        EXPECT_EQ(events[1].from_state + ">" + events[1].to_state + " " + events[1].code + " " + events[1].actor,
                  std::string(to_string(from)) + ">" + to_string(to) + " why delivery");
      });
    }
  EXPECT_EQ(made, 20);
}

TEST_P(LedgerTest, TheAuditTrailCanOnlyGrow) {
  write([](Tx& tx) { moved(tx, add(tx, upload_of(conversion(tx, 4))), UploadState::in_flight); });
  for (const char* sql :
       {"UPDATE upload_event SET actor = 'nobody'", "UPDATE upload_event SET code = code WHERE id = 1",
        "DELETE FROM upload_event", "DELETE FROM upload_event WHERE id = 1"}) {
    const Status refused = db_->transact(Durability::ledger, [&](Tx& tx) -> Status {
      tx.exec(sql);
      return {};
    });
    ASSERT_FALSE(refused) << sql;
    EXPECT_EQ(refused.error().code, "store_constraint") << sql;
    EXPECT_THAT(refused.error().detail, testing::HasSubstr("upload_event is append-only")) << sql;
  }
  write([](Tx& tx) { EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM upload_event WHERE actor <> 'nobody'"), 2); });
}

/// Everything that a row of the ledger holds.
std::string all_of(const StoredUpload& u) {
  std::string out = u.destination + "|" + to_string(u.state) + "|" + u.code + "|" + u.detail + "|" + u.item + "|" +
                    u.dedup_key + "|" + u.currency + "|" + u.consent + "|" + u.account + "|" + u.action;
  for (const auto& n : {std::optional(u.id), std::optional(u.conversion_id), u.value_micros, u.request_id})
    out += "|" + (n ? std::to_string(*n) : "-");
  for (const auto& t : {std::optional(u.made_at), std::optional(u.not_before), std::optional(u.expires_at),
                        std::optional(u.next_at), u.first_attempt_at, u.last_attempt_at, u.received_at, u.processed_at})
    out += "|" + (t ? std::to_string(to_micros(*t)) : "-");
  return out + "|" + std::to_string(u.attempts);
}

TEST_P(LedgerTest, TheTrailOfAStoreOfTheFirstVersionIsKeptAndClosed) {
  std::string before;
  const auto dead_letters = [](Tx& tx) {
    std::string out;
    ledger_rows::UploadFilter rejected;
    rejected.state = "rejected";
    for (const StoredUpload& u : ledger_rows::list_uploads(tx, rejected)) {
      out += all_of(u) + "\n";
      for (const UploadEvent& e : ledger_rows::events(tx, u.id))
        out += e.from_state + ">" + e.to_state + " " + e.code + " " + e.detail + " " + e.actor + " " +
               std::to_string(to_micros(e.at)) + "\n";
    }
    return out;
  };
  write([&](Tx& tx) {
    add(tx, upload_of(conversion(tx, 4)));
    StoredUpload u = add(tx, upload_of(conversion(tx, 5)));
    u.first_attempt_at = u.last_attempt_at = at(40);
    u = moved(tx, u, UploadState::in_flight);
    u.attempts = 1;
    u = moved(tx, u, UploadState::retrying, "http_503");
    u.last_attempt_at = at(60);
    u = moved(tx, u, UploadState::in_flight);
    u.detail = "the platform's own message";
    u = moved(tx, u, UploadState::rejected, "bad_amount");
    before = dead_letters(tx);
    EXPECT_THAT(before, testing::HasSubstr("|rejected|bad_amount|the platform's own message|"));
    for (const char* sql : {"DROP TRIGGER upload_event_no_update", "DROP TRIGGER upload_event_no_delete"})
      if (is_sqlite()) tx.exec(sql);
    if (!is_sqlite()) tx.exec("DROP FUNCTION refuse_change CASCADE");
    tx.exec("ALTER TABLE pause DROP COLUMN retrying");
    tx.exec("DROP INDEX source_field_by_state");
    service_rows::set_meta(tx, "schema_version", "1");
  });
  db_.reset();
  db_ = open(options_);
  const Status refused = db_->transact(Durability::ledger, [&](Tx& tx) -> Status {
    EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM upload_event"), 6);
    EXPECT_EQ(dead_letters(tx), before);
    tx.exec("DELETE FROM upload_event");
    return {};
  });
  EXPECT_FALSE(refused);
}

TEST_P(LedgerTest, RowsThatAPausePutOffAreLetGo) {
  write([](Tx& tx) {
    StoredUpload put_off = upload_of(conversion(tx, 4));
    put_off.next_at = at(9000);
    put_off = add(tx, put_off);
    StoredUpload not_yet = upload_of(conversion(tx, 5));
    not_yet.not_before = at(300);
    not_yet = add(tx, not_yet);
    StoredUpload wished = add(tx, upload_of(conversion(tx, 6)));
    wished = moved(tx, wished, UploadState::in_flight);
    wished.next_at = at(8000);
    wished = moved(tx, wished, UploadState::retrying);
    StoredUpload soon = moved(tx, add(tx, upload_of(conversion(tx, 7))), UploadState::in_flight);
    soon.next_at = at(200);
    soon = moved(tx, soon, UploadState::retrying);
    ledger_rows::let_go(tx, "other", at(100), at(3700));
    EXPECT_THAT(due(tx, at(100)), IsEmpty());
    ledger_rows::let_go(tx, "ads", at(100), at(3700));
    EXPECT_THAT(due(tx, at(100)), testing::UnorderedElementsAre(put_off.id, soon.id));
    EXPECT_THAT(due(tx, at(300)), testing::UnorderedElementsAre(put_off.id, soon.id, not_yet.id));
    EXPECT_EQ(ledger_rows::upload(tx, wished.id)->next_at, at(8000)) << "as the platform wished";
  });
}

TEST_P(LedgerTest, AMoveFromAnotherStateThanTheStoredOneIsRefused) {
  const Status refused = db_->transact(Durability::ledger, [](Tx& tx) -> Status {
    StoredUpload u = add(tx, upload_of(conversion(tx, 4)));
    u.state = UploadState::received;
    ledger_rows::move(tx, u, UploadState::in_flight, "delivery", at(50));
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_constraint");
}

TEST_P(LedgerTest, AMoveThatNoUploadMayMakeIsRefused) {
  const Status refused = db_->transact(Durability::ledger, [](Tx& tx) -> Status {
    StoredUpload u = add(tx, upload_of(conversion(tx, 4)));
    u.state = UploadState::received;
    ledger_rows::move(tx, u, UploadState::pending, "delivery", at(50));
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_constraint");
  EXPECT_THAT(refused.error().detail, testing::HasSubstr("is pending and cannot become received"));
}

TEST_P(LedgerTest, WhatIsSentIsFrozenWithTheFirstAttempt) {
  write([](Tx& tx) {
    StoredUpload u = add(tx, upload_of(conversion(tx, 4)));
    StoredUpload second = u;
    second.item = "second";
    second.value_micros = 6000000;
    second.currency = "USD";
    second.consent = "denied";
    second.account = "other account";
    second.not_before = at(40);
    second.expires_at = at(900);
    ledger_rows::replace_unsent(tx, u.id, second);
    u = *ledger_rows::upload(tx, u.id);
    EXPECT_EQ(u.item + u.currency + u.consent + u.account, "secondUSDdeniedother account");
    EXPECT_EQ(u.next_at, at(40));
    u.item = "third";
    u.first_attempt_at = at(41);
    u = moved(tx, u, UploadState::in_flight);
    EXPECT_EQ(u.item, "second") << "a move changes nothing of what a row says";
    u.item = "fourth";
    u.value_micros = 1;
    u.currency = "JPY";
    u.dedup_key = "other";
    u.first_attempt_at = at(60);
    u = moved(tx, u, UploadState::retrying);
    EXPECT_EQ(u.item + u.currency + u.dedup_key, "secondUSDhw-a");
    EXPECT_EQ(u.value_micros, 6000000);
    EXPECT_EQ(u.first_attempt_at, at(41));
  });
  const Status refused = db_->transact(Durability::ledger, [](Tx& tx) -> Status {
    const auto id = *tx.one_integer("SELECT id FROM upload");
    ledger_rows::replace_unsent(tx, id, *ledger_rows::upload(tx, id));
    return {};
  });
  EXPECT_EQ(refused.error().code, "store_constraint");
}

TEST_P(LedgerTest, UploadsAreDueByTimeInTheTwoStatesThatWait) {
  write([](Tx& tx) {
    EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), std::nullopt);
    StoredUpload late = upload_of(conversion(tx, 4));
    late.next_at = at(30);
    StoredUpload held = upload_of(conversion(tx, 5));
    held.not_before = at(40);  // a minimum wait holds whatever next_at says
    const auto first = add(tx, upload_of(conversion(tx, 6))).id;
    const auto second = add(tx, late).id, third = add(tx, held).id;
    add(tx, upload_of(conversion(tx, 7), "analytics"));
    moved(tx, add(tx, upload_of(conversion(tx, 8))), UploadState::superseded);
    EXPECT_THAT(due(tx, at(9)), IsEmpty());
    EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), at(10));
    EXPECT_THAT(due(tx, at(30)), ElementsAre(first, second));
    EXPECT_THAT(due(tx, at(40)), ElementsAre(first, second, third));
    EXPECT_THAT(ledger_rows::due_uploads(tx, "ads", at(40), 1), SizeIs(1));
    moved(tx, moved(tx, *ledger_rows::upload(tx, first), UploadState::in_flight), UploadState::retrying, "http_429");
    moved(tx, *ledger_rows::upload(tx, second), UploadState::in_flight);
    EXPECT_THAT(due(tx, at(30)), ElementsAre(first));
  });
}

TEST_P(LedgerTest, AnUploadWaitsWhileItsSubjectIsMarked) {
  write([](Tx& tx) {
    const auto marked = add(tx, upload_of(conversion(tx, 4))).id, free = add(tx, upload_of(conversion(tx, 5))).id;
    service_rows::mark_dirty(tx, 4, "page");
    EXPECT_THAT(due(tx, at(99)), ElementsAre(free));
    service_rows::mark_dirty(tx, 5, "page");
    EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), std::nullopt);
    for (const Dirty& d : service_rows::dirty(tx, 10)) service_rows::clear_dirty(tx, d.record_id, d.seq);
    EXPECT_THAT(due(tx, at(99)), ElementsAre(marked, free));
  });
}

TEST_P(LedgerTest, UploadsAreListedByEachFilterAloneAndCountedByState) {
  write([](Tx& tx) {
    StoredUpload a = add(tx, upload_of(conversion(tx, 4)));  // made at 10, tried at 70
    a.first_attempt_at = a.last_attempt_at = at(70);
    a = moved(tx, a, UploadState::in_flight);
    StoredUpload b = upload_of(conversion(tx, 5, "lead"));
    b.made_at = at(20);
    b.code = "odd";
    b = add(tx, b);
    StoredUpload c = upload_of(conversion(tx, 6), "analytics");
    c.made_at = at(30);
    c = add(tx, c);
    ledger_rows::put_standing(tx, standing_of(a.conversion_id, "ads", "consent"), lines_of);
    ledger_rows::put_standing(tx, standing_of(b.conversion_id, "analytics", "expired"), lines_of);
    const auto listed = [&](const std::function<void(ledger_rows::UploadFilter&)>& set) {
      ledger_rows::UploadFilter filter;
      set(filter);
      std::string out;
      for (const StoredUpload& u : ledger_rows::list_uploads(tx, filter))
        out += u.id == a.id ? "a" : u.id == b.id ? "b" : u.id == c.id ? "c" : "?";
      return out;
    };
    EXPECT_EQ(listed([](auto&) {}), "abc");
    EXPECT_EQ(listed([](auto& f) { f.destination = "ads"; }), "ab");
    EXPECT_EQ(listed([](auto& f) { f.destination = "analytics"; }), "c");
    EXPECT_EQ(listed([](auto& f) { f.state = "in_flight"; }), "a");
    EXPECT_EQ(listed([](auto& f) { f.state = "pending"; }), "bc");
    EXPECT_EQ(listed([](auto& f) { f.code = "odd"; }), "b");
    EXPECT_EQ(listed([](auto& f) { f.code = "consent"; }), "") << "a standing's reason is no code";
    EXPECT_EQ(listed([](auto& f) { f.reason = "odd"; }), "b") << "a row's code";
    EXPECT_EQ(listed([](auto& f) { f.reason = "consent"; }), "a") << "a standing's reason";
    EXPECT_EQ(listed([](auto& f) { f.reason = "expired"; }), "") << "that is of another destination";
    EXPECT_EQ(listed([](auto& f) { f.goal = "won"; }), "ac");
    EXPECT_EQ(listed([](auto& f) { f.goal = "lead"; }), "b");
    EXPECT_EQ(listed([](auto& f) { f.made_after = at(20); }), "bc");
    EXPECT_EQ(listed([](auto& f) { f.made_before = at(20); }), "a");
    EXPECT_EQ(listed([](auto& f) { f.tried_after = at(30); }), "ac") << "never tried: when it was made";
    EXPECT_EQ(listed([](auto& f) { f.tried_before = at(30); }), "b");
    EXPECT_EQ(listed([&](auto& f) { f.after_id = a.id; }), "bc");
    EXPECT_EQ(listed([](auto& f) { f.limit = 2; }), "ab");
    std::vector<std::string> states;
    for (const auto& s : ledger_rows::upload_states(tx))
      states.push_back(s.destination + " " + s.state + " " + s.code + " " + std::to_string(s.n));
    EXPECT_THAT(states, ElementsAre("ads in_flight  1", "ads pending odd 1", "analytics pending  1"));
  });
}

TEST_P(LedgerTest, RefusalsAreCountedByThePlatformsOwnWord) {
  write([](Tx& tx) {
    const auto refused = [&](const char* key, const char* detail, const char* code = "unattributed") {
      StoredUpload u = upload_of(conversion(tx, 1, key));
      u.detail = detail;
      moved(tx, moved(tx, add(tx, u), UploadState::in_flight), UploadState::rejected, code);
    };
    refused("a", "CLICK_NOT_FOUND: event 1");
    refused("b", "CLICK_NOT_FOUND: event 2");
    refused("c", "INVALID_CLICK");
    refused("d", "CLICK_NOT_FOUND: event 3", "not_allowed");
    std::vector<std::string> seen;
    for (const auto& c : ledger_rows::upload_details(tx, "rejected", "unattributed"))
      seen.push_back(c.destination + " " + c.code + " " + std::to_string(c.n));
    EXPECT_THAT(seen, ElementsAre("ads CLICK_NOT_FOUND 2", "ads INVALID_CLICK 1"));
  });
}

TEST_P(LedgerTest, RequestsArePolledWhenDue) {
  write([](Tx& tx) {
    StoredRequest r;
    r.destination = "ads";
    r.receipt = "req-1";
    r.row_count = 3;
    r.sent_at = at(1);
    r.next_poll_at = at(30);
    r.id = ledger_rows::add_request(tx, r);
    EXPECT_EQ(ledger_rows::next_poll(tx, "ads"), at(30));
    EXPECT_EQ(ledger_rows::next_poll(tx, "other"), std::nullopt);
    EXPECT_THAT(ledger_rows::due_requests(tx, "ads", at(29), 10), IsEmpty());
    EXPECT_EQ(ledger_rows::due_requests(tx, "ads", at(30), 10).at(0).receipt, "req-1");
    r.next_poll_at = std::nullopt;
    r.polls = 2;
    r.verdict = "final";
    ledger_rows::update_request(tx, r);
    const auto stored = *ledger_rows::request(tx, r.id);
    EXPECT_EQ(stored.polls, 2);
    EXPECT_EQ(stored.verdict, "final");
    EXPECT_EQ(stored.row_count, 3);
    EXPECT_EQ(ledger_rows::next_poll(tx, "ads"), std::nullopt);
  });
}

TEST_P(LedgerTest, TheChosenClickIsKeptForEachLineageAndDestination) {
  write([](Tx& tx) {
    const Click click{.type = "gclid", .value = "x", .at = at(1), .at_basis = Basis::inferred, .after_first = false};
    ledger_rows::choose_click(tx, "crm/lead/1", "ads", click, at(2));
    EXPECT_EQ(ledger_rows::chosen_click(tx, "crm/lead/1", "ads"), click);
    EXPECT_EQ(ledger_rows::chosen_click(tx, "crm/lead/1", "other"), std::nullopt);
  });
}

TEST_P(LedgerTest, LoweringsCountEachConversionOnce) {
  write([](Tx& tx) {
    ledger_rows::add_lowering(tx, "ads", at(1), 4, 10, "EUR");
    ledger_rows::add_lowering(tx, "ads", at(5), 5, 20, "EUR");
    ledger_rows::add_lowering(tx, "ads", at(6), 5, 30, "EUR");
    ledger_rows::add_lowering(tx, "ads", at(6), 7, 5, "USD");
    ledger_rows::add_lowering(tx, "other", at(6), 6, 40, "EUR");
    const auto since = ledger_rows::lowerings_since(tx, "ads", at(5));
    ASSERT_EQ(since.size(), 2U);
    EXPECT_EQ(since[0].n, 1);
    EXPECT_EQ(since[0].micros, 50);
    EXPECT_EQ(since[1].currency, "USD");
    EXPECT_TRUE(ledger_rows::lowerings_since(tx, "ads", at(99)).empty());
  });
}

TEST_P(LedgerTest, ABrakeIsOneUntilItIsReleased) {
  write([](Tx& tx) {
    const auto id = ledger_rows::set_brake(tx, "ads", at(1));
    EXPECT_EQ(ledger_rows::set_brake(tx, "ads", at(2)), id);
    EXPECT_FALSE(ledger_rows::open_brake(tx, "other"));
    ledger_rows::approve_brake(tx, id, "ann", at(3));
    ledger_rows::approve_brake(tx, id, "bob", at(4));
    EXPECT_EQ(ledger_rows::open_brake(tx, "ads")->approved_by, "ann");
    EXPECT_EQ(ledger_rows::open_brake(tx, "ads")->approved_at, at(3));
    ledger_rows::release_brake(tx, id, at(5));
    EXPECT_FALSE(ledger_rows::open_brake(tx, "ads"));
    EXPECT_NE(ledger_rows::set_brake(tx, "ads", at(6)), id);
    EXPECT_EQ(ledger_rows::brakes(tx).at(0).released_at, at(5));
  });
}

TEST_P(LedgerTest, GoLiveIsKept) {
  write([](Tx& tx) {
    EXPECT_EQ(ledger_rows::go_live(tx, "goal", "won"), std::nullopt);
    ledger_rows::set_go_live(tx, "goal", "won", at(1));
    ledger_rows::set_go_live(tx, "goal", "won", at(2));
    ledger_rows::set_go_live(tx, "destination", "won", at(3));
    EXPECT_EQ(ledger_rows::go_live(tx, "goal", "won"), at(2));
  });
}

/// Settled, waiting and marked rows as a store of `rows` conversions holds them, made by the engine itself.
void fill(Tx& tx, std::int64_t rows) {
  static const std::string numbers =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS BIGINT)) ";
  tx.exec(
      "INSERT INTO conversion(id, dedup_id, goal, record_id, lineage, occurrence, entered_at, at, at_basis, "
      "created_at) " +
          numbers + "SELECT i, 'hw-' || CAST(i AS TEXT), 'won', i, 'l', 1, i, i, 'observed', i FROM n",
      {val(rows)});
  const std::string uploads =
      "INSERT INTO upload(conversion_id, destination, revision, operation, mode, state, code, detail, currency, item, "
      "dedup_key, made_at, not_before, expires_at, next_at, attempts, consent, account, action, click_type, "
      "click_value) " +
      numbers;
  tx.exec(uploads +
              "SELECT i, 'ads', 0, 'upload', 'live', 'processed', '', '', 'EUR', '{}', '', i, i, i, i, 1, '', '', '', "
              "'', '' FROM n",
          {val(rows)});
  tx.exec(uploads +
              "SELECT i, 'ads', 1, 'restate', 'live', 'pending', '', '', 'EUR', '{}', '', i, i + 5000000, i + 9000000, "
              "i + 5000000, 0, '', '', '', '', '' FROM n",
          {val(rows)});
  tx.exec(
      "INSERT INTO standing(conversion_id, destination, goal, state, reason, detail, t_micros, t_currency, b_micros, "
      "b_currency, b_low, b_high, crm_micros, crm_currency, changed_at, look_again_at, flags, story, range_currency) " +
          numbers +
          "SELECT i, 'ads', 'won', 'taken', '', '', 1, 'EUR', 1, 'EUR', 1, 1, 1, 'EUR', i, i + 5000000, '', '', '' "
          "FROM n",
      {val(rows)});
  tx.exec("INSERT INTO request(destination, receipt, row_count, sent_at, next_poll_at, polls, verdict) " + numbers +
              "SELECT 'ads', 'r', 1, i, i + 5000000, 0, '' FROM n",
          {val(rows)});
}

std::int64_t steps_of_an_idle_pass(Tx& tx) {
  const Timestamp now = from_micros(1000000);
  const std::int64_t before = tx.steps;
  EXPECT_THAT(ledger_rows::due_uploads(tx, "ads", now, 100), IsEmpty());
  EXPECT_EQ(ledger_rows::next_due_upload(tx, "ads", at(1'000'000)), from_micros(5000001));
  EXPECT_THAT(ledger_rows::in_flight(tx, "ads"), IsEmpty());
  EXPECT_THAT(ledger_rows::due_standings(tx, now, 100), IsEmpty());
  EXPECT_EQ(ledger_rows::next_due_standing(tx), from_micros(5000001));
  EXPECT_THAT(ledger_rows::due_requests(tx, "ads", now, 100), IsEmpty());
  EXPECT_EQ(ledger_rows::next_poll(tx, "ads"), from_micros(5000001));
  EXPECT_THAT(service_rows::dirty(tx, 100), IsEmpty());
  EXPECT_THAT(service_rows::open_commands(tx), IsEmpty());
  EXPECT_FALSE(ledger_rows::any_retrying(tx, "ads", Mode::live));
  EXPECT_FALSE(ledger_rows::any_standing(tx, "ads", "braked"));
  return tx.steps - before;
}

TEST_P(LedgerTest, APassWithNothingChangedTakesTheSameStepsAtEverySize) {
  const auto steps_at = [&](std::int64_t rows) {
    write([&](Tx& tx) {
      for (const char* table : {"conversion", "upload", "standing", "request"})
        tx.exec(std::string("DELETE FROM ") + table);
      fill(tx, rows);
    });
    return write(steps_of_an_idle_pass);
  };
  const std::int64_t small = steps_at(1000);
  EXPECT_EQ(steps_at(20000), small);
  EXPECT_GE(small, 9);
}

}  // namespace
}  // namespace hw::store
