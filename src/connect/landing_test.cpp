#include "connect/landing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hw::connect {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Vocabulary vocabulary() {
  return {{{"gclid", IdKind::click, "gclid", "search", "cpc", ""},
           {"fbclid", IdKind::click, "fbclid", "social", "", ""},
           {"dclid", IdKind::click, "dclid", "", "display", ""},
           {"rdt_cid", IdKind::click, "rdt_cid", "", "", ""},
           {"form_id", IdKind::lead_form, "", "form", "cpc", ""}},
          {}};
}

Landing read(std::string_view url) { return read_landing(vocabulary(), url); }

struct UtmCase {
  const char* name;
  std::string raw, expected;
};
class UtmText : public testing::TestWithParam<UtmCase> {};
TEST_P(UtmText, IsKeptRawOrMeansNothing) { EXPECT_EQ(utm_text(GetParam().raw), GetParam().expected); }
INSTANTIATE_TEST_SUITE_P(
    Table, UtmText,
    testing::Values(UtmCase{"KeepsCase", "Newsletter", "Newsletter"}, UtmCase{"CollapsesSpace", "  a \t b  ", "a b"},
                    UtmCase{"NotSet", "(not set)", ""}, UtmCase{"Direct", "(direct)", ""},
                    UtmCase{"None", "(None)", ""}, UtmCase{"NotProvided", "(not provided)", ""},
                    UtmCase{"Null", "NULL", ""}, UtmCase{"Undefined", "undefined", ""},
                    UtmCase{"Macro", "{keyword}", ""}, UtmCase{"DoubleBraces", "{{campaign.name}}", ""},
                    UtmCase{"Dollar", "${CAMPAIGN}", ""}, UtmCase{"Underscores", "__CAMPAIGN_NAME__", ""},
                    UtmCase{"BracesInside", "a{b}c", "a{b}c"}, UtmCase{"Empty", "   ", ""},
                    UtmCase{"Cut", std::string(300, 'x'), std::string(255, 'x')},
                    UtmCase{"CutBeforeASpace", std::string(254, 'x') + " y", std::string(254, 'x')},
                    UtmCase{"CutBeforeACharacter", std::string(254, 'x') + "\xC3\xA9", std::string(254, 'x')}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Landing, ReadsEveryUtmField) {
  const Landing l = read(
      "https://example.com/"
      "a?utm_source=Google&utm_medium=cpc&utm_campaign=spring+sale&utm_id=77&utm_term=a%2Bb&utm_content=x%20y");
  EXPECT_EQ(l.source, "Google");
  EXPECT_EQ(l.medium, "cpc");
  EXPECT_EQ(l.campaign, "spring sale");
  EXPECT_EQ(l.campaign_id, "77");
  EXPECT_EQ(l.term, "a+b");
  EXPECT_EQ(l.content, "x y");
  EXPECT_THAT(l.identifiers, IsEmpty());
}

TEST(Landing, FirstOccurrenceWins) {
  EXPECT_EQ(read("?utm_source=a&utm_source=b").source, "a");
  EXPECT_EQ(read("?utm_source=&utm_source=b").source, "");
  EXPECT_THAT(read("?gclid=A&gclid=B").identifiers, ElementsAre(Identifier{"gclid", "A"}));
}

TEST(Landing, FragmentCountsAfterTheQuery) {
  EXPECT_EQ(read("https://example.com/#utm_source=f").source, "f");
  EXPECT_EQ(read("https://example.com/?utm_source=q#utm_source=f").source, "q");
  EXPECT_EQ(read("https://example.com/#/form?utm_source=f").source, "f");
}

TEST(Landing, ClickIdsKeepTheirCaseAndOrder) {
  EXPECT_THAT(read("?fbclid=IwAR_x&gclid=Cj0-K%2Fz").identifiers,
              ElementsAre(Identifier{"fbclid", "IwAR_x"}, Identifier{"gclid", "Cj0-K/z"}));
}

TEST(Landing, PlusIsNoSpaceInAClickId) { EXPECT_EQ(read("?gclid=a+b").identifiers[0].value, "a+b"); }

TEST(Landing, MacrosAndDamagedClickIdsAreDropped) {
  EXPECT_THAT(read("?gclid={gclid}&fbclid=a%00b&rdt_cid=" + std::string(600, 'x')).identifiers, IsEmpty());
}

TEST(Landing, EscapedAmpersandsPartParameters) {
  const Landing l = read("https://example.com/?utm_source=a&amp;utm_medium=b&amp;gclid=c");
  EXPECT_EQ(l.medium, "b");
  EXPECT_EQ(l.identifiers.size(), 1U);
}

TEST(Landing, TextThatIsNoAddressGivesNothing) {
  for (const char* text : {"", "88740e65d5d6b056e0cda098e1ea6313", "?", "#", "?&=&==", "utm_source=a"}) {
    const Landing l = read(text);
    EXPECT_EQ(l.source, "") << text;
    EXPECT_THAT(l.identifiers, IsEmpty()) << text;
  }
}

TEST(Landing, SourceAndMediumAreTakenAsOnePair) {
  Touch touch;
  touch.source = "newsletter";
  add_landing(read("?utm_source=google&utm_medium=cpc&utm_campaign=c"), touch);
  EXPECT_EQ(touch.source, "newsletter");
  EXPECT_EQ(touch.medium, "");
  EXPECT_EQ(touch.campaign, "c");
}

TEST(Landing, AnIdentifierOfTheTouchIsNotDoubled) {
  Touch touch;
  touch.identifiers = {{"gclid", "own"}};
  add_landing(read("?gclid=url&fbclid=f"), touch);
  EXPECT_THAT(touch.identifiers, ElementsAre(Identifier{"gclid", "own"}, Identifier{"fbclid", "f"}));
}

Touch implied(std::string_view url) {
  Touch touch;
  add_landing(read(url), touch);
  imply_source(vocabulary(), touch);
  return touch;
}

TEST(ImpliedSource, ComesFromTheFirstClickIdThatProvesOne) {
  EXPECT_EQ(implied("?rdt_cid=r&gclid=g").source, "search");
  EXPECT_EQ(implied("?rdt_cid=r&gclid=g").medium, "cpc");
}

TEST(ImpliedSource, ASocialClickIdLeavesTheMediumOpen) {
  EXPECT_EQ(implied("?fbclid=f").source, "social");
  EXPECT_EQ(implied("?fbclid=f").medium, "");
}

TEST(ImpliedSource, MayBeAMediumAlone) {
  EXPECT_EQ(implied("?dclid=d").source, "");
  EXPECT_EQ(implied("?dclid=d").medium, "display");
}

TEST(ImpliedSource, GivesWayToAnExplicitOne) {
  EXPECT_EQ(implied("?gclid=g&utm_medium=email").source, "");
  EXPECT_EQ(implied("?gclid=g&utm_source=x").source, "x");
  EXPECT_EQ(implied("?gclid=g&utm_source=(not%20set)").source, "search");
}

TEST(PageOf, LosesWhatMayNameAPerson) {
  EXPECT_EQ(page_of("https://example.com/a/b?email=jane%40example.com#x"), "https://example.com/a/b");
  EXPECT_EQ(page_of("https://jane:pw@example.com/a"), "https://example.com/a");
  EXPECT_EQ(page_of("https://example.com/@jane"), "https://example.com/@jane");
  EXPECT_EQ(page_of("android-app://com.example.mail"), "android-app://com.example.mail");
  EXPECT_EQ(page_of(" /pricing?x=1 "), "/pricing");
  EXPECT_EQ(page_of("88740e65d5d6b056"), "88740e65d5d6b056");
}

}  // namespace
}  // namespace hw::connect
