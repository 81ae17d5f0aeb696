#include "store/service_rows.h"

#include <algorithm>
#include <map>

#include "store/identities.h"
#include "store/ledger_rows.h"
#include "store/records.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ServiceRowsTest : public EngineTest {
 protected:
  static std::int64_t live(Tx& tx, const RecordRef& ref, const std::optional<RecordRef>& converted_from = {}) {
    RecordState state;
    state.ref = ref;
    state.converted_from = converted_from;
    return records::upsert(tx, state, "c", {}, at(1)).id;
  }
  static std::vector<std::string> marked(Tx& tx) {
    std::vector<std::string> out;
    for (const Dirty& d : service_rows::dirty(tx, 100)) {
      const RecordRef ref = records::get(tx, d.record_id)->ref;
      out.push_back(to_string(ref.object) + std::string(" ") + ref.id);
    }
    return out;
  }
  static void tie(Tx& tx, const RecordRef& from, const RecordRef& to) {
    records::set_associations(
        tx, live(tx, from),
        {.from = from, .to_object = to.object, .to = {{to.id, "", true}}, .complete = false, .at = {}}, "c", at(1));
  }
};
HW_BOTH_ENGINES(ServiceRowsTest);

TEST_P(ServiceRowsTest, EachStreamHasItsCursor) {
  write([](Tx& tx) {
    EXPECT_FALSE(service_rows::cursor(tx, "crm", "records", "deals"));
    StoredCursor c{"crm", "records", "deals", "page 1", std::nullopt, at(7), at(5)};
    service_rows::put_cursor(tx, c);
    c.text = "page 2";
    c.swept_at = at(8);
    c.again_at = std::nullopt;
    service_rows::put_cursor(tx, c);
    service_rows::put_cursor(tx, {"crm", "touches", "deals", "x", std::nullopt, std::nullopt, at(5)});
    const auto stored = *service_rows::cursor(tx, "crm", "records", "deals");
    EXPECT_EQ(stored.text, "page 2");
    EXPECT_EQ(stored.swept_at, at(8));
    EXPECT_EQ(stored.again_at, std::nullopt);
    EXPECT_EQ(stored.updated_at, at(5));
    EXPECT_THAT(service_rows::cursors(tx), SizeIs(2));
  });
}

TEST_P(ServiceRowsTest, SweepsOfOneRoleAreForgottenAndThoseOfOthersStay) {
  write([](Tx& tx) {
    for (const char* role : {"records", "touches"}) {
      service_rows::put_cursor(tx, {"crm", role, "deals", "7", at(3), std::nullopt, at(5)});
      service_rows::note_swept(tx, "crm", role, at(3));
    }
    service_rows::forget_sweeps(tx, "records");
    EXPECT_EQ(service_rows::cursor(tx, "crm", "records", "deals")->swept_at, std::nullopt);
    EXPECT_FALSE(service_rows::is_swept(tx, "crm", "records"));
    EXPECT_EQ(service_rows::cursor(tx, "crm", "records", "deals")->text, "7");
    EXPECT_EQ(service_rows::cursor(tx, "crm", "touches", "deals")->swept_at, at(3));
    EXPECT_TRUE(service_rows::is_swept(tx, "crm", "touches"));
  });
}

TEST_P(ServiceRowsTest, ARejectedRowIsKeptOnceAndItsRepeatsCounted) {
  write([](Tx& tx) {
    service_rows::reject_row(tx, {"csv", "records", "leads.csv", "leads.csv:17", "time", "no date", at(1), at(1), 0});
    service_rows::reject_row(
        tx, {"csv", "records", "leads.csv", "leads.csv:17", "time", "no date at all", at(2), at(2), 0});
    service_rows::reject_row(tx, {"csv", "records", "leads.csv", "leads.csv:18", "time", "no date", at(1), at(1), 0});
    EXPECT_EQ(service_rows::count_rejections(tx), 2);
    const auto newest = service_rows::rejections(tx, 1);
    ASSERT_THAT(newest, SizeIs(1));
    EXPECT_EQ(newest[0].place + newest[0].detail, "leads.csv:17no date at all");
    EXPECT_EQ(newest[0].times, 2);
    EXPECT_EQ(newest[0].first_at, at(1));
    EXPECT_EQ(newest[0].last_at, at(2));
  });
}

TEST_P(ServiceRowsTest, AMarkThatComesAgainMovesToTheEndAndOnlyTheSeqReadIsCleared) {
  write([](Tx& tx) {
    const auto a = live(tx, deal("a")), b = live(tx, deal("b"));
    service_rows::mark_dirty(tx, a, "page");
    service_rows::mark_dirty(tx, b, "page");
    const Dirty read = service_rows::dirty(tx, 1).at(0);
    EXPECT_EQ(read.record_id, a);
    service_rows::mark_dirty(tx, a, "again");
    EXPECT_THAT(marked(tx), ElementsAre("deal b", "deal a"));
    service_rows::clear_dirty(tx, a, read.seq);
    EXPECT_EQ(service_rows::count_dirty(tx), 2);
    const Dirty last = service_rows::dirty(tx, 2).at(1);
    EXPECT_EQ(last.cause, "again");
    service_rows::clear_dirty(tx, a, last.seq);
    EXPECT_THAT(marked(tx), ElementsAre("deal b"));
  });
}

TEST_P(ServiceRowsTest, AllOfAKindAreMarkedBehindWhatWaits) {
  write([](Tx& tx) {
    live(tx, deal("a"));
    const auto b = live(tx, deal("b"));
    live(tx, contact("c"));
    const auto d = live(tx, contact("d"));
    service_rows::mark_dirty(tx, b, "page");
    service_rows::mark_dirty(tx, d, "page");
    service_rows::mark_all(tx, "deal", "config");
    EXPECT_THAT(marked(tx), ElementsAre("contact d", "deal a", "deal b"));
    EXPECT_EQ(service_rows::dirty(tx, 10).back().cause, "config");
  });
}

TEST_P(ServiceRowsTest, WhatAClockNamedThatWasSetBackIsForgotten) {
  const Timestamp now = from_micros(1'000'000'000), wrong = now + std::chrono::hours(720);
  write([&](Tx& tx) {
    EXPECT_EQ(service_rows::latest_time(tx), std::nullopt);
    service_rows::note_time(tx, now);
    EXPECT_EQ(service_rows::latest_time(tx), now);
    service_rows::put_cursor(tx, {"crm", "records", "deals", "7", now, wrong, wrong});
    service_rows::put_cursor(tx, {"crm", "records", "contacts", "7", now, now + Duration(5), now});
    service_rows::set_pause(tx, {"connector", "ads", "credential", "", wrong, wrong, false});
    EXPECT_EQ(service_rows::latest_time(tx), wrong);
    service_rows::forget_later_times(tx, now);
    EXPECT_EQ(service_rows::latest_time(tx), now);
    EXPECT_EQ(service_rows::cursor(tx, "crm", "records", "deals")->again_at, std::nullopt);
    EXPECT_EQ(service_rows::cursor(tx, "crm", "records", "deals")->text, "7");
    EXPECT_EQ(service_rows::cursor(tx, "crm", "records", "contacts")->again_at, now + Duration(5));
    EXPECT_EQ(service_rows::pause(tx, "connector", "ads")->retry_at, now);
    EXPECT_EQ(service_rows::pause(tx, "connector", "ads")->since, now);
  });
}

/// A row whose key is K and whose time is T, and the time that stands there afterwards.
struct TimedRow {
  const char* insert;
  const char* select;
  bool is_forgotten = false;  ///< instead of brought to now
};
const TimedRow kTimedRows[] = {
    {"cursor VALUES('c', 'records', 'K', '', NULL, T, T)", "again_at FROM cursor WHERE stream = 'K'", true},
    {"cursor VALUES('c', 'records', 'K', '', NULL, T, T)", "updated_at FROM cursor WHERE stream = 'K'"},
    {"request(id, destination, receipt, row_count, sent_at, next_poll_at, polls, verdict) "
     "VALUES(K, 'd', '', 1, 1, T, 0, '')",
     "next_poll_at FROM request WHERE id = K"},
    {"request(id, destination, receipt, row_count, sent_at, next_poll_at, polls, verdict) "
     "VALUES(K, 'd', '', 1, T, 1, 0, '')",
     "sent_at FROM request WHERE id = K"},
    {"pause(scope, name, since, code, detail, retry_at) VALUES('connector', 'K', 1, '', '', T)",
     "retry_at FROM pause WHERE name = 'K'"},
    {"pause(scope, name, since, code, detail, retry_at) VALUES('connector', 'K', T, '', '', 1)",
     "since FROM pause WHERE name = 'K'"},
    {"source_field_state(name, record_id, state, code, detail, tries, next_at, updated_at, marks) "
     "VALUES('e', K, 'due', '', '', 0, T, 1, 1)",
     "next_at FROM source_field_state WHERE record_id = K"},
    {"lookup_queue(connector, identifier_id, state, queued_at, answered_at, ask_at) VALUES('c', K, 'rests', 1, T, T)",
     "ask_at FROM lookup_queue WHERE identifier_id = K"},
    {"lookup_queue(connector, identifier_id, state, queued_at, ask_at) VALUES('c', K, 'queued', 1, T)",
     "ask_at FROM lookup_queue WHERE identifier_id = K"},
    {"brake(id, destination, braked_at, approved_by, released_at) VALUES(K, 'd', 1, '', T)",
     "released_at FROM brake WHERE id = K"},
    {"lowering(id, destination, at, conversion_id, micros, currency) VALUES(K, 'd', T, 1, 1, 'EUR')",
     "at FROM lowering WHERE id = K"},
    {"go_live VALUES('destination:live', 'K', T)", "at FROM go_live WHERE name = 'K'"},
    {"fact VALUES(K, 1, 'stage', 'won', T, T, 'observed')", "true_from FROM fact WHERE record_id = K"},
    {"fact VALUES(K, 1, 'stage', 'won', 1, T, 'crm_history')", "learned FROM fact WHERE record_id = K"},
    {"association(from_id, to_id, role, is_primary, since, learned) VALUES(K, 9, '', 1, 1, T)",
     "learned FROM association WHERE from_id = K"},
    {"association(from_id, to_id, role, is_primary, since, learned) VALUES(K, 9, '', 1, T, 1)",
     "since FROM association WHERE from_id = K"},
    {"upload(id, conversion_id, destination, revision, operation, mode, state, code, detail, currency, item, "
     "dedup_key, "
     "made_at, not_before, expires_at, next_at, attempts, consent, account, action, click_type, click_value) "
     "VALUES(K, K, 'd', 0, 'upload', 'live', 'retrying', '', '', '', '', '', 1, 1, 1, T, 0, '', '', '', '', '')",
     "next_at FROM upload WHERE id = K"},
    {"link(a, b, evidence, learned, true_from) VALUES(K, 9, 'e', T, 1)", "learned FROM link WHERE a = K"},
    {"link(a, b, evidence, learned, true_from) VALUES(K, 9, 'e', 1, T)", "true_from FROM link WHERE a = K"}};

std::string filled_in(std::string sql, char letter, const std::string& with) {
  // A letter that stands by itself.
  const std::string around = " ,()'";
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const bool begins = i == 0 || around.find(sql[i - 1]) != std::string::npos;
    const bool ends = i + 1 == sql.size() || around.find(sql[i + 1]) != std::string::npos;
    if (sql[i] == letter && begins && ends) sql.replace(i, 1, with);
  }
  return sql;
}

TEST_P(ServiceRowsTest, EveryTimeThatAClockAheadNamedIsForgottenAndNoOther) {
  const Timestamp now = at(0);
  const std::map<std::string, Timestamp> times{{"1", now - Duration(7)}, {"2", now + std::chrono::hours(720)}};
  for (const TimedRow& row : kTimedRows) {
    SCOPED_TRACE(row.insert);
    const auto stands = [&](Tx& tx, const std::string& key) {
      std::optional<Timestamp> out;
      tx.query("SELECT " + filled_in(row.select, 'K', key), {}, [&](const Row& r) { out = r.maybe_time(0); });
      return out;
    };
    const Status undone = db_->transact(Durability::bulk, [&](Tx& tx) -> Status {
      for (const auto& [key, time] : times)
        tx.exec("INSERT INTO " + filled_in(filled_in(row.insert, 'K', key), 'T', std::to_string(to_micros(time))));
      service_rows::forget_later_times(tx, now);
      EXPECT_EQ(stands(tx, "1"), times.at("1"));
      EXPECT_EQ(stands(tx, "2"), row.is_forgotten ? std::nullopt : std::optional(now));
      return Error{Action::retry, "undone", "", {}, false};
    });
    EXPECT_EQ(undone.error().code, "undone") << undone.error().detail;
  }
}

TEST_P(ServiceRowsTest, ARecordThatAClockAheadChangedIsChangedNow) {
  RecordState state;
  state.ref = deal("1");
  const auto times = write([&](Tx& tx) {
    records::upsert(tx, state, "c", {}, at(86400));
    service_rows::forget_later_times(tx, at(0));
    std::vector<Timestamp> out;
    tx.query("SELECT changed, learned FROM record", {}, [&](const Row& r) { out = {r.time(0), r.time(1)}; });
    return out;
  });
  EXPECT_THAT(times, ElementsAre(at(0), at(0)));
}

TEST_P(ServiceRowsTest, WhatTheCrmDatedAheadStays) {
  const Timestamp now = at(0), ahead = at(86400);
  write([&](Tx& tx) {
    records::add_fact(
        tx, live(tx, deal("1")),
        {.seq = 0, .name = "stage", .value = "won", .true_from = ahead, .learned = now, .basis = Basis::observed});
    records::add_fact(
        tx, live(tx, deal("2")),
        {.seq = 0, .name = "stage", .value = "won", .true_from = ahead, .learned = ahead, .basis = Basis::crm_history});
    service_rows::forget_later_times(tx, now);
    for (const char* id : {"1", "2"}) {
      const auto facts = records::facts(tx, records::find(tx, deal(id))->id);
      const auto won = std::find_if(facts.begin(), facts.end(), [](const Fact& f) { return f.name == "stage"; });
      EXPECT_EQ(won->true_from, ahead) << id;
    }
  });
}

TEST_P(ServiceRowsTest, ATimeIsNotedAsItGoesOnAndNeverBack) {
  const Timestamp now = from_micros(1'000'000'000);
  write([&](Tx& tx) {
    service_rows::note_time(tx, now);
    service_rows::note_time(tx, now - std::chrono::hours(1));
    EXPECT_EQ(service_rows::latest_time(tx), now) << "what was seen of a clock stays until it is undone";
    service_rows::note_time(tx, now + std::chrono::seconds(1));
    EXPECT_EQ(service_rows::latest_time(tx), now) << "a write for each chunk of subjects would be many";
    service_rows::note_time(tx, now + std::chrono::minutes(1));
    EXPECT_EQ(service_rows::latest_time(tx), now + std::chrono::minutes(1));
    service_rows::forget_later_times(tx, now);
    EXPECT_EQ(service_rows::latest_time(tx), now);
  });
}

TEST_P(ServiceRowsTest, AContactTakesItsDealsAlong) {
  write([](Tx& tx) {
    tie(tx, deal("1"), contact("7"));
    tie(tx, deal("2"), contact("7"));
    tie(tx, deal("3"), contact("8"));
    service_rows::mark_with_dependents(tx, live(tx, contact("7")), "page");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("contact 7", "deal 1", "deal 2"));
  });
}

TEST_P(ServiceRowsTest, ATieThatWasWithdrawnTakesNothingAlong) {
  write([](Tx& tx) {
    tie(tx, deal("1"), contact("7"));
    const auto d = records::find(tx, deal("1"))->id;
    records::set_associations(
        tx, d, {.from = deal("1"), .to_object = Object::contact, .to = {}, .complete = true, .at = {}}, "c", at(2));
    service_rows::mark_with_dependents(tx, records::find(tx, contact("7"))->id, "page");
    EXPECT_THAT(marked(tx), ElementsAre("contact 7"));
  });
}

TEST_P(ServiceRowsTest, ALeadTakesAlongWhatItBecame) {
  write([](Tx& tx) {
    const auto l = live(tx, lead("3"));
    live(tx, contact("7"), lead("3"));
    tie(tx, deal("1"), contact("7"));
    live(tx, deal("2"), lead("3"));
    service_rows::mark_with_dependents(tx, l, "page");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("lead 3", "contact 7", "deal 1", "deal 2"));
  });
}

TEST_P(ServiceRowsTest, AMergedContactTakesItsWinnerAndTheWinnersDealsAlong) {
  write([](Tx& tx) {
    const auto loser = live(tx, contact("7")), winner = live(tx, contact("8"));
    tie(tx, deal("1"), contact("8"));
    records::set_state(tx, loser, "merged", winner, at(2));
    service_rows::mark_with_dependents(tx, loser, "merge");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("contact 7", "contact 8", "deal 1"));
  });
}

TEST_P(ServiceRowsTest, ASurvivorTakesAlongTheDealsThatStayTiedToWhatItSwallowed) {
  write([](Tx& tx) {
    const auto loser = live(tx, contact("7")), winner = live(tx, contact("8"));
    tie(tx, deal("1"), contact("7"));
    records::set_state(tx, loser, "merged", winner, at(2));
    service_rows::mark_with_dependents(tx, winner, "page");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("contact 7", "contact 8", "deal 1"));
  });
}

TEST_P(ServiceRowsTest, AContactTakesAlongWhatWasToldWithItsDataWhoeverIsTiedByNow) {
  write([](Tx& tx) {
    const auto c = live(tx, contact("7")), d = live(tx, deal("1")), other = live(tx, deal("2"));
    tie(tx, deal("1"), contact("8"));
    for (const auto subject : {d, other}) {
      StoredConversion conversion;
      conversion.dedup_id = "hw-" + std::to_string(subject);
      conversion.record_id = subject;
      StoredUpload u;
      u.conversion_id = ledger_rows::add_conversion(tx, conversion);
      u.destination = "ads";
      u.state = subject == d ? UploadState::received : UploadState::pending;
      u.person = subject == d ? c : other;
      ledger_rows::add_upload(tx, u, "test");
    }
    service_rows::mark_with_dependents(tx, c, "consent");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("contact 7", "deal 1"));
  });
}

TEST_P(ServiceRowsTest, APersonsOtherLiveLeadsAndContactsAreTakenAlong) {
  write([](Tx& tx) {
    const auto c = live(tx, contact("7")), l = live(tx, lead("3")), gone = live(tx, lead("4")),
               stranger = live(tx, lead("5"));
    tie(tx, deal("1"), contact("7"));
    records::set_state(tx, gone, "deleted", std::nullopt, at(2));
    const auto shared = identities::ensure(tx, {"email_sha256", "a"}).id;
    const auto name_of = [&](std::int64_t record) {
      return identities::ensure(tx, {"crm_id", "crm:" + std::to_string(record)}).id;
    };
    for (const auto record : {c, l, gone}) {
      identities::set_person(tx, name_of(record), shared);
      identities::link(tx, name_of(record), shared, "record:" + std::to_string(record), at(1), at(1));
    }
    const auto mailbox = identities::ensure(tx, {"email_sha256", "office"}).id;
    identities::set_quarantined(tx, mailbox, true);
    for (const auto record : {l, stranger}) {
      identities::link(tx, name_of(record), mailbox, "record:" + std::to_string(record), at(1), at(1));
    }
    service_rows::mark_with_dependents(tx, l, "page");
    EXPECT_THAT(marked(tx), UnorderedElementsAre("lead 3", "contact 7", "deal 1"));
  });
}

TEST_P(ServiceRowsTest, CommandsWaitUntilTheyAreDone) {
  write([](Tx& tx) {
    const auto first = service_rows::add_command(tx, "approve", R"({"id":1})", "ann", at(1));
    const auto second = service_rows::add_command(tx, "approve", "{}", "bob", at(2));
    EXPECT_THAT(service_rows::open_commands(tx), SizeIs(2));
    service_rows::finish_command(tx, first, "done", at(3));
    service_rows::finish_command(tx, first, "done twice", at(4));
    const auto open = service_rows::open_commands(tx);
    ASSERT_THAT(open, SizeIs(1));
    EXPECT_EQ(open[0].id, second);
    const auto done = *service_rows::command(tx, first);
    EXPECT_EQ(done.result + done.actor + done.kind + done.args, R"(doneannapprove{"id":1})");
    EXPECT_EQ(done.done_at, at(3));
    EXPECT_FALSE(service_rows::command(tx, 999));
  });
}

TEST_P(ServiceRowsTest, PausesAreSetReplacedAndCleared) {
  write([](Tx& tx) {
    service_rows::set_pause(tx, {"connector", "crm", "http_401", "sign in again", at(1), std::nullopt});
    service_rows::set_pause(tx, {"destination", "crm", "no_action", "", at(1), std::nullopt});
    service_rows::set_pause(tx, {"connector", "crm", "http_403", "scope", at(2), at(9)});
    EXPECT_EQ(service_rows::pause(tx, "connector", "crm")->code, "http_403");
    EXPECT_EQ(service_rows::pause(tx, "connector", "crm")->retry_at, at(9));
    EXPECT_THAT(service_rows::pauses(tx), SizeIs(2));
    EXPECT_FALSE(service_rows::pause(tx, "connector", "crm")->retrying);
    service_rows::set_pause(tx, {"destination", "crm", "connect", "", at(1), at(3), true});
    EXPECT_TRUE(service_rows::pause(tx, "destination", "crm")->retrying);
    service_rows::clear_pause(tx, "connector", "crm");
    EXPECT_FALSE(service_rows::pause(tx, "connector", "crm"));
    EXPECT_THAT(service_rows::pauses(tx), SizeIs(1));
  });
}

TEST_P(ServiceRowsTest, MetaAndStateAreTwoNamespaces) {
  write([](Tx& tx) {
    service_rows::set_meta(tx, "k", "meta");
    service_rows::set_state(tx, "k", "old");
    service_rows::set_state(tx, "k", "state");
    EXPECT_EQ(service_rows::meta(tx, "k"), "meta");
    EXPECT_EQ(service_rows::state(tx, "k"), "state");
    EXPECT_EQ(service_rows::state(tx, "none"), std::nullopt);
  });
}

TEST_P(ServiceRowsTest, StatesAreFoundByHowTheirKeysBegin) {
  write([](Tx& tx) {
    service_rows::set_state(tx, "lane/b", "2");
    service_rows::set_state(tx, "lane/a", "1");
    service_rows::set_state(tx, "lanes", "3");
    const auto found = service_rows::states(tx, "lane/");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].first + found[0].second + found[1].first + found[1].second, "a1b2");
  });
}

TEST_P(ServiceRowsTest, APersonsPauseStandsBesideThatOfTrouble) {
  write([](Tx& tx) {
    service_rows::set_pause(
        tx,
        {.scope = "connector", .name = "ads", .code = "credential", .detail = "", .since = at(1), .retry_at = at(2)});
    EXPECT_FALSE(service_rows::is_paused_by_person(tx, "ads"));
    service_rows::set_pause(
        tx, {.scope = kByPerson, .name = "ads", .code = "by_person", .detail = "ada", .since = at(1), .retry_at = {}});
    service_rows::clear_pause(tx, "connector", "ads");
    EXPECT_TRUE(service_rows::is_paused_by_person(tx, "ads"));
    EXPECT_FALSE(service_rows::is_paused_by_person(tx, "crm"));
  });
}

}  // namespace
}  // namespace hw::store
