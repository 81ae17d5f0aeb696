#include "identity/placeholders.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "base/hash.h"
#include "base/text.h"

namespace hw::identity {
namespace {

constexpr auto kWords = std::to_array<std::string_view>(
    {"",        "undefined",       "null",      "nil",     "none",   "nan",      "n/a",
     "na",      "unknown",         "(not set)", "not set", "(none)", "(direct)", "(not provided)",
     "(other)", "[object object]", "-",         "--",      "-1",     "false",    "true",
     "#n/a"});

constexpr auto kEmails = std::to_array<std::string_view>({"test@test.com",
                                                          "test@test.de",
                                                          "test@example.com",
                                                          "test@gmail.com",
                                                          "test@email.com",
                                                          "test@mail.com",
                                                          "example@example.com",
                                                          "email@example.com",
                                                          "email@email.com",
                                                          "name@example.com",
                                                          "you@example.com",
                                                          "your@email.com",
                                                          "user@domain.com",
                                                          "name@domain.com",
                                                          "email@domain.com",
                                                          "none@none.com",
                                                          "no@no.com",
                                                          "no@email.com",
                                                          "noemail@noemail.com",
                                                          "noemail@email.com",
                                                          "na@na.com",
                                                          "n@a.com",
                                                          "null@null.com",
                                                          "unknown@unknown.com",
                                                          "undefined@undefined.com",
                                                          "a@a.com",
                                                          "a@b.com",
                                                          "a@b.c",
                                                          "aa@aa.com",
                                                          "abc@abc.com",
                                                          "asdf@asdf.com",
                                                          "qwerty@qwerty.com",
                                                          "x@x.com",
                                                          "xx@xx.com",
                                                          "xxx@xxx.com",
                                                          "fake@fake.com",
                                                          "nobody@nowhere.com",
                                                          "spam@spam.com",
                                                          "anonymous@anonymous.com"});

template <class List>
bool contains(const List& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_macro(std::string_view v) {
  bool is_braced = (v.starts_with("{") && v.ends_with("}")) || (v.starts_with("${") && v.ends_with("}")) ||
                   (v.starts_with("[") && v.ends_with("]")) || (v.starts_with("__") && v.ends_with("__")) ||
                   (v.starts_with("%%") && v.ends_with("%%"));
  return is_braced || starts_with_ci(v, "%7B") || starts_with_ci(v, "%24%7B");
}

bool is_zeros(std::string_view v) {
  return v.find_first_not_of("0-.") == std::string_view::npos && v.find('0') != std::string_view::npos;
}

std::string digits_of(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= '0' && c <= '9') out += c;
  }
  return out;
}

}  // namespace

bool is_placeholder(std::string_view value) {
  std::string_view v = trim(value);
  return contains(kWords, to_lower_ascii(v)) || is_zeros(v) || is_macro(v);
}

bool is_placeholder_email(std::string_view normalised) { return contains(kEmails, normalised); }

bool is_placeholder_hash(std::string_view lower_hex) {
  static const std::set<std::string, std::less<>> kHashes = [] {
    std::set<std::string, std::less<>> out{sha256_hex("")};
    for (std::string_view email : kEmails) out.insert(sha256_hex(email));
    for (std::string_view word : kWords) out.insert(sha256_hex(word));
    return out;
  }();
  return kHashes.contains(lower_hex);
}

bool is_placeholder_phone(std::string_view text) {
  std::string digits = digits_of(text);
  if (digits.size() < 2) return true;
  // The digits after a possible country code decide, so that "+1 5555555555" is seen too.
  std::string_view tail = std::string_view(digits).substr(digits.size() > 10 ? digits.size() - 10 : 0);
  bool is_one_digit = tail.find_first_not_of(tail[0]) == std::string_view::npos;
  return is_one_digit || digits.ends_with("1234567890") || digits.ends_with("0123456789") || digits == "123456789";
}

bool is_placeholder_user(std::string_view value) {
  static constexpr auto kUsers =
      std::to_array<std::string_view>({"anonymous", "anon", "guest", "test", "user", "visitor", "default"});
  return contains(kUsers, to_lower_ascii(trim(value)));
}

bool is_placeholder_name(std::string_view value) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"undefined", "null", "unknown", "(not set)", "not set", "n/a", "#n/a", "-", "--",
                                       ".", "[object object]", "test"});
  return contains(kNames, to_lower_ascii(trim(value))) || is_macro(trim(value));
}

}  // namespace hw::identity
