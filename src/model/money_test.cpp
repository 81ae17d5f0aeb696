#include "model/money.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

namespace hw {
namespace {

Currency currency(const char* code) { return Currency::parse(code).value(); }

struct CurrencyCase {
  const char* code;
  int digits;  ///< -1: refused
};

class CurrencyTable : public testing::TestWithParam<CurrencyCase> {};

TEST_P(CurrencyTable, KnowsItsMinorDigitsOrIsRefused) {
  const Result<Currency> got = Currency::parse(GetParam().code);
  EXPECT_EQ(got.has_value(), GetParam().digits >= 0);
  EXPECT_EQ(got ? got->minor_digits() : -1, GetParam().digits);
}

INSTANTIATE_TEST_SUITE_P(Iso4217, CurrencyTable,
                         testing::Values(CurrencyCase{"EUR", 2}, CurrencyCase{"AED", 2}, CurrencyCase{"ZWG", 2},
                                         CurrencyCase{"XCG", 2}, CurrencyCase{"JPY", 0}, CurrencyCase{"BIF", 0},
                                         CurrencyCase{"XXX", 0}, CurrencyCase{"KWD", 3}, CurrencyCase{"BHD", 3},
                                         CurrencyCase{"TND", 3}, CurrencyCase{"CLF", 4}, CurrencyCase{"UYW", 4},
                                         // Withdrawn by 2026-01.
                                         CurrencyCase{"BGN", -1}, CurrencyCase{"HRK", -1}, CurrencyCase{"ANG", -1},
                                         CurrencyCase{"DEM", -1}, CurrencyCase{"EURO", -1}, CurrencyCase{"EU", -1},
                                         CurrencyCase{"", -1}, CurrencyCase{"   ", -1}, CurrencyCase{"D E", -1},
                                         CurrencyCase{"€", -1}, CurrencyCase{"US$", -1}));

TEST(Currency, IsReadInAnyCaseAndWrittenInUpperCase) {
  EXPECT_EQ(currency(" eUr ").str(), "EUR");
  EXPECT_EQ(currency("eur"), currency("EUR"));
  EXPECT_LT(currency("EUR"), currency("USD"));
}

struct AmountCase {
  const char* name;
  const char* text;
  std::optional<std::int64_t> micros;
  bool decimal_comma = false;
};

class Amount : public testing::TestWithParam<AmountCase> {};

TEST_P(Amount, IsReadExactlyOrRefused) {
  const Result<std::int64_t> got = parse_micros(GetParam().text, GetParam().decimal_comma);
  ASSERT_EQ(got.has_value(), GetParam().micros.has_value()) << GetParam().text;
  if (got) {
    EXPECT_EQ(*got, *GetParam().micros);
  } else {
    EXPECT_EQ(got.error().code, "amount");
  }
}

constexpr std::optional<std::int64_t> kRefused;

INSTANTIATE_TEST_SUITE_P(
    Table, Amount,
    testing::Values(AmountCase{"whole", "18250", 18'250'000'000}, AmountCase{"grouped", "18,250.00", 18'250'000'000},
                    AmountCase{"grouped_twice", "1,234,567.5", 1'234'567'500'000},
                    AmountCase{"decimal_comma", "18.250,00", 18'250'000'000, true},
                    AmountCase{"decimal_comma_plain", "3,5", 3'500'000, true}, AmountCase{"minus", "-3.5", -3'500'000},
                    AmountCase{"plus", "+3.5", 3'500'000}, AmountCase{"white_space", " 7\t", 7'000'000},
                    AmountCase{"no_whole_part", ".5", 500'000}, AmountCase{"no_fraction", "5.", 5'000'000},
                    AmountCase{"six_decimals", "0.000001", 1}, AmountCase{"more_decimals_if_zero", "0.00000100", 1},
                    AmountCase{"leading_zeros", "007", 7'000'000}, AmountCase{"minus_zero", "-0.00", 0},
                    AmountCase{"highest", "9223372036854.775807", std::numeric_limits<std::int64_t>::max()},
                    AmountCase{"lowest", "-9223372036854.775808", std::numeric_limits<std::int64_t>::min()},
                    AmountCase{"too_high", "9223372036854.775808", kRefused},
                    AmountCase{"too_low", "-9223372036854.775809", kRefused},
                    AmountCase{"far_too_high", "99999999999999999999999", kRefused},
                    AmountCase{"seventh_decimal", "0.0000001", kRefused}, AmountCase{"exponent", "1e3", kRefused},
                    AmountCase{"comma_that_groups_nothing", "3,5", kRefused},
                    AmountCase{"short_group", "1,23,456", kRefused}, AmountCase{"group_without_head", ",250", kRefused},
                    AmountCase{"long_head", "1825,000", kRefused},
                    AmountCase{"group_in_fraction", "1.000,000", kRefused}, AmountCase{"two_points", "1.2.3", kRefused},
                    AmountCase{"empty", "", kRefused}, AmountCase{"sign_alone", "-", kRefused},
                    AmountCase{"point_alone", ".", kRefused}, AmountCase{"two_signs", "--1", kRefused},
                    AmountCase{"inner_space", "1 000", kRefused}, AmountCase{"currency_sign", "$5", kRefused},
                    AmountCase{"hex", "0x10", kRefused}, AmountCase{"nan", "nan", kRefused}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Amount, WhatIsWrittenIsReadBackExactly) {
  EXPECT_TRUE(rc::check("parse(decimal(x)) == x, with any number of digits", [](std::int64_t micros) {
    const int digits = *rc::gen::inRange(0, 7);
    RC_ASSERT(parse_micros(decimal(micros, digits)).value() == micros);
  }));
}

TEST(Amount, TextInItsShortestFormComesBackTheSame) {
  EXPECT_TRUE(rc::check("decimal(parse(x)) == x", [] {
    const auto whole = *rc::gen::inRange<std::int64_t>(0, 9'000'000'000'000);
    const auto cents = *rc::gen::inRange(0, 100);
    const std::string text = std::to_string(whole) + "." + (cents < 10 ? "0" : "") + std::to_string(cents);
    RC_ASSERT(decimal(parse_micros(text).value(), 2) == text);
  }));
}

TEST(Money, IsWrittenWithTheDigitsOfItsCurrencyAndMoreOnlyIfThereAreMore) {
  EXPECT_EQ(decimal(Money{18'250'000'000, currency("EUR")}), "18250.00");
  EXPECT_EQ(decimal(Money{18'250'000'000, currency("JPY")}), "18250");
  EXPECT_EQ(decimal(Money{1'500'000, currency("KWD")}), "1.500");
  EXPECT_EQ(decimal(Money{1'234'500, currency("EUR")}), "1.2345");
  EXPECT_EQ(decimal(Money{-10'000, currency("EUR")}), "-0.01");
  EXPECT_EQ(decimal(std::numeric_limits<std::int64_t>::min(), 2), "-9223372036854.775808");
}

TEST(Money, IsGroupedForPeople) {
  EXPECT_EQ(human({18'250'000'000, currency("EUR")}), "18,250.00 EUR");
  EXPECT_EQ(human({-1'234'567'000'000, currency("JPY")}), "-1,234,567 JPY");
  EXPECT_EQ(human({999'000'000, currency("USD")}), "999.00 USD");
  EXPECT_EQ(human({-999'000'000, currency("USD")}), "-999.00 USD");
  EXPECT_EQ(human({0, currency("USD")}), "0.00 USD");
}

struct ShareCase {
  const char* name;
  const char* code;
  std::int64_t micros, millionths, wanted;
};

class Share : public testing::TestWithParam<ShareCase> {};

TEST_P(Share, IsRoundedHalfAwayFromZeroToTheMinorUnit) {
  const Money got = share_of({GetParam().micros, currency(GetParam().code)}, GetParam().millionths);
  EXPECT_EQ(got, (Money{GetParam().wanted, currency(GetParam().code)}));
}

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

INSTANTIATE_TEST_SUITE_P(Table, Share,
                         testing::Values(ShareCase{"exact", "EUR", 18'250'000'000, 200'000, 3'650'000'000},
                                         ShareCase{"half_up", "EUR", 50'000, 100'000, 10'000},
                                         ShareCase{"half_away_below_zero", "EUR", -50'000, 100'000, -10'000},
                                         ShareCase{"below_half", "EUR", 49'999, 100'000, 0},
                                         ShareCase{"below_half_below_zero", "EUR", -49'999, 100'000, 0},
                                         ShareCase{"whole_yen", "JPY", 1'250'000'000, 1'234, 2'000'000},
                                         ShareCase{"three_digits", "KWD", 1'000'000, 333'333, 333'000},
                                         ShareCase{"nothing", "EUR", kMost, 0, 0},
                                         ShareCase{"no_overflow_on_the_way", "CLF", kMost - 7, 1'000'000, kMost - 7}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace hw
