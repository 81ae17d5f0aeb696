#include "connectors/hubspot/source.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "connectors/hubspot/test_portal.h"

namespace hw::connectors::hubspot {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

std::size_t count(const std::vector<http::Request>& requests, const std::string& part) {
  return static_cast<std::size_t>(std::count_if(
      requests.begin(), requests.end(), [&](const http::Request& r) { return r.url.find(part) != std::string::npos; }));
}

TEST(HubspotSource, ARoundThatAWrongClockMadeDueIsNotWaitedFor) {
  Portal portal;
  const std::string deal = portal.deal({{"name", "gone"}});
  portal.http.clock_error = std::chrono::hours(24 * 30);
  portal.pass(std::chrono::minutes(1));
  portal.read("archived_deals");
  portal.read("open_deal_associations");
  portal.http.clock_error = {};
  portal.world.crm.archive("deals", deal, portal.world.now);
  portal.pass(std::chrono::minutes(1));
  EXPECT_THAT(of<Removal>(portal.read("archived_deals")), SizeIs(1));
}

TEST(HubspotSource, FirstLoadListsEveryRecordAndLaterReadsSearch) {
  Portal portal;
  std::vector<std::string> made;
  for (int i = 0; i < 250; ++i)
    made.push_back(portal.contact({{"email", "person" + std::to_string(i) + "@example.com"}}));
  portal.pass(hours(1));
  EXPECT_THAT(ids(of<RecordState>(portal.read("contacts"))), UnorderedElementsAreArray(made));

  portal.pass(hours(1));
  const std::string late = portal.contact();
  portal.pass(minutes(5));
  portal.http.requests.clear();
  EXPECT_THAT(ids(of<RecordState>(portal.read("contacts"))), ElementsAre(late));
  EXPECT_EQ(count(portal.http.requests, "/contacts?"), 0U);
}

TEST(HubspotSource, MoreThanTenThousandRecordsOfOneTimeStampAreEachReadOnce) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  std::vector<std::string> made;
  for (int i = 0; i < 10'300; ++i) made.push_back(portal.contact());
  portal.pass(hours(1));
  std::vector<std::string> seen = ids(of<RecordState>(portal.read("contacts")));
  std::sort(seen.begin(), seen.end());
  std::sort(made.begin(), made.end());
  EXPECT_TRUE(seen == made) << seen.size() << " records read";
}

TEST(HubspotSource, CrashBetweenPagesGoesOnFromTheStoredCursor) {
  for (const bool first_load : {true, false}) {
    Portal portal;
    if (!first_load) portal.read("contacts");
    portal.pass(hours(1));
    std::vector<std::string> made;
    for (int i = 0; i < 90; ++i) made.push_back(portal.contact());
    portal.pass(hours(1));
    std::set<std::string> seen;
    for (bool more = true; more;) {
      const connect::Page<Record> page = portal.page("contacts", 20);
      for (const RecordState& s : of<RecordState>(page.rows)) seen.insert(s.ref.id);
      more = page.more;
      portal.restart();
    }
    EXPECT_THAT(seen, UnorderedElementsAreArray(made));
  }
}

TEST(HubspotSource, TheSameCursorGivesTheSameRowsAgain) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  for (int i = 0; i < 50; ++i) portal.contact();
  portal.pass(hours(1));
  const connect::Cursor before = portal.cursors["contacts"];
  const std::vector<std::string> once = ids(of<RecordState>(portal.page("contacts", 20).rows));
  portal.cursors["contacts"] = before;
  EXPECT_EQ(ids(of<RecordState>(portal.page("contacts", 20).rows)), once);
}

TEST(HubspotSource, RecordsThatChangeWhileAWindowIsReadAreCaughtByTheNext) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  std::vector<std::string> made;
  for (int i = 0; i < 60; ++i) made.push_back(portal.contact({{"lifecycle", "lead"}}));
  portal.pass(hours(1));
  std::map<std::string, std::string> stage;
  auto take = [&](const std::vector<Record>& rows) {
    for (const RecordState& s : of<RecordState>(rows)) stage[s.ref.id] = s.fields.at("lifecycle");
  };
  take(portal.page("contacts", 20).rows);
  for (const std::string& id : made) portal.world.crm.set("contacts", id, "lifecycle", "customer", portal.world.now);
  portal.pass(seconds(30));
  take(portal.read("contacts", 20));
  portal.pass(minutes(10));
  take(portal.read("contacts", 20));
  EXPECT_THAT(stage, SizeIs(made.size()));
  for (const auto& [id, value] : stage) EXPECT_EQ(value, "customer") << id;
}

TEST(HubspotSource, AChangeThatTheSearchIndexDoesNotShowYetIsNotLost) {
  Portal portal;
  const std::string id = portal.contact({{"lifecycle", "lead"}});
  portal.pass(hours(1));
  portal.read("contacts");
  std::string last;
  // A change every 25 seconds, a read every 10: whatever the phase between change, index and read.
  for (int i = 0; i < 40; ++i) {
    if (i % 5 == 0) portal.world.crm.set("contacts", id, "lifecycle", "stage" + std::to_string(i), portal.world.now);
    portal.pass(seconds(10));
    for (const RecordState& s : of<RecordState>(portal.read("contacts"))) last = s.fields.at("lifecycle");
  }
  portal.pass(minutes(2));
  for (const RecordState& s : of<RecordState>(portal.read("contacts"))) last = s.fields.at("lifecycle");
  EXPECT_EQ(last, "stage35");
}

TEST(HubspotSource, AClockThatIsWrongHereIsMendedByTheServers) {
  for (const Duration error : {Duration(hours(2)), Duration(-hours(2)), Duration(minutes(3))}) {
    Portal portal;
    portal.http.clock_error = error;
    portal.pass(hours(1));
    portal.read("contacts");
    for (int round = 0; round < 3; ++round) {
      const std::string id = portal.contact();
      portal.pass(seconds(5));
      portal.read("contacts");  // too early: the index does not show it yet
      portal.pass(minutes(3));
      EXPECT_THAT(ids(of<RecordState>(portal.read("contacts"))), Contains(id)) << "clock error " << error.count();
      portal.pass(hours(3));
    }
  }
}

TEST(HubspotSource, DeletedRecordsAreRemovedAndRestoredOnesComeBackAsLive) {
  Portal portal;
  const std::string id = portal.deal({{"stage", "won"}, {"amount", "100"}});
  const std::string other = portal.deal();
  portal.pass(hours(1));
  portal.read("deals");
  EXPECT_THAT(portal.read("archived_deals"), IsEmpty());

  const Timestamp deleted = portal.world.now;
  portal.world.crm.archive("deals", id, deleted);
  portal.pass(hours(2));
  EXPECT_THAT(ids(of<RecordState>(portal.read("deals"))), Not(Contains(id)));
  const std::vector<Removal> removals = of<Removal>(portal.read("archived_deals"));
  ASSERT_THAT(removals, SizeIs(1));
  EXPECT_EQ(removals[0].ref, (RecordRef{"crm", Object::deal, id}));
  EXPECT_EQ(removals[0].kind, Removal::Kind::deleted);
  EXPECT_EQ(removals[0].at, std::chrono::floor<std::chrono::milliseconds>(deleted));

  portal.world.crm.restore("deals", id, portal.world.now);
  portal.pass(hours(2));
  EXPECT_THAT(portal.read("archived_deals"), IsEmpty());
  EXPECT_THAT(ids(of<RecordState>(portal.read("deals"))), Contains(id));
}

TEST(HubspotSource, ManyDeletedRecordsAreReadPageByPage) {
  Portal portal;
  std::vector<std::string> gone;
  for (int i = 0; i < 230; ++i) {
    gone.push_back(portal.contact());
    portal.world.crm.archive("contacts", gone.back(), portal.world.now);
  }
  std::vector<std::string> removed;
  for (const Removal& r : of<Removal>(portal.read("archived_contacts"))) removed.push_back(r.ref.id);
  EXPECT_THAT(removed, UnorderedElementsAreArray(gone));
}

TEST(HubspotSource, RoundsThatAreNotDueAskNothing) {
  Portal portal;
  for (const char* stream : {"archived_deals", "open_deal_associations"}) {
    portal.read(stream);
    portal.http.requests.clear();
    portal.pass(minutes(50));
    EXPECT_THAT(portal.read(stream), IsEmpty());
    EXPECT_THAT(portal.http.requests, IsEmpty()) << stream;
  }
  portal.pass(minutes(11));
  portal.read("archived_deals");
  EXPECT_THAT(portal.http.requests, SizeIs(1));
}

TEST(HubspotSource, AWinnerListsItsLosersEachTimeAndAnUnmergedLoserIsLiveAgain) {
  Portal portal;
  const std::string winner = portal.contact({{"email", "a@example.com"}});
  const std::string loser = portal.contact({{"email", "b@example.com"}});
  portal.pass(hours(1));
  portal.read("contacts");
  portal.world.crm.merge("contacts", loser, winner, portal.world.now);
  portal.pass(hours(1));
  for (int i = 0; i < 2; ++i) {
    const std::vector<Record> rows = portal.read("contacts");
    EXPECT_THAT(ids(of<RecordState>(rows)), ElementsAre(winner));
    ASSERT_THAT(of<Merge>(rows), SizeIs(1));
    EXPECT_TRUE(std::holds_alternative<Merge>(rows.front())) << "told before the survivor shows what it took over";
    EXPECT_EQ(of<Merge>(rows)[0].loser, (RecordRef{"crm", Object::contact, loser}));
    EXPECT_EQ(of<Merge>(rows)[0].winner_id, winner);
    portal.world.crm.set("contacts", winner, "lifecycle", "round" + std::to_string(i), portal.world.now);
    portal.pass(hours(1));
  }
  portal.read("contacts");
  portal.world.crm.unmerge("contacts", loser, portal.world.now);
  portal.pass(hours(1));
  const std::vector<Record> rows = portal.read("contacts");
  EXPECT_THAT(ids(of<RecordState>(rows)), UnorderedElementsAre(winner, loser));
  EXPECT_THAT(of<Merge>(rows), IsEmpty());
}

TEST(HubspotSource, StageHistoryComesWithTheDealOldestFirst) {
  Portal portal;
  const Timestamp created = portal.world.now;
  const std::string id = portal.deal({{"stage", "appointment"}, {"amount", "100"}});
  portal.pass(hours(24));
  const Timestamp won = portal.world.now;
  portal.world.crm.set("deals", id, "stage", "won", won);
  portal.pass(hours(24));
  const Timestamp reopened = portal.world.now;
  portal.world.crm.set("deals", id, "stage", "negotiation", reopened);
  portal.pass(hours(1));
  std::vector<std::pair<std::string, Timestamp>> stages;
  for (const FieldChange& c : of<FieldChange>(portal.read("deals")))
    if (c.field == "stage") stages.emplace_back(c.value, c.at);
  EXPECT_THAT(stages, ElementsAre(std::pair("appointmentscheduled", created), std::pair("closedwon", won),
                                  std::pair("contractsent", reopened)));
}

TEST(HubspotSource, HistoryOfAContactIsReadWhereATriggerNamesItsField) {
  for (const bool named : {true, false}) {
    Portal portal({}, named ? NamedFields{{Object::contact, "lifecyclestage"}} : NamedFields{});
    const std::string id = portal.contact({{"lifecycle", "lead"}});
    portal.world.crm.set("contacts", id, "lifecycle", "mql", portal.world.now + seconds(5));
    portal.pass(hours(1));
    std::vector<std::string> values;
    for (const FieldChange& c : of<FieldChange>(portal.read("contacts"))) values.push_back(c.field + "=" + c.value);
    if (named) {
      EXPECT_THAT(values, ElementsAre("lifecyclestage=lead", "lifecyclestage=marketingqualifiedlead"));
    } else {
      EXPECT_THAT(values, IsEmpty());
    }
  }
}

TEST(HubspotSource, APageOfManyDealsKeepsWithinEveryBatchLimit) {
  Portal portal;
  portal.read("deals");
  portal.pass(hours(1));
  std::vector<std::string> made;
  for (int i = 0; i < 230; ++i) made.push_back(portal.deal({{"stage", "appointment"}}));
  portal.pass(hours(1));
  const std::vector<Record> rows = portal.read("deals");
  EXPECT_THAT(ids(of<RecordState>(rows)), UnorderedElementsAreArray(made));
  EXPECT_THAT(of<Association>(rows), SizeIs(2 * made.size()));
}

TEST(HubspotSource, AssociationsAreCompleteHoweverManyAndNameThePrimary) {
  Portal portal;
  const std::string company = portal.world.crm.create("companies", {{"name", "Example Ltd"}}, portal.world.now);
  const std::string deal = portal.deal();
  std::vector<std::string> people;
  for (int i = 0; i < 5; ++i) {
    people.push_back(portal.contact());
    portal.world.crm.tie("deals", deal, "contacts", people.back(), i == 3, portal.world.now);
  }
  portal.world.crm.tie("deals", deal, "companies", company, true, portal.world.now);
  portal.world.crm.tie("contacts", people[0], "companies", company, true, portal.world.now);
  portal.pass(hours(1));
  const std::vector<Record> rows = portal.read("deals");
  const std::vector<Association> ties = of<Association>(rows);
  ASSERT_THAT(ties, SizeIs(2));
  for (const Association& a : ties) {
    EXPECT_EQ(a.from, (RecordRef{"crm", Object::deal, deal}));
    EXPECT_TRUE(a.complete);
    std::vector<std::string> to, primary;
    for (const Association::To& t : a.to) {
      to.push_back(t.id);
      if (t.primary) primary.push_back(t.id);
    }
    if (a.to_object == Object::contact) {
      EXPECT_THAT(to, UnorderedElementsAreArray(people));
      EXPECT_THAT(primary, ElementsAre(people[3]));
    } else {
      EXPECT_THAT(primary, ElementsAre(company));
    }
  }
  ASSERT_THAT(of<RecordState>(rows), SizeIs(1));
  EXPECT_EQ(of<RecordState>(rows)[0].account, (RecordRef{"crm", Object::account, company}));
  for (const RecordState& s : of<RecordState>(portal.read("contacts")))
    EXPECT_EQ(s.account.has_value(), s.ref.id == people[0]);
}

TEST(HubspotSource, ARecordWithoutTiesSaysSoAndATieThatWentIsWithdrawn) {
  Portal portal;
  const std::string deal = portal.deal(), person = portal.contact();
  portal.world.crm.tie("deals", deal, "contacts", person, false, portal.world.now);
  portal.pass(hours(1));
  portal.read("deals");
  portal.world.crm.archive("contacts", person, portal.world.now);
  portal.world.crm.set("deals", deal, "amount", "5", portal.world.now);
  portal.pass(hours(1));
  const std::vector<Association> ties = of<Association>(portal.read("deals"));
  ASSERT_THAT(ties, SizeIs(2));
  for (const Association& a : ties) {
    EXPECT_TRUE(a.complete);
    EXPECT_THAT(a.to, IsEmpty());
  }
}

TEST(HubspotSource, TheDailyRoundReadsTheTiesOfOpenDealsAlone) {
  Portal portal;
  const std::string open = portal.deal({{"stage", "proposal"}}), closed = portal.deal({{"stage", "won"}}),
                    person = portal.contact();
  portal.pass(hours(1));
  portal.read("open_deal_associations");
  portal.world.crm.tie("deals", open, "contacts", person, false, portal.world.now);
  portal.world.crm.tie("deals", closed, "contacts", person, false, portal.world.now);
  portal.pass(hours(25));
  std::vector<Association> with_contacts;
  for (const Association& a : of<Association>(portal.read("open_deal_associations"))) {
    EXPECT_EQ(a.from.id, open);
    if (!a.to.empty()) with_contacts.push_back(a);
  }
  ASSERT_THAT(with_contacts, SizeIs(1));
  EXPECT_EQ(with_contacts[0].to[0].id, person);
  EXPECT_TRUE(with_contacts[0].to[0].primary) << "the only contact is the primary one";
}

TEST(HubspotSource, ManyOpenDealsAreReadPageByPage) {
  Portal portal;
  std::vector<std::string> made;
  for (int i = 0; i < 55; ++i) made.push_back(portal.deal({{"stage", "proposal"}}));
  portal.pass(hours(1));
  std::set<std::string> seen;
  for (const Association& a : of<Association>(portal.read("open_deal_associations", 20))) seen.insert(a.from.id);
  EXPECT_THAT(seen, UnorderedElementsAreArray(made));
}

TEST(HubspotSource, TheCompanyCurrencyStandsInWhereADealHasNone) {
  for (const char* configured : {"", "USD"}) {
    Portal portal(*configured ? conformance::Overrides{{"company_currency", std::string(configured)}}
                              : conformance::Overrides{});
    const std::string without = portal.deal({{"amount", "18250.50"}});
    const std::string with = portal.deal({{"amount", "99"}, {"currency", "GBP"}});
    portal.pass(hours(1));
    for (const RecordState& s : of<RecordState>(portal.read("deals")))
      EXPECT_EQ(s.fields.at("currency"), s.ref.id == with ? "GBP" : *configured ? "USD" : "EUR");
    EXPECT_EQ(count(portal.http.requests, "company-currency"), *configured ? 0U : 1U);
  }
}

TEST(HubspotSource, DealsWithoutCurrencyPauseWhereTheCompanysCannotBeRead) {
  Portal portal;
  portal.deal({{"amount", "10"}});
  portal.pass(hours(1));
  portal.http.intercept = [](const http::Request& r) -> std::optional<http::Response> {
    if (r.url.find("company-currency") == std::string::npos) return {};
    return http::Response{
        403,
        {},
        R"({"category":"MISSING_SCOPES","message":"no","errors":[{"message":"no","context":{"requiredGranularScopes":["settings.currencies.read"]}}]})"};
  };
  const auto got = portal.try_page("deals");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "company_currency");
  EXPECT_THAT(got.error().detail, ::testing::HasSubstr("settings.currencies.read"));
}

TEST(HubspotSource, SortsAreWrittenAsTextForGoodWhereObjectsAreRefused) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  for (int i = 0; i < 50; ++i) portal.contact();
  portal.pass(hours(1));
  int refused = 0;
  portal.http.intercept = [&](const http::Request& r) -> std::optional<http::Response> {
    if (r.body.find("\"direction\"") == std::string::npos) return {};
    ++refused;
    return http::Response{
        400,
        {},
        R"({"status":"error","category":"VALIDATION_ERROR","message":"Cannot deserialize","correlationId":"x"})"};
  };
  EXPECT_THAT(of<RecordState>(portal.read("contacts", 20)), SizeIs(50));
  EXPECT_EQ(refused, 1);
}

TEST(HubspotSource, ARefusedSearchPausesWithHubspotsReason) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  portal.http.intercept = [&](const http::Request& r) -> std::optional<http::Response> {
    if (r.url.find("/search") == std::string::npos) return {};
    return http::Response{
        400,
        {},
        R"({"category":"VALIDATION_ERROR","message":"There was a problem with person@example.com","correlationId":"c-1"})"};
  };
  const auto got = portal.try_page("contacts");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_THAT(got.error().detail, ::testing::HasSubstr("There was a problem"));
  EXPECT_THAT(got.error().detail, Not(::testing::HasSubstr("person@")));
}

TEST(HubspotSource, ARepeatedPageIsATransientErrorNotALoop) {
  Portal portal;
  portal.read("contacts");
  portal.pass(hours(1));
  for (int i = 0; i < 60; ++i) portal.contact();
  portal.pass(hours(1));
  std::optional<http::Response> first;
  portal.http.intercept = [&](const http::Request& r) -> std::optional<http::Response> {
    if (r.url.find("/search") == std::string::npos || !first) return {};
    return first;
  };
  const std::vector<std::string> page = ids(of<RecordState>(portal.page("contacts", 20).rows));
  std::string body = R"({"total":60,"results":[)";
  for (const std::string& id : page)
    body += (body.back() == '[' ? "" : ",") + std::string(R"({"id":")") + id + R"(","properties":{}})";
  first = http::Response{200, {}, body + R"(],"paging":{"next":{"after":"20"}}})"};
  const auto got = portal.try_page("contacts", 20);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::retry);
  EXPECT_EQ(got.error().code, "paging_stuck");
}

TEST(HubspotSource, AForeignCursorPausesInsteadOfReadingFromTheBeginning) {
  Portal portal;
  for (const char* stream : {"contacts", "archived_deals"})
    for (const char* text :
         {"garbage", "{}", R"({"v":2,"kind":"changes"})", R"({"v":1,"kind":"changes","phase":"search"})"}) {
      portal.cursors[stream] = {text};
      const auto got = portal.try_page(stream);
      ASSERT_FALSE(got) << stream << text;
      EXPECT_EQ(got.error().action, Action::pause);
    }
}

TEST(HubspotSource, EveryStreamIsReadAndUnknownOnesAreRefused) {
  Portal portal;
  const auto streams = portal.connector().records()->streams({});
  ASSERT_TRUE(streams);
  EXPECT_THAT(*streams, ElementsAre("companies", "contacts", "deals", "archived_companies", "archived_contacts",
                                    "archived_deals", "open_deal_associations"));
  for (const std::string& stream : *streams) portal.read(stream);
  EXPECT_FALSE(portal.try_page("tickets"));
  EXPECT_FALSE(portal.try_page("archived_tickets"));
}

TEST(HubspotSource, SearchesTakeTheirOwnLaneAndEveryRequestTheGeneralOne) {
  Portal portal({{"daily_requests", std::int64_t{5000}}});
  portal.contact();
  portal.pass(hours(1));
  portal.read("contacts");
  for (const http::Request& r : portal.http.requests) {
    const bool search = r.url.ends_with("/search");
    ASSERT_THAT(r.lanes, SizeIs(search ? 2 : 1));
    EXPECT_EQ(r.lanes.back().key, "portal/hubspot");
    EXPECT_EQ(r.lanes.back().requests, 190);
    EXPECT_EQ(r.lanes.back().per_day, 5000);
    if (!search) continue;
    EXPECT_EQ(r.lanes.front().key, "portal/hubspot_search");
    EXPECT_EQ(r.lanes.front().requests, 4);
    EXPECT_EQ(r.lanes.front().per, seconds(1));
  }
}

}  // namespace
}  // namespace hw::connectors::hubspot
