#include "store/records.h"

#include "store/ledger_rows.h"
#include "store/store_fixture.h"

namespace hw::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::vector<std::string> kTracked{"stage", "amount"};

RecordState state_of(const RecordRef& ref, Timestamp modified, std::map<std::string, std::string> fields) {
  RecordState out;
  out.ref = ref;
  out.modified = modified;
  out.fields = std::move(fields);
  return out;
}

RecordState full_contact() {
  RecordState out = state_of(contact("7"), at(100), {{"stage", "new"}, {"owner", "Zoë \"Z\""}});
  out.created = at(50);
  out.identifiers = {{"email_sha256", std::string(64, 'a')}, {"gclid", "Cj0-x"}};
  out.hashes = {{"email", {std::string(64, 'a')}}, {"email_digits", {"b", "c"}}};
  out.masked_email = "j…e@example.com";
  out.click_times = {{"gclid", at(40)}};
  out.country = "DE";
  out.region = "BE";
  out.city = "Berlin";
  out.postal_code = "10115";
  out.consent = Consent{ConsentState::granted, ConsentState::denied};
  out.consent_at = at(45);
  out.converted_from = lead("3");
  out.account = RecordRef{"crm", Object::account, "9"};
  return out;
}

std::string text(const Fact& f) {
  return f.name + "=" + f.value + "@" + std::to_string((f.true_from - at(0)).count() / 1000000);
}

std::vector<std::string> texts(const std::vector<Fact>& facts) {
  std::vector<std::string> out;
  for (const Fact& fact : facts) out.push_back(text(fact));
  return out;
}

Fact fact(std::string name, std::string value, std::int64_t seconds, Basis basis) {
  return {.seq = 0,
          .name = std::move(name),
          .value = std::move(value),
          .true_from = at(seconds),
          .learned = at(999),
          .basis = basis};
}

class RecordsTest : public EngineTest {};
HW_BOTH_ENGINES(RecordsTest);

TEST_P(RecordsTest, AStateComesBackWhole) {
  write([](Tx& tx) {
    const Upserted done = records::upsert(tx, full_contact(), "crm_main", kTracked, at(200));
    EXPECT_TRUE(done.is_new && done.changed);
    const StoredRecord r = *records::get(tx, done.id);
    const RecordState told = full_contact();
    EXPECT_EQ(r.ref, told.ref);
    EXPECT_EQ(r.connector, "crm_main");
    EXPECT_EQ(r.state, "live");
    EXPECT_EQ(r.lineage, "crm/lead/3");
    EXPECT_EQ(r.modified, told.modified);
    EXPECT_EQ(r.created, told.created);
    EXPECT_EQ(r.learned, at(200));
    EXPECT_EQ(r.changed, at(200));
    EXPECT_EQ(r.fields, told.fields);
    EXPECT_EQ(r.identifiers, told.identifiers);
    EXPECT_EQ(r.hashes, told.hashes);
    EXPECT_EQ(r.click_times, told.click_times);
    EXPECT_EQ(r.masked_email + r.country + r.region + r.city + r.postal_code, "j…e@example.comDEBEBerlin10115");
    EXPECT_EQ(r.consent, *told.consent);
    EXPECT_EQ(r.consent_at, told.consent_at);
    EXPECT_EQ(r.converted_from, records::find(tx, lead("3"))->id);
    EXPECT_EQ(records::get(tx, *r.account_id)->state, "stub");
    EXPECT_THAT(texts(records::facts(tx, r.id)), ElementsAre("created=@50", "stage=new@100"));
  });
}

TEST_P(RecordsTest, ARepeatedPageChangesNothing) {
  write([](Tx& tx) {
    const auto first = records::upsert(tx, full_contact(), "crm_main", kTracked, at(200));
    const auto before = *records::get(tx, first.id);
    const auto facts = texts(records::facts(tx, first.id));
    const auto again = records::upsert(tx, full_contact(), "crm_main", kTracked, at(300));
    EXPECT_FALSE(again.is_new || again.changed);
    EXPECT_EQ(again.id, first.id);
    EXPECT_EQ(again.identifiers_before, full_contact().identifiers);
    EXPECT_EQ(records::get(tx, first.id)->changed, before.changed);
    EXPECT_EQ(texts(records::facts(tx, first.id)), facts);
  });
}

TEST_P(RecordsTest, AnOlderStateChangesNothing) {
  write([](Tx& tx) {
    const auto id = records::upsert(tx, state_of(deal("1"), at(100), {{"stage", "won"}}), "c", kTracked, at(200)).id;
    const auto late = records::upsert(tx, state_of(deal("1"), at(99), {{"stage", "open"}}), "c", kTracked, at(201));
    EXPECT_TRUE(late.stale);
    EXPECT_FALSE(late.changed);
    EXPECT_EQ(records::get(tx, id)->fields.at("stage"), "won");
  });
}

TEST_P(RecordsTest, ANewerReadOfTheSameContentMovesOnlyTheMark) {
  write([](Tx& tx) {
    const auto id = records::upsert(tx, state_of(deal("1"), at(100), {{"stage", "won"}}), "c", kTracked, at(200)).id;
    EXPECT_FALSE(records::upsert(tx, state_of(deal("1"), at(150), {{"stage", "won"}}), "c", kTracked, at(201)).changed);
    EXPECT_EQ(records::get(tx, id)->modified, at(150));
    EXPECT_EQ(records::get(tx, id)->changed, at(200));
  });
}

TEST_P(RecordsTest, AbsentFieldsStayAndEmptyOnesAreCleared) {
  write([](Tx& tx) {
    const auto id =
        records::upsert(tx, state_of(deal("1"), at(100), {{"stage", "won"}, {"owner", "x"}}), "c", kTracked, at(200))
            .id;
    records::upsert(tx, state_of(deal("1"), at(101), {{"stage", ""}, {"amount", "5.00"}}), "c", kTracked, at(201));
    EXPECT_THAT(records::get(tx, id)->fields, ElementsAre(std::pair("amount", "5.00"), std::pair("owner", "x")));
    EXPECT_THAT(texts(records::facts(tx, id)), ElementsAre("stage=won@100", "stage=@101", "amount=5.00@101"));
  });
}

TEST_P(RecordsTest, AnOtherIdentifierTellsWhatStoodBefore) {
  write([](Tx& tx) {
    RecordState state = full_contact();
    records::upsert(tx, state, "c", kTracked, at(200));
    const auto before = state.identifiers;
    state.modified = at(101);
    state.identifiers = {{"gclid", "other"}};
    const auto done = records::upsert(tx, state, "c", kTracked, at(201));
    EXPECT_TRUE(done.changed);
    EXPECT_EQ(done.identifiers_before, before);
    EXPECT_EQ(records::get(tx, done.id)->identifiers, state.identifiers);
  });
}

TEST_P(RecordsTest, SourceTouchesAloneAreAChange) {
  write([](Tx& tx) {
    RecordState state = full_contact();
    records::upsert(tx, state, "c", kTracked, at(200));
    Touch touch;
    touch.source = "newsletter";
    state.source_touches = {touch};
    EXPECT_TRUE(records::upsert(tx, state, "c", kTracked, at(201)).changed);
    EXPECT_FALSE(records::upsert(tx, state, "c", kTracked, at(202)).changed);
  });
}

TEST_P(RecordsTest, AStubIsSeenForTheFirstTimeWithItsState) {
  write([](Tx& tx) {
    const auto stub = records::ensure(tx, deal("1"), "c", at(1));
    EXPECT_EQ(records::ensure(tx, deal("1"), "c", at(2)), stub);
    const auto done = records::upsert(tx, state_of(deal("1"), from_micros(0), {}), "c", kTracked, at(3));
    EXPECT_TRUE(done.is_new && done.changed);
    EXPECT_EQ(done.id, stub);
    EXPECT_EQ(records::get(tx, stub)->state, "live");
  });
}

TEST_P(RecordsTest, AGoneRecordThatIsSeenAgainLivesADeletedOneStays) {
  write([](Tx& tx) {
    const auto state = state_of(deal("1"), at(100), {{"stage", "won"}});
    const auto id = records::upsert(tx, state, "c", kTracked, at(200)).id;
    records::set_state(tx, id, "gone", std::nullopt, at(201));
    EXPECT_TRUE(records::upsert(tx, state, "c", kTracked, at(202)).changed);
    EXPECT_EQ(records::get(tx, id)->state, "live");
    records::set_state(tx, id, "deleted", std::nullopt, at(203));
    records::upsert(tx, state_of(deal("1"), at(150), {{"stage", "lost"}}), "c", kTracked, at(204));
    EXPECT_EQ(records::get(tx, id)->state, "deleted");
  });
}

TEST_P(RecordsTest, AConvertedLeadGivesItsLineageWhateverTheOrder) {
  write([](Tx& tx) {
    RecordState won = state_of(deal("1"), at(100), {});
    won.converted_from = contact("7");
    const auto d = records::upsert(tx, won, "c", kTracked, at(200)).id;
    EXPECT_EQ(records::get(tx, d)->lineage, "crm/contact/7");
    const auto c = records::upsert(tx, full_contact(), "c", kTracked, at(201)).id;
    EXPECT_EQ(records::get(tx, c)->lineage, "crm/lead/3");
    EXPECT_EQ(records::get(tx, d)->lineage, "crm/lead/3");
    EXPECT_THAT(records::converted_into(tx, c), ElementsAre(d));
  });
}

TEST_P(RecordsTest, ALineageThatWasUsedForAConversionStays) {
  write([](Tx& tx) {
    const auto id = records::upsert(tx, state_of(deal("1"), at(100), {}), "c", kTracked, at(200)).id;
    StoredConversion conversion;
    conversion.dedup_id = "hw-a";
    conversion.record_id = id;
    ledger_rows::add_conversion(tx, conversion);
    RecordState late = state_of(deal("1"), at(101), {});
    late.converted_from = lead("3");
    records::upsert(tx, late, "c", kTracked, at(201));
    EXPECT_EQ(records::get(tx, id)->lineage, "crm/deal/1");
    EXPECT_TRUE(records::get(tx, id)->converted_from.has_value());
  });
}

TEST_P(RecordsTest, RecordsAreCountedListedAndWalked) {
  write([](Tx& tx) {
    std::vector<std::int64_t> ids;
    for (const char* id : {"b", "a", "c"}) {
      ids.push_back(records::upsert(tx, state_of(deal(id), at(1), {}), "c", {}, at(2)).id);
    }
    records::ensure(tx, deal("stub"), "c", at(2));
    records::ensure(tx, contact("x"), "c", at(2));
    EXPECT_THAT(records::live_ids(tx, "crm", Object::deal), ElementsAre("a", "b", "c"));
    EXPECT_EQ(records::count(tx, "deal", "live"), 3);
    EXPECT_EQ(records::count(tx, "deal", ""), 4);
    EXPECT_EQ(records::count(tx, "", "stub"), 2);
    EXPECT_THAT(records::walk(tx, Object::deal, 0, 2), ElementsAre(ids[0], ids[1]));
    EXPECT_EQ(records::walk(tx, Object::deal, ids[1], 2)[0], ids[2]);
  });
}

TEST_P(RecordsTest, AFactIsAddedOnce) {
  write([](Tx& tx) {
    const auto id = records::ensure(tx, deal("1"), "c", at(1));
    EXPECT_TRUE(records::add_fact(tx, id, fact("stage", "won", 5, Basis::observed)));
    EXPECT_FALSE(records::add_fact(tx, id, fact("stage", "won", 5, Basis::observed)));
    EXPECT_TRUE(records::add_fact(tx, id, fact("stage", "won", 6, Basis::observed)));
    EXPECT_TRUE(records::add_fact(tx, id, fact("stage", "won", 5, Basis::crm_history)));
    EXPECT_FALSE(records::add_fact(tx, id, fact("stage", "won", 5, Basis::crm_history)));
    EXPECT_FALSE(records::add_fact(tx, id, fact("stage", "won", 5, Basis::inferred)));
    EXPECT_EQ(records::facts(tx, id).size(), 3U);
  });
}

TEST_P(RecordsTest, AFieldThatGoesThereAndBackWithinOneModifiedEndsWhereItIs) {
  write([](Tx& tx) {
    std::int64_t id = 0;
    for (const char* stage : {"won", "open", "won"})
      id = records::upsert(tx, state_of(deal("1"), at(100), {{"stage", stage}}), "c", kTracked, at(200)).id;
    EXPECT_THAT(texts(records::effective_facts(tx, id)),
                ElementsAre("stage=won@100", "stage=open@100", "stage=won@100"));
    EXPECT_FALSE(records::add_fact(tx, id, fact("stage", "won", 100, Basis::observed)));
    records::add_fact(tx, id, fact("stage", "lost", 110, Basis::crm_history));
    EXPECT_FALSE(records::add_fact(tx, id, fact("stage", "won", 100, Basis::observed)));
  });
}

TEST_P(RecordsTest, FieldsThatAreTrackedFromNowOnAreObservedOnce) {
  write([](Tx& tx) {
    const auto stub = records::ensure(tx, deal("0"), "c", at(1));
    records::add_fact(tx, stub, fact("owner", "x", 4, Basis::crm_history));
    const auto seen =
        records::upsert(tx, state_of(deal("1"), at(100), {{"stage", "won"}, {"owner", "x"}}), "c", kTracked, at(200))
            .id;
    const auto told = records::upsert(tx, state_of(deal("2"), at(100), {{"owner", "x"}}), "c", {}, at(200)).id;
    records::add_fact(tx, told, fact("owner", "x", 110, Basis::crm_history));
    const auto cleared =
        records::upsert(tx, state_of(deal("3"), at(100), {{"owner", "x"}}), "c", {"owner"}, at(200)).id;
    records::upsert(tx, state_of(deal("3"), at(120), {{"owner", ""}}), "c", {}, at(201));
    const auto walk = [&](std::int64_t after) {
      std::vector<std::int64_t> changed;
      const auto last = records::observe_fields(tx, {"created", "owner"}, after, 3, at(300),
                                                [&](std::int64_t id) { changed.push_back(id); });
      return std::pair(last, changed);
    };
    EXPECT_EQ(walk(0), std::pair(told, std::vector{seen})) << "neither a stub nor what the CRM's history told";
    EXPECT_EQ(walk(told), std::pair(cleared, std::vector{cleared}));
    EXPECT_EQ(walk(cleared).first, 0);
    EXPECT_THAT(texts(records::facts(tx, seen)), ElementsAre("stage=won@100", "owner=x@100"));
    EXPECT_THAT(texts(records::facts(tx, cleared)), ElementsAre("owner=x@100", "owner=@120"));
    EXPECT_THAT(walk(0).second, IsEmpty()) << "again";
    EXPECT_THAT(walk(told).second, IsEmpty());
  });
}

struct FactsCase {
  const char* name;
  std::vector<Fact> added;
  std::vector<std::string> effective;
};

TEST_P(RecordsTest, HistoryExplainsWhatWasObserved) {
  const auto kHistory = Basis::crm_history, kObserved = Basis::observed, kInferred = Basis::inferred;
  const std::vector<FactsCase> cases{
      {"later observation of the same",
       {fact("stage", "won", 9, kObserved), fact("stage", "won", 4, kHistory)},
       {"stage=won@4"}},
      {"observed at the same moment",
       {fact("stage", "won", 4, kObserved), fact("stage", "won", 4, kHistory)},
       {"stage=won@4"}},
      {"observed before the history",
       {fact("stage", "won", 3, kObserved), fact("stage", "won", 4, kHistory)},
       {"stage=won@3", "stage=won@4"}},
      {"another value between",
       {fact("stage", "won", 4, kHistory), fact("stage", "lost", 6, kObserved), fact("stage", "won", 9, kObserved)},
       {"stage=won@4", "stage=lost@6", "stage=won@9"}},
      {"another value between, of the history",
       {fact("stage", "won", 4, kHistory), fact("stage", "lost", 6, kHistory), fact("stage", "won", 9, kObserved)},
       {"stage=won@4", "stage=lost@6", "stage=won@9"}},
      {"each explained by its own",
       {fact("stage", "won", 4, kHistory), fact("stage", "won", 5, kObserved), fact("stage", "lost", 6, kHistory),
        fact("stage", "lost", 7, kObserved), fact("stage", "lost", 8, kObserved)},
       {"stage=won@4", "stage=lost@6"}},
      {"another field between does not matter",
       {fact("stage", "won", 4, kHistory), fact("amount", "5", 6, kObserved), fact("stage", "won", 9, kObserved)},
       {"stage=won@4", "amount=5@6"}},
      {"inferred facts stay",
       {fact("stage", "won", 4, kHistory), fact("stage", "won", 9, kInferred)},
       {"stage=won@4", "stage=won@9"}},
      {"no history at all",
       {fact("stage", "won", 4, kObserved), fact("stage", "won", 9, kObserved)},
       {"stage=won@4", "stage=won@9"}},
  };
  write([&](Tx& tx) {
    for (const FactsCase& c : cases) {
      const auto id = records::ensure(tx, deal(c.name), "c", at(1));
      for (const Fact& f : c.added) records::add_fact(tx, id, f);
      EXPECT_EQ(texts(records::effective_facts(tx, id)), c.effective) << c.name;
    }
  });
}

TEST_P(RecordsTest, AFactKeepsWhenItWasTrueAndWhenItWasLearned) {
  write([](Tx& tx) {
    const auto id = records::ensure(tx, deal("1"), "c", at(1));
    records::add_fact(tx, id, fact("stage", "won", 5, Basis::inferred));
    records::add_fact(tx, id, fact("stage", "open", 4, Basis::crm_history));
    const auto facts = records::facts(tx, id);
    ASSERT_EQ(facts.size(), 2U);
    EXPECT_EQ(facts[0].seq, 2);
    EXPECT_EQ(facts[1].seq, 1);
    EXPECT_EQ(facts[1].learned, at(999));
    EXPECT_EQ(facts[1].basis, Basis::inferred);
  });
}

Association ties(std::vector<Association::To> to, bool complete) {
  return {.from = deal("1"), .to_object = Object::contact, .to = std::move(to), .complete = complete, .at = at(10)};
}

std::vector<std::string> others(Tx& tx, const std::vector<Tie>& ties) {
  std::vector<std::string> out;
  for (const Tie& tie : ties) {
    out.push_back(records::get(tx, tie.other)->ref.id + ":" + tie.role + (tie.primary ? "!" : ""));
  }
  return out;
}

TEST_P(RecordsTest, ACompleteListWithdrawsTheTiesItDoesNotRepeat) {
  write([](Tx& tx) {
    const auto d = records::ensure(tx, deal("1"), "c", at(1));
    const auto account = Association{
        .from = deal("1"), .to_object = Object::account, .to = {{"9", "", true}}, .complete = true, .at = {}};
    records::set_associations(tx, d, account, "c", at(20));
    EXPECT_EQ(
        records::set_associations(tx, d, ties({{"a", "buyer", false}, {"b", "", true}}, false), "c", at(20)).size(),
        2U);
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::contact)), ElementsAre("b:!", "a:buyer"));
    EXPECT_THAT(records::set_associations(tx, d, ties({{"b", "", true}}, false), "c", at(21)), IsEmpty());
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::contact)), ElementsAre("b:!", "a:buyer"));
    const auto a = records::find(tx, contact("a"))->id;
    EXPECT_THAT(records::set_associations(tx, d, ties({{"b", "", true}}, true), "c", at(22)), ElementsAre(a));
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::contact)), ElementsAre("b:!"));
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::account)), ElementsAre("9:!"));
    EXPECT_THAT(records::ties_to(tx, a, Object::deal), IsEmpty());
    EXPECT_EQ(records::ties_to(tx, records::find(tx, contact("b"))->id, Object::deal).at(0).other, d);
  });
}

TEST_P(RecordsTest, ATieKeepsItsTimeWhenItsRoleChangesAndGetsANewOneWhenItComesBack) {
  write([](Tx& tx) {
    const auto d = records::ensure(tx, deal("1"), "c", at(1));
    records::set_associations(tx, d, ties({{"a", "", false}}, true), "c", at(20));
    Association later = ties({{"a", "buyer", true}}, true);
    later.at = at(30);
    EXPECT_EQ(records::set_associations(tx, d, later, "c", at(31)).size(), 1U);
    EXPECT_EQ(records::ties_from(tx, d, Object::contact)[0].since, at(10));
    records::set_associations(tx, d, ties({}, true), "c", at(32));
    records::set_associations(tx, d, later, "c", at(33));
    EXPECT_EQ(records::ties_from(tx, d, Object::contact)[0].since, at(30));
  });
}

TEST_P(RecordsTest, AnOlderListOfARecordChangesNoTie) {
  write([](Tx& tx) {
    const auto d = records::upsert(tx, state_of(deal("1"), at(50), {}), "c", kTracked, at(60)).id;
    Association list = ties({{"new", "", true}}, true);
    list.at = at(50);
    records::set_associations(tx, d, list, "c", at(60));
    EXPECT_THAT(records::set_associations(tx, d, ties({{"old", "", true}}, true), "c", at(61)), IsEmpty());
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::contact)), ElementsAre("new:!"));
    records::set_associations(tx, d, ties({{"added", "", false}}, false), "c", at(61));
    EXPECT_THAT(others(tx, records::ties_from(tx, d, Object::contact)), ElementsAre("new:!", "added:"))
        << "one that was tied long ago";
    list = ties({}, true);
    list.at = {};
    records::set_associations(tx, d, list, "c", at(62));
    EXPECT_THAT(records::ties_from(tx, d, Object::contact), IsEmpty()) << "a list without a time is of now";
  });
}

TEST_P(RecordsTest, OfAMergeIsKnownWhenItWasLearnedThroughAChainOfThem) {
  write([](Tx& tx) {
    const auto first = records::ensure(tx, contact("1"), "c", at(1));
    const auto middle = records::ensure(tx, contact("2"), "c", at(1));
    const auto last = records::ensure(tx, contact("3"), "c", at(1));
    EXPECT_EQ(records::merge_learned(tx, last), std::nullopt);
    records::set_state(tx, first, "merged", middle, at(20));
    records::set_state(tx, middle, "merged", last, at(20));
    records::add_fact(tx, first, fact("merged", "2", 20, Basis::crm_history));
    EXPECT_EQ(records::merge_learned(tx, last), at(999));
  });
}

TEST_P(RecordsTest, AliasesAreFollowedToTheirEndAndTakenBack) {
  write([](Tx& tx) {
    const auto end = [&](const char* id) { return records::follow_alias(tx, "crm", Object::contact, id); };
    records::add_alias(tx, "crm", Object::contact, "a", "b", at(1), at(2));
    records::add_alias(tx, "crm", Object::contact, "b", "c", at(3), at(4));
    records::add_alias(tx, "crm", Object::deal, "c", "z", at(3), at(4));
    EXPECT_EQ(end("a"), "c");
    EXPECT_EQ(end("c"), "c");
    records::withdraw_alias(tx, "crm", Object::contact, "b", "c", at(5));
    EXPECT_EQ(end("a"), "b");
    records::add_alias(tx, "crm", Object::contact, "b", "c", at(6), at(6));
    EXPECT_EQ(end("a"), "c");
    records::add_alias(tx, "crm", Object::contact, "c", "b", at(7), at(7));
    EXPECT_EQ(end("a"), "b");
    records::add_alias(tx, "crm", Object::contact, "b", "a", at(8), at(8));
    EXPECT_EQ(end("c"), "a");
  });
}

TEST_P(RecordsTest, RatesAreKeptThroughTime) {
  write([](Tx& tx) {
    records::add_rate(tx, {"EUR", "USD", 1100000, at(1)}, at(2));
    records::add_rate(tx, {"EUR", "USD", 1200000, at(5)}, at(6));
    records::add_rate(tx, {"EUR", "USD", 1250000, at(5)}, at(7));
    records::add_rate(tx, {"EUR", "USD", 1250000, at(5)}, at(8));
    EXPECT_EQ(tx.one_integer("SELECT COUNT(*) FROM rate"), 2);
    EXPECT_EQ(tx.one_integer("SELECT micros FROM rate WHERE true_from = ?", {val(at(5))}), 1250000);
    EXPECT_EQ(tx.one_integer("SELECT learned FROM rate WHERE true_from = ?", {val(at(5))}), to_micros(at(7)));
  });
}

}  // namespace
}  // namespace hw::store
