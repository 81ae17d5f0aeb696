#include <gmock/gmock.h>

#include "identity/resolve_kit.h"

/// What comes apart again, and what never joins.
namespace hw::identity {
namespace {

using test::client;
using test::email;
using test::gclid;
using test::in_a_world;
using test::World;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

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

}  // namespace
}  // namespace hw::identity
