#include "connect/cookies.h"

#include <gtest/gtest.h>

namespace hw::connect {
namespace {

Vocabulary cookie_names() {
  return {{},
          {{"_ga", "after_second_dot", "client"},
           {"_ga_*", "session", "session"},
           {"_fbp", "whole", "browser"},
           {"_fbc", "whole", "fbc"},
           {"_fbc", "fbc_like", "fbclid"},
           {"_gcl_aw", "gcl_like", "gclid"},
           {"_uetmsclkid", "strip_prefix:_uet", "msclkid"},
           {"odd", "no_such_layout", "odd"}}};
}

Timestamp seconds(std::int64_t s) { return Timestamp{std::chrono::seconds(s)}; }

struct Case {
  const char* name;
  const char* cookie;
  std::string raw;
  std::vector<CookieValue> expected;
};

class Cookies : public testing::TestWithParam<Case> {};

TEST_P(Cookies, AreReadByTheirLayout) {
  EXPECT_EQ(read_cookie(cookie_names(), GetParam().cookie, GetParam().raw), GetParam().expected);
}

const Timestamp kClick = seconds(1747132561);

INSTANTIATE_TEST_SUITE_P(
    Table, Cookies,
    testing::Values(
        Case{"ClientId", "_ga", "GA1.1.1162820436.1749482504", {{{"client", "1162820436.1749482504"}, {}}}},
        Case{"ClientIdWithCookiePath",
             "_ga",
             "GA1.1-2.1162820436.1749482504",
             {{{"client", "1162820436.1749482504"}, {}}}},
        Case{"ClientIdOfFreeText", "_ga", "GA1.2.amp-x.y.z", {{{"client", "amp-x.y.z"}, {}}}},
        Case{"ClientIdAlone", "_ga", "1162820436.1749482504", {}},
        Case{"ClientIdWithoutDepth", "_ga", "GA1.x.1162820436.1749482504", {}},
        Case{"ClientIdCutOff", "_ga", "GA1.1.", {}},
        Case{"ClientIdInSpaces", "_ga", "  GA1.1.1.2 ", {{{"client", "1.2"}, {}}}},
        Case{"SessionByPosition",
             "_ga_ABC123",
             "GS1.1.1747132561.3.1.1747132655.0.0.0",
             {{{"session", "1747132561"}, {}}}},
        Case{"SessionByLetter",
             "_ga_ABC123",
             "GS2.1.s1747132561$o1$g0$t1747132655$j0$l0$h0",
             {{{"session", "1747132561"}, {}}}},
        Case{"SessionInAnotherOrder", "_ga_ABC123", "GS2.1.o1$zWhat$s1747132561$g0", {{{"session", "1747132561"}, {}}}},
        Case{"SessionAloneByLetter", "_ga_ABC123", "GS2.1.s1747132561", {{{"session", "1747132561"}, {}}}},
        Case{"SessionPercentEncoded", "_ga_ABC123", "GS2.1.s1747132561%24o1%24g0", {{{"session", "1747132561"}, {}}}},
        Case{"SessionOfLetters", "_ga_ABC123", "GS1.1.undefined.1", {}},
        Case{"SessionWithoutItsLetter", "_ga_ABC123", "GS2.1.o1$g0", {}},
        Case{"FamilyNeedsAName", "_ga_", "GS1.1.1747132561.3", {}},
        Case{"BrowserIdWhole", "_fbp", "fb.1.1747132561000.123", {{{"browser", "fb.1.1747132561000.123"}, {}}}},
        Case{"ClickCookieGivesBothForms",
             "_fbc",
             "fb.1.1747132561000.IwAR2_aB",
             {{{"fbc", "fb.1.1747132561000.IwAR2_aB"}, {}}, {{"fbclid", "IwAR2_aB"}, kClick}}},
        Case{"ClickIdWithDotsStaysWhole",
             "_fbc",
             "fb.1.1747132561000.a.b.c",
             {{{"fbc", "fb.1.1747132561000.a.b.c"}, {}}, {{"fbclid", "a.b.c"}, kClick}}},
        Case{"ClickCookieWithoutTime", "_fbc", "fb.1.x.abc", {{{"fbc", "fb.1.x.abc"}, {}}}},
        Case{"ClickTimeOutOfAllTime", "_fbc", "fb.1.5.abc", {{{"fbc", "fb.1.5.abc"}, {}}, {{"fbclid", "abc"}, {}}}},
        Case{"LinkerCookie", "_gcl_aw", "GCL.1747132561.Cj0KCQjw_-aB", {{{"gclid", "Cj0KCQjw_-aB"}, kClick}}},
        Case{"LinkerCookieWithAnotherPrefix", "_gcl_aw", "1.GCL.1747132561.Cj0K", {{{"gclid", "Cj0K"}, kClick}}},
        Case{"LinkerCookieWithLetters", "_gcl_aw", "2.1.kCj0KCQ$i1747132561", {{{"gclid", "Cj0KCQ"}, kClick}}},
        Case{"LinkerCookieWithoutTime", "_gcl_aw", "2.1.i$kCj0KCQ$z", {{{"gclid", "Cj0KCQ"}, {}}}},
        Case{"LinkerCookieWithoutId", "_gcl_aw", "GCL.1747132561.", {}},
        Case{"LinkerCookieOfOneField", "_gcl_aw", "Cj0KCQ", {}},
        Case{"PrefixStripped", "_uetmsclkid", "_uet5f0c", {{{"msclkid", "5f0c"}, {}}}},
        Case{"WithoutPrefixWhole", "_uetmsclkid", "5f0c", {{{"msclkid", "5f0c"}, {}}}},
        Case{"CaseIsKept", "_gcl_aw", "GCL.1747132561.aBcD", {{{"gclid", "aBcD"}, kClick}}},
        Case{"DecodedOnceOnly", "_fbp", "a%252Fb", {{{"browser", "a%2Fb"}, {}}}},
        Case{"ControlCharacters", "_fbp", "a%0Ab", {}},
        Case{"FiveHundredTwelveBytes", "_fbp", std::string(512, 'a'), {{{"browser", std::string(512, 'a')}, {}}}},
        Case{"OneByteMore", "_fbp", std::string(513, 'a'), {}}, Case{"Empty", "_fbp", "", {}},
        Case{"UnknownCookie", "session_id", "abc", {}}, Case{"UnknownLayout", "odd", "abc", {}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CookieNames, AFamilyKnowsItsMembersAlone) {
  EXPECT_TRUE(knows_cookie(cookie_names(), "_ga"));
  EXPECT_TRUE(knows_cookie(cookie_names(), "_ga_ABC123"));
  EXPECT_FALSE(knows_cookie(cookie_names(), "_ga_"));
  EXPECT_FALSE(knows_cookie(cookie_names(), "_gat"));
}

}  // namespace
}  // namespace hw::connect
