#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hw {
namespace {

struct Vector {
  const char* name;
  std::string bytes, hex;
};

class Sha256 : public testing::TestWithParam<Vector> {};

TEST_P(Sha256, MatchesThePublishedDigest) { EXPECT_EQ(sha256_hex(GetParam().bytes), GetParam().hex); }

// FIPS 180-2 appendix B, and the empty text.
INSTANTIATE_TEST_SUITE_P(
    Fips, Sha256,
    testing::Values(Vector{"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                    Vector{"one_block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                    Vector{"two_blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                    Vector{"a_million_letters", std::string(1'000'000, 'a'),
                           "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Hash, Hash64IsTheFirstEightBytesBigEndian) {
  EXPECT_EQ(hash64("abc"), 0xba7816bf8f01cfeaULL);
  EXPECT_EQ(hash64(""), 0xe3b0c44298fc1c14ULL);
}

TEST(Hash, Base32IsLowerCaseWithoutPadding) {
  // The digest of "abc" in RFC 4648 base32, by another implementation (python's base64.b32encode).
  EXPECT_EQ(sha256_base32("abc"), "xj4bnp4pahh6uqkbidpf3lrceoyagyndsylxvhfucd7wd4qacwwq");
}

struct Base64Case {
  const char* name;
  std::string bytes, padded, url;
};

class Base64 : public testing::TestWithParam<Base64Case> {};

TEST_P(Base64, WritesBothAlphabets) {
  EXPECT_EQ(base64(GetParam().bytes), GetParam().padded);
  EXPECT_EQ(base64_url(GetParam().bytes), GetParam().url);
}

INSTANTIATE_TEST_SUITE_P(Rfc4648, Base64,
                         testing::Values(Base64Case{"empty", "", "", ""}, Base64Case{"f", "f", "Zg==", "Zg"},
                                         Base64Case{"fo", "fo", "Zm8=", "Zm8"},
                                         Base64Case{"foo", "foo", "Zm9v", "Zm9v"},
                                         Base64Case{"foobar", "foobar", "Zm9vYmFy", "Zm9vYmFy"},
                                         Base64Case{"high_bits", "\xfb\xff\xfe", "+//+", "-__-"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Hash, OnlySixtyFourHexDigitsLookLikeADigest) {
  const std::string digest = sha256_hex("abc");
  EXPECT_TRUE(is_sha256_hex(digest));
  EXPECT_TRUE(is_sha256_hex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
  EXPECT_FALSE(is_sha256_hex(digest.substr(1)));
  EXPECT_FALSE(is_sha256_hex(digest + "0"));
  EXPECT_FALSE(is_sha256_hex("g" + digest.substr(1)));
}

TEST(Hash, TokensAreHexAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string token = random_token();
    EXPECT_EQ(token.size(), 32U);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(token).second);
  }
}

}  // namespace
}  // namespace hw
