#include <gmock/gmock.h>

#include "base/hash.h"
#include "base/zone.h"
#include "connectors/csv/test_files.h"

namespace hw::connectors::csv {
namespace {

using connect::Cursor;
using connect::Options;
using connect::Page;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

Timestamp at(std::string_view text) { return read_time(text, Zone::utc())->at; }

/// One file "in.csv" under some options.
struct Mapping : World, testing::Test {
  Mapping() : World({{"settle_seconds", 0}, {"time_zone", "America/Sao_Paulo"}}) {}

  template <class Row = Record>
  Page<Row> read(const char* object, const Pairs& columns, std::string_view text, conformance::Overrides more = {}) {
    folder.write("in.csv", text);
    folder.set_time("in.csv", at("2026-10-01T08:00:00Z"));
    more.insert(more.end(), {{"path", folder.path("in.csv")}, {"object", object}, {"columns", columns}});
    configure({file_entry(more)});
    Cursor cursor;
    return pull_all<Row>(cursor);
  }

  RecordState state(const char* object, const Pairs& columns, std::string_view text, conformance::Overrides more = {}) {
    const auto page = read(object, columns, text, std::move(more));
    EXPECT_EQ(rejections(page.rejected), "");
    if (page.rows.empty()) return {};
    return std::get<RecordState>(page.rows[0]);
  }
};

TEST_F(Mapping, ADealWithEverything) {
  const auto page =
      read("deals",
           {{"id", "Id"},
            {"created", "Created"},
            {"modified", "Modified"},
            {"stage", "Stage"},
            {"stage_time", "Stage since"},
            {"pipeline", "Pipe"},
            {"amount", "Amount"},
            {"currency", "Cur"},
            {"closed", "Closed"},
            {"deal_type", "Type"},
            {"owner", "Owner"},
            {"name", "Name"},
            {"account", "Company"},
            {"lead", "Lead"},
            {"contact", "Contacts"}},
           "Id,Created,Modified,Stage,Stage "
           "since,Pipe,Amount,Cur,Closed,Type,Owner,Name,Company,Lead,Contacts,Margin,Seats,Due\n"
           "d1,2026-01-02 10:00:00,2026-02-03T04:05:06Z,won,2026-02-01,main,18250.5,brl,2026-02-01,new,o7,Deal "
           "one,a1,l1,c1; c2;c1,"
           "12.25,many,2026-03-04 10:00\n",
           {{"fields", Pairs{{"seats", "Seats"}}},
            {"money_fields", Pairs{{"margin", "Margin"}}},
            {"time_fields", Pairs{{"due", "Due"}}}});
  EXPECT_EQ(rejections(page.rejected), "");
  ASSERT_EQ(page.rows.size(), 3U);
  const auto& s = std::get<RecordState>(page.rows[0]);
  EXPECT_EQ(s.ref, (RecordRef{"crm", Object::deal, "d1"}));
  EXPECT_EQ(s.created, at("2026-01-02T13:00:00Z"));
  EXPECT_EQ(s.modified, at("2026-02-03T04:05:06Z"));
  EXPECT_THAT(s.fields,
              UnorderedElementsAre(Pair("stage", "won"), Pair("pipeline", "main"), Pair("amount", "18250.50"),
                                   Pair("currency", "BRL"), Pair("closed", "2026-02-01"), Pair("deal_type", "new"),
                                   Pair("owner", "o7"), Pair("name", "Deal one"), Pair("seats", "many"),
                                   Pair("margin", "12.25"), Pair("due", "2026-03-04T13:00:00Z")));
  EXPECT_EQ(s.account, (RecordRef{"crm", Object::account, "a1"}));
  EXPECT_EQ(s.converted_from, (RecordRef{"crm", Object::lead, "l1"}));
  const auto& change = std::get<FieldChange>(page.rows[1]);
  EXPECT_EQ(change.field, "stage");
  EXPECT_EQ(change.value, "won");
  EXPECT_EQ(change.at, at("2026-02-01T15:00:00Z")) << "a date stands at noon of the zone";
  EXPECT_EQ(change.basis, Basis::inferred);
  const auto& ties = std::get<Association>(page.rows[2]);
  EXPECT_TRUE(ties.complete);
  ASSERT_EQ(ties.to.size(), 2U);
  EXPECT_EQ(ties.to[0].id, "c1");
  EXPECT_TRUE(ties.to[0].primary);
  EXPECT_EQ(ties.to[1].id, "c2");
  EXPECT_FALSE(ties.to[1].primary);
}

TEST_F(Mapping, AnEmptyCellOfAMappedColumnClearsTheField) {
  const auto page = read(
      "deals", {{"id", "id"}, {"stage", "stage"}, {"closed", "closed"}, {"amount", "amount"}, {"contact", "contact"}},
      "id,stage,closed,amount,contact\nd1,,,,\n");
  const auto& s = std::get<RecordState>(page.rows.at(0));
  EXPECT_THAT(s.fields, UnorderedElementsAre(Pair("stage", ""), Pair("closed", ""), Pair("amount", "")));
  EXPECT_THAT(std::get<Association>(page.rows.at(1)).to, IsEmpty());
}

TEST_F(Mapping, WithoutAModifiedColumnTheFileTimeCounts) {
  EXPECT_EQ(state("leads", {{"id", "id"}}, "id\nl1\n").modified, at("2026-10-01T08:00:00Z"));
}

TEST_F(Mapping, AStageWithATimeIsHistory) {
  const auto page = read("leads", {{"id", "id"}, {"stage", "stage"}, {"stage_time", "since"}},
                         "id,stage,since\nl1,mql,2026-01-02T03:04:05Z\nl2,mql,\nl3,,2026-01-02\n");
  ASSERT_EQ(page.rows.size(), 4U);
  const auto& change = std::get<FieldChange>(page.rows[1]);
  EXPECT_EQ(change.ref.id, "l1");
  EXPECT_EQ(change.basis, Basis::crm_history);
}

TEST_F(Mapping, PersonalDataIsHashedAndMaskedAndNeverPlain) {
  const auto s = state("contacts",
                       {{"id", "id"},
                        {"email", "mail"},
                        {"phone", "tel"},
                        {"given_name", "first"},
                        {"family_name", "last"},
                        {"country", "land"},
                        {"city", "city"},
                        {"region", "region"},
                        {"postal_code", "zip"}},
                       "id,mail,tel,first,last,land,city,region,zip\nc1, Jane@Example.com ,+49 30 "
                       "5550100,Jane,Doe,de,Berlin,BE,10115\n");
  EXPECT_THAT(s.identifiers, ElementsAre(Identifier{"email_sha256", sha256_hex("jane@example.com")},
                                         Identifier{"phone_sha256", sha256_hex("+49305550100")}));
  EXPECT_EQ(s.masked_email, "j…e@example.com");
  EXPECT_EQ(s.country, "DE");
  EXPECT_THAT(s.fields, UnorderedElementsAre(Pair("country", "DE")));
  EXPECT_EQ(s.city + s.region + s.postal_code, "BerlinBE10115");
}

TEST_F(Mapping, HashedColumnsNameTheirForm) {
  const std::string hash = sha256_hex("jane@example.com");
  const auto s = state("contacts", {{"id", "id"}, {"email", "mail"}}, "id,mail\nc1," + hash + "\n",
                       {{"email_hash_form", "email"}});
  EXPECT_THAT(s.identifiers, ElementsAre(Identifier{"email_sha256", hash}));
  EXPECT_EQ(s.masked_email, "");
}

TEST_F(Mapping, DroppedValuesAreSaidOnceAPageAndTheRowsAreKept) {
  const auto page =
      read("contacts", {{"id", "id"}, {"email", "mail"}}, "id,mail\nc1,nonsense\nc2,a@example.com\nc3,x\n");
  EXPECT_EQ(ids(page.rows), "c1 c2 c3");
  ASSERT_EQ(rejections(page.rejected), "in.csv:2 value_dropped");
  EXPECT_THAT(page.rejected[0].detail, HasSubstr("2 rows of this page were kept without it"));
  EXPECT_THAT(page.rejected[0].detail, Not(HasSubstr("nonsense")));
}

TEST_F(Mapping, ClickIdsComeFromColumnsThenTheLandingPageThenCookies) {
  const auto s = state(
      "leads",
      {{"id", "id"},
       {"created", "created"},
       {"gclid", "gclid"},
       {"landing_page", "page"},
       {"cookie._gcl_aw", "aw"},
       {"cookie._ga", "ga"},
       {"cookie._fbc", "fbc"},
       {"ga_client_id", "cid"}},
      "id,created,gclid,page,aw,ga,fbc,cid\n"
      "l1,2026-01-02 "
      "10:00:00,G-column,https://example.com/a?gclid=G-url&msclkid=M&email=jane%40example.com,GCL.1747132561.G-cookie,"
      "GA1.1.1.2,fb.1.1747132561000.F,3.4\n");
  EXPECT_THAT(s.identifiers,
              UnorderedElementsAre(Identifier{"gclid", "G-column"}, Identifier{"msclkid", "M"},
                                   Identifier{"ga_client_id", "3.4"}, Identifier{"ga_client_id", "1.2"},
                                   Identifier{"fbc", "fb.1.1747132561000.F"}, Identifier{"fbclid", "F"}));
  EXPECT_THAT(s.click_times, UnorderedElementsAre(Pair("fbclid", Timestamp{std::chrono::seconds(1747132561)})));
  ASSERT_EQ(s.source_touches.size(), 1U);
  const Touch& touch = s.source_touches[0];
  EXPECT_EQ(touch.kind, "crm_source");
  EXPECT_EQ(touch.key, "lead/l1/source");
  EXPECT_EQ(touch.at, *s.created);
  EXPECT_EQ(touch.basis, Basis::crm_history);
  EXPECT_EQ(touch.source + "/" + touch.medium, "google/cpc");
  EXPECT_EQ(touch.landing_page, "https://example.com/a") << "a query may hold personal data";
  EXPECT_THAT(touch.identifiers, ElementsAre(Identifier{"gclid", "G-column"}, Identifier{"msclkid", "M"}));
}

TEST_F(Mapping, ACookieTellsTheTimeOfTheClickThatTheRowNames) {
  const auto s = state("leads", {{"id", "id"}, {"gclid", "gclid"}, {"cookie._gcl_aw", "aw"}},
                       "id,gclid,aw\nl1,G,GCL.1747132561.G\n");
  EXPECT_THAT(s.click_times, UnorderedElementsAre(Pair("gclid", Timestamp{std::chrono::seconds(1747132561)})));
  EXPECT_THAT(s.identifiers, ElementsAre(Identifier{"gclid", "G"}));
}

TEST_F(Mapping, PlaceholdersAreNoIdentifiers) {
  const auto s = state("leads", {{"id", "id"}, {"gclid", "gclid"}, {"ga_client_id", "cid"}, {"user_id", "uid"}},
                       "id,gclid,cid,uid\nl1,undefined,(not set),0\n");
  EXPECT_THAT(s.identifiers, IsEmpty());
  EXPECT_THAT(s.source_touches, IsEmpty());
}

TEST_F(Mapping, ExplicitUtmColumnsGoBeforeTheLandingPage) {
  const auto s = state(
      "leads",
      {{"id", "id"}, {"source", "s"}, {"medium", "m"}, {"campaign", "c"}, {"landing_page", "p"}, {"referrer", "r"}},
      "id,s,m,c,p,r\nl1,Newsletter,{{medium}},,https://example.com/"
      "?utm_source=google&utm_medium=cpc&utm_campaign=x&gclid=g,"
      "https://mail.example.com/?q=jane\n");
  const Touch& touch = s.source_touches.at(0);
  EXPECT_EQ(touch.source, "Newsletter");
  EXPECT_EQ(touch.medium, "") << "the pair is taken whole";
  EXPECT_EQ(touch.campaign, "x");
  EXPECT_EQ(touch.referrer, "https://mail.example.com/");
  EXPECT_EQ(touch.at, s.modified);
  EXPECT_EQ(touch.basis, Basis::observed) << "nothing tells when it was";
}

TEST_F(Mapping, ASourceOnADateIsInferred) {
  const auto s = state("leads", {{"id", "id"}, {"created", "d"}, {"source", "s"}}, "id,d,s\nl1,2018-02-01,google\n");
  EXPECT_EQ(s.source_touches.at(0).at, at("2018-02-01T14:00:00Z")) << "noon of Sao Paulo's summer time";
  EXPECT_EQ(s.source_touches.at(0).basis, Basis::inferred);
}

TEST_F(Mapping, AnOriginIsTranslatedToSourceAndMedium) {
  const auto page =
      read("leads", {{"id", "id"}, {"created", "d"}},
           "id,d,origin\n1,2018-02-01,paid_search\n2,2018-02-01, Direct_Traffic \n3,2018-02-01,\n4,2018-02-01,other\n",
           {{"translate", std::vector{translation({{"column", "origin"},
                                                   {"to", std::vector<std::string>{"source", "medium", "field.origin"}},
                                                   {"values", Pairs{{"paid_search", "google / cpc / paid"},
                                                                    {"direct_traffic", "(direct) / (none) / -"}}}})}}});
  ASSERT_EQ(ids(page.rows), "1 2 3 4");
  const auto touches = [&](std::size_t i) { return std::get<RecordState>(page.rows[i]).source_touches; };
  EXPECT_EQ(touches(0).at(0).source + "/" + touches(0).at(0).medium, "google/cpc");
  EXPECT_EQ(std::get<RecordState>(page.rows[0]).fields.at("origin"), "paid");
  EXPECT_EQ(touches(1).at(0).source + "/" + touches(1).at(0).medium, "/") << "a stated direct visit is a touch";
  EXPECT_THAT(touches(2), IsEmpty()) << "nothing was stated";
  EXPECT_EQ(touches(3).at(0).source, "other") << "unlisted: the text itself";
}

TEST_F(Mapping, OtherwiseAndDefaultsFillWhatIsMissing) {
  const auto page =
      read("deals", {{"id", "id"}, {"currency", "cur"}}, "id,cur,status\n1,,Fechado\n2,USD,Perdido\n3,USD,\n",
           {{"defaults", Pairs{{"currency", "EUR"}, {"stage", "open"}, {"field.team", "north"}}},
            {"translate", std::vector{translation({{"column", "status"},
                                                   {"to", std::vector<std::string>{"stage"}},
                                                   {"values", Pairs{{"fechado", "won"}}},
                                                   {"otherwise", "lost"}})}}});
  ASSERT_EQ(ids(page.rows), "1 2 3");
  const auto field = [&](std::size_t i, const char* name) {
    return std::get<RecordState>(page.rows[i]).fields.at(name);
  };
  EXPECT_EQ(field(0, "currency") + field(1, "currency"), "EURUSD");
  EXPECT_EQ(field(0, "stage") + " " + field(1, "stage") + " " + field(2, "stage"), "won lost open");
  EXPECT_EQ(field(0, "team"), "north");
}

TEST_F(Mapping, ConsentIsReadWithItsTime) {
  const auto page =
      read("contacts",
           {{"id", "id"}, {"consent_ad_user_data", "u"}, {"consent_ad_personalization", "p"}, {"consent_time", "t"}},
           "id,u,p,t\n1,granted,no,2026-01-02T03:04:05Z\n2,perhaps,,\n");
  const auto& first = std::get<RecordState>(page.rows.at(0));
  EXPECT_EQ(first.consent, (Consent{ConsentState::granted, ConsentState::denied}));
  EXPECT_EQ(first.consent_at, at("2026-01-02T03:04:05Z"));
  EXPECT_EQ(std::get<RecordState>(page.rows.at(1)).consent, Consent{});
  EXPECT_EQ(rejections(page.rejected), "in.csv:3 value_dropped");
}

TEST_F(Mapping, DeletesAndMergesNeedTheirColumns) {
  const auto page = read("contacts", {{"id", "id"}, {"modified", "m"}, {"deleted", "gone"}, {"merged_into", "into"}},
                         "id,m,gone,into\n1,2026-01-02,Yes,\n2,2026-01-02,2025-12-24T18:00:00Z,\n3,2026-01-02,no,\n4,"
                         "2026-01-02,,3\n5,2026-01-02,soon,\n");
  EXPECT_EQ(rejections(page.rejected), "in.csv:6 deleted");
  ASSERT_EQ(page.rows.size(), 4U);
  EXPECT_EQ(std::get<Removal>(page.rows[0]).at, at("2026-01-02T15:00:00Z"));
  EXPECT_EQ(std::get<Removal>(page.rows[1]).at, at("2025-12-24T18:00:00Z"));
  EXPECT_EQ(std::get<RecordState>(page.rows[2]).ref.id, "3");
  EXPECT_EQ(std::get<Merge>(page.rows[3]).loser.id, "4");
  EXPECT_EQ(std::get<Merge>(page.rows[3]).winner_id, "3");
}

TEST_F(Mapping, StageHistory) {
  const auto page =
      read("stage_history", {{"id", "deal"}, {"object", "kind"}, {"field", "field"}, {"value", "to"}, {"time", "when"}},
           "deal,kind,field,to,when\nd1,,,won,2026-01-02 "
           "03:04:05\nc1,Contacts,lifecycle,mql,2026-01-02\nx,thing,,a,2026-01-02\nd2,,,,2026-01-02\nd3,,,won,\n");
  EXPECT_EQ(rejections(page.rejected), "in.csv:4 object, in.csv:5 missing_value, in.csv:6 missing_value");
  ASSERT_EQ(page.rows.size(), 2U);
  const auto& first = std::get<FieldChange>(page.rows[0]);
  EXPECT_EQ(first.ref, (RecordRef{"crm", Object::deal, "d1"}));
  EXPECT_EQ(first.field + "=" + first.value, "stage=won");
  EXPECT_EQ(first.basis, Basis::crm_history);
  EXPECT_EQ(std::get<FieldChange>(page.rows[1]).ref.object, Object::contact);
  EXPECT_EQ(std::get<FieldChange>(page.rows[1]).basis, Basis::inferred);
}

TEST_F(Mapping, AnAccountKeepsItsNameAndDomain) {
  const auto s = state("accounts", {{"id", "id"}, {"name", "n"}, {"domain", "d"}},
                       "id,n,d\na1,Example Ltd,https://WWW.Example.com/about?x\n");
  EXPECT_THAT(s.fields, UnorderedElementsAre(Pair("name", "Example Ltd"), Pair("domain", "www.example.com")));
}

TEST_F(Mapping, TouchesJoinByEveryKindOfIdentifier) {
  const auto page =
      read<Touch>("touches",
                  {{"time", "t"},
                   {"kind", "k"},
                   {"email", "mail"},
                   {"lead_id", "lead"},
                   {"deal_id", "deal"},
                   {"ga_client_id", "cid"},
                   {"landing_page", "p"},
                   {"country", "c"},
                   {"key", "key"}},
                  "t,k,mail,lead,deal,cid,p,c,key\n"
                  "2026-01-02T03:04:05Z,form,jane@example.com,l1,d1,1.2,https://example.com/?gclid=g,BR,k1\n"
                  "2026-01-02,,,,,3.4,,,\n2026-01-02,,,,,,,,\n2026-01-02,party,,,,5.6,,,\n,,,,,7.8,,,\n");
  EXPECT_EQ(rejections(page.rejected), "in.csv:4 no_identifier, in.csv:5 kind, in.csv:6 missing_value");
  ASSERT_EQ(page.rows.size(), 2U);
  const Touch& touch = page.rows[0];
  EXPECT_EQ(touch.key, "k1");
  EXPECT_EQ(touch.kind, "form");
  EXPECT_EQ(touch.country, "BR");
  EXPECT_EQ(touch.source + "/" + touch.medium, "google/cpc");
  EXPECT_THAT(touch.identifiers,
              UnorderedElementsAre(Identifier{"ga_client_id", "1.2"}, Identifier{"gclid", "g"},
                                   Identifier{"crm_lead_id", "crm:l1"}, Identifier{"crm_deal_id", "crm:d1"},
                                   Identifier{"email_sha256", sha256_hex("jane@example.com")}));
  EXPECT_EQ(page.rows[1].kind, "visit");
  EXPECT_EQ(page.rows[1].basis, Basis::inferred);
  EXPECT_EQ(page.rows[1].key.size(), 32U);
}

TEST_F(Mapping, ATouchWithoutAKeyHasTheSameKeyInAnyFile) {
  const Pairs columns = {{"time", "t"}, {"ga_client_id", "c"}};
  const auto first = read<Touch>("touches", columns, "t,c\n2026-01-02,1.2\n2026-01-03,1.2\n2026-01-02,1.2\n");
  const auto second = read<Touch>("touches", columns, "t,c\n2026-01-02,1.2\n");
  ASSERT_EQ(first.rows.size(), 3U);
  EXPECT_EQ(first.rows[0].key, first.rows[2].key);
  EXPECT_NE(first.rows[0].key, first.rows[1].key);
  EXPECT_EQ(first.rows[0].key, second.rows.at(0).key);
}

TEST_F(Mapping, SpendIsADayOfACampaign) {
  const Pairs columns = {{"day", "d"},       {"account", "a"},  {"source", "s"},
                         {"medium", "m"},    {"campaign", "c"}, {"campaign_id", "i"},
                         {"amount", "cost"}, {"clicks", "cl"},  {"impressions", "im"}};
  const auto page =
      read<Spend>("spend", columns,
                  "d,a,s,m,c,i,cost,cl,im\n2026-01-02,acc,google,cpc,Brand,77,12.345678,3,100\n"
                  "2026-01-02 23:30:00,acc,google,cpc,Generic,79,13,4,101\n2026-01-02,acc,google,cpc,Other,78,x,,\n"
                  "2026-01-02,acc,google,cpc,Other,78,1,-1,\n",
                  {{"defaults", Pairs{{"currency", "BRL"}}}});
  EXPECT_EQ(rejections(page.rejected), "in.csv:4 amount, in.csv:5 number");
  ASSERT_EQ(page.rows.size(), 2U);
  EXPECT_EQ(page.rows[0].day, at("2026-01-02T03:00:00Z")) << "midnight of the zone";
  EXPECT_EQ(page.rows[0].micros, 12'345'678);
  EXPECT_EQ(page.rows[0].currency, "BRL");
  EXPECT_EQ(page.rows[0].clicks, 3);
  EXPECT_EQ(page.rows[0].impressions, 100);
  EXPECT_EQ(page.rows[1].day, page.rows[0].day);
  EXPECT_NE(page.rows[1].key, page.rows[0].key);
}

struct SpendRows : Mapping {
  static std::string text(const std::string& rows) { return "day,campaign,ad_group,cost\n" + rows; }
  connect::Page<Spend> spend(const std::string& rows, bool with_key = false) {
    Pairs columns = {{"day", "day"}, {"campaign", "campaign"}, {"amount", "cost"}};
    if (with_key) columns.emplace_back("key", "ad_group");
    return read<Spend>("spend", columns, text(rows), {{"defaults", Pairs{{"currency", "EUR"}}}});
  }
};

TEST_F(SpendRows, ALaterFileRestatesTheDay) {
  const auto first = spend("2026-01-02,Brand,a,12\n");
  const auto second = spend("2026-01-02,Brand,a,13\n");
  EXPECT_EQ(first.rows.at(0).key, second.rows.at(0).key);
}

TEST_F(SpendRows, TwoRowsOfADayAndCampaignInOneFileNeverOverwriteEachOther) {
  const auto page = spend("2026-01-02,Brand,a,12\n2026-01-02,Brand,b,30\n2026-01-03,Brand,a,1\n");
  EXPECT_EQ(page.rows.size(), 2U);
  ASSERT_EQ(rejections(page.rejected), "in.csv:3 spend_repeated");
  EXPECT_THAT(page.rejected[0].detail, HasSubstr("in.csv:2; map `key`"));
}

TEST_F(SpendRows, NorWhenPagesLieBetweenThemOrTheDaemonBeginsAgain) {
  const std::string rows = "2026-01-02,Brand,a,12\n2026-01-03,Brand,a,1\n2026-01-04,Brand,a,1\n2026-01-02,Brand,b,30\n";
  limit = 1;
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted);
    folder.write("in.csv", text(rows));
    const auto entry = file_entry({{"path", folder.path("in.csv")},
                                   {"object", "spend"},
                                   {"columns", Pairs{{"day", "day"}, {"campaign", "campaign"}, {"amount", "cost"}}},
                                   {"defaults", Pairs{{"currency", "EUR"}}}});
    configure({entry});
    Cursor cursor;
    for (int page = 0; page < 3; ++page) EXPECT_EQ(pull<Spend>(cursor).rows.size(), 1U);
    if (restarted) configure({entry});
    const Cursor before_the_last = cursor;
    EXPECT_EQ(rejections(pull<Spend>(cursor).rejected), "in.csv:5 spend_repeated");
    cursor = before_the_last;
    EXPECT_EQ(rejections(pull<Spend>(cursor).rejected), "in.csv:5 spend_repeated") << "the same page once more";
  }
}

TEST_F(SpendRows, AMappedKeyTellsThemApart) {
  const auto page = spend("2026-01-02,Brand,a,12\n2026-01-02,Brand,b,30\n", true);
  EXPECT_EQ(page.rows.size(), 2U);
  EXPECT_TRUE(page.rejected.empty());
}

TEST_F(Mapping, WithoutAHeaderColumnsAreNumbers) {
  EXPECT_EQ(ids(read("leads", {{"id", "2"}}, "x,a\ny,b\n", {{"header", false}}).rows), "a b");
}

struct Brazilian : Mapping {
  Brazilian() { shared_.emplace_back("decimal_comma", true); }
};

TEST_F(Brazilian, FileInLatin1WithCommasAndItsOwnTimes) {
  const auto s = state("deals", {{"id", "N\xC3\xBAmero"}, {"name", "Nome"}, {"amount", "Valor"}, {"closed", "Fechado"}},
                       "N\xFAmero;Nome;Valor;Fechado\r\n1;S\xE3o;1.234,5;24.12.2025 18:00\r\n",
                       {{"delimiter", ";"}, {"encoding", "latin-1"}, {"time_format", "%d.%m.%Y %H:%M"}});
  EXPECT_THAT(s.fields, UnorderedElementsAre(Pair("name", "S\xC3\xA3o"), Pair("amount", "1234.50"),
                                             Pair("closed", "2025-12-24T21:00:00Z")));
}

struct BadRow {
  const char* name;
  const char* row;
  const char* code;
  const char* detail;
};

class BadRows : public Mapping, public testing::WithParamInterface<BadRow> {};

TEST_P(BadRows, AreSetAsideWithPlaceAndReasonAndWithoutTheirValues) {
  const auto page = read("deals", {{"id", "Id"}, {"created", "Created"}, {"amount", "Amount"}, {"currency", "Cur"}},
                         std::string("Id,Created,Amount,Cur\n1,,,\n") + GetParam().row + "\n3,,,\n");
  EXPECT_EQ(ids(page.rows), "1 3");
  ASSERT_EQ(rejections(page.rejected), std::string("in.csv:3 ") + GetParam().code);
  EXPECT_THAT(page.rejected[0].detail, HasSubstr(GetParam().detail));
  EXPECT_THAT(page.rejected[0].detail, Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadRows,
    testing::Values(
        BadRow{"NoId", ",,,", "missing_value", "column 'Id' (id): expected a value"},
        BadRow{"BlankId", "  ,,,", "missing_value", "column 'Id' (id)"},
        BadRow{"Time", "2,secret,,", "time", "column 'Created' (created): expected a time such as"},
        BadRow{"Amount", "2,,secret,", "amount", "column 'Amount' (amount): expected an amount such as 18250.00"},
        BadRow{"AmountWithSymbol", "2,,\"$secret1,000\",", "amount", "decimal_comma: false"},
        BadRow{"Currency", "2,,,secret", "currency", "column 'Cur' (currency): expected an ISO 4217 code"},
        BadRow{"TooFewColumns", "2,secret", "column_count", "expected 4 columns as in the first row, found 2"},
        BadRow{"TooManyColumns", "2,,,,secret", "column_count", "found 5"},
        BadRow{"StrayQuote", "2,\"secret\"x,,", "text_after_quote", "must be doubled"},
        BadRow{"UnclosedQuote", "2,\"secret,,", "unclosed_quote", "never closed"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(Mapping, ATruncatedFileLosesItsLastRowAlone) {
  const auto page = read("leads", {{"id", "id"}}, "id,note\n1,a\n2,\"b\n3\"\n4,\"cut o");
  EXPECT_EQ(ids(page.rows), "1 2");
  EXPECT_EQ(rejections(page.rejected), "in.csv:5 unclosed_quote");
}

}  // namespace
}  // namespace hw::connectors::csv
