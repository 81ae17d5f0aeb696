#include <gmock/gmock.h>

#include "identity/resolve_kit.h"

/// What joins, and how far a change is followed.
namespace hw::identity {
namespace {

using test::at;
using test::client;
using test::email;
using test::gclid;
using test::in_a_world;
using test::World;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

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

TEST(Resolver, ChangeOfAPersonMarksTheDealsThatCarryOneOfItsIdentifiers) {
  in_a_world({}, [](World& world) {
    world.record(Object::deal, "d1", {client("c1")});
    EXPECT_THAT(world.touch("t1", 1, {client("c1"), gclid("g1")}), ElementsAre("d1"));
    EXPECT_THAT(world.person(Object::deal, "d1"), UnorderedElementsAre(client("c1"), gclid("g1")));
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

}  // namespace
}  // namespace hw::identity
