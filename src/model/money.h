#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hw {

/// An ISO 4217 code, upper-case. Ordered, hashable by str().
class Currency {
 public:
  /// Accepts any case; refuses codes that are not in ISO 4217 (list of 2026-01, embedded). Error code "currency".
  static Result<Currency> parse(std::string_view code);
  [[nodiscard]] std::string str() const { return {code_, 3}; }
  /// Digits after the decimal point: 2 for EUR, 0 for JPY, 3 for KWD.
  [[nodiscard]] int minor_digits() const;
  friend auto operator<=>(const Currency&, const Currency&) = default;

 private:
  Currency() = default;
  char code_[3] = {};
};

/// Exact money: integer micros (1/1,000,000 of the unit) and a currency. Never floating point.
struct Money {
  std::int64_t micros = 0;
  Currency currency;
  friend bool operator==(const Money&, const Money&) = default;
};

/// Reads a decimal amount to micros: "18250", "18,250.00", "18.250,00" (decimal comma, when `decimal_comma`), "-3.5",
/// "1e3" refused; more than six decimals are refused unless zero; overflow refused. Error code "amount".
Result<std::int64_t> parse_micros(std::string_view text, bool decimal_comma = false);
/// "18250.00": at least the currency's minor digits, more only where the micros hold more. Exact.
std::string decimal(const Money& money);
std::string decimal(std::int64_t micros, int min_digits);
/// "18250.00" as people read it: "18,250.00". Of a plain decimal number alone.
std::string grouped(std::string number);
/// "18,250.00 EUR", for people.
std::string human(const Money& money);
/// Share of an amount in millionths (0.2 = 200000), rounded half away from zero to the currency's minor unit.
/// Aborts if the share does not fit, which up to 100 % cannot be but at the very ends of the range.
Money share_of(const Money& money, std::int64_t millionths);

}  // namespace hw
