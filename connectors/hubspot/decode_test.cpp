#include "connectors/hubspot/decode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "base/zone.h"
#include "conformance/fill_defaults.h"
#include "conformance/paths.h"
#include "conformance/plain_normaliser.h"
#include "connectors/hubspot/touches.h"

namespace hw::connectors::hubspot {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string file(const std::string& name) {
  std::ifstream in(conformance::source_dir() + "/connectors/hubspot/testdata/" + name);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Timestamp at(const char* text) { return read_time(text, Zone::utc())->at; }

class HubspotDecode : public ::testing::Test {
 protected:
  HubspotDecode() {
    vocabulary_.identifiers.push_back({"gclid", connect::IdKind::click, "gclid", "google", "cpc", ""});
    connect::Options group;
    using Mapped = std::vector<std::pair<std::string, std::string>>;
    group.set("contacts", Mapped{{"consent", "ads_consent"}});
    group.set("companies", Mapped{});
    group.set("deals", Mapped{});
    std::vector<connect::OptionError> errors;
    config_ = read_config(
        conformance::fill_defaults(option_declarations(), {{"credential", std::string("portal")},
                                                           {"properties", std::vector<connect::Options>{group}}}),
        {{Object::contact, "lifecycle"}, {Object::deal, "margin"}, {Object::deal, "dealstage"}}, "crm", nullptr,
        errors);
    EXPECT_THAT(errors, IsEmpty());
  }
  Batch batch(const std::string& body, const ObjectPlan& plan) {
    Result<Batch> b = decode_batch(body, plan, {config_.crm, normaliser_, vocabulary_});
    EXPECT_TRUE(b);
    return b ? std::move(*b) : Batch{};
  }
  std::vector<Touch> touches(const Properties& p) {
    return source_touches(p, config_.contacts, {"crm", Object::contact, "1"}, at("2026-10-01T00:00:00Z"), vocabulary_);
  }

  Config config_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_;
};

TEST_F(HubspotDecode, AContactIsReadWithoutItsRawPersonalData) {
  const Batch b = batch(file("batch_contacts.json"), config_.contacts);
  ASSERT_THAT(b.states, SizeIs(2));
  const RecordState& s = b.states[0];
  EXPECT_EQ(s.ref, (RecordRef{"crm", Object::contact, "501"}));
  EXPECT_EQ(s.modified, at("2026-11-01T09:30:00.250Z"));
  EXPECT_EQ(s.created, at("2026-10-01T08:00:00Z"));
  EXPECT_EQ(s.fields.at("lifecycle"), "lead");
  EXPECT_EQ(s.fields.at("owner"), "");
  EXPECT_EQ(s.country, "US");
  EXPECT_EQ(s.region, "Virginia");
  EXPECT_EQ(s.city, "");
  EXPECT_THAT(s.identifiers, Contains(Identifier{"gclid", "Cj0KCQexample"}));
  EXPECT_THAT(s.identifiers, Contains(Identifier{"ga_client_id", "1234567890.1690000000"}));
  EXPECT_EQ(std::count_if(s.identifiers.begin(), s.identifiers.end(),
                          [](const Identifier& i) { return i.type == "email_sha256"; }),
            1);
  EXPECT_EQ(std::count_if(s.identifiers.begin(), s.identifiers.end(),
                          [](const Identifier& i) { return i.type == "phone_sha256"; }),
            2)
      << "phone and mobile";
  ASSERT_TRUE(s.consent);
  EXPECT_EQ(s.consent->ad_user_data, ConsentState::granted);
  for (const auto& [name, value] : s.fields) EXPECT_THAT(value, Not(::testing::HasSubstr("xample.com")));
}

TEST_F(HubspotDecode, IdsMayBeNumbersAndTimesMilliseconds) {
  const Batch b = batch(file("batch_contacts.json"), config_.contacts);
  ASSERT_THAT(b.states, SizeIs(2));
  EXPECT_EQ(b.states[1].ref.id, "502");
  EXPECT_EQ(b.states[1].modified, from_micros(1'762'000'000'000'000));
  EXPECT_FALSE(b.states[1].consent);
}

TEST_F(HubspotDecode, RecordsThatCannotBeReadAreSetAsideAlone) {
  std::vector<std::string> rejected;
  for (const connect::RejectedRow& r : batch(file("batch_contacts.json"), config_.contacts).rejected)
    rejected.push_back(r.where + " " + r.code);
  EXPECT_THAT(rejected, ElementsAre("contacts/503 shape", "contacts/504 time", "contacts/? shape"));
}

TEST_F(HubspotDecode, MergesNameEveryLoserOnceWithItsTimeWhereKnown) {
  const std::vector<Merge> merges = batch(file("batch_contacts.json"), config_.contacts).merges;
  ASSERT_THAT(merges, SizeIs(2));
  EXPECT_EQ(merges[0].loser.id, "401");
  EXPECT_FALSE(merges[0].at);
  EXPECT_EQ(merges[1].loser.id, "402");
  EXPECT_EQ(merges[1].at, from_micros(1'760'000'000'000'000));
  EXPECT_EQ(merges[1].winner_id, "501");
}

TEST_F(HubspotDecode, HistoryOfAContactsFieldIsOldestFirst) {
  const std::vector<FieldChange> changes = batch(file("batch_contacts.json"), config_.contacts).changes;
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].field, "lifecycle");
  EXPECT_EQ(changes[0].value, "subscriber");
  EXPECT_EQ(changes[0].at, from_micros(1'759'305'600'000'000));
  EXPECT_EQ(changes[1].value, "lead");
}

TEST_F(HubspotDecode, AStageThatIsNotShownIsNoNewsOfTheDeal) {
  std::string body = file("batch_deals.json");
  const std::string told = "\"closedwon\"";
  for (std::size_t i = body.find(told); i != std::string::npos; i = body.find(told))
    body.replace(i, told.size(), "null");
  const Batch b = batch(body, config_.deals);
  EXPECT_FALSE(b.states.at(0).fields.contains("stage"));
  EXPECT_FALSE(b.states.at(0).fields.contains("dealstage"));
  EXPECT_EQ(b.states.at(0).fields.at("amount"), "18250.5");
}

TEST_F(HubspotDecode, ADealHasCanonicalFieldsAndThoseThatTheSettingsName) {
  const Batch b = batch(file("batch_deals.json"), config_.deals);
  ASSERT_THAT(b.states, SizeIs(2));
  const std::map<std::string, std::string> expected = {{"name", "Example Ltd - 40 seats"},
                                                       {"amount", "18250.5"},
                                                       {"currency", "GBP"},
                                                       {"stage", "closedwon"},
                                                       {"dealstage", "closedwon"},
                                                       {"pipeline", "default"},
                                                       {"closed", "2026-11-09T00:00:00Z"},
                                                       {"deal_type", "newbusiness"},
                                                       {"owner", "77"},
                                                       {"margin", "0.31"}};
  EXPECT_EQ(b.states[0].fields, expected);
  EXPECT_EQ(b.states[0].modified, at("2026-11-10T08:00:00.123Z"));
  EXPECT_EQ(b.states[1].fields.at("currency"), "") << "left for the company's currency";
  EXPECT_EQ(b.states[1].fields.at("closed"), "2026-12-01") << "a bare date stays one";
  EXPECT_FALSE(b.states[1].fields.contains("pipeline")) << "a property that the answer lacks is left as it is";
}

TEST_F(HubspotDecode, HistoryKeepsOnlyWhatChanged) {
  const Batch b = batch(file("batch_deals.json"), config_.deals);
  std::vector<std::string> stages, own_name, amounts;
  for (const FieldChange& c : b.changes) {
    if (c.field == "stage") stages.push_back(c.value + " " + rfc3339(c.at));
    if (c.field == "dealstage") own_name.push_back(c.value);
    if (c.field == "amount") amounts.push_back(c.value);
  }
  EXPECT_THAT(stages, ElementsAre("appointmentscheduled 2026-10-10T08:00:00Z", "contractsent 2026-10-20T09:00:00Z",
                                  "closedwon 2026-11-09T15:00:00Z"));
  EXPECT_THAT(own_name, ElementsAre("appointmentscheduled", "contractsent", "closedwon"));
  EXPECT_THAT(amounts, ElementsAre("", "18250.5"));
}

TEST_F(HubspotDecode, AmountsCurrenciesAndTimesThatAreNoneSetTheDealAside) {
  std::vector<std::string> rejected;
  for (const connect::RejectedRow& r : batch(file("batch_deals.json"), config_.deals).rejected)
    rejected.push_back(r.where + " " + r.code);
  EXPECT_THAT(rejected, ElementsAre("deals/900 history", "deals/902 amount", "deals/903 currency", "deals/904 time"));
}

TEST_F(HubspotDecode, TheFirstTouchComesFromUtmPropertiesAndTheLatestFromItsClass) {
  const std::vector<Touch> t = batch(file("batch_contacts.json"), config_.contacts).states.at(0).source_touches;
  ASSERT_THAT(t, SizeIs(2));
  EXPECT_EQ(t[0].key, "crm:contact:501:first");
  EXPECT_EQ(t[0].kind, "crm_source");
  EXPECT_EQ(t[0].at, from_micros(1'759'305'600'000'000));
  EXPECT_EQ(t[0].source, "google");
  EXPECT_EQ(t[0].medium, "cpc");
  EXPECT_EQ(t[0].landing_page, "https://www.example.com/offer");
  EXPECT_EQ(t[0].referrer, "https://www.google.com/search");
  EXPECT_THAT(t[0].identifiers, Contains(Identifier{"crm_contact_id", "crm:501"}));
  EXPECT_EQ(t[1].source, "email");
  EXPECT_EQ(t[1].campaign, "Newsletter 7");
  EXPECT_EQ(t[1].at, at("2026-10-20T12:00:00Z"));
}

TEST_F(HubspotDecode, SourceOfATouchByWhatIsKnown) {
  struct Row {
    const char* name;
    Properties p;
    const char *source, *medium, *campaign;
  };
  const std::vector<Row> rows = {
      {"landing page",
       {{"hs_analytics_first_url", "https://x.example/?utm_source=news&utm_medium=email&utm_campaign=a+b"}},
       "news",
       "email",
       "a b"},
      {"click id",
       {{"hs_analytics_first_url", "https://x.example/?gclid=abc"}, {"hs_analytics_source", "PAID_SEARCH"}},
       "google",
       "cpc",
       ""},
      {"class",
       {{"hs_analytics_source", "PAID_SEARCH"}, {"hs_analytics_source_data_1", "Brand"}},
       "paid_search",
       "cpc",
       "Brand"},
      {"site",
       {{"hs_analytics_source", "SOCIAL_MEDIA"}, {"hs_analytics_source_data_1", "LinkedIn"}},
       "linkedin",
       "social",
       ""},
      {"direct", {{"hs_analytics_source", "DIRECT_TRAFFIC"}}, "", "", ""},
      {"unknown class kept verbatim", {{"hs_analytics_source", "AI_REFERRALS"}}, "AI_REFERRALS", "", ""},
      {"utm placeholder", {{"utm_source", "(not set)"}, {"hs_analytics_source", "OFFLINE"}}, "offline", "offline", ""},
  };
  for (const Row& row : rows) {
    const std::vector<Touch> t = touches(row.p);
    ASSERT_THAT(t, SizeIs(1)) << row.name;
    EXPECT_EQ(t[0].source, row.source) << row.name;
    EXPECT_EQ(t[0].medium, row.medium) << row.name;
    EXPECT_EQ(t[0].campaign, row.campaign) << row.name;
    EXPECT_EQ(t[0].basis, Basis::inferred) << "placed at the record's creation";
  }
  EXPECT_THAT(touches({{"hs_analytics_source", ""}}), IsEmpty());
  EXPECT_THAT(touches({{"hs_latest_source", "DIRECT_TRAFFIC"}}), IsEmpty()) << "without a time";
}

TEST_F(HubspotDecode, TimesAreMillisecondsOrIso) {
  struct Row {
    const char* text;
    std::int64_t micros;
  };
  for (const Row& row : {Row{"1763719200000", 1'763'719'200'000'000}, Row{"0", 0}, Row{"-1000", -1'000'000},
                         Row{" 2026-11-21T10:00:00.123Z ", 1'795'255'200'123'000},
                         Row{"2026-11-21T11:00:00+01:00", 1'795'255'200'000'000}}) {
    const Result<Timestamp> t = decode_time(row.text);
    ASSERT_TRUE(t) << row.text;
    EXPECT_EQ(to_micros(*t), row.micros) << row.text;
  }
  for (const char* bad : {"", "-", "soon", "99999999999999999999", "1763719200000x"})
    EXPECT_FALSE(decode_time(bad)) << bad;
}

TEST_F(HubspotDecode, IdsAreOrderedAsNumbers) {
  EXPECT_TRUE(id_less("9", "10"));
  EXPECT_TRUE(id_less("0009", "10"));
  EXPECT_FALSE(id_less("10", "9"));
  EXPECT_FALSE(id_less("10", "10"));
  EXPECT_TRUE(id_less("99999999999999999998", "99999999999999999999"));
}

TEST_F(HubspotDecode, IdPagesSayWhereTheyGoOn) {
  const Result<IdPage> page =
      decode_ids(R"({"total":3,"results":[{"id":"7"},{"id":12}],"paging":{"next":{"after":"2","link":"x"}}})");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->ids, ElementsAre("7", "12"));
  EXPECT_EQ(page->after, "2");
  EXPECT_EQ(decode_ids(R"({"results":[]})")->after, "");
}

TEST_F(HubspotDecode, UnreadableAnswersAreTransient) {
  for (const char* body : {"", "{", "[]", "null", R"({"results":{}})", R"({"results":[{"id":"x1"}]})",
                           R"({"results":[{}]})", R"({"results":[1]})"}) {
    const Result<IdPage> page = decode_ids(body);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().action, Action::retry);
    EXPECT_EQ(page.error().code, "bad_answer");
  }
  EXPECT_FALSE(decode_ties(R"({"results":[{"from":{"id":"1"}}]})"));
  EXPECT_FALSE(decode_ties(R"({"results":[{"from":{"id":"1"},"to":[{}]}]})"));
  EXPECT_FALSE(decode_properties("{}"));
  EXPECT_FALSE(decode_pipelines("[]"));
}

TEST_F(HubspotDecode, ArchivedRecordsAreRemovalsOnlyWhereMarkedSo) {
  const Result<ArchivedPage> page = decode_archived(file("archived.json"), config_.deals, "crm");
  ASSERT_TRUE(page);
  ASSERT_THAT(page->removals, SizeIs(2));
  EXPECT_EQ(page->removals[0].ref, (RecordRef{"crm", Object::deal, "900"}));
  EXPECT_EQ(page->removals[0].at, at("2026-11-12T10:00:00.500Z"));
  EXPECT_FALSE(page->removals[1].at);
  ASSERT_THAT(page->rejected, SizeIs(1)) << "a list that ignored archived=true must delete nothing";
  EXPECT_EQ(page->after, "901");
}

TEST_F(HubspotDecode, TiesCarryRolesPrimaryAndPaging) {
  const Result<TiesAnswer> answer = decode_ties(file("ties.json"));
  ASSERT_TRUE(answer);
  const Ties& ties = answer->found.at("900");
  ASSERT_THAT(ties.to, SizeIs(3));
  EXPECT_EQ(ties.to[0].role, "");
  EXPECT_EQ(ties.to[1].id, "502");
  EXPECT_EQ(ties.to[1].role, "decision_maker");
  EXPECT_FALSE(ties.to[1].primary);
  EXPECT_TRUE(ties.to[2].primary);
  EXPECT_EQ(ties.after, "NTA=");
  EXPECT_THAT(answer->found.at("901").to, IsEmpty());
  EXPECT_THAT(answer->unreadable, ElementsAre("903")) << "having no ties is no fault";
  EXPECT_TRUE(answer->all_named);
}

TEST_F(HubspotDecode, AnErrorThatNamesNoRecordLeavesAbsenceUnproven) {
  const Result<TiesAnswer> answer = decode_ties(R"({"results":[],"errors":[{"category":"INTERNAL","message":"x"}]})");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->all_named);
}

TEST_F(HubspotDecode, PipelinesTellStagesAndTheirOutcome) {
  const Result<std::vector<Stage>> stages = decode_pipelines(file("pipelines.json"));
  ASSERT_TRUE(stages);
  ASSERT_THAT(*stages, SizeIs(3));
  EXPECT_FALSE((*stages)[0].closed);
  EXPECT_TRUE((*stages)[1].won);
  EXPECT_TRUE((*stages)[2].closed);
  EXPECT_FALSE((*stages)[2].won);
}

TEST_F(HubspotDecode, PropertiesTellTheirOptions) {
  const Result<std::vector<PortalProperty>> p = decode_properties(file("properties.json"));
  ASSERT_TRUE(p);
  ASSERT_THAT(*p, SizeIs(2));
  EXPECT_EQ((*p)[1].options.at(1).first, "customer");
}

TEST_F(HubspotDecode, TheCompanyCurrencyIsAKnownCode) {
  EXPECT_EQ(*decode_company_currency(R"({"currencyCode":"usd"})"), "USD");
  EXPECT_EQ(decode_company_currency(R"({"currencyCode":"QQQ"})").error().action, Action::pause);
  EXPECT_EQ(decode_company_currency(R"({})").error().action, Action::pause);
  EXPECT_EQ(decode_company_currency("<html>").error().action, Action::retry);
}

}  // namespace
}  // namespace hw::connectors::hubspot
