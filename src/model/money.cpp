#include "model/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "base/text.h"

namespace hw {
namespace {

// ISO 4217 list one of 2026-01-01 by the number of minor digits; codes without any (metals, test codes) count as 0.
struct CodesOfDigits {
  int digits;
  std::string_view codes;
};
constexpr CodesOfDigits kCurrencies[] = {
    {2,
     "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
     "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
     "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
     "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
     "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
     "YER ZAR ZMW ZWG"},
    {0,
     "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XAG XAU XBA XBB XBC XBD XDR XOF XPD XPF XPT XSU "
     "XTS XUA XXX"},
    {3, "BHD IQD JOD KWD LYD OMR TND"},
    {4, "CLF UYW"},
};

/// Minor digits of an upper-case code, -1 if there is no such currency.
int digits_of(std::string_view code) {
  if (code.size() != 3 || code.find(' ') != std::string_view::npos) return -1;
  for (const CodesOfDigits& group : kCurrencies) {
    for (std::size_t i = 0; i < group.codes.size(); i += 4) {
      if (group.codes.substr(i, 3) == code) return group.digits;
    }
  }
  return -1;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Appends a decimal digit to a value kept below zero, so that the lowest int64 has room. False on overflow.
bool push_digit(std::int64_t& negative, int digit) {
  return !__builtin_mul_overflow(negative, std::int64_t{10}, &negative) &&
         !__builtin_sub_overflow(negative, std::int64_t{digit}, &negative);
}

/// Whole digits with or without grouping: after the first group, every one has exactly three digits.
bool read_whole(std::string_view text, char group_mark, std::int64_t& negative) {
  std::size_t run = 0;
  bool grouped = false;
  for (const char c : text) {
    if (is_digit(c)) {
      ++run;
      if (!push_digit(negative, c - '0')) return false;
    } else if (c == group_mark && run >= 1 && (grouped ? run == 3 : run <= 3)) {
      grouped = true;
      run = 0;
    } else {
      return false;
    }
  }
  return !grouped || run == 3;
}

/// Six digits; more only if they are zero.
bool read_fraction(std::string_view text, std::int64_t& negative) {
  if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
  for (std::size_t i = 0; i < 6; ++i) {
    if (!push_digit(negative, i < text.size() ? text[i] - '0' : 0)) return false;
  }
  return text.size() <= 6 || text.find_first_not_of('0', 6) == std::string_view::npos;
}

bool read_micros(std::string_view text, bool decimal_comma, std::int64_t& out) {
  const bool minus = text.starts_with('-');
  if (minus || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t mark = text.find(decimal_comma ? ',' : '.');
  const std::string_view whole = text.substr(0, mark);
  const std::string_view fraction = mark == std::string_view::npos ? "" : text.substr(mark + 1);
  if (whole.empty() && fraction.empty()) return false;
  std::int64_t negative = 0;
  if (!read_whole(whole, decimal_comma ? '.' : ',', negative) || !read_fraction(fraction, negative)) return false;
  if (!minus && negative == std::numeric_limits<std::int64_t>::min()) return false;
  out = minus ? negative : -negative;
  return true;
}

std::int64_t power_of_ten(int n) {
  std::int64_t p = 1;
  while (n-- > 0) p *= 10;
  return p;
}

}  // namespace

Result<Currency> Currency::parse(std::string_view code) {
  Currency c;
  const std::string_view given = trim(code);
  if (given.size() == 3) {
    std::transform(given.begin(), given.end(), c.code_, [](char x) { return x >= 'a' && x <= 'z' ? char(x - 32) : x; });
    if (digits_of({c.code_, 3}) >= 0) return c;
  }
  return Error{
      .action = Action::reject_row, .code = "currency", .detail = "not an ISO 4217 currency code, such as EUR"};
}

int Currency::minor_digits() const { return digits_of({code_, 3}); }

Result<std::int64_t> parse_micros(std::string_view text, bool decimal_comma) {
  std::int64_t micros = 0;
  if (read_micros(trim(text), decimal_comma, micros)) return micros;
  const char* const wanted = decimal_comma ? "18250, 18.250,00 or -3,5" : "18250, 18,250.00 or -3.5";
  return Error{.action = Action::reject_row,
               .code = "amount",
               .detail = fmt::format("not an amount like {} (at most six decimals)", wanted)};
}

std::string decimal(std::int64_t micros, int min_digits) {
  const std::uint64_t size = micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
  std::string fraction = fmt::format("{:06}", size % 1'000'000);
  const auto keep = static_cast<std::size_t>(std::clamp(min_digits, 0, 6));
  while (fraction.size() > keep && fraction.back() == '0') fraction.pop_back();
  return fmt::format("{}{}{}{}", micros < 0 ? "-" : "", size / 1'000'000, fraction.empty() ? "" : ".", fraction);
}

std::string decimal(const Money& money) { return decimal(money.micros, money.currency.minor_digits()); }

std::string grouped(std::string number) {
  const std::size_t first_digit = number.starts_with('-') ? 1 : 0;
  const std::size_t whole_end = std::min(number.find('.'), number.size());
  for (std::size_t i = whole_end; i > first_digit + 3;) number.insert(i -= 3, ",");
  return number;
}

std::string human(const Money& money) { return grouped(decimal(money)) + " " + money.currency.str(); }

Money share_of(const Money& money, std::int64_t millionths) {
  const __int128 minor_unit = power_of_ten(6 - money.currency.minor_digits());
  const __int128 divisor = minor_unit * 1'000'000;
  const __int128 product = static_cast<__int128>(money.micros) * millionths;
  const __int128 half = product < 0 ? -divisor / 2 : divisor / 2;
  const __int128 share = (product + half) / divisor * minor_unit;
  if (share > std::numeric_limits<std::int64_t>::max() || share < std::numeric_limits<std::int64_t>::min())
    std::abort();
  return Money{static_cast<std::int64_t>(share), money.currency};
}

}  // namespace hw
