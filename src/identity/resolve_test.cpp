#include "identity/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <random>

#include "identity/crm_ids.h"
#include "identity/graph.h"
#include "identity/persons.h"

namespace hw::identity {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

namespace ids = store::identities;

Timestamp at(int minute) { return from_micros(1'700'000'000'000'000 + std::int64_t{60'000'000} * minute); }
Identifier email(const std::string& who) { return {"email_sha256", who}; }
Identifier client(const std::string& who) { return {"ga_client_id", who}; }
Identifier gclid(const std::string& click) { return {"gclid", click}; }

/// A real store in a folder that goes with it.
class Store {
 public:
  Store() : dir_(std::filesystem::temp_directory_path() / ("hw_resolve_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(dir_);
    auto opened =
        store::Db::open({.path = (dir_ / "store.db").string(), .postgres = "", .create = true, .read_only = false});
    if (!opened) throw std::runtime_error(opened.error().detail);
    db_ = std::move(*opened);
  }
  ~Store() {
    db_.reset();
    std::filesystem::remove_all(dir_);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  store::Db& db() { return *db_; }

 private:
  std::filesystem::path dir_;
  std::unique_ptr<store::Db> db_;
};

/// What a CRM and an analytics tool do to a store, said in one line each.
class World {
 public:
  World(store::Tx& tx, ResolverOptions options) : tx_(tx), resolver_(std::move(options)) {}

  /// The CRM shows a record with these identifiers.
  std::vector<std::string> record(Object object, const std::string& id, std::vector<Identifier> identifiers,
                                  const std::string& lead = "") {
    return in([&](store::Tx& tx) {
      RecordState state;
      state.ref = {"crm", object, id};
      state.modified = at(++minute_);
      state.identifiers = std::move(identifiers);
      if (!lead.empty()) state.converted_from = RecordRef{"crm", Object::lead, lead};
      store::records::upsert(tx, state, "crm", {}, at(minute_));
      return names(tx, resolver_.record_changed(tx, *store::records::find(tx, state.ref), at(minute_)));
    });
  }
  std::vector<std::string> contact(const std::string& id, std::vector<Identifier> identifiers,
                                   const std::string& lead = "") {
    return record(Object::contact, id, std::move(identifiers), lead);
  }
  std::vector<std::string> remove(Object object, const std::string& id) { return set_state(object, id, "deleted", {}); }
  std::vector<std::string> restore(Object object, const std::string& id) { return set_state(object, id, "live", {}); }
  std::vector<std::string> merge(const std::string& loser, const std::string& winner) {
    return set_state(Object::contact, loser, "merged", winner);
  }
  /// Analytics shows a touch at that minute; a key that comes again is the same touch.
  std::vector<std::string> touch(const std::string& key, int minute, std::vector<Identifier> identifiers) {
    return in([&](store::Tx& tx) {
      Touch t;
      t.key = key;
      t.at = at(minute);
      t.identifiers = std::move(identifiers);
      bool changed = false;
      std::int64_t id = store::touches::put(tx, t, "web", "Direct", "day", std::nullopt, at(++minute_), &changed);
      touches_[key] = id;
      return names(tx, resolver_.touch_seen(tx, id, t, at(minute_)));
    });
  }
  std::vector<std::string> withdraw_touch(const std::string& key) {
    return in([&](store::Tx& tx) {
      std::vector<std::int64_t> kept;
      for (const auto& [other, id] : touches_) {
        if (other != key) kept.push_back(id);
      }
      touches_.erase(key);
      std::vector<std::string> out;
      for (const auto& gone : store::touches::withdraw_missing(tx, "web", "day", kept, at(++minute_))) {
        out = names(tx, resolver_.touch_withdrawn(tx, gone.id, gone.touch, at(minute_)));
      }
      return out;
    });
  }

  bool has_more() {
    return in([&](store::Tx& tx) { return ids::any_unfollowed(tx); });
  }
  std::vector<std::string> go_on() {
    return in([&](store::Tx& tx) { return names(tx, resolver_.go_on(tx, at(++minute_))); });
  }

  bool known(const Identifier& identifier) {
    return in([&](store::Tx& tx) { return ids::find(tx, identifier).has_value(); });
  }
  bool same_person(const Identifier& a, const Identifier& b) {
    return in([&](store::Tx& tx) {
      auto x = ids::find(tx, a), y = ids::find(tx, b);
      return x && y && x->person == y->person;
    });
  }
  bool quarantined(const Identifier& identifier) {
    return in([&](store::Tx& tx) {
      auto found = ids::find(tx, identifier);
      return found && found->quarantined;
    });
  }
  std::vector<Identifier> person(Object object, const std::string& id) {
    return in([&](store::Tx& tx) {
      std::vector<Identifier> out;
      for (const auto& i : persons_of(tx, *store::records::find(tx, {"crm", object, id}))) out.push_back(i.identifier);
      return out;
    });
  }
  std::vector<EvidenceStep> chain(Object object, const std::string& id) {
    return in([&](store::Tx& tx) { return evidence(tx, *store::records::find(tx, {"crm", object, id})); });
  }
  /// A contact whose mailbox bears its own name, with the CRM's account and the domain of its address ("" = none).
  AccountRef account_of_contact(const std::string& id, const std::string& account_id, const std::string& domain) {
    return in([&](store::Tx& tx) {
      RecordState state;
      state.ref = {"crm", Object::contact, id};
      state.modified = at(++minute_);
      state.identifiers = {email(id)};
      if (!account_id.empty()) state.account = RecordRef{"crm", Object::account, account_id};
      if (!domain.empty()) state.fields["email_domain"] = domain;
      store::records::upsert(tx, state, "crm", {}, at(minute_));
      auto stored = *store::records::find(tx, state.ref);
      resolver_.record_changed(tx, stored, at(minute_));
      return account_of(tx, stored);
    });
  }
  AccountRef account(const std::string& contact_id) {
    return in([&](store::Tx& tx) {
      return account_of(tx, *store::records::find(tx, {"crm", Object::contact, contact_id}));
    });
  }

  /// All that identity holds of `universe`, without the store's own numbers: links, persons, quarantines.
  std::set<std::string> state(const std::vector<Identifier>& universe) {
    return in([&](store::Tx& tx) {
      std::set<std::string> out;
      std::map<std::int64_t, std::set<std::string>> persons;
      for (const Identifier& identifier : universe) {
        auto found = ids::find(tx, identifier);
        if (!found) continue;
        std::vector<store::StoredLink> links = ids::links_of(tx, found->id);
        if (links.empty()) continue;
        persons[found->person].insert(identifier.value);
        if (found->quarantined) out.insert("quarantined " + identifier.value);
        for (const auto& link : links) out.insert(text(tx, link));
      }
      for (const auto& [id, members] : persons) {
        std::string line = "person";
        for (const std::string& member : members) line += " " + member;
        out.insert(line);
      }
      return out;
    });
  }

 private:
  template <class F>
  auto in(F&& f) -> decltype(f(std::declval<store::Tx&>())) {
    return f(tx_);
  }
  std::vector<std::string> set_state(Object object, const std::string& id, const char* state, const std::string& into) {
    return in([&](store::Tx& tx) {
      auto record = *store::records::find(tx, {"crm", object, id});
      std::optional<std::int64_t> winner;
      if (!into.empty()) winner = store::records::find(tx, {"crm", object, into})->id;
      store::records::set_state(tx, record.id, state, winner, at(++minute_));
      return names(tx, resolver_.record_changed(tx, *store::records::get(tx, record.id), at(minute_)));
    });
  }
  static std::vector<std::string> names(store::Tx& tx, const Changes& changes) {
    std::vector<std::string> out;
    for (std::int64_t id : changes.records) out.push_back(store::records::get(tx, id)->ref.id);
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string text(store::Tx& tx, const store::StoredLink& link) {
    std::string a = ids::get(tx, link.a)->identifier.value, b = ids::get(tx, link.b)->identifier.value;
    if (b < a) std::swap(a, b);
    std::string evidence = link.evidence;
    if (auto record = record_behind(evidence)) evidence = "record " + store::records::get(tx, *record)->ref.id;
    return a + " - " + b + " by " + evidence;
  }

  store::Tx& tx_;
  Resolver resolver_;
  std::map<std::string, std::int64_t> touches_;
  int minute_ = 100'000;
};

/// Runs the story in one transaction that is rolled back, so that one store serves all.
void in_a_world(const ResolverOptions& options, const std::function<void(World&)>& story) {
  static Store store;
  Status done = store.db().transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    World world(tx, options);
    story(world);
    return Error{Action::reject_row, "rolled_back", "", {}, false};
  });
  ASSERT_EQ(done.error().code, "rolled_back") << done.error().detail;
}

TEST(Resolver, RecordJoinsItsIdentifiers) {
  in_a_world({}, [](World& world) {
    EXPECT_THAT(world.contact("anna", {email("a"), client("c1")}), ElementsAre("anna"));
    EXPECT_THAT(world.person(Object::contact, "anna"),
                UnorderedElementsAre(Identifier{"crm_contact_id", "crm:anna"}, email("a"), client("c1")));
    EXPECT_THAT(world.contact("anna", {email("a"), client("c1")}), IsEmpty());
  });
}

TEST(Resolver, TwoRecordsWithOneMailboxAreOnePerson) {
  in_a_world({}, [](World& world) {
    world.record(Object::lead, "l1", {email("a")});
    EXPECT_THAT(world.contact("anna", {email("a")}), ElementsAre("anna", "l1"));
    EXPECT_TRUE(world.same_person({"crm_lead_id", "crm:l1"}, {"crm_contact_id", "crm:anna"}));
  });
}

TEST(Resolver, ConvertedLeadIsThePersonOfItsContact) {
  in_a_world({}, [](World& world) {
    world.record(Object::lead, "l1", {client("c1")});
    EXPECT_THAT(world.contact("anna", {email("a")}, "l1"), ElementsAre("anna", "l1"));
    EXPECT_TRUE(world.same_person(client("c1"), email("a")));
  });
}

TEST(Resolver, TouchThatReachesNoRecordMakesNoIdentifier) {
  in_a_world({}, [](World& world) {
    EXPECT_THAT(world.touch("t1", 1, {client("c1"), gclid("g1")}), IsEmpty());
    EXPECT_FALSE(world.known(client("c1")));
  });
}

TEST(Resolver, TouchOfAKnownVisitorJoinsItsClickAndMarksTheRecord) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {client("c1")});
    EXPECT_THAT(world.touch("t1", 1, {client("c1"), gclid("g1")}), ElementsAre("anna"));
    EXPECT_TRUE(world.same_person(client("c1"), gclid("g1")));
    EXPECT_THAT(world.touch("t2", 2, {client("c1")}), ElementsAre("anna"));
  });
}

TEST(Resolver, RecordThatComesLaterBringsItsTouchesIn) {
  in_a_world({}, [](World& world) {
    world.touch("t1", 1, {client("c1"), gclid("g1")});
    world.touch("t2", 2, {client("c1"), {"user_id", "u1"}});
    world.touch("t3", 3, {client("c2"), {"user_id", "u1"}});
    EXPECT_THAT(world.contact("anna", {gclid("g1")}), ElementsAre("anna"));
    EXPECT_TRUE(world.same_person(gclid("g1"), client("c2")));
  });
}

TEST(Resolver, TouchThatNamesTheRecordItselfIsFound) {
  in_a_world({}, [](World& world) {
    world.touch("t1", 1, {client("c1"), {"crm_contact_id", "crm:anna"}});
    world.contact("anna", {});
    EXPECT_TRUE(world.same_person(client("c1"), {"crm_contact_id", "crm:anna"}));
  });
}

TEST(Resolver, EarliestTouchIsTheEvidence) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {client("c1")});
    world.touch("late", 9, {client("c1"), gclid("g1")});
    world.touch("early", 1, {client("c1"), gclid("g1")});
    std::vector<EvidenceStep> chain = world.chain(Object::contact, "anna");
    ASSERT_THAT(chain, SizeIs(2));
    EXPECT_EQ(chain[1].to, gclid("g1"));
    EXPECT_EQ(chain[1].true_from, at(1));
    EXPECT_THAT(chain[1].evidence, ::testing::StartsWith("touch:"));
    EXPECT_THAT(chain[0].evidence, ::testing::StartsWith("record:"));
  });
}

TEST(Resolver, WithdrawnTouchTakesItsLinkBackUnlessAnotherSaysTheSame) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {client("c1")});
    world.touch("t1", 1, {client("c1"), gclid("g1")});
    world.touch("t2", 2, {client("c1"), gclid("g1")});
    EXPECT_THAT(world.withdraw_touch("t1"), ElementsAre("anna"));
    EXPECT_TRUE(world.same_person(client("c1"), gclid("g1")));
    EXPECT_THAT(world.withdraw_touch("t2"), ElementsAre("anna"));
    EXPECT_FALSE(world.same_person(client("c1"), gclid("g1")));
  });
}

TEST(Resolver, RewrittenTouchTakesBackWhatItNoLongerSays) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {client("c1")});
    world.touch("t1", 1, {client("c1"), gclid("g1")});
    EXPECT_THAT(world.touch("t1", 1, {client("c1"), gclid("g2")}), ElementsAre("anna"));
    EXPECT_FALSE(world.same_person(client("c1"), gclid("g1")));
    EXPECT_TRUE(world.same_person(client("c1"), gclid("g2")));
  });
}

TEST(Resolver, DeletedRecordTakesItsLinksBackAndARestoredOneBringsThemAgain) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {email("a"), client("c1")});
    world.contact("anna2", {email("a")});
    world.touch("t1", 1, {client("c1"), gclid("g1")});
    EXPECT_THAT(world.remove(Object::contact, "anna"), Contains("anna2"));
    EXPECT_THAT(world.person(Object::contact, "anna2"),
                UnorderedElementsAre(Identifier{"crm_contact_id", "crm:anna2"}, email("a")));
    EXPECT_FALSE(world.same_person(client("c1"), gclid("g1")));
    world.restore(Object::contact, "anna");
    EXPECT_TRUE(world.same_person(email("a"), gclid("g1")));
  });
}

TEST(Resolver, IdentifierARecordNoLongerStatesLeavesItsPerson) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {email("a"), client("c1")});
    EXPECT_THAT(world.contact("anna", {email("b"), client("c1")}), ElementsAre("anna"));
    EXPECT_FALSE(world.same_person(email("a"), client("c1")));
    EXPECT_TRUE(world.same_person(email("b"), client("c1")));
  });
}

TEST(Resolver, MergeJoinsAndUnmergeParts) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {email("a")});
    world.contact("anne", {email("b")});
    EXPECT_THAT(world.merge("anne", "anna"), ElementsAre("anna", "anne"));
    EXPECT_TRUE(world.same_person(email("a"), email("b")));
    std::vector<std::string> evidence;
    for (const EvidenceStep& step : world.chain(Object::contact, "anna")) evidence.push_back(step.evidence);
    EXPECT_THAT(evidence, Contains("merge:crm/contact/anne"));
    EXPECT_THAT(world.restore(Object::contact, "anne"), ElementsAre("anna", "anne"));
    EXPECT_FALSE(world.same_person(email("a"), email("b")));
  });
}

TEST(Resolver, SharedMailboxIsQuarantinedAndLetGoWhenItFallsUnderTheLimit) {
  in_a_world({{{"email_sha256", 2}}, 1000}, [](World& world) {
    world.contact("anna", {email("info"), client("c1")});
    world.contact("bob", {email("info"), client("c2")});
    EXPECT_TRUE(world.same_person(client("c1"), client("c2")));
    EXPECT_THAT(world.contact("cora", {email("info"), client("c3")}), ElementsAre("anna", "bob", "cora"));
    EXPECT_TRUE(world.quarantined(email("info")));
    EXPECT_FALSE(world.same_person(client("c1"), client("c2")));
    EXPECT_FALSE(world.same_person(client("c1"), client("c3")));
    EXPECT_THAT(world.person(Object::contact, "anna"), Not(Contains(email("info"))));
    EXPECT_THAT(world.contact("cora", {client("c3")}), ElementsAre("anna", "bob", "cora"));
    EXPECT_FALSE(world.quarantined(email("info")));
    EXPECT_TRUE(world.same_person(client("c1"), client("c2")));
  });
}

TEST(Resolver, BrowserInWhichMoreThanItsLimitIdentifyThemselvesIsQuarantined) {
  in_a_world({{{"ga_client_id", 2}}, 1000}, [](World& world) {
    for (const char* who : {"anna", "bob", "cora"}) world.contact(who, {email(who)});
    world.touch("t1", 1, {client("kiosk"), email("anna")});
    world.touch("t2", 2, {client("kiosk"), email("bob")});
    EXPECT_TRUE(world.same_person(email("anna"), email("bob")));
    EXPECT_THAT(world.touch("t3", 3, {client("kiosk"), email("cora")}), ElementsAre("anna", "bob", "cora"));
    EXPECT_TRUE(world.quarantined(client("kiosk")));
    EXPECT_FALSE(world.same_person(email("anna"), email("bob")));
    EXPECT_THAT(world.touch("t4", 4, {client("kiosk"), gclid("g1")}), IsEmpty());
    EXPECT_FALSE(world.known(gclid("g1")));
  });
}

TEST(Resolver, WhatABrowserLetGoReachesIsFollowedFurther) {
  in_a_world({{{"ga_client_id", 2}}, 1000}, [](World& world) {
    world.contact("anna", {email("anna"), client("kiosk")});
    for (const char* who : {"bob", "cora"}) {
      world.contact(who, {email(who)});
      world.touch(who, 1, {client("kiosk"), email(who)});
    }
    world.touch("t1", 2, {client("kiosk"), gclid("g1")});
    world.touch("t2", 3, {gclid("g1"), {"user_id", "u1"}});
    EXPECT_TRUE(world.quarantined(client("kiosk")));
    EXPECT_FALSE(world.known({"user_id", "u1"}));
    world.remove(Object::contact, "cora");
    EXPECT_FALSE(world.quarantined(client("kiosk")));
    EXPECT_TRUE(world.same_person(email("anna"), {"user_id", "u1"}));
  });
}

TEST(Resolver, DealsOfOneCustomerJoinNoPersonsAndPoisonNothing) {
  in_a_world({{{"email_sha256", 2}}, 1000}, [](World& world) {
    world.contact("anna", {email("a")});
    for (int i = 0; i < 20; ++i)
      world.record(Object::deal, "d" + std::to_string(i), {email("a"), client("c" + std::to_string(i))});
    EXPECT_FALSE(world.quarantined(email("a")));
    EXPECT_FALSE(world.same_person(client("c1"), email("a")));
    EXPECT_THAT(world.person(Object::deal, "d3"),
                UnorderedElementsAre(Identifier{"crm_contact_id", "crm:anna"}, email("a"), client("c3")));
  });
}

TEST(Resolver, ChangeOfAPersonMarksTheDealsThatCarryOneOfItsIdentifiers) {
  in_a_world({}, [](World& world) {
    world.record(Object::deal, "d1", {client("c1")});
    EXPECT_THAT(world.touch("t1", 1, {client("c1"), gclid("g1")}), ElementsAre("d1"));
    EXPECT_THAT(world.person(Object::deal, "d1"), UnorderedElementsAre(client("c1"), gclid("g1")));
  });
}

TEST(Resolver, PlaceholdersSessionsAndAccountsJoinNoOne) {
  in_a_world({}, [](World& world) {
    world.contact("anna", {client("0"), {"ga_session_id", "1747132561"}, {"crm_account_id", "crm:acme"}});
    world.contact("bob", {client("0"), {"ga_session_id", "1747132561"}, {"crm_account_id", "crm:acme"}});
    EXPECT_FALSE(world.same_person({"crm_contact_id", "crm:anna"}, {"crm_contact_id", "crm:bob"}));
    EXPECT_FALSE(world.known(client("0")));
    world.record(Object::account, "acme", {{"phone_sha256", "switchboard"}});
    EXPECT_FALSE(world.known({"phone_sha256", "switchboard"}));
  });
}

TEST(Resolver, FollowedTouchesAreBounded) {
  in_a_world({{}, 3}, [](World& world) {
    for (int i = 0; i < 9; ++i) world.touch("t" + std::to_string(i), i, {client("c1"), gclid("g" + std::to_string(i))});
    world.contact("anna", {client("c1")});
    EXPECT_LE(world.person(Object::contact, "anna").size(), 5U);
    EXPECT_TRUE(world.has_more());
  });
}

TEST(Resolver, WhatIsTooMuchForOneChangeIsFollowedInFurtherOnesToTheEnd) {
  in_a_world({{}, 3}, [](World& world) {
    for (int i = 0; i < 9; ++i) {
      const std::string n = std::to_string(i);
      world.touch("t" + n, i, {client("c1"), gclid("g" + n)});
      world.touch("u" + n, i, {gclid("g" + n), client("further" + n)});
    }
    world.contact("anna", {client("c1")});
    int rounds = 0;
    for (; world.has_more() && rounds < 100; ++rounds) world.go_on();
    EXPECT_GE(rounds, 5);
    EXPECT_FALSE(world.has_more());
    EXPECT_THAT(world.person(Object::contact, "anna"), SizeIs(20)) << "itself, c1, nine clicks, nine browsers";
  });
}

TEST(Resolver, AChangeThatFollowsEverythingLeavesNothingToGoOnWith) {
  in_a_world({}, [](World& world) {
    for (int i = 0; i < 9; ++i) world.touch("t" + std::to_string(i), i, {client("c1"), gclid("g" + std::to_string(i))});
    world.contact("anna", {client("c1")});
    EXPECT_FALSE(world.has_more());
    EXPECT_THAT(world.go_on(), IsEmpty());
  });
}

TEST(Resolver, AccountIsTheCrmsElseTheDomainOfTheAddressElseThatOfTheSamePersonsOtherRecord) {
  in_a_world({}, [](World& world) {
    EXPECT_EQ(world.account_of_contact("anna", "", "example.com").domain, "example.com");
    EXPECT_TRUE(world.account_of_contact("bob", "acme", "example.com").record.has_value());
    AccountRef none = world.account_of_contact("cora", "", "");
    EXPECT_TRUE(none.domain.empty() && !none.record);
    world.contact("bob2", {email("bob")});
    EXPECT_TRUE(world.account("bob2").record.has_value());
  });
}

// ------------------------------------------------------------------------------------------- order does not matter

/// A small universe in which shared mailboxes, kiosks and chains of touches are common.
struct Story {
  struct Event {
    enum class Kind { contact, lead, deal, touch } kind;
    std::string id;
    int minute;
    std::vector<Identifier> identifiers;
  };
  std::vector<Event> events;
  std::vector<Identifier> universe;
};

Story make_story(std::mt19937& random) {
  Story story;
  auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  for (int i = 0; i < 3; ++i) story.universe.push_back(email("e" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) story.universe.push_back(client("c" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) story.universe.push_back(gclid("g" + std::to_string(i)));
  auto some = [&](int most) {
    std::vector<Identifier> out;
    for (int n = below(static_cast<unsigned>(most)) + 1; n > 0; --n) out.push_back(story.universe[random() % 11]);
    return out;
  };
  using Kind = Story::Event::Kind;
  const Kind kinds[] = {Kind::contact, Kind::contact, Kind::lead, Kind::deal};
  int records = 3 + below(6), touches = 3 + below(10);
  for (int i = 0; i < records; ++i) story.events.push_back({kinds[random() % 4], "r" + std::to_string(i), 0, some(3)});
  for (int i = 0; i < touches; ++i) story.events.push_back({Kind::touch, "t" + std::to_string(i), below(50), some(3)});
  for (const auto& event : story.events) {
    if (event.kind == Kind::touch) continue;
    Object object = event.kind == Kind::contact ? Object::contact
                    : event.kind == Kind::lead  ? Object::lead
                                                : Object::deal;
    story.universe.push_back(crm_identifier({"crm", object, event.id}));
  }
  return story;
}

void play(World& world, const Story::Event& event) {
  using Kind = Story::Event::Kind;
  switch (event.kind) {
    case Kind::contact:
      world.record(Object::contact, event.id, event.identifiers);
      break;
    case Kind::lead:
      world.record(Object::lead, event.id, event.identifiers);
      break;
    case Kind::deal:
      world.record(Object::deal, event.id, event.identifiers);
      break;
    case Kind::touch:
      world.touch(event.id, event.minute, event.identifiers);
      break;
  }
}

void undo(World& world, const Story::Event& event) {
  using Kind = Story::Event::Kind;
  switch (event.kind) {
    case Kind::contact:
      world.remove(Object::contact, event.id);
      break;
    case Kind::lead:
      world.remove(Object::lead, event.id);
      break;
    case Kind::deal:
      world.remove(Object::deal, event.id);
      break;
    case Kind::touch:
      world.withdraw_touch(event.id);
      break;
  }
}

const ResolverOptions kTight{{{"email_sha256", 2}, {"ga_client_id", 2}, {"gclid", 3}}, 1000};

using Events = std::vector<Story::Event>;

std::set<std::string> state_after(const Events& played, const Events& undone, const std::vector<Identifier>& universe) {
  std::set<std::string> out;
  in_a_world(kTight, [&](World& world) {
    for (const auto& event : played) play(world, event);
    for (const auto& event : undone) undo(world, event);
    out = world.state(universe);
  });
  return out;
}

TEST(Resolver, EveryOrderOfArrivalGivesTheSameLinksPersonsAndQuarantines) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Story story = make_story(random);
    const std::set<std::string> expected = state_after(story.events, {}, story.universe);
    for (int round = 0; round < 2; ++round) {
      std::shuffle(story.events.begin(), story.events.end(), random);
      ASSERT_EQ(state_after(story.events, {}, story.universe), expected) << "seed " << seed;
    }
  }
}

TEST(Resolver, WhatIsTakenBackLeavesNoTrace) {
  for (unsigned seed = 1001; seed <= 1040; ++seed) {
    std::mt19937 random(seed);
    Story story = make_story(random);
    std::shuffle(story.events.begin(), story.events.end(), random);
    auto middle = story.events.begin() + static_cast<std::ptrdiff_t>(story.events.size() / 2);
    const Events kept(story.events.begin(), middle), undone(middle, story.events.end());
    std::shuffle(story.events.begin(), story.events.end(), random);
    ASSERT_EQ(state_after(story.events, undone, story.universe), state_after(kept, {}, story.universe))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace hw::identity
