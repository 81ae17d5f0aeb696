#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "conformance/loop.h"
#include "ingest/puller.h"
#include "store/lookups.h"
#include "store/service_rows.h"

namespace hw::ingest {
namespace {

using conformance::FakeLookup;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::Loop;
using conformance::visit;
using testing::ElementsAre;
using testing::IsEmpty;
namespace service_rows = store::service_rows;

Identifier client(const std::string& value) { return {"client_id", value}; }
Identifier user(const std::string& value) { return {"user_id", value}; }

/// A store whose CRM states client ids, and a source that is asked for them.
struct Asking {
  Loop loop;

  explicit Asking(Loop::Tells tells = Loop::Tells::who_asks) { loop.add_web(tells); }
  FakeLookup& lookup() { return loop.lookup(); }
  /// The CRM shows a contact with these identifiers, and no others.
  void person(const std::string& id, std::vector<Identifier> identifiers) {
    RecordState r;
    r.ref = {"crm", Object::contact, id};
    r.created = kStart;
    r.modified = loop.clock.system_now();
    r.identifiers = std::move(identifiers);
    loop.show(r);
  }
  void happens(const std::string& key, Duration before, std::vector<Identifier> identifiers) {
    loop.web.push_back(visit(key, kStart - before, std::move(identifiers)));
  }
  Pass step(std::size_t calls = 50) {
    auto pass = loop.puller().step({}, calls);
    EXPECT_TRUE(pass) << (pass ? "" : pass.error().detail);
    return pass ? *pass : Pass{};
  }
  void remove(const std::string& id) {
    loop.take({Removal{{"crm", Object::contact, id}, Removal::Kind::deleted, loop.clock.system_now()}});
  }
  store::lookups::LookupCount counts() {
    return loop.read([](store::Tx& tx) {
      const auto all = store::lookups::counts(tx);
      return all.empty() ? store::lookups::LookupCount{} : all.front();
    });
  }
  std::size_t touches() {
    return static_cast<std::size_t>(loop.read([](store::Tx& tx) { return store::touches::count(tx); }));
  }
  bool marked(const std::string& id) {
    const auto record = loop.record_id(Object::contact, id);
    return loop.read([&](store::Tx& tx) { return service_rows::dirty_of(tx, record).has_value(); });
  }
};

TEST(Lookup, WhatARecordStatesIsAskedForAndItsTouchesJoinItsJourney) {
  Asking a;
  a.happens("t1", kDay * 3, {client("a")});
  a.happens("t2", kDay * 2, {client("stranger")});
  a.happens("t3", kDay, {client("a")});
  a.person("C1", {client("a"), {"gclid", "k"}});
  const Pass pass = a.step();
  EXPECT_EQ(pass.rows, 2U);
  EXPECT_EQ(pass.answered, 1U);
  EXPECT_THAT(a.lookup().questions, ElementsAre("a")) << "it does not answer for a gclid";
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("t1", "t3"));
  EXPECT_EQ(a.touches(), 2U) << "strangers are not kept";
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a")) << "once";
}

TEST(Lookup, AllThatWasKnownBeforeIsAskedForInBatches) {
  Loop loop;
  loop.contact("C0", "");
  for (int i = 1; i <= 7; ++i) {
    RecordState r;
    r.ref = {"crm", Object::contact, "C" + std::to_string(i)};
    r.modified = loop.clock.system_now();
    r.identifiers = {client("a" + std::to_string(i))};
    loop.take({r});
  }
  loop.add_web(Loop::Tells::who_asks);
  ASSERT_TRUE(loop.puller().step({}));
  EXPECT_THAT(loop.lookup().questions, ElementsAre("a1 a2 a3", "a4 a5 a6", "a7"));
}

TEST(Lookup, WhatAnswersBringIsAskedForUntilNothingNewAppears) {
  Asking a;
  a.happens("phone", kDay * 5, {client("phone"), user("u")});
  a.happens("office", kDay * 4, {client("office"), user("u")});
  a.happens("first", kDay * 9, {client("phone")});
  a.happens("other", kDay * 4, {client("other")});
  a.person("C1", {client("office")});
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("office", "u", "phone"));
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("first", "phone", "office"));
}

TEST(Lookup, ARoundBeginsAtMostEverySoOften) {
  Asking a;
  a.lookup().limits_.every = kDay;
  for (const char* id : {"a", "b", "c", "d"}) a.person(std::string("C") + id, {client(id)});
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a b c", "d")) << "one round, in batches";
  a.loop.clock.advance(kHour);
  a.person("Ce", {client("e")});
  a.loop.start();
  a.loop.clock.advance(kHour * 22);
  EXPECT_EQ(a.step().next, kStart + kDay) << "also in a new process";
  EXPECT_EQ(a.lookup().questions.size(), 2U);
  a.loop.clock.advance(kHour);
  a.step();
  EXPECT_EQ(a.lookup().questions.at(2), "a b e") << "the unanswered before what is asked again";
}

TEST(Lookup, ARoundThatAClockBeganWhichWasAheadIsNone) {
  Asking a;
  a.lookup().limits_.every = kDay;
  a.loop.clock.advance(kDay * 30);
  a.person("Ca", {client("a")});
  a.step();
  a.loop.clock.set(kStart);
  ASSERT_TRUE(a.loop.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    store::service_rows::forget_later_times(tx, kStart);
    return {};
  }));
  a.loop.start();
  for (const char* id : {"b", "c", "d"}) {
    a.person(std::string("C") + id, {client(id)});
    a.step();
    a.loop.clock.advance(kHour);
  }
  EXPECT_EQ(a.lookup().questions.size(), 2U) << "one before, and one round since, which c and d wait for the end of";
}

TEST(Lookup, WhatARoundBringsWaitsForTheNextRound) {
  Asking a;
  a.lookup().limits_.every = kDay;
  a.happens("t", kDay, {client("a"), user("u")});
  a.person("C1", {client("a")});
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a"));
  EXPECT_EQ(a.counts().queued, 1);
  a.loop.clock.advance(kDay);
  a.step();
  EXPECT_EQ(a.lookup().questions.at(1), "a u");
}

/// Six pages of two contacts.
void long_history(Asking& a) {
  for (int i = 0; i < 11; ++i)
    a.happens("t" + std::to_string(i), kDay * (20 - i),
              {client(i % 3 == 0 ? "a" : "b"), user("u" + std::to_string(i % 2))});
  a.person("C1", {client("a")});
  a.person("C2", {client("b")});
}

const std::set<std::string> kMomentsOfLookups{"cursor.updated_at"};

TEST(Lookup, ARestartInTheMiddleGoesOnWhereItWas) {
  Asking a, undisturbed;
  long_history(a);
  long_history(undisturbed);
  undisturbed.step();
  for (int i = 0; i < 100 && a.step(1).more; ++i) a.loop.start();
  EXPECT_EQ(a.lookup().calls, undisturbed.lookup().calls);
  EXPECT_EQ(conformance::tables_of(*a.loop.db, kMomentsOfLookups),
            conformance::tables_of(*undisturbed.loop.db, kMomentsOfLookups));
}

TEST(Lookup, AKillBeforeTheCommitRepeatsThePageAndChangesNothing) {
  Asking a, undisturbed;
  long_history(a);
  long_history(undisturbed);
  undisturbed.step();
  int commits = 0;
  for (bool ended = false; !ended && commits < 200;) {
    a.loop.db->commit_fails = [&] { return ++commits % 2 == 1; };
    const auto pass = a.loop.puller().step({});
    a.loop.db->commit_fails = nullptr;
    ended = pass && !pass->more;
    if (!ended) a.loop.start();
  }
  EXPECT_GT(commits, 10);
  EXPECT_GT(a.lookup().calls.size(), undisturbed.lookup().calls.size());
  EXPECT_EQ(a.loop.journey("C1"), undisturbed.loop.journey("C1"));
  auto tables = conformance::tables_of(*a.loop.db, kMomentsOfLookups),
       expected = conformance::tables_of(*undisturbed.loop.db, kMomentsOfLookups);
  for (const char* t : {"touch", "link", "identifier", "lookup_queue", "cursor"})
    EXPECT_EQ(tables[t], expected[t]) << t;
}

TEST(Lookup, TroubleIsSaidAndTheQuestionAskedAgainWhole) {
  Asking a;
  a.happens("t", kDay, {client("a")});
  a.person("C1", {client("a")});
  a.lookup().errors = {{Action::pause, "byte_limit", "more bytes than allowed", {}, false}};
  EXPECT_TRUE(a.step().retrying);
  const auto pauses = a.loop.read([](store::Tx& tx) { return service_rows::pauses(tx); });
  ASSERT_EQ(pauses.size(), 1U);
  EXPECT_EQ(pauses[0].name, "web");
  EXPECT_EQ(pauses[0].detail, "lookup/identifiers: more bytes than allowed");
  EXPECT_TRUE(a.step().resting);
  EXPECT_EQ(a.counts().asked, 1);
  a.loop.clock.advance(kHour);
  a.step();
  EXPECT_EQ(a.counts().answered, 1);
  EXPECT_TRUE(a.loop.read([](store::Tx& tx) { return service_rows::pauses(tx).empty(); }));
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("t"));
}

TEST(Lookup, AJobThatStillRunsIsLookedAtAgainWhenItSaid) {
  Asking a;
  a.happens("t", kDay, {client("a")});
  a.person("C1", {client("a")});
  a.lookup().job = std::chrono::minutes(10);
  EXPECT_EQ(a.step().next, kStart + std::chrono::minutes(10));
  a.loop.start();
  a.step();
  EXPECT_THAT(a.lookup().calls, ElementsAre("a @"));
  EXPECT_EQ(a.counts().answered, 0);
  a.loop.clock.advance(std::chrono::minutes(10));
  a.step();
  EXPECT_THAT(a.lookup().calls, ElementsAre("a @", "a @0"));
  EXPECT_EQ(a.counts().answered, 1);
}

TEST(Lookup, WhatNobodyStandsBehindIsNotAskedFor) {
  Asking a;
  a.person("C1", {client("a")});
  a.remove("C1");
  for (int i = 0; i < 12; ++i) a.person("K" + std::to_string(i), {client("kiosk")});
  a.step();
  EXPECT_THAT(a.lookup().questions, IsEmpty());
  EXPECT_EQ(a.counts().resting, 2);
  EXPECT_FALSE(a.counts().oldest);
  a.loop.clock.advance(kHour);
  a.loop.take({Removal{{"crm", Object::contact, "C1"}, Removal::Kind::restored, a.loop.clock.system_now()}});
  a.loop.clock.advance(kDay);
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a"));
}

TEST(Lookup, OfItsStreamsWhatCarriesNoKnownIdentifierIsNotKept) {
  Asking a(Loop::Tells::both);
  a.happens("t1", kDay * 3, {client("a")});
  a.happens("t2", kDay * 2, {client("late")});
  a.person("C1", {client("a")});
  a.step();
  EXPECT_EQ(a.touches(), 1U);
  a.happens("t3", kHour, {client("a")});
  a.happens("t4", kHour, {client("stranger")});
  a.person("C2", {client("late")});
  a.loop.clock.advance(kHour * 7);
  a.step();
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("t1", "t3"));
  EXPECT_THAT(a.loop.journey("C2"), ElementsAre("t2")) << "its history is asked for when it is known";
  EXPECT_EQ(a.touches(), 3U);
  a.loop.clock.advance(kDay * 30);
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a", "late")) << "later touches come by the streams";
}

TEST(Lookup, ASourceWithoutStreamsIsAskedAgainForWhatIsNew) {
  Asking a;
  a.happens("t1", kDay, {client("a")});
  a.person("C1", {client("a")});
  a.step();
  a.happens("t2", -kHour, {client("a")});
  a.loop.clock.advance(kHour * 5);
  a.step();
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("t1"));
  a.loop.clock.advance(kHour);
  EXPECT_EQ(a.step().answered, 1U);
  EXPECT_THAT(a.loop.journey("C1"), ElementsAre("t1", "t2"));
}

TEST(Lookup, AFirstAnswerMarksWhoWaitedForItAndALaterOneOnlyWhatItChanged) {
  Asking a;
  a.person("C1", {client("a")});
  a.person("C2", {client("b")});
  ASSERT_TRUE(a.loop.reconcile());
  ASSERT_FALSE(a.marked("C1"));
  a.step();
  EXPECT_TRUE(a.marked("C1")) << "though nothing was ever seen of it";
  ASSERT_TRUE(a.loop.reconcile());
  a.happens("t", kDay, {client("b")});
  a.loop.clock.advance(kHour * 6);
  a.step();
  EXPECT_FALSE(a.marked("C1"));
  EXPECT_TRUE(a.marked("C2"));
}

TEST(Lookup, ABatchThatAnotherConfigurationBeganIsBegunAnew) {
  Asking a;
  for (const char* id : {"a", "b"}) a.person(std::string("C") + id, {client(id), user("u" + std::string(id))});
  a.lookup().errors = {{Action::retry, "http_503", "", {}, false}};
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a ua b"));
  a.loop.clock.advance(kHour);
  a.lookup().limits_.types = {"client_id"};
  a.loop.start();
  a.step();
  EXPECT_THAT(a.lookup().questions, ElementsAre("a ua b", "a b"));
  EXPECT_EQ(a.counts().queued + a.counts().asked, 0);
}

TEST(Lookup, APassWithNothingToAskTakesNoWritersLock) {
  Asking a;
  a.person("C1", {client("a")});
  a.step();
  int commits = 0;
  a.loop.db->commit_fails = [&] {
    ++commits;
    return false;
  };
  a.step();
  EXPECT_EQ(commits, 0);
}

// ------------------------------------------------------------------------------------------- mirror and lookup

/// A web of visitors with several devices and logins, some of whom the CRM comes to know, day by day.
class SmallWorld {
 public:
  explicit SmallWorld(unsigned seed) : random_(seed) {}

  /// What happens on one day: visits, then what the CRM shows.
  void day(int number, conformance::SeenWeb& web, std::vector<Record>& crm) {
    for (int i = 0; i < 6; ++i) {
      const int visitor = pick(12);
      std::vector<Identifier> ids{client(device(visitor))};
      if (pick(3) == 0) ids.push_back(user("u" + std::to_string(visitor)));
      if (pick(12) == 0) ids.push_back(user("shared"));
      web.push_back(visit("d" + std::to_string(number) + "v" + std::to_string(i),
                          kStart + kDay * number + std::chrono::minutes(pick(1000)), ids));
    }
    const int visitor = pick(12);
    if (pick(2) == 0) crm.push_back(contact(visitor, number));
    if (pick(9) == 0)
      crm.push_back(Removal{{"crm", Object::contact, "C" + std::to_string(pick(12))},
                            Removal::Kind::deleted,
                            kStart + kDay * number + kHour * 20});
    if (number == 14)
      for (int i = 0; i < 12; ++i) crm.push_back(kiosk_visitor(i, number));
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string device(int visitor) {
    const int which = pick(8);
    return which == 0 ? "kiosk" : "v" + std::to_string(visitor) + "d" + std::to_string(which % 3);
  }
  RecordState contact(int visitor, int number) {
    RecordState r;
    r.ref = {"crm", Object::contact, "C" + std::to_string(visitor)};
    r.created = kStart;
    r.modified = kStart + kDay * number + kHour * 19;
    r.identifiers = {client(device(visitor))};
    if (pick(4) == 0) r.identifiers.push_back(user("u" + std::to_string(visitor)));
    return r;
  }
  static RecordState kiosk_visitor(int i, int number) {
    RecordState r;
    r.ref = {"crm", Object::contact, "K" + std::to_string(i)};
    r.modified = kStart + kDay * number;
    r.identifiers = {client("kiosk")};
    return r;
  }

  std::mt19937 random_;
};

/// Every known contact's journey after 24 days, read and asked day by day; two more, for what rests a day.
std::map<std::string, std::vector<std::string>> journeys(unsigned seed, Loop::Tells tells, std::size_t& touches) {
  Loop loop;
  conformance::FakeConnector& web = loop.add_web(tells);
  if (web.touch_lookup) {
    loop.lookup().limits_.max_ids = 20;
    loop.lookup().page_rows = 30;
  }
  SmallWorld world(seed);
  std::set<std::string> known;
  for (int number = 0; number < 26; ++number) {
    std::vector<Record> crm;
    if (number < 24) world.day(number, loop.web, crm);
    loop.clock.advance(kDay);
    loop.take(crm);
    for (const Record& r : crm)
      if (const auto* state = std::get_if<RecordState>(&r)) known.insert(state->ref.id);
    for (bool more = true; more;) {
      const auto pass = loop.puller().step({});
      EXPECT_TRUE(pass);
      more = pass && pass->more;
    }
  }
  std::map<std::string, std::vector<std::string>> out;
  for (const std::string& id : known) out[id] = loop.journey(id);
  touches = static_cast<std::size_t>(loop.read([](store::Tx& tx) { return store::touches::count(tx); }));
  return out;
}

/// DESIGN section 6: both ways give the same journeys for the same leads within the source's own retention; their
/// first touch, their last and all between.
TEST(Lookup, GivesTheSameJourneysAsAMirror) {
  std::size_t kept_less = 0;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::size_t all = 0, asked = 0, both = 0;
    const auto mirrored = journeys(seed, Loop::Tells::everything, all);
    EXPECT_EQ(journeys(seed, Loop::Tells::who_asks, asked), mirrored) << "asked for, seed " << seed;
    EXPECT_EQ(journeys(seed, Loop::Tells::both, both), mirrored) << "streams and asked for, seed " << seed;
    EXPECT_LE(asked, all);
    EXPECT_LE(both, all);
    kept_less += asked < all ? 1 : 0;
  }
  EXPECT_GT(kept_less, 0U) << "the worlds hold strangers";
}

}  // namespace
}  // namespace hw::ingest
