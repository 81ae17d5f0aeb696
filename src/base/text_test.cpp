#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace hw {
namespace {

TEST(Text, TrimTakesAsciiWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t\r\n\v\fa b\n "), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim("\u00a0a"), "\u00a0a");
}

struct LowerCase {
  const char* name;
  std::string given, wanted;
};

class Lower : public testing::TestWithParam<LowerCase> {};

TEST_P(Lower, LowerCasesTheLettersOfItsScripts) { EXPECT_EQ(to_lower_utf8(GetParam().given), GetParam().wanted); }

INSTANTIATE_TEST_SUITE_P(Scripts, Lower,
                         testing::Values(LowerCase{"ascii", "AZ az 09 @[`{", "az az 09 @[`{"},
                                         LowerCase{"latin_1", "ÀÖØÞ×ß÷ÿ", "àöøþ×ß÷ÿ"},
                                         LowerCase{"latin_extended", "ĀāĶķĹĺŇňŊŋŹźŽž", "āāķķĺĺňňŋŋźźžž"},
                                         LowerCase{"latin_odd_ones", "İŸıĸŉſ", "iÿıĸŉſ"},
                                         LowerCase{"greek", "ΑΩΆΈΉΊΌΎΏΪΣς", "αωάέήίόύώϊσς"},
                                         LowerCase{"cyrillic", "АЯЀЏЁҐӀӁӐ", "аяѐџёґӏӂӑ"},
                                         LowerCase{"other_scripts_stay", "ＡԱ漢😀", "ＡԱ漢😀"},
                                         LowerCase{"broken_bytes_stay", "A\xC3(\xFF\xC0\x80Z", "a\xC3(\xFF\xC0\x80z"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Text, LowerAsciiLeavesOtherBytes) { EXPECT_EQ(to_lower_ascii("AÄZ"), "aÄz"); }

TEST(Text, LowerCasingTwiceChangesNothingMore) {
  EXPECT_TRUE(rc::check("to_lower_utf8 is idempotent", [](const std::string& s) {
    const std::string once = to_lower_utf8(s);
    RC_ASSERT(to_lower_utf8(once) == once);
    RC_ASSERT(is_valid_utf8(once) == is_valid_utf8(s));
  }));
}

TEST(Text, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (Parts{""}));
}

TEST(Text, ComparesWithoutCase) {
  EXPECT_TRUE(equals_ci("Retry-After", "retry-AFTER"));
  EXPECT_FALSE(equals_ci("ab", "abc"));
  EXPECT_TRUE(starts_with_ci("Bearer x", "bearer "));
  EXPECT_FALSE(starts_with_ci("Be", "bearer"));
}

struct DecodeCase {
  const char* name;
  std::string given, wanted;
  bool plus_is_space = false;
};

class PercentDecode : public testing::TestWithParam<DecodeCase> {};

TEST_P(PercentDecode, ReadsWhatBrowsersWrite) {
  EXPECT_EQ(percent_decode(GetParam().given, GetParam().plus_is_space), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(Table, PercentDecode,
                         testing::Values(DecodeCase{"plain", "abc", "abc"}, DecodeCase{"any_case", "%C3%a4", "ä"},
                                         DecodeCase{"plus_stays", "a+b", "a+b"},
                                         DecodeCase{"plus_is_space", "a+b%2B", "a b+", true},
                                         DecodeCase{"bad_digits_stay", "100%zz%4", "100%zz%4"},
                                         DecodeCase{"cut_at_the_end", "a%", "a%"},
                                         DecodeCase{"not_twice", "%2541", "%41"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Text, PercentEncodingComesBack) {
  EXPECT_EQ(percent_encode("aZ0-._~ /ä"), "aZ0-._~%20%2F%C3%A4");
  EXPECT_TRUE(rc::check("decode(encode(x)) == x",
                        [](const std::string& s) { RC_ASSERT(percent_decode(percent_encode(s)) == s); }));
}

struct NearestCase {
  const char* name;
  std::string word, wanted;
};

class Nearest : public testing::TestWithParam<NearestCase> {};

TEST_P(Nearest, FindsTheWordThatWasMeant) {
  EXPECT_EQ(nearest(GetParam().word, {"account", "action", "mode", "time_zone"}), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(Typos, Nearest,
                         testing::Values(NearestCase{"letter_missing", "acount", "account"},
                                         NearestCase{"letter_too_many", "acction", "action"},
                                         NearestCase{"neighbours_swapped", "mdoe", "mode"},
                                         NearestCase{"two_of_eight", "timezoen", "time_zone"},
                                         NearestCase{"too_far", "budget", ""}, NearestCase{"short_word", "x", ""}),
                         [](const auto& test) { return std::string(test.param.name); });

struct Utf8Case {
  const char* name;
  std::string bytes;
  bool valid;
};

class Utf8 : public testing::TestWithParam<Utf8Case> {};

TEST_P(Utf8, IsJudgedAsTheStandardSays) { EXPECT_EQ(is_valid_utf8(GetParam().bytes), GetParam().valid); }

INSTANTIATE_TEST_SUITE_P(
    Table, Utf8,
    testing::Values(Utf8Case{"empty", "", true}, Utf8Case{"all_lengths", "a\u00e4\u20ac\U0001F600", true},
                    Utf8Case{"lone_continuation", "\x80", false}, Utf8Case{"cut", "\xE2\x82", false},
                    Utf8Case{"overlong_2", "\xC0\x80", false}, Utf8Case{"overlong_3", "\xE0\x80\x80", false},
                    Utf8Case{"overlong_4", "\xF0\x80\x80\x80", false}, Utf8Case{"surrogate", "\xED\xA0\x80", false},
                    Utf8Case{"past_the_end", "\xF4\x90\x80\x80", false}, Utf8Case{"latin_1", "caf\xE9", false}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace hw
