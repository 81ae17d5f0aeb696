#include "connectors/ga4_bigquery/touches.h"

#include <gmock/gmock.h>

#include "connectors/ga4_bigquery/test_export.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

json visit() {
  return json::parse(
      R"({"day":"20261120","client":"11.22","session":1795170000,"started":1795170000000000,"begins":1,"session_number":2,
          "member":null,"country":"DE","landing":{"page":"https://example.com/p?x=1","referrer":"https://news.example.net/a?b=c"},
          "campaigns":[],"ads":null,"last":null,"first":null,"event_values":[],"user_values":[]})");
}

json campaign(const char* page, const json& fields, std::int64_t at = 1795170000000000) {
  json c = {{"happened", at}, {"page", page}, {"referrer", nullptr}};
  for (const auto& [name, value] : fields.items()) c[name] = value;
  return c;
}

class Ga4BigQueryTouches : public testing::Test {
 protected:
  std::vector<Touch> of(const json& row) {
    std::vector<Touch> out;
    add_touches(row, {config_, normaliser_, vocabulary_}, out, rejected_);
    return out;
  }
  Touch one(const json& row) {
    std::vector<Touch> all = of(row);
    EXPECT_THAT(all, SizeIs(1));
    return all.empty() ? Touch{} : all[0];
  }
  static std::string source(const Touch& t) { return t.source + " / " + t.medium + " / " + t.campaign; }

  Config config_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_ = test_vocabulary();
  std::vector<connect::RejectedRow> rejected_;
};

TEST_F(Ga4BigQueryTouches, AVisitKeepsTimePageReferrerAndIds) {
  json row = visit();
  row["member"] = "member-7";
  const Touch t = one(row);
  EXPECT_EQ(to_micros(t.at), 1795170000000000);
  EXPECT_EQ(t.kind, "visit");
  EXPECT_EQ(t.landing_page, "https://example.com/p");
  EXPECT_EQ(t.referrer, "https://news.example.net/a");
  EXPECT_EQ(t.country, "DE");
  EXPECT_EQ(source(t), " /  / ");
  EXPECT_THAT(t.identifiers, ElementsAre(Identifier{"ga_client_id", "11.22"}, Identifier{"ga_session_id", "1795170000"},
                                         Identifier{"user_id", "member-7"}));
}

TEST_F(Ga4BigQueryTouches, RawValuesComeBeforeTheAddress) {
  json row = visit();
  row["landing"]["page"] = "https://example.com/p?utm_source=url&utm_medium=cpc&utm_term=t";
  row["campaigns"] = {campaign("https://example.com/p?utm_source=url&utm_medium=cpc&utm_term=t",
                               {{"source", "raw"}, {"medium", "email"}, {"campaign", "c"}, {"campaign_id", "7"}})};
  const Touch t = one(row);
  EXPECT_EQ(source(t), "raw / email / c");
  EXPECT_EQ(t.campaign_id, "7");
  EXPECT_EQ(t.term, "t");
}

TEST_F(Ga4BigQueryTouches, AnAdClickReadAsOrganicIsPaid) {
  json row = visit();
  const char* page = "https://example.com/p?gclid=Cj0";
  row["landing"]["page"] = page;
  row["campaigns"] = {
      campaign(page, {{"source", "google"}, {"medium", "organic"}, {"campaign", "(organic)"}, {"gclid", "Cj0"}})};
  row["ads"] = {{"campaign", "brand"}, {"campaign_id", "123"}};
  const Touch t = one(row);
  EXPECT_EQ(t.source + " / " + t.medium, "google / cpc");
  EXPECT_EQ(t.campaign_id, "123");
  EXPECT_EQ(value_of(t, "gclid"), "Cj0");
}

TEST_F(Ga4BigQueryTouches, TheAdsRecordNamesTheCampaignOfItsClicksAlone) {
  json row = visit();
  row["ads"] = {{"campaign", "brand"}, {"campaign_id", "123"}};
  EXPECT_EQ(one(row).campaign, "");
  row["landing"]["page"] = "https://example.com/?gbraid=g1";
  row["campaigns"] = {campaign("https://example.com/?gbraid=g1", json::object())};
  EXPECT_EQ(source(one(row)), "google / cpc / brand");
}

TEST_F(Ga4BigQueryTouches, ClickIdsWithoutAColumnAreReadFromTheAddress) {
  json row = visit();
  const char* page = "https://example.com/?msclkid=m1&fbclid=f1";
  row["landing"]["page"] = page;
  row["campaigns"] = {campaign(page, json::object())};
  const Touch t = one(row);
  EXPECT_EQ(value_of(t, "msclkid"), "m1");
  EXPECT_EQ(value_of(t, "fbclid"), "f1");
  EXPECT_EQ(source(t), "bing / cpc / ");
}

TEST_F(Ga4BigQueryTouches, AFreeListingIsOrganicAndNoClick) {
  json row = visit();
  row["campaigns"] = {campaign("https://example.com/p?x=1", {{"srsltid", "s"}})};
  const Touch t = one(row);
  EXPECT_EQ(source(t), "google / organic / ");
  EXPECT_THAT(t.identifiers, SizeIs(2));
}

TEST_F(Ga4BigQueryTouches, AFurtherClickInTheSessionIsATouchOfItsOwn) {
  json row = visit();
  row["campaigns"] = {campaign("https://example.com/p?x=1", {{"source", "news"}, {"medium", "email"}}),
                      campaign("https://example.com/q?gclid=Cj1", {{"gclid", "Cj1"}}, 1795170600000000),
                      campaign("https://example.com/r?gclid=Cj1", {{"gclid", "Cj1"}}, 1795170700000000)};
  const std::vector<Touch> all = of(row);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(source(all[0]), "news / email / ");
  EXPECT_EQ(value_of(all[0], "gclid"), "");
  EXPECT_EQ(value_of(all[1], "gclid"), "Cj1");
  EXPECT_EQ(value_of(all[1], "ga_client_id"), "11.22");
  EXPECT_EQ(to_micros(all[1].at), 1795170600000000);
  EXPECT_EQ(all[1].landing_page, "https://example.com/q");
  EXPECT_NE(all[0].key, all[1].key);
}

TEST_F(Ga4BigQueryTouches, OfASessionOfTheDayBeforeTheClicksAloneAreTouches) {
  json row = visit();
  row["begins"] = 0;
  EXPECT_THAT(of(row), IsEmpty());
  row["landing"]["page"] = "https://example.com/q?gclid=Cj1";
  row["campaigns"] = {
      campaign("https://example.com/q?gclid=Cj1", {{"gclid", "Cj1"}}, 1795170600000000),
      campaign("https://example.com/thanks", {{"source", "pay.example.org"}, {"medium", "referral"}}, 1795170700000000),
      campaign("https://example.com/r?utm_source=partner", {{"source", "partner"}}, 1795170800000000)};
  const std::vector<Touch> all = of(row);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(value_of(all[0], "gclid"), "Cj1");
  EXPECT_EQ(to_micros(all[0].at), 1795170600000000);
  EXPECT_EQ(source(all[1]), "partner /  / ");
  EXPECT_EQ(value_of(all[1], "ga_client_id"), "11.22");
}

TEST_F(Ga4BigQueryTouches, AReturnFromAPaymentPageIsNoTouch) {
  json row = visit();
  row["campaigns"] = {campaign("https://example.com/p?x=1", {{"source", "news"}, {"medium", "email"}}),
                      campaign("https://example.com/thanks", {{"source", "pay.example.org"}, {"medium", "referral"}},
                               1795170600000000)};
  EXPECT_EQ(source(one(row)), "news / email / ");
}

TEST_F(Ga4BigQueryTouches, AUtmAddressLaterInTheSessionIsATouchOnce) {
  json row = visit();
  const char* page = "https://example.com/p2?utm_source=partner&utm_medium=referral";
  row["campaigns"] = {campaign(page, {{"source", "partner"}, {"medium", "referral"}}, 1795170600000000),
                      campaign(page, {{"source", "partner"}, {"medium", "referral"}}, 1795170700000000)};
  const std::vector<Touch> all = of(row);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(source(all[0]), " /  / ") << "the session itself began without one";
  EXPECT_EQ(source(all[1]), "partner / referral / ");
}

TEST_F(Ga4BigQueryTouches, ARawSourceOnALaterEventIsTheSessionsOwn) {
  json row = visit();
  row["campaigns"] = {
      campaign("https://example.com/other", {{"source", "google"}, {"medium", "organic"}}, 1795170600000000)};
  EXPECT_EQ(source(one(row)), "google / organic / ");
}

TEST_F(Ga4BigQueryTouches, TheFirstTouchRecordCountsForTheFirstSessionAlone) {
  json row = visit();
  row["first"] = {{"source", "google"}, {"medium", "cpc"}, {"campaign", "old"}};
  EXPECT_EQ(source(one(row)), " /  / ");
  row["session_number"] = 1;
  EXPECT_EQ(source(one(row)), "google / cpc / old");
  row["first"] = {{"source", "(direct)"}, {"medium", "(none)"}, {"campaign", "(direct)"}};
  EXPECT_EQ(source(one(row)), " /  / ");
}

TEST_F(Ga4BigQueryTouches, TheLastClickIsTakenOnlyWhereItIsAskedFor) {
  json row = visit();
  row["last"] = {{"source", "partner"}, {"medium", "email"}, {"campaign", "c"}};
  row["landing"]["referrer"] = nullptr;
  EXPECT_EQ(source(one(row)), " /  / ");
  config_.last_click = true;
  EXPECT_EQ(source(one(row)), "partner / email / c");
  row["landing"]["referrer"] = "https://example.com/before";
  EXPECT_EQ(source(one(row)), "partner / email / c") << "a page of the site itself sends nobody";
  row["landing"]["referrer"] = "https://elsewhere.example.net/";
  EXPECT_EQ(source(one(row)), " /  / ") << "the journey reads the referrer";
}

TEST_F(Ga4BigQueryTouches, AnAddressAsUserIdIsHashedAndNeverKept) {
  json row = visit();
  row["member"] = "jane@example.com";
  const Touch t = one(row);
  EXPECT_EQ(value_of(t, "user_id"), "");
  EXPECT_THAT(value_of(t, "email_sha256"), SizeIs(64));
}

TEST_F(Ga4BigQueryTouches, CustomParametersFillWhatTheyAreMappedTo) {
  config_.crm = "hubspot";
  config_.event_parameters = {{"contact_id", "cid"}, {"campaign", "promo"}, {"msclkid", "ms"}};
  config_.user_properties = {{"user_id", "customer"}};
  json row = visit();
  row["event_values"] = json::parse(
      R"([{"key":"cid","value":"77"},{"key":"cid","value":"78"},{"key":"promo","value":"autumn"},{"key":"ms","value":null}])");
  row["user_values"] = json::parse(R"([{"key":"customer","value":"c-5"},{"key":"cid","value":"99"}])");
  const Touch t = one(row);
  EXPECT_EQ(value_of(t, "crm_contact_id"), "hubspot:77");
  EXPECT_EQ(value_of(t, "user_id"), "c-5");
  EXPECT_EQ(value_of(t, "msclkid"), "");
  EXPECT_EQ(t.campaign, "autumn");
}

TEST_F(Ga4BigQueryTouches, WithoutConsentAVisitHasItsClickAlone) {
  json row = visit();
  row["client"] = nullptr;
  row["session"] = nullptr;
  const char* page = "https://example.com/?gclid=Cj2";
  row["landing"]["page"] = page;
  row["campaigns"] = {campaign(page, {{"gclid", "Cj2"}})};
  EXPECT_THAT(one(row).identifiers, ElementsAre(Identifier{"gclid", "Cj2"}));
  row["campaigns"] = {campaign("https://example.com/?utm_source=x", {{"source", "x"}})};
  row["landing"]["page"] = "https://example.com/?utm_source=x";
  EXPECT_THAT(of(row), IsEmpty()) << "nobody could ever be joined to it";
}

TEST_F(Ga4BigQueryTouches, PlaceholdersIdentifyNobody) {
  json row = visit();
  row["member"] = "undefined";
  row["client"] = "(not set)";
  for (const Identifier& id : one(row).identifiers) EXPECT_EQ(id.type, "ga_session_id");
}

TEST_F(Ga4BigQueryTouches, AVisitWithoutATimeIsSetAside) {
  json row = visit();
  row["started"] = nullptr;
  EXPECT_THAT(of(row), IsEmpty());
  ASSERT_THAT(rejected_, SizeIs(1));
  EXPECT_EQ(rejected_[0].code, "time");
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
