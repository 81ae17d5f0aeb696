#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <sstream>

#include "base/log.h"
#include "conformance/loop.h"
#include "identity/normalise.h"
#include "ingest/test_kit.h"
#include "store/identities.h"
#include "store/source_fields.h"
#include "store/touches.h"

namespace hw::ingest {
namespace {

using conformance::FakeConnector;
using conformance::FakeRecords;
using conformance::kDay;
using conformance::kHour;
using conformance::kStart;
using conformance::Loop;
using connect::Page;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_kit::contact;
using testing_kit::deal;
using testing_kit::page_of;
using testing_kit::Pulling;
namespace service_rows = store::service_rows;

const std::set<std::string> kMoments{"cursor.updated_at"};

TEST(Ingest, PagesAreReadToThePresentAndTheSweepIsNoted) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")}), page_of({deal("D1", "won")})};
  EXPECT_EQ(p.pull().rows, 2U);
  EXPECT_EQ(p.cursor(), "2");
  EXPECT_TRUE(p.swept());
  EXPECT_EQ(p.state_of(Object::deal, "D1"), "live");
}

TEST(Ingest, APassThatFindsTheSweepNotedWritesNothingAboutIt) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")})};
  p.pull();
  ASSERT_TRUE(p.swept());
  int commits = 0;
  p.loop.db->commit_fails = [&] {
    ++commits;
    return false;
  };
  p.pull();
  EXPECT_EQ(commits, 1) << "the page and its cursor";
}

int g_pulls_failed = 0, g_pulls_resumed = 0;
void count_pauses(std::string_view line) {
  if (line.find("event=pull_failed") != std::string_view::npos) ++g_pulls_failed;
  if (line.find("event=pull_resumed") != std::string_view::npos) ++g_pulls_resumed;
}

TEST(Ingest, CredentialsThatFailPauseTheSourceAreSaidOnceAndResumeWhenTheyWork) {
  g_pulls_failed = g_pulls_resumed = 0;
  set_log_sink_for_test(count_pauses);
  Pulling p;
  p.source().pages = {page_of({contact("C1")})};
  for (int i = 0; i < 8; ++i) {
    p.source().errors = {Error{Action::pause, "credential", "refused", {}, false}};
    p.pull();
    EXPECT_EQ(p.pauses(), 1U);
    p.loop.clock.advance(kHour * 2);
    if (i == 4) p.start();  // a restart says nothing new
  }
  EXPECT_EQ(g_pulls_failed, 1);
  EXPECT_EQ(p.pull().rows, 1U);
  EXPECT_EQ(p.pauses(), 0U);
  EXPECT_EQ(g_pulls_resumed, 1);
  set_log_sink_for_test(nullptr);
}

TEST(Ingest, CredentialsThatFailDuringAnOutageCountFromThen) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")})};
  const Error down{Action::retry, "http_503", "down", {}, false},
      refused{Action::pause, "credential", "refused", {}, false};
  const auto meets = [&p](const Error& e) {
    p.source().errors = {e};
    p.pull();
    p.loop.clock.advance(kHour * 2);
    const auto known = p.loop.read([](store::Tx& tx) { return service_rows::pause(tx, "source", "crm"); });
    return known ? known->code + " for " + std::to_string((p.loop.clock.system_now() - known->since) / kHour) : "";
  };
  EXPECT_EQ(meets(down), "http_503 for 2");
  EXPECT_EQ(meets(down), "http_503 for 4");
  EXPECT_EQ(meets(refused), "credential for 2") << "what needs a person is another trouble, and is said";
  EXPECT_EQ(meets(refused), "credential for 4");
}

TEST(Ingest, APauseThatSomebodyLiftedIsTriedAtOnce) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")})};
  p.source().errors = {Error{Action::pause, "credential", "refused", {}, false}};
  p.pull();
  EXPECT_TRUE(p.pull().resting);
  ASSERT_TRUE(p.loop.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    service_rows::clear_pause(tx, "source", "crm");
    return {};
  }));
  EXPECT_EQ(p.pull().rows, 1U);
}

TEST(Ingest, ATrialCommitsTheNextPageAndMovesNoCursor) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")}), page_of({deal("D1", "won")})};
  auto pass = p.puller->trial({});
  ASSERT_TRUE(pass);
  EXPECT_EQ(pass->rows, 1U);
  EXPECT_FALSE(pass->more) << "one page is all that it takes";
  EXPECT_EQ(p.state_of(Object::contact, "C1"), "live");
  EXPECT_EQ(p.cursor(), "-");
  EXPECT_FALSE(p.swept());
  EXPECT_EQ(p.pull().rows, 2U) << "what the trial took comes again";
  EXPECT_EQ(p.cursor(), "2");
}

TEST(Ingest, ATrialInTheMiddleOfTheWayBeginsAtTheCursorAndLeavesItThere) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")}), page_of({deal("D1", "won")})};
  ASSERT_TRUE(p.puller->step({}, 1));
  ASSERT_EQ(p.cursor(), "1");
  ASSERT_TRUE(p.puller->trial({}));
  EXPECT_EQ(p.state_of(Object::deal, "D1"), "live");
  EXPECT_EQ(p.cursor(), "1");
  EXPECT_FALSE(p.swept()) << "its last page was seen, but not by a pass that keeps its place";
}

TEST(Ingest, ABadRowIsSetAsideAndNeverStopsTheRest) {
  Pulling p;
  Page<Record> page = page_of({deal("D1", "won")});
  page.rejected = {{"deals.csv:3", "amount", "the amount is no number"}};
  p.source().pages = {page, page};
  EXPECT_EQ(p.pull().rejected, 2U);
  EXPECT_EQ(p.state_of(Object::deal, "D1"), "live");
  p.loop.read([](store::Tx& tx) {
    const auto aside = service_rows::rejections(tx, 10);
    EXPECT_EQ(aside.size(), 1U);
    EXPECT_EQ(aside.at(0).place, "deals.csv:3");
    EXPECT_EQ(aside.at(0).times, 2);
    return 0;
  });
}

// --------------------------------------------------------------------------------- deletes, merges, partitions

struct Lives {
  const char* name;
  std::vector<Record> rows;
  const char* ends_as;
};

Removal removed(Removal::Kind kind, std::optional<Timestamp> at) { return {{"crm", Object::deal, "D1"}, kind, at}; }

TEST(Ingest, LivesOfARecord) {
  const Timestamp later = kStart + kHour, latest = kStart + kHour * 2;
  using Kind = Removal::Kind;
  const Lives table[] = {
      {"deleted", {deal("D1", "won"), removed(Kind::deleted, later)}, "deleted"},
      {"deleted and restored",
       {deal("D1", "won"), removed(Kind::deleted, later), removed(Kind::restored, latest)},
       "live"},
      {"deleted, then answered again",
       {deal("D1", "won"), removed(Kind::deleted, later), deal("D1", "won", latest)},
       "live"},
      {"an old state says nothing of a delete",
       {deal("D1", "won"), removed(Kind::deleted, later), deal("D1", "won")},
       "deleted"},
      {"an archive list read again after a restore",
       {deal("D1", "won"), removed(Kind::deleted, later), deal("D1", "won", latest), removed(Kind::deleted, later)},
       "live"},
      {"gone", {deal("D1", "won"), removed(Kind::gone, later)}, "gone"},
      {"gone and back", {deal("D1", "won"), removed(Kind::gone, later), deal("D1", "won", latest)}, "live"},
      {"what is deleted is not gone",
       {deal("D1", "won"), removed(Kind::deleted, later), removed(Kind::gone, latest)},
       "deleted"},
      {"merged",
       {deal("D1", "won"), deal("D2", "won"), Merge{{"crm", Object::deal, "D1"}, "D2", later, false}},
       "merged"},
      {"merged and un-merged",
       {deal("D1", "won"), deal("D2", "won"), Merge{{"crm", Object::deal, "D1"}, "D2", later, false},
        Merge{{"crm", Object::deal, "D1"}, "D2", latest, true}},
       "live"},
      {"merged, then answered again",
       {deal("D1", "won"), deal("D2", "won"), Merge{{"crm", Object::deal, "D1"}, "D2", later, false},
        deal("D1", "won", latest)},
       "live"},
      {"named before it was seen",
       {Merge{{"crm", Object::deal, "D1"}, "D2", later, false}, deal("D1", "won")},
       "merged"},
  };
  for (const Lives& row : table) {
    Pulling p;
    for (const Record& r : row.rows) p.source().pages.push_back(page_of({r}));
    p.pull();
    EXPECT_EQ(p.state_of(Object::deal, "D1"), row.ends_as) << row.name;
  }
}

TEST(Ingest, AMergeMarksBothAndAnAssociationItsDeal) {
  Pulling p;
  p.source().pages = {page_of({deal("D1", "won"), deal("D2", "won"), contact("C1")})};
  p.pull();
  ASSERT_TRUE(p.loop.reconcile());
  auto marked = [&](Object object, const std::string& id) {
    const auto record = p.loop.record_id(object, id);
    return p.loop.read([&](store::Tx& tx) { return service_rows::dirty_of(tx, record).has_value(); });
  };
  EXPECT_FALSE(marked(Object::deal, "D1"));
  Association tie;
  tie.from = {"crm", Object::deal, "D1"};
  tie.to = {{.id = "C1", .role = "", .primary = true}};
  p.loop.take({tie});
  EXPECT_TRUE(marked(Object::deal, "D1"));
  EXPECT_FALSE(marked(Object::deal, "D2"));
  ASSERT_TRUE(p.loop.reconcile());
  p.loop.take({Merge{{"crm", Object::deal, "D1"}, "D2", kStart, false}});
  EXPECT_TRUE(marked(Object::deal, "D1"));
  EXPECT_TRUE(marked(Object::deal, "D2"));
}

TEST(Ingest, AnOlderStateTakesNoTouchNorTieOfANewerOneBack) {
  Pulling p;
  const auto state_at = [](Timestamp modified, const std::string& source) {
    RecordState r = deal("D1", "won", modified);
    Touch t;
    t.key = "D1/" + source;
    t.at = kStart - kHour;
    t.source = source;
    r.source_touches = {t};
    return r;
  };
  const auto list_at = [](Timestamp modified, const std::string& contact) {
    return Association{.from = {"crm", Object::deal, "D1"},
                       .to_object = Object::contact,
                       .to = {{contact, "", true}},
                       .complete = true,
                       .at = modified};
  };
  const Timestamp later = kStart + kHour;
  p.loop.take({state_at(later, "new"), list_at(later, "C2")});
  p.loop.take({state_at(kStart, "old"), list_at(kStart, "C1")});
  const auto d = p.loop.record_id(Object::deal, "D1"), c2 = p.loop.record_id(Object::contact, "C2");
  const auto touches = p.loop.read([&](store::Tx& tx) { return store::touches::of_record(tx, d); });
  ASSERT_EQ(touches.size(), 1U);
  EXPECT_EQ(touches[0].touch.source, "new");
  const auto ties = p.loop.read([&](store::Tx& tx) { return store::records::ties_from(tx, d, Object::contact); });
  ASSERT_EQ(ties.size(), 1U);
  EXPECT_EQ(ties[0].other, c2);
}

TEST(Ingest, WhatIdentityHadTooMuchOfIsFollowedBeforeTheSweepIsNoted) {
  Pulling p;
  p.resolver = identity::Resolver({.limits = {}, .max_touches = 3});
  p.start();
  ASSERT_TRUE(p.loop.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    for (int i = 0; i < 9; ++i) {
      const std::string n = std::to_string(i);
      Touch t;
      t.key = "visit" + n;
      t.at = kStart - kHour;
      t.identifiers = {{"gclid", "kC1"}, {"ga_client_id", "visitor" + n}};
      p.take->row(tx, t, "web", std::nullopt, kStart);
    }
    return {};
  }));
  p.source().pages = {page_of({contact("C1")})};
  p.pull();
  EXPECT_TRUE(p.swept());
  p.loop.read([&](store::Tx& tx) {
    EXPECT_FALSE(store::identities::any_unfollowed(tx));
    for (int i = 0; i < 9; ++i)
      EXPECT_TRUE(store::identities::find(tx, {"ga_client_id", "visitor" + std::to_string(i)})) << i;
    return true;
  });
}

TEST(Ingest, WhatAPartialStateDoesNotStateStays) {
  RecordState whole = contact("C1", "hash");
  whole.hashes["email"] = {"hash"};
  whole.country = "DE";
  RecordState part = contact("C1");
  part.modified += kHour;
  part.identifiers = {{"gclid", "other"}};
  for (const bool partial : {true, false}) {
    Pulling p;
    part.partial = partial;
    p.source().pages = {page_of({whole}), page_of({part})};
    p.pull();
    p.loop.read([&](store::Tx& tx) {
      const auto r = store::records::find(tx, {"crm", Object::contact, "C1"});
      EXPECT_EQ(r->identifiers.size(), partial ? 2U : 1U);
      EXPECT_EQ(r->identifiers.at(0), (Identifier{"gclid", "other"}));
      EXPECT_EQ(r->hashes.size(), partial ? 1U : 0U);
      EXPECT_EQ(r->country, partial ? "DE" : "");
      return true;
    });
  }
}

std::string city_of(Pulling& p, const std::string& contact_id) {
  return p.loop.read([&](store::Tx& tx) {
    const auto r = store::records::find(tx, {"crm", Object::contact, contact_id});
    return r->city + "/" + r->postal_code;
  });
}

TEST(Ingest, AnAddressIsKeptOnlyWhereNamesAreAskedFor) {
  RecordState told = contact("C1");
  told.city = "Berlin";
  told.postal_code = "10115";
  for (const bool asked : {false, true}) {
    Pulling p;
    p.loop.settings.identity.names = asked;
    p.start();
    p.source().pages = {page_of({told})};
    p.pull();
    EXPECT_EQ(city_of(p, "C1"), asked ? "Berlin/10115" : "/");
  }
}

Touch source_touch(const std::string& key, const std::string& source) {
  Touch t;
  t.key = key;
  t.kind = "crm_source";
  t.source = source;
  t.medium = "cpc";
  t.at = kStart;
  return t;
}

/// Writes to the contact as a field writer would.
void write_back(Pulling& p, const std::string& what, const std::string& value) {
  ASSERT_TRUE(p.loop.db->transact(store::Durability::ledger, [&](store::Tx& tx) -> Status {
    store::source_fields::put_written(tx, {.record = store::records::find(tx, {"crm", Object::contact, "C1"})->id,
                                           .what = what,
                                           .field = "hw_" + what,
                                           .hash = store::source_fields::hash_of(value),
                                           .intended = {},
                                           .group_at = {},
                                           .written_at = kStart});
    return {};
  }));
}

TEST(Invariant6, WhatHeadwaterWroteToARecordIsNoEvidence) {
  Pulling p;
  p.source().pages = {page_of({contact("C1")})};
  p.pull();
  for (const auto& [what, value] : {std::pair{"identifier.gclid", "kC1"},
                                    {"identifier.gclid", "from-a-touch"},
                                    {"first_source", "google"},
                                    {"first_medium", "cpc"}})
    write_back(p, what, value);
  RecordState again = contact("C1");
  again.modified += kHour;
  again.identifiers.push_back({"gclid", "from-a-touch"});
  again.identifiers.push_back({"gclid", "typed"});
  again.source_touches = {source_touch("echo", "google"), source_touch("typed", "bing")};
  p.source().pages.push_back(page_of({again}));
  p.pull();
  p.loop.read([](store::Tx& tx) {
    const auto r = store::records::find(tx, {"crm", Object::contact, "C1"});
    EXPECT_THAT(r->identifiers, ElementsAre(Identifier{"gclid", "kC1"}, Identifier{"gclid", "typed"}))
        << "what it carried before is its own";
    const auto touches = store::touches::of_record(tx, r->id);
    EXPECT_EQ(touches.size(), 1U);
    EXPECT_EQ(touches.at(0).touch.source, "bing");
    return true;
  });
}

/// A day in two pages; what it holds changes between readings.
struct Day final : connect::TouchSource {
  std::vector<std::vector<std::string>> pages;
  std::vector<std::string> asked;
  static Touch touch(const std::string& key) {
    Touch t;
    t.key = key;
    t.at = kStart - kHour;
    t.identifiers = {{"gclid", "k" + key}};
    return t;
  }
  Result<std::vector<std::string>> streams(connect::Context) override { return std::vector<std::string>{"day"}; }
  Result<Page<Touch>> pull(std::string_view, const connect::Cursor& cursor, std::size_t, connect::Context) override {
    asked.push_back(cursor.text);
    const std::size_t at = cursor.text.empty() ? 0 : std::stoul(cursor.text);
    Page<Touch> page;
    if (at >= pages.size()) return page;
    for (const auto& key : pages[at]) page.rows.push_back(touch(key));
    page.partition = "2026-03-01";
    page.partition_ends = at + 1 == pages.size();
    page.more = !page.partition_ends;
    page.next.text = std::to_string(at + 1);
    return page;
  }
};

std::vector<std::string> standing_touches(Pulling& p, const std::vector<std::string>& keys) {
  return p.loop.read([&](store::Tx& tx) {
    std::vector<std::string> out;
    for (const auto& key : keys)
      if (!store::touches::with(tx, {"gclid", "k" + key}).empty()) out.push_back(key);
    return out;
  });
}

/// The day's pages come again.
void read_anew(Pulling& p) {
  ASSERT_TRUE(p.loop.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    service_rows::put_cursor(tx, {"crm", "touches", "day", "", {}, {}, kStart});
    return {};
  }));
}

TEST(Ingest, WhatAPartitionDoesNotRepeatIsWithdrawnAtItsEnd) {
  Pulling p;
  auto made = std::make_unique<Day>();
  Day& day = *made;
  p.connector.touch_source = std::move(made);
  day.pages = {{"a", "b"}, {"c"}};
  p.pull();
  EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "b", "c"));
  day.pages = {{"a"}, {"c"}};
  read_anew(p);
  ASSERT_TRUE(p.puller->step({}, 1));
  EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "b", "c")) << "its last page is still to come";
  p.pull();
  EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "c"));
}

TEST(Ingest, ARestartInTheMiddleOfAPartitionWithdrawsNothingThatItsFirstPagesRepeat) {
  Pulling p;
  auto made = std::make_unique<Day>();
  Day& day = *made;
  p.connector.touch_source = std::move(made);
  day.pages = {{"a", "b"}, {"c"}};
  ASSERT_TRUE(p.puller->step({}, 1));
  p.start();
  p.pull();
  EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(day.asked, ElementsAre("", "", "1")) << "from the partition's beginning";
}

TEST(Ingest, AFailedCommitInAPartitionIsReadAgain) {
  Pulling p;
  auto made = std::make_unique<Day>();
  Day& day = *made;
  p.connector.touch_source = std::move(made);
  day.pages = {{"a", "b"}, {"c"}};
  for (int fail_at = 0; fail_at < 12; ++fail_at) {
    int commits = 0;
    p.loop.db->commit_fails = [&] { return commits++ == fail_at; };
    (void)p.puller->step({});
    p.loop.db->commit_fails = nullptr;
    p.pull();
    EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "b", "c")) << fail_at;
  }
}

TEST(Ingest, ACommitInAPartitionWhoseAnswerWasLostWithdrawsNothing) {
  for (int lost_at = 0; lost_at < 8; ++lost_at) {
    Pulling p;
    auto made = std::make_unique<Day>();
    made->pages = {{"a", "b"}, {"c"}, {"d"}};
    p.connector.touch_source = std::move(made);
    int commits = 0;
    p.loop.db->answer_lost = [&] { return commits++ == lost_at; };
    (void)p.puller->step({});
    p.loop.db->answer_lost = nullptr;
    p.pull();
    EXPECT_THAT(standing_touches(p, {"a", "b", "c", "d"}), ElementsAre("a", "b", "c", "d")) << lost_at;
  }
}

TEST(Ingest, WhatAloneAFailedCommitRepeatedIsWithdrawn) {
  Pulling p;
  auto made = std::make_unique<Day>();
  Day& day = *made;
  p.connector.touch_source = std::move(made);
  day.pages = {{"a"}, {"b", "c"}};
  p.pull();
  read_anew(p);
  ASSERT_TRUE(p.puller->step({}, 1));
  p.loop.db->commit_fails = [] { return true; };
  ASSERT_FALSE(p.puller->step({}, 1));
  p.loop.db->commit_fails = nullptr;
  day.pages = {{"a"}, {"b"}};
  p.pull();
  EXPECT_THAT(standing_touches(p, {"a", "b", "c"}), ElementsAre("a", "b"));
}

// ------------------------------------------------------------------------------------------------------------
// invariants

std::vector<Page<Record>> two_pages() {
  Association tie;
  tie.from = {"crm", Object::deal, "D1"};
  tie.to = {{.id = "C1", .role = "primary", .primary = true}};
  tie.at = kStart;
  Page<Record> second = page_of({tie, FieldChange{tie.from, "stage", "won", kStart, Basis::crm_history},
                                 Merge{{"crm", Object::contact, "C2"}, "C1", kStart, false},
                                 removed(Removal::Kind::deleted, kStart + kHour)});
  return {page_of({contact("C1", "same"), contact("C2", "same"), deal("D1", "won")}), second};
}

TEST(Invariant3, AFailingCommitLeavesRowsAndCursorAsTheyWere) {
  Pulling p;
  p.source().pages = two_pages();
  const auto before = conformance::tables_of(*p.loop.db);
  p.loop.db->commit_fails = [] { return true; };
  auto pass = p.puller->step({});
  ASSERT_FALSE(pass);
  EXPECT_EQ(pass.error().code, "store_full");
  p.loop.db->commit_fails = nullptr;
  EXPECT_EQ(conformance::tables_of(*p.loop.db), before);
  p.pull();
  EXPECT_EQ(p.cursor(), "2");
  EXPECT_EQ(p.state_of(Object::contact, "C2"), "merged");
}

TEST(Invariant3, TheCursorNeverRunsAheadOfTheRows) {
  for (int commit = 0; commit < 3; ++commit) {
    Pulling p;
    p.source().pages = two_pages();
    int commits = 0;
    p.loop.db->commit_fails = [&] { return commits++ == commit; };
    (void)p.puller->step({});
    const bool first_page = p.state_of(Object::deal, "D1") != "-";
    const bool second_page = p.state_of(Object::contact, "C2") == "merged";
    EXPECT_EQ(p.cursor(), second_page ? "2" : first_page ? "1" : "-") << commit;
  }
}

TEST(Invariant3, APageSeenTwiceChangesNothing) {
  Pulling p;
  p.source().pages = two_pages();
  p.pull();
  p.loop.settle();
  const auto before = conformance::tables_of(*p.loop.db, kMoments);
  p.loop.clock.advance(kDay);
  // A restart that lost the cursor reads both again.
  ASSERT_TRUE(p.loop.db->transact(store::Durability::bulk, [](store::Tx& tx) -> Status {
    service_rows::put_cursor(tx, {"crm", "records", "deals", "", kStart, {}, kStart});
    return {};
  }));
  p.start();
  p.pull();
  EXPECT_EQ(conformance::tables_of(*p.loop.db, kMoments), before);
}

TEST(Invariant3, WhatATrialTookChangesNothingWhenItComesAgain) {
  Pulling tried;
  tried.source().pages = two_pages();
  ASSERT_TRUE(tried.puller->trial({}));
  tried.pull();
  Pulling plain;
  plain.source().pages = two_pages();
  plain.pull();
  auto sequence = kMoments;
  sequence.insert("dirty_subject.seq");  // marked again while waiting: in another order, the same subjects
  EXPECT_EQ(conformance::tables_of(*tried.loop.db, sequence), conformance::tables_of(*plain.loop.db, sequence));
}

/// As a connector reads a contact: raw personal data goes through the normaliser and dies with the page.
struct RawContacts final : connect::RecordSource {
  explicit RawContacts(const connect::Normaliser& n) : normaliser(n) {}
  const connect::Normaliser& normaliser;
  Result<std::vector<std::string>> streams(connect::Context) override { return std::vector<std::string>{"contacts"}; }
  Result<Page<Record>> pull(std::string_view, const connect::Cursor&, std::size_t, connect::Context) override {
    Page<Record> page;
    connect::RawPerson raw;
    raw.email = "  Wilhelmina.Testperson+shop@Gmail.com";
    raw.phone = "+49 30 901820111";
    raw.given_name = "Wilhelmina";
    raw.family_name = "Testperson";
    RecordState r = contact("C1");
    std::vector<std::string> notes;
    normaliser.keep(raw, r, notes);
    connect::RawPerson broken;
    broken.email = "wilhelmina.testperson(at)example.com";
    RecordState other = contact("C2");
    normaliser.keep(broken, other, notes);
    for (const auto& note : notes) page.rejected.push_back({"contacts/C2", "personal", note});
    page.rows = {r, other};
    page.sweep_complete = true;
    return page;
  }
};

std::string g_lines;
void keep_lines(std::string_view line) { g_lines += std::string(line) + "\n"; }

TEST(Invariant5, NoRawPersonalDataReachesTheStoreOrTheLog) {
  g_lines.clear();
  set_log_level(Level::debug);
  set_log_sink_for_test(keep_lines);
  Pulling p;
  const connect::Vocabulary vocabulary;
  const auto normaliser = identity::make_normaliser(
      {.names = true, .masked_email = true, .default_country = "DE", .role_mailboxes = {}, .free_mail = {}},
      vocabulary);
  p.connector.source = std::make_unique<RawContacts>(*normaliser);
  p.pull();
  p.loop.deal("D1", "C1", "won");
  p.loop.sink().faults = {conformance::PlatformFault::lost_before, conformance::PlatformFault::sign_in};
  p.loop.pass(kDay);
  set_log_sink_for_test(nullptr);
  set_log_level(Level::info);
  EXPECT_THAT(g_lines, HasSubstr("event=paused")) << "there were log lines to look at";
  std::string stored;
  for (const char* suffix : {"", "-wal", "-journal"}) {
    std::ifstream file(p.loop.store_file() + suffix, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    stored += text.str();
  }
  EXPECT_THAT(stored, HasSubstr("kC1")) << "the record is there";
  for (const std::string* place : {&stored, &g_lines}) {
    std::string lower = *place;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const char* raw : {"wilhelmina", "testperson", "901820111", "wilhelminatestperson"})
      EXPECT_EQ(lower.find(raw), std::string::npos) << raw;
  }
}

}  // namespace
}  // namespace hw::ingest
