#include "store/lookups.h"

#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::set<std::string> kTypes{"client_id", "user_id"};

class LookupsTest : public EngineTest {
 protected:
  static std::int64_t known(Tx& tx, const std::string& type, const std::string& value) {
    return identities::ensure(tx, {type, value}).id;
  }
  static void walk(Tx& tx, Timestamp now, const std::set<std::string>& types = kTypes) {
    while (lookups::queue_known(tx, "web", types, 2, now)) {
    }
  }
  static std::vector<std::string> due(Tx& tx, Timestamp moment, std::int64_t limit = 10) {
    std::vector<std::string> out;
    for (const StoredIdentifier& id : lookups::due(tx, "web", moment, limit)) out.push_back(id.identifier.value);
    return out;
  }
};
HW_BOTH_ENGINES(LookupsTest);

TEST_P(LookupsTest, KnownIdentifiersOfItsTypesAreQueuedOnceAChunkAtATime) {
  write([](Tx& tx) {
    EXPECT_FALSE(lookups::any_unwalked(tx, "web", kTypes));
    known(tx, "client_id", "a");
    known(tx, "gclid", "k");
    known(tx, "user_id", "u");
    EXPECT_TRUE(lookups::any_unwalked(tx, "web", kTypes));
    EXPECT_TRUE(lookups::queue_known(tx, "web", kTypes, 2, at(5)));
    EXPECT_THAT(due(tx, at(5)), ElementsAre("a"));
    EXPECT_FALSE(lookups::queue_known(tx, "web", kTypes, 2, at(6)));
    EXPECT_THAT(due(tx, at(5)), ElementsAre("a")) << "queued at six";
    EXPECT_THAT(due(tx, at(6)), ElementsAre("a", "u"));
    EXPECT_FALSE(lookups::any_unwalked(tx, "web", kTypes));
    known(tx, "client_id", "b");
    walk(tx, at(7));
    EXPECT_THAT(due(tx, at(9)), ElementsAre("a", "u", "b"));
    EXPECT_THAT(due(tx, at(9), 2), ElementsAre("a", "u"));
    EXPECT_THAT(lookups::due(tx, "other", at(9), 10), IsEmpty());
  });
}

TEST_P(LookupsTest, OtherTypesAreWalkedOverAnewAndWhatWasAnsweredStays) {
  write([](Tx& tx) {
    const auto a = known(tx, "client_id", "a");
    known(tx, "gclid", "k");
    walk(tx, at(1));
    lookups::ask(tx, "web", a, at(2));
    lookups::answer(tx, "web", a, at(3), std::nullopt);
    const std::set<std::string> more{"client_id", "gclid"};
    EXPECT_TRUE(lookups::any_unwalked(tx, "web", more));
    walk(tx, at(4), more);
    EXPECT_THAT(due(tx, at(9)), ElementsAre("k"));
    EXPECT_EQ(lookups::find(tx, "web", a)->answered_at, at(3));
  });
}

TEST_P(LookupsTest, TheUnansweredAreAskedBeforeThoseThatAreAskedAgain) {
  write([](Tx& tx) {
    const auto a = known(tx, "client_id", "a"), b = known(tx, "client_id", "b"), c = known(tx, "client_id", "c");
    walk(tx, at(10));
    EXPECT_EQ(lookups::next_due(tx, "web"), at(10));
    for (const auto id : {a, b, c}) lookups::ask(tx, "web", id, at(11));
    EXPECT_FALSE(lookups::next_due(tx, "web")) << "all are in the batch";
    lookups::answer(tx, "web", a, at(12), at(5));
    lookups::answer(tx, "web", b, at(12), std::nullopt);
    lookups::rest(tx, "web", c, at(30));
    EXPECT_EQ(lookups::next_due(tx, "web"), at(5));
    known(tx, "client_id", "d");
    walk(tx, at(20));
    EXPECT_THAT(due(tx, at(20)), ElementsAre("d", "a"));
    EXPECT_THAT(due(tx, at(30)), ElementsAre("d", "c", "a"));
    EXPECT_FALSE(lookups::find(tx, "web", c)->answered_at);
  });
}

TEST_P(LookupsTest, ABatchIsKeptUntilItIsAnsweredOrPutBack) {
  write([](Tx& tx) {
    const auto a = known(tx, "client_id", "a"), b = known(tx, "client_id", "b");
    walk(tx, at(1));
    lookups::ask(tx, "web", b, at(2));
    lookups::ask(tx, "web", a, at(2));
    const auto batch = lookups::asked(tx, "web");
    ASSERT_THAT(batch, SizeIs(2));
    EXPECT_EQ(batch[0].id, a);
    EXPECT_EQ(batch[1].identifier, (Identifier{"client_id", "b"}));
    EXPECT_THAT(due(tx, at(9)), IsEmpty());
    lookups::answer(tx, "web", a, at(3), at(4));
    lookups::ask(tx, "web", a, at(5));
    lookups::put_back(tx, "web");
    EXPECT_THAT(lookups::asked(tx, "web"), IsEmpty());
    EXPECT_THAT(due(tx, at(9)), ElementsAre("b", "a"));
    EXPECT_EQ(lookups::find(tx, "web", a)->state, "answered");
    EXPECT_EQ(lookups::find(tx, "web", b)->state, "queued");
    lookups::drop(tx, "web", b);
    EXPECT_FALSE(lookups::find(tx, "web", b));
  });
}

TEST_P(LookupsTest, CountsSayWhatWaitsAndSinceWhen) {
  write([](Tx& tx) {
    const auto a = known(tx, "client_id", "a");
    walk(tx, at(1));
    const auto b = known(tx, "client_id", "b");
    walk(tx, at(2));
    const auto c = known(tx, "client_id", "c");
    known(tx, "client_id", "d");
    walk(tx, at(3));
    lookups::ask(tx, "web", a, at(4));
    lookups::answer(tx, "web", a, at(5), at(9));
    lookups::ask(tx, "web", b, at(6));
    lookups::rest(tx, "web", c, at(99));
    const auto counts = lookups::counts(tx);
    ASSERT_THAT(counts, SizeIs(1));
    EXPECT_EQ(counts[0].connector, "web");
    EXPECT_EQ(counts[0].answered, 1);
    EXPECT_EQ(counts[0].asked, 1);
    EXPECT_EQ(counts[0].resting, 1);
    EXPECT_EQ(counts[0].queued, 1);
    EXPECT_EQ(counts[0].oldest, at(2));
    EXPECT_EQ(counts[0].last_answer, at(5));
    EXPECT_EQ(lookups::count_waiting(tx, "web", 10), 2);
    EXPECT_EQ(lookups::count_waiting(tx, "web", 1), 1);
    EXPECT_EQ(lookups::oldest_waiting(tx, "web"), at(2));
    lookups::answer(tx, "web", b, at(7), std::nullopt);
    EXPECT_EQ(lookups::oldest_waiting(tx, "web"), at(3));
    EXPECT_FALSE(lookups::oldest_waiting(tx, "other"));
  });
}

TEST_P(LookupsTest, AConnectorThatIsForgottenBeginsFromNothing) {
  write([](Tx& tx) {
    known(tx, "client_id", "a");
    walk(tx, at(1));
    EXPECT_THAT(lookups::connectors(tx), ElementsAre("web"));
    lookups::forget(tx, "web");
    EXPECT_THAT(lookups::connectors(tx), IsEmpty());
    EXPECT_THAT(lookups::counts(tx), IsEmpty());
    EXPECT_TRUE(lookups::any_unwalked(tx, "web", kTypes));
  });
}

}  // namespace
}  // namespace hw::store
