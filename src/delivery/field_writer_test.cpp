#include "delivery/field_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/zone.h"
#include "conformance/fake_fields.h"
#include "conformance/loop.h"
#include "store/backup.h"

namespace hw::delivery {
namespace {

using conformance::FakeFields;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::Loop;
using testing::ElementsAre;
using testing::SizeIs;

/// Contacts of the loop's CRM get first source, last source and client id.
class Fields : public testing::Test {
 protected:
  Fields() {
    entry().name = "contacts";
    entry().connector = "crm";
    entry().fields = {
        {"first_source", "fs"}, {"first_at", "fa"}, {"last_source", "ls"}, {"identifier.ga_client_id", "ga"}};
    entry().history = true;
    restart();
  }

  settings::SourceFields& entry() {
    if (l.settings.source_fields.empty()) l.settings.source_fields.emplace_back();
    return l.settings.source_fields[0];
  }
  void restart() {
    l.start();
    writer = std::make_unique<FieldWriter>(entry(), fields, l.settings.zone, *l.db, l.clock, *l.random,
                                           [this] { return reading; });
    ASSERT_TRUE(writer->start());
  }
  [[nodiscard]] std::string folder() const { return l.store_file().substr(0, l.store_file().rfind('/')); }
  void back_up() { ASSERT_TRUE(store::back_up(*l.db, folder(), folder() + "/backup.db", l.clock.system_now())); }
  void restore() {
    l.db.reset();
    ASSERT_TRUE(store::restore(folder(), folder() + "/backup.db", l.clock.system_now()));
    l.db = std::make_unique<conformance::TestDb>(*store::Db::open({.path = l.store_file(), .postgres = {}}));
    restart();
  }
  Round go() {
    l.settle();
    Round last;
    for (int i = 0; i < 20; ++i) {
      auto round = writer->step({});
      EXPECT_TRUE(round) << round.error().detail;
      last = *round;
      if (round->settled == 0) break;
    }
    return last;
  }
  void visit(const std::string& contact, const std::string& key, const std::string& source, Timestamp at) {
    Touch t;
    t.key = key;
    t.at = at;
    t.source = source;
    t.medium = "cpc";
    t.identifiers = {{"crm_contact_id", "crm:" + contact}, {"ga_client_id", "1." + key}};
    ASSERT_TRUE(l.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      take.row(tx, t, "web", std::nullopt, l.clock.system_now());
      return {};
    }));
  }
  std::string state(const std::string& contact) {
    const auto id = l.record_id(Object::contact, contact);
    const auto s = l.read([&](store::Tx& tx) { return store::source_fields::state(tx, "contacts", id); });
    return s ? s->state : "";
  }
  std::optional<store::StoredPause> pause() {
    return l.read([](store::Tx& tx) { return store::service_rows::pause(tx, "source_fields", "contacts"); });
  }
  /// The CRM shows the contact with that client id.
  std::vector<Identifier> kept_of_shown(const std::string& contact, const std::string& client_id) {
    RecordState back = l.shown(Object::contact, contact);
    back.identifiers = {{"ga_client_id", client_id}};
    back.modified = l.clock.system_now() + std::chrono::seconds(1);
    l.clock.advance(std::chrono::seconds(2));
    l.show(back);
    const auto id = l.record_id(Object::contact, contact);
    return l.read([&](store::Tx& tx) { return store::records::get(tx, id)->identifiers; });
  }
  std::string held(const std::string& contact, const std::string& field) { return fields.held[contact][field]; }

  Loop l;
  FakeFields fields;
  bool reading = false;
  identity::Resolver resolver{identity::ResolverOptions{}};
  ingest::Take take{l.settings, resolver, [](Touch&) { return std::string("Paid Search"); }};
  std::unique_ptr<FieldWriter> writer;
};

TEST_F(Fields, FirstAndLastTouchReachTheRecord) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_EQ(held("C1", "ls"), "newsletter");
  EXPECT_EQ(held("C1", "ga"), "1.1");
  EXPECT_EQ(state("C1"), "written");
}

TEST_F(Fields, WhatWasWrittenBetweenABackupAndItsRestoreIsNobodyElses) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  back_up();
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  ASSERT_EQ(held("C1", "ls"), "newsletter");
  l.clock.advance(kHour);
  restore();
  visit("C1", "2", "newsletter", kStart - kHour);
  visit("C1", "3", "bing", kStart);
  l.clock.advance(kHour);
  go();
  EXPECT_EQ(held("C1", "ls"), "bing");
  EXPECT_EQ(held("C1", "fs"), "google");
  fields.held["C1"]["ls"] = "by hand";
  visit("C1", "4", "duck", kStart + kHour);
  l.clock.advance(kHour);
  go();
  EXPECT_EQ(held("C1", "ls"), "by hand");
}

TEST_F(Fields, AWriteAfterARestoreThatNeverArrivedLeavesTheGapsValuesOurs) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  back_up();
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  ASSERT_EQ(held("C1", "ls"), "newsletter");
  l.clock.advance(kHour);
  restore();
  visit("C1", "2", "newsletter", kStart - kHour);
  visit("C1", "3", "bing", kStart);
  l.clock.advance(kHour);
  fields.trouble = {Error{Action::retry, "reset", "cut off", {}, true}};
  go();
  ASSERT_EQ(held("C1", "ls"), "newsletter");
  l.clock.advance(kHour);
  go();
  EXPECT_EQ(held("C1", "ls"), "bing");
}

TEST_F(Fields, WhatAPersonPutThereLongBeforeTheBackupStaysTheirs) {
  l.contact("C1", "");
  fields.held["C1"]["fs"] = "newsletter";
  visit("C1", "1", "google", kStart - kDay);
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  ASSERT_EQ(state("C1"), "kept_theirs");
  l.pass(kDay * 3);
  back_up();
  l.pass(kDay);
  restore();
  visit("C1", "3", "bing", l.clock.system_now());
  go();
  EXPECT_EQ(held("C1", "fs"), "newsletter");
}

TEST_F(Fields, WhatAPersonPutThereLongAfterARestoreIsTheirs) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  back_up();
  l.clock.advance(kHour);
  restore();
  l.clock.advance(kDay * 3);
  visit("C1", "2", "newsletter", kStart - kHour);
  visit("C1", "3", "bing", kStart);
  fields.held["C1"]["ls"] = "newsletter";
  l.set(Object::contact, "C1", "owner", "ada");
  go();
  EXPECT_EQ(held("C1", "ls"), "newsletter");
}

TEST_F(Fields, AValueThatAPersonTypedStaysTheirsThoughWeWouldHaveWrittenIt) {
  l.contact("C1", "");
  fields.held["C1"]["ls"] = "google";
  visit("C1", "1", "google", kStart - kDay);
  go();
  visit("C1", "2", "bing", kStart);
  l.clock.advance(kHour);
  go();
  EXPECT_EQ(held("C1", "ls"), "google");
}

TEST_F(Fields, WhatIsWrittenOnceIsNeitherAskedForNorWrittenAgain) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  l.set(Object::contact, "C1", "owner", "someone");
  go();
  EXPECT_EQ(fields.reads, 1U);
  EXPECT_EQ(fields.writes, 1U);
}

TEST_F(Fields, AnEarlierTouchRewritesTheFirstAndALaterOneTheLast) {
  l.contact("C1", "");
  visit("C1", "2", "bing", kStart - kDay);
  go();
  visit("C1", "1", "google", kStart - kDay * 3);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_EQ(held("C1", "fa"), "2026-02-26T21:20:00Z");
  EXPECT_EQ(held("C1", "ls"), "bing");
}

TEST_F(Fields, ATouchThatComesWhileTheRecordIsWrittenIsNotForgotten) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  fields.meanwhile = [&] {
    visit("C1", "2", "newsletter", kStart - kHour);
    ASSERT_TRUE(l.reconcile());
  };
  go();
  EXPECT_EQ(held("C1", "ls"), "newsletter");
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_EQ(state("C1"), "written");
}

/// Invariant 6: write-back never overwrites what a person typed.
TEST_F(Fields, Invariant6APersonsEntryStays) {
  fields.held["C1"]["ls"] = "trade fair";
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  EXPECT_EQ(held("C1", "ls"), "trade fair");
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_EQ(state("C1"), "kept_theirs");
  fields.held["C1"]["fs"] = "typed since";
  visit("C1", "0", "earlier", kStart - kDay * 9);
  go();
  EXPECT_EQ(held("C1", "fs"), "typed since");
}

TEST_F(Fields, WithOverwriteAlwaysAPersonsEntryGoes) {
  entry().overwrite = settings::SourceFields::Overwrite::always;
  restart();
  fields.held["C1"]["fs"] = "trade fair";
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, OurOwnValueThatComesBackIsNoEvidence) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  EXPECT_THAT(kept_of_shown("C1", "1.1"), SizeIs(0));
  EXPECT_THAT(kept_of_shown("C1", "2.2"), ElementsAre(Identifier{"ga_client_id", "2.2"})) << "a person's own";
}

TEST_F(Fields, AnEarlierValueOfOursThatComesBackIsNoEvidence) {
  l.contact("C1", "");
  visit("C1", "2", "bing", kStart - kDay);
  go();
  EXPECT_EQ(held("C1", "ga"), "1.2");
  visit("C1", "1", "google", kStart - kDay * 3);
  go();
  EXPECT_EQ(held("C1", "ga"), "1.1");
  EXPECT_THAT(kept_of_shown("C1", "1.2"), SizeIs(0)) << "a page that was read before the second write";
}

TEST_F(Fields, AfterAMergeTheLosersValuesAreStillOurs) {
  l.contact("C1", "");
  l.contact("C2", "");
  visit("C2", "1", "google", kStart - kDay);
  go();
  l.merge(Object::contact, "C2", "C1");
  fields.held["C1"] = fields.held["C2"];  // blank fields of the winner take the loser's values
  EXPECT_THAT(kept_of_shown("C1", "1.1"), SizeIs(0));
  go();
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  EXPECT_EQ(state("C1"), "written");
  EXPECT_EQ(held("C1", "ls"), "newsletter");
}

TEST_F(Fields, WhatAMergeTookFromTheLoserIsMended) {
  for (const char* contact : {"C1", "C2"}) l.contact(contact, "");
  visit("C1", "1", "google", kStart - kDay * 3);
  visit("C2", "2", "bing", kStart - kDay);
  go();
  ASSERT_EQ(held("C1", "fs"), "google");
  l.clock.advance(kHour);
  l.merge(Object::contact, "C2", "C1");
  fields.held["C1"] = fields.held["C2"];  // the person who merged them kept the loser's values
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_EQ(held("C1", "ls"), "bing");
  const auto asked = fields.reads;
  visit("C1", "3", "bing", kStart - kHour);
  go();
  EXPECT_EQ(fields.reads, asked) << "the merge is looked at once";
}

TEST_F(Fields, AnEntryThatIsRenamedKnowsItsOwnValues) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  entry().name = "persons";
  restart();
  visit("C1", "2", "newsletter", kStart - kHour);
  go();
  EXPECT_EQ(held("C1", "ls"), "newsletter");
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, AWriteWhoseAnswerWasLostIsKnownToBeOurs) {
  fields.answer_lost = true;
  l.contact("C1", "");
  visit("C1", "2", "bing", kStart - kDay);
  go();
  EXPECT_EQ(held("C1", "fs"), "bing");
  EXPECT_EQ(state("C1"), "due");
  visit("C1", "1", "google", kStart - kDay * 3);
  l.clock.advance(kHour * 2);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, AWriteThatNeverArrivedLeavesTheLostOneBeforeItOurs) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  fields.answer_lost = true;
  go();
  EXPECT_EQ(held("C1", "ls"), "google");
  visit("C1", "2", "bing", kStart - kHour * 3);
  fields.trouble = {Error{Action::retry, "http_503", "away", {}, false}};
  l.clock.advance(kHour * 2);
  go();
  l.clock.advance(kHour * 2);
  go();
  EXPECT_EQ(held("C1", "ls"), "bing");
}

TEST_F(Fields, OneBadRecordHoldsNoOtherBack) {
  for (const char* id : {"C1", "C2", "C3"}) {
    l.contact(id, "");
    visit(id, id, "google", kStart - kDay);
  }
  fields.poison = {"C2"};
  go();
  EXPECT_EQ(state("C1"), "written");
  EXPECT_EQ(state("C2"), "rejected");
  EXPECT_EQ(state("C3"), "written");
}

TEST_F(Fields, ARefusedRecordWaitsForAChange) {
  connect::Outcome no;
  no.verdict = connect::Verdict::reject_row;
  no.code = "required_property";
  fields.refused["C1"] = no;
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  l.clock.advance(kDay * 30);
  go();
  EXPECT_EQ(fields.writes, 1U);
  fields.refused.clear();
  l.set(Object::contact, "C1", "owner", "someone");
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, AFieldThatIsMissingPausesTheEntryAndIsSaidOnce) {
  connect::Outcome missing;
  missing.verdict = connect::Verdict::pause;
  missing.scope = connect::Scope::destination;
  missing.code = "property_doesnt_exist";
  fields.refused["C1"] = missing;
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  ASSERT_TRUE(pause());
  EXPECT_FALSE(pause()->retrying) << "somebody has to make the field";
  fields.refused.clear();
  l.clock.advance(kHour * 2);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_FALSE(pause());
}

TEST_F(Fields, WhatWasWrittenFromAVisitThatIsWithdrawnIsSaidToBeStale) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  ASSERT_EQ(state("C1"), "written");
  ASSERT_TRUE(l.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    std::vector<std::int64_t> seen;
    Touch t;
    t.key = "1";
    t.at = kStart - kDay;
    t.identifiers = {{"crm_contact_id", "crm:C1"}, {"ga_client_id", "1.1"}};
    take.row(tx, t, "web", "day", l.clock.system_now());
    take.end_partition(tx, "web", "day", seen, l.clock.system_now());
    return {};
  }));
  go();
  EXPECT_EQ(state("C1"), "stale");
  const auto id = l.record_id(Object::contact, "C1");
  const auto s = l.read([&](store::Tx& tx) { return store::source_fields::state(tx, "contacts", id); });
  EXPECT_THAT(s->detail, testing::HasSubstr("fs"));
  EXPECT_EQ(held("C1", "fs"), "google") << "a person decides";
  visit("C1", "2", "newsletter", kStart - 2 * kDay);
  go();
  EXPECT_EQ(state("C1"), "written");
  EXPECT_EQ(held("C1", "fs"), "newsletter");
}

TEST_F(Fields, NothingIsAskedOrWrittenWhileAPersonHasPausedTheConnector) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  auto set = [&](bool paused) {
    ASSERT_TRUE(l.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
      store::service_rows::clear_pause(tx, store::kByPerson, "crm");
      if (paused)
        store::service_rows::set_pause(tx, {.scope = store::kByPerson,
                                            .name = "crm",
                                            .code = "by_person",
                                            .detail = "ada",
                                            .since = l.clock.system_now(),
                                            .retry_at = {}});
      return {};
    }));
  };
  set(true);
  const Round round = go();
  EXPECT_TRUE(round.resting);
  EXPECT_EQ(round.next, l.clock.system_now() + kHour);
  l.clock.advance(kDay);
  restart();
  go();
  EXPECT_EQ(fields.reads + fields.writes, 0U);
  set(false);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, NoMoreThanTheDailyLimitIsWritten) {
  entry().daily_limit = 2;
  restart();
  for (const char* id : {"C1", "C2", "C3"}) {
    l.contact(id, "");
    visit(id, id, "google", kStart - kDay);
  }
  const Round round = go();
  EXPECT_THAT(fields.written, SizeIs(2));
  EXPECT_EQ(round.next, from_micros(1'772'409'600'000'000));  // 2026-03-02T00:00:00Z
  l.clock.advance(kHour * 4);
  go();
  EXPECT_THAT(fields.written, SizeIs(3));
}

TEST_F(Fields, OnlyWhatTheCrmTookCountsTowardsTheDailyLimit) {
  entry().daily_limit = 2;
  restart();
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  const Error away{Action::retry, "http_503", "away", {}, false};
  fields.trouble = {away, away};
  for (const Duration later : {Duration(0), Duration(std::chrono::minutes(5)), Duration(std::chrono::minutes(30))}) {
    l.clock.advance(later);
    go();
  }
  EXPECT_EQ(fields.writes, 3U);
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_FALSE(go().resting);
}

TEST_F(Fields, TheLimitOfADayOf25HoursEndsWithThatDay) {
  l.settings.zone = Zone::find("Europe/Berlin").value();
  entry().daily_limit = 1;
  restart();
  l.clock.advance(from_micros(1'792'881'000'000'000) - kStart);  // 2026-10-25 00:30 in Berlin
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  const Round round = go();
  EXPECT_TRUE(round.resting);
  ASSERT_TRUE(round.next);
  EXPECT_EQ(rfc3339(*round.next), "2026-10-25T23:00:00Z");
}

TEST_F(Fields, NothingIsWrittenWhileTheConnectorReads) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  reading = true;
  EXPECT_TRUE(go().resting);
  EXPECT_EQ(fields.reads, 0U);
  reading = false;
  go();
  EXPECT_EQ(fields.writes, 1U);
}

TEST_F(Fields, RecordsFromBeforeGoLiveAreLeftAlone) {
  entry().history = false;
  entry().go_live = kStart + kDay;
  restart();
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  go();
  EXPECT_EQ(state("C1"), "left_out");
  EXPECT_EQ(fields.reads, 0U);
}

TEST_F(Fields, AnOutageIsWaitedOut) {
  fields.trouble = {Error{Action::retry, "http_503", "away", {}, false}};
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  EXPECT_TRUE(go().next);
  EXPECT_TRUE(pause());
  l.clock.advance(kHour * 2);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_FALSE(pause());
}

TEST_F(Fields, WhoLiftsThePauseOfAnOutageNeedNotWaitForItsEnd) {
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  fields.trouble = {Error{Action::retry, "http_503", "away", {}, false}};
  go();
  ASSERT_TRUE(pause());
  ASSERT_EQ(held("C1", "fs"), "");
  ASSERT_TRUE(l.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    store::service_rows::clear_pause(tx, "source_fields", "contacts");
    store::source_fields::let_go(tx, "contacts", l.clock.system_now(), l.clock.system_now() + kDay);
    return {};
  }));
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
}

TEST_F(Fields, AnOutageWhileTheCrmIsAskedShowsAsAPauseUntilItAnswers) {
  fields.unread = {Error{Action::retry, "http_503", "away", {}, false}};
  l.contact("C1", "");
  visit("C1", "1", "google", kStart - kDay);
  const Round round = go();
  EXPECT_TRUE(round.resting);
  ASSERT_TRUE(pause());
  EXPECT_EQ(pause()->code, "http_503");
  EXPECT_TRUE(pause()->retrying);
  EXPECT_EQ(pause()->retry_at, round.next);
  l.clock.advance(kHour * 2);
  go();
  EXPECT_EQ(held("C1", "fs"), "google");
  EXPECT_FALSE(pause());
}

}  // namespace
}  // namespace hw::delivery
