#include "journey/channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "conformance/paths.h"

namespace hw::journey {
namespace {

const ChannelRules& rules() {
  static const ChannelRules built_in = ChannelRules::built_in();
  return built_in;
}

struct ChannelRow {
  const char* name;
  const char* source;
  const char* medium;
  const char* campaign;
  const char* channel;
};

class Channels : public ::testing::TestWithParam<ChannelRow> {};

TEST_P(Channels, FollowTheDefaultChannelGroup) {
  Touch touch;
  touch.source = GetParam().source;
  touch.medium = GetParam().medium;
  touch.campaign = GetParam().campaign;
  EXPECT_EQ(rules().channel(touch), GetParam().channel);
  EXPECT_EQ(rules().channel(touch), GetParam().channel) << "remembered otherwise";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Channels,
    ::testing::Values(
        ChannelRow{"DirectNone", "(direct)", "(none)", "", "Direct"},
        ChannelRow{"DirectNotSet", "(direct)", "(not set)", "", "Direct"},
        ChannelRow{"AbsentIsDirect", "", "", "", "Direct"},
        ChannelRow{"NullIsDirect", "null", "undefined", "", "Direct"},
        ChannelRow{"MacrosAreAbsent", "{source}", "{{medium}}", "", "Direct"},
        ChannelRow{"EncodedMacroIsAbsent", "%24%7BSOURCE%7D", "", "", "Direct"},
        ChannelRow{"DirectOutranksTheCampaign", "(direct)", "(none)", "cross-network", "Direct"},
        ChannelRow{"DirectWithMediumIsNotDirect", "(direct)", "email", "", "Email"},
        ChannelRow{"AbsentSourceWithMedium", "", "cpc", "", "Paid Other"},
        ChannelRow{"CrossNetwork", "google", "cpc", "Spring Cross-network 1", "Cross-network"},
        ChannelRow{"CrossNetworkOutranksPaidShopping", "google", "cpc", "cross-network shopping", "Cross-network"},
        ChannelRow{"PaidShoppingByCategory", "amazon", "cpc", "", "Paid Shopping"},
        ChannelRow{"PaidShoppingByCampaign", "google", "cpc", "summer shop", "Paid Shopping"},
        ChannelRow{"PaidShoppingByTheWordShopping", "google", "ppc", "smartshopping", "Paid Shopping"},
        ChannelRow{"WorkshopIsNoShop", "google", "cpc", "workshop", "Paid Search"},
        ChannelRow{"EshopIsShop", "google", "cpc", "eshop", "Paid Shopping"},
        ChannelRow{"LettersBeforeShopOtherThanEAreNot", "google", "cpc", "dshop", "Paid Search"},
        ChannelRow{"ShopAtTheStart", "google", "cpc", "shop", "Paid Shopping"},
        ChannelRow{"PaidSearch", "google", "cpc", "brand", "Paid Search"},
        ChannelRow{"PaidSearchPpc", "bing", "ppc", "", "Paid Search"},
        ChannelRow{"PaidSearchAnyCase", "Google", "CPC", "", "Paid Search"},
        ChannelRow{"GoogleCpmIsPaidSearch", "google", "cpm", "", "Paid Search"},
        ChannelRow{"PaidSearchByPaidPrefix", "duckduckgo", "paid_search", "", "Paid Search"},
        ChannelRow{"CountryHostOfASearchEngine", "uk.search.yahoo.com", "cpc", "", "Paid Search"},
        ChannelRow{"UnlistedHostIsNoSearchEngine", "google.com", "cpc", "", "Paid Other"},
        ChannelRow{"PaidSocial", "facebook", "paid_social", "", "Paid Social"},
        ChannelRow{"PaidSocialCpc", "linkedin.com", "cpc", "", "Paid Social"},
        ChannelRow{"PaidSocialRetargeting", "instagram", "retargeting", "", "Paid Social"},
        ChannelRow{"PaidVideo", "youtube.com", "cpv-cpc", "", "Paid Video"},
        ChannelRow{"PaidVideoByPaid", "youtube", "paid", "", "Paid Video"},
        ChannelRow{"Display", "example.com", "display", "", "Display"},
        ChannelRow{"Banner", "example.com", "banner", "", "Display"},
        ChannelRow{"Interstitial", "example.com", "interstitial", "", "Display"},
        ChannelRow{"Expandable", "example.com", "expandable", "", "Display"},
        ChannelRow{"CpmOfAnUnknownSourceIsDisplay", "example.com", "cpm", "", "Display"},
        ChannelRow{"FacebookDisplay", "facebook", "display", "", "Display"},
        ChannelRow{"CpcOfAnUnknownSourceIsPaidOther", "example.com", "cpc", "", "Paid Other"},
        ChannelRow{"EmailWithPaidMedium", "email", "cpc", "", "Paid Other"},
        ChannelRow{"CpAnywhereIsPaid", "example.com", "mycpx", "", "Paid Other"},
        ChannelRow{"RetargetingMustBeWhole", "example.com", "re-retargeting", "", "Unassigned"},
        ChannelRow{"PpcMustBeWhole", "example.com", "ppc2", "", "Unassigned"},
        ChannelRow{"OrganicShopping", "shopify.com", "referral", "", "Organic Shopping"},
        ChannelRow{"OrganicShoppingByCampaign", "example.com", "referral", "shop week", "Organic Shopping"},
        ChannelRow{"ShoppingCategoryAnyCase", "igshopping", "", "", "Organic Shopping"},
        ChannelRow{"OrganicSocialByCategory", "t.co", "referral", "", "Organic Social"},
        ChannelRow{"OrganicSocialWithoutMedium", "facebook", "", "", "Organic Social"},
        ChannelRow{"OrganicSocialByMedium", "example.com", "social", "", "Organic Social"},
        ChannelRow{"OrganicSocialWords", "example.com", "social network", "", "Organic Social"},
        ChannelRow{"OrganicSocialBlanksCollapse", "example.com", " Social   Media ", "", "Organic Social"},
        ChannelRow{"OrganicSocialSm", "example.com", "sm", "", "Organic Social"},
        ChannelRow{"SocialOutranksEmail", "linkedin", "email", "", "Organic Social"},
        ChannelRow{"OrganicVideo", "vimeo.com", "referral", "", "Organic Video"},
        ChannelRow{"OrganicVideoByMedium", "example.com", "in-video", "", "Organic Video"},
        ChannelRow{"AiAssistant", "chatgpt.com", "ai-assistant", "", "AI Assistant"},
        ChannelRow{"AiAssistantBeforeOrganicSearch", "bing", "ai-assistant", "", "AI Assistant"},
        ChannelRow{"AssistantTaggedWithoutMedium", "chatgpt.com", "", "", "Unassigned"},
        ChannelRow{"OrganicSearchByCategory", "google", "", "", "Organic Search"},
        ChannelRow{"OrganicSearchByMedium", "example.com", "organic", "", "Organic Search"},
        ChannelRow{"SearchCategoryOutranksReferral", "duckduckgo", "referral", "", "Organic Search"},
        ChannelRow{"Referral", "example.com", "referral", "", "Referral"},
        ChannelRow{"App", "com.example.app", "app", "", "Referral"},
        ChannelRow{"Link", "example.com", "link", "", "Referral"},
        ChannelRow{"ReferralOutranksEmailSource", "email", "referral", "", "Referral"},
        ChannelRow{"Email", "newsletter", "email", "", "Email"},
        ChannelRow{"EmailSource", "e-mail", "spring", "", "Email"},
        ChannelRow{"EmailUnderscore", "x", "e_mail", "", "Email"}, ChannelRow{"EmailBlank", "x", "e mail", "", "Email"},
        ChannelRow{"EmailMustBeWhole", "x", "newsletter_email", "", "Unassigned"},
        ChannelRow{"Affiliates", "example.com", "affiliate", "", "Affiliates"},
        ChannelRow{"AffiliatesMustBeWhole", "example.com", "affiliates", "", "Unassigned"},
        ChannelRow{"Audio", "example.com", "audio", "", "Audio"},
        ChannelRow{"SmsMedium", "example.com", "sms", "", "SMS"}, ChannelRow{"SmsSource", "SMS", "blast", "", "SMS"},
        ChannelRow{"PushEnds", "example.com", "webpush", "", "Mobile Push Notifications"},
        ChannelRow{"MobileContained", "example.com", "in-mobile-app", "", "Mobile Push Notifications"},
        ChannelRow{"NotificationContained", "example.com", "a notification b", "", "Mobile Push Notifications"},
        ChannelRow{"Firebase", "firebase", "x", "", "Mobile Push Notifications"},
        ChannelRow{"PushInsideIsNot", "example.com", "pushed", "", "Unassigned"},
        ChannelRow{"Unassigned", "example.com", "something", "", "Unassigned"},
        ChannelRow{"SourceAlone", "example.com", "", "", "Unassigned"}),
    [](const auto& row) { return std::string(row.param.name); });

const connect::Vocabulary kVocabulary{{{"gclid", connect::IdKind::click, "gclid", "google", "cpc", ""},
                                       {"fbclid", connect::IdKind::click, "fbclid", "facebook", "", ""},
                                       {"ga_client_id", connect::IdKind::client, "", "", "", ""}},
                                      {}};

struct ReferrerRow {
  const char* name;
  const char* referrer;
  const char* source;
  const char* medium;
  const char* channel;
};

class Referrers : public ::testing::TestWithParam<ReferrerRow> {};

TEST_P(Referrers, FillSourceAndMedium) {
  Touch touch;
  touch.referrer = GetParam().referrer;
  rules().normalise_source(touch, kVocabulary, {"example.com", "shop.example.org"});
  EXPECT_EQ(touch.source, GetParam().source);
  EXPECT_EQ(touch.medium, GetParam().medium);
  EXPECT_EQ(rules().channel(touch), GetParam().channel);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Referrers,
    ::testing::Values(
        ReferrerRow{"None", "", "(direct)", "(none)", "Direct"},
        ReferrerRow{"OwnDomain", "https://www.example.com/pricing", "(direct)", "(none)", "Direct"},
        ReferrerRow{"OwnSubdomain", "https://blog.example.com/", "(direct)", "(none)", "Direct"},
        ReferrerRow{"OwnByRegistrableDomain", "https://example.org/", "(direct)", "(none)", "Direct"},
        ReferrerRow{"NotOwnButEndingAlike", "https://notexample.com/", "notexample.com", "referral", "Referral"},
        ReferrerRow{"PaymentPage", "https://checkout.stripe.com/c/pay", "(direct)", "(none)", "Direct"},
        ReferrerRow{"SignInPage", "https://accounts.google.com/o", "(direct)", "(none)", "Direct"},
        ReferrerRow{"MailApp", "android-app://com.google.android.gm/", "com.google.android.gm", "app", "Referral"},
        ReferrerRow{"Webmail", "https://mail.google.com/mail/u/0", "mail.google.com", "email", "Email"},
        ReferrerRow{"Assistant", "https://chatgpt.com/", "chatgpt.com", "ai-assistant", "AI Assistant"},
        ReferrerRow{"AssistantBeforeSearch", "https://gemini.google.com/app", "gemini.google.com", "ai-assistant",
                    "AI Assistant"},
        ReferrerRow{"SearchByName", "https://www.google.de/", "google", "organic", "Organic Search"},
        ReferrerRow{"SearchByHost", "https://uk.search.yahoo.com/search?p=x", "uk.search.yahoo.com", "organic",
                    "Organic Search"},
        ReferrerRow{"SearchUnderACountrySuffix", "https://www.google.co.uk/", "google", "organic", "Organic Search"},
        ReferrerRow{"Social", "https://l.facebook.com/l.php", "l.facebook.com", "social", "Organic Social"},
        ReferrerRow{"SocialByName", "https://de-de.facebook.com/", "facebook", "social", "Organic Social"},
        ReferrerRow{"Video", "https://www.youtube.com/watch", "youtube.com", "video", "Organic Video"},
        ReferrerRow{"Referral", "https://www.partner.example/x", "partner.example", "referral", "Referral"},
        ReferrerRow{"WithoutScheme", "partner.example/x", "partner.example", "referral", "Referral"},
        ReferrerRow{"NoHost", "about:blank", "(direct)", "(none)", "Direct"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ChannelRules, UtmFieldsOutrankClickIdsAndReferrers) {
  Touch touch;
  touch.source = " Newsletter ";
  touch.medium = "Email";
  touch.identifiers = {{"gclid", "g1"}};
  touch.referrer = "https://www.google.de/";
  rules().normalise_source(touch, kVocabulary, {});
  EXPECT_EQ(touch.source, " Newsletter ");
  EXPECT_EQ(touch.medium, "Email");
}

TEST(ChannelRules, ClickIdOutranksTheReferrer) {
  Touch touch;
  touch.source = "(not set)";
  touch.identifiers = {{"ga_client_id", "c1"}, {"gclid", "g1"}};
  touch.referrer = "https://chatgpt.com/";
  rules().normalise_source(touch, kVocabulary, {});
  EXPECT_EQ(touch.source, "google");
  EXPECT_EQ(touch.medium, "cpc");
}

TEST(ChannelRules, ClickIdThatProvesNoPaidClickLeavesTheMediumOpen) {
  Touch touch;
  touch.identifiers = {{"fbclid", "f1"}};
  rules().normalise_source(touch, kVocabulary, {});
  EXPECT_EQ(touch.source, "facebook");
  EXPECT_EQ(touch.medium, "");
  EXPECT_EQ(rules().channel(touch), "Organic Social");
}

TEST(ChannelRules, EveryListedSourceHasItsCategory) {
  EXPECT_EQ(rules().category("Google Shopping"), "shopping");
  EXPECT_EQ(rules().category("43things"), "social");
  EXPECT_EQ(rules().category("zen.yandex.ru"), "search");
  EXPECT_EQ(rules().category("youtube.com"), "video");
  EXPECT_EQ(rules().category("example.com"), "");
}

TEST(ChannelRules, BuiltInTextIsTheFileUnderConfig) {
  std::ifstream file(conformance::source_dir() + "/config/channels.yaml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(ChannelRules::built_in_text(), text.str());
}

TEST(ChannelRules, OwnFileReplacesTheRules) {
  auto loaded = ChannelRules::load(
      "rules:\n  - channel: Podcast\n    any: [{medium: podcast}, {source_matches: 'pod.*'}]\n"
      "otherwise: Rest\ncategories: {}\n",
      "mine.yaml");
  ASSERT_TRUE(std::holds_alternative<ChannelRules>(loaded));
  const ChannelRules& mine = std::get<ChannelRules>(loaded);
  Touch touch;
  touch.source = "Podium";
  EXPECT_EQ(mine.channel(touch), "Podcast");
  touch.source = "google";
  EXPECT_EQ(mine.channel(touch), "Rest");
}

struct BadRow {
  const char* name;
  const char* text;
  const char* error;
};

class BadChannelFiles : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadChannelFiles, NameLineAndMend) {
  auto loaded = ChannelRules::load(GetParam().text, "mine.yaml");
  ASSERT_TRUE(std::holds_alternative<ChannelRules::Errors>(loaded));
  std::string all;
  for (const auto& error : std::get<ChannelRules::Errors>(loaded)) all += connect::to_string(error) + "\n";
  EXPECT_THAT(all, ::testing::HasSubstr(GetParam().error));
}

#define GOOD_END "otherwise: Rest\ncategories: {}\n"
INSTANTIATE_TEST_SUITE_P(
    Rows, BadChannelFiles,
    ::testing::Values(
        BadRow{"NotYaml", "rules: [", "mine.yaml:1:"}, BadRow{"NotAMap", "- a\n", "expected a channel file"},
        BadRow{"NoRules", GOOD_END, "'rules:' is missing"},
        BadRow{"NoCategories", "rules: []\notherwise: x\n", "'categories:' is missing"},
        BadRow{"NoOtherwise", "rules: []\ncategories: {}\n", "'otherwise:' is missing"},
        BadRow{"UnknownSection", "rule: []\nrules: []\n" GOOD_END,
               "mine.yaml:1:1: unknown section 'rule'; did you mean 'rules'?"},
        BadRow{"UnknownCondition", "rules:\n  - channel: A\n    any: [{mediun: x}]\n" GOOD_END,
               "mine.yaml:3:12: unknown condition 'mediun'; did you mean 'medium'?"},
        BadRow{"UnknownCategory", "rules:\n  - channel: A\n    any: [{category: serch}]\n" GOOD_END,
               "mine.yaml:3:22: unknown category 'serch'"},
        BadRow{"BadPattern", "rules:\n  - channel: A\n    any: [{medium_matches: '('}]\n" GOOD_END,
               "'(' is no regular expression"},
        BadRow{"BadNamedPattern", "patterns:\n  P: '['\nrules: []\n" GOOD_END,
               "mine.yaml:2:6: '[' is no regular expression"},
        BadRow{"EmptyAlternative", "rules:\n  - channel: A\n    any: [{}]\n" GOOD_END, "would take every touch"},
        BadRow{"NoAlternatives", "rules:\n  - channel: A\n" GOOD_END, "a rule needs 'any:'"},
        BadRow{"NoChannel", "rules:\n  - any: [{medium: x}]\n" GOOD_END, "a rule needs 'channel:'"},
        BadRow{"SourceTwice", "rules: []\notherwise: x\ncategories:\n  search: [a]\n  social: [A]\n",
               "mine.yaml:5:12: 'A' stands twice"},
        BadRow{"UnknownReferrers", "rules: []\nreferrers: {webmails: [a]}\n" GOOD_END, "did you mean 'webmail'?"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace hw::journey
