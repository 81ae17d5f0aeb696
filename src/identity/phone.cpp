#include "identity/phone.h"

#include <phonenumbers/phonenumberutil.h>

#include "base/text.h"

namespace hw::identity {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/// "0049 30 ..." and "49 30 ..." become "+49 30 ...".
std::string as_international(std::string_view text) {
  std::size_t first = text.find_first_of("0123456789");
  if (first == std::string_view::npos) return {};
  std::string_view digits = text.substr(first);
  while (digits.substr(0, 2) == "00") digits.remove_prefix(2);
  return "+" + std::string(digits);
}

bool is_international(std::string_view text, std::string_view country) {
  std::size_t first = text.find_first_of("+0123456789");
  if (first == std::string_view::npos || country.empty()) return true;
  return text[first] != '+' && text.substr(first, 2) == "00";
}

bool fits_e164(const std::string& e164) {
  return e164.size() >= 8 && e164.size() <= 16 && e164[0] == '+' && e164[1] != '0';
}

}  // namespace

std::optional<std::string> phone_e164(std::string_view text, std::string_view country) {
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  std::string_view trimmed = trim(text);
  std::string candidate(trimmed);
  if (is_international(trimmed, country) && trimmed.find('+') == std::string_view::npos)
    candidate = as_international(trimmed);
  PhoneNumber number;
  std::string region = country.empty() ? "ZZ" : std::string(country);
  if (util.Parse(candidate, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR) return std::nullopt;
  // Possible, not valid: new number ranges appear faster than the library's packaged metadata.
  if (!util.IsPossibleNumber(number)) return std::nullopt;
  std::string e164;
  util.Format(number, PhoneNumberUtil::E164, &e164);
  if (!fits_e164(e164)) return std::nullopt;
  return e164;
}

}  // namespace hw::identity
