#include "store/identities.h"

#include "store/records.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class IdentitiesTest : public EngineTest {
 protected:
  static std::int64_t id(Tx& tx, const std::string& value) { return identities::ensure(tx, {"gclid", value}).id; }
};
HW_BOTH_ENGINES(IdentitiesTest);

TEST_P(IdentitiesTest, ANewIdentifierIsAPersonOfItsOwnAndFoundAgain) {
  write([](Tx& tx) {
    const StoredIdentifier made = identities::ensure(tx, {"gclid", "a"});
    EXPECT_EQ(made.person, made.id);
    EXPECT_EQ(identities::ensure(tx, {"gclid", "a"}).id, made.id);
    EXPECT_NE(identities::ensure(tx, {"user_id", "a"}).id, made.id);
    EXPECT_EQ(identities::find(tx, {"gclid", "a"})->person, made.id);
    EXPECT_EQ(identities::get(tx, made.id)->identifier, (Identifier{"gclid", "a"}));
    EXPECT_FALSE(identities::find(tx, {"gclid", "A"}));
  });
}

TEST_P(IdentitiesTest, PersonsAndQuarantineAreKept) {
  write([](Tx& tx) {
    const auto a = id(tx, "a"), b = id(tx, "b");
    identities::set_person(tx, b, a);
    identities::set_quarantined(tx, b, true);
    const auto person = identities::of_person(tx, a);
    ASSERT_THAT(person, SizeIs(2));
    EXPECT_EQ(person[0].id, a);
    EXPECT_TRUE(person[1].quarantined);
    EXPECT_EQ(identities::quarantined(tx, 10).at(0).id, b);
    identities::set_quarantined(tx, b, false);
    EXPECT_THAT(identities::quarantined(tx, 10), IsEmpty());
  });
}

/// A record under the identifier that it goes by.
std::int64_t known(Tx& tx, Object object, const std::string& id) {
  RecordState state;
  state.ref = {"crm", object, id};
  state.modified = at(1);
  records::upsert(tx, state, "crm", {}, at(1));
  return identities::ensure(tx, {std::string("crm_") + to_string(object) + "_id", "crm:" + id}).id;
}

TEST_P(IdentitiesTest, PersonsAreCountedBehindLiveLeadsAndContacts) {
  write([](Tx& tx) {
    const auto lead = known(tx, Object::lead, "1"), same = known(tx, Object::contact, "2");
    known(tx, Object::contact, "3");
    known(tx, Object::deal, "4");
    id(tx, "a click that nobody is known by any more");
    identities::set_person(tx, same, lead);
    EXPECT_EQ(identities::count_persons(tx), 2);
    const auto gone = records::find(tx, {"crm", Object::contact, "3"});
    records::set_state(tx, gone->id, "deleted", std::nullopt, at(2));
    EXPECT_EQ(identities::count_persons(tx), 1);
  });
}

TEST_P(IdentitiesTest, ALinkStandsOnceForEachEvidenceInWhicheverOrder) {
  write([](Tx& tx) {
    const auto a = id(tx, "a"), b = id(tx, "b");
    EXPECT_TRUE(identities::link(tx, b, a, "record:1", at(1), at(2)));
    EXPECT_FALSE(identities::link(tx, a, b, "record:1", at(3), at(4)));
    EXPECT_TRUE(identities::link(tx, a, b, "touch:9", at(3), at(4)));
    EXPECT_FALSE(identities::link(tx, a, a, "record:1", at(3), at(4)));
    const auto links = identities::links_of(tx, b);
    ASSERT_THAT(links, SizeIs(2));
    EXPECT_EQ(links[0].a, a);
    EXPECT_EQ(links[0].b, b);
    EXPECT_EQ(links[0].evidence, "record:1");
    EXPECT_EQ(links[0].true_from, at(1));
    EXPECT_EQ(links[0].learned, at(2));
  });
}

TEST_P(IdentitiesTest, ALinkIsTakenBackAndRevived) {
  write([](Tx& tx) {
    const auto a = id(tx, "a"), b = id(tx, "b");
    identities::link(tx, a, b, "record:1", at(1), at(2));
    EXPECT_TRUE(identities::withdraw(tx, b, a, "record:1", at(3)));
    EXPECT_FALSE(identities::withdraw(tx, a, b, "record:1", at(4)));
    EXPECT_THAT(identities::links_of(tx, a), IsEmpty());
    EXPECT_THAT(identities::links_by_evidence(tx, "record:1"), IsEmpty());
    EXPECT_TRUE(identities::link(tx, a, b, "record:1", at(5), at(6)));
    EXPECT_EQ(identities::links_by_evidence(tx, "record:1").at(0).true_from, at(5));
  });
}

TEST_P(IdentitiesTest, DistinctRecordsThatNameAnIdentifierAreCounted) {
  write([](Tx& tx) {
    const auto a = id(tx, "a"), b = id(tx, "b"), c = id(tx, "c");
    identities::link(tx, a, b, "record:1", at(1), at(2));
    identities::link(tx, b, c, "record:1", at(1), at(2));
    identities::link(tx, b, c, "record:2", at(1), at(2));
    identities::link(tx, b, c, "touch:3", at(1), at(2));
    EXPECT_EQ(identities::record_count(tx, a), 1);
    EXPECT_EQ(identities::record_count(tx, b), 2);
    identities::withdraw(tx, b, c, "record:2", at(3));
    EXPECT_EQ(identities::record_count(tx, b), 1);
  });
}

}  // namespace
}  // namespace hw::store
