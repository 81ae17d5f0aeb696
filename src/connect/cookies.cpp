#include "connect/cookies.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace hw::connect {
namespace {

constexpr std::size_t kLongest = 512;  // web-analytics reference, section 8
constexpr std::string_view kStripPrefix = "strip_prefix:";

struct Read {
  std::string_view value;
  std::optional<Timestamp> at;
};

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A count of `unit`s since 1970 that lies between 2001 and 2286 (ten digits of seconds); anything else is no click
/// time.
std::optional<Timestamp> since_epoch(std::string_view digits, Duration unit) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (!all_digits(digits) || error != std::errc() || end != digits.data() + digits.size()) return {};
  const std::int64_t per_second = 1'000'000 / unit.count();
  if (count < 1'000'000'000 * per_second || count >= 10'000'000'000 * per_second) return {};
  return Timestamp{count * unit};
}

/// What follows the `count`-th dot; nullopt when there are fewer.
std::optional<std::string_view> after_dots(std::string_view raw, int count) {
  for (; count > 0; --count) {
    const std::size_t dot = raw.find('.');
    if (dot == std::string_view::npos) return {};
    raw.remove_prefix(dot + 1);
  }
  return raw;
}

/// The field of "kID$i123$..." whose first letter is `letter`. Order is not guaranteed and unknown letters are skipped.
std::string_view lettered(std::string_view fields, char letter) {
  for (const std::string_view field : split(fields, '$')) {
    if (field.size() > 1 && field.front() == letter) return field.substr(1);
  }
  return {};
}

std::optional<Read> after_second_dot(std::string_view raw) {
  // "GA1.1-2.ID": a short tag ending in digits, the domain depth, then an id that may itself be any text.
  const std::size_t dot = raw.find('.');
  const auto rest = after_dots(raw, 2);
  if (!rest || dot == 0) return {};
  const std::string_view depth = raw.substr(dot + 1, raw.size() - rest->size() - dot - 2);
  if (depth.empty() || depth.find_first_not_of("0123456789-") != std::string_view::npos) return {};
  return Read{*rest, {}};
}

std::optional<Read> session(std::string_view raw) {
  const auto rest = after_dots(raw, 2);
  if (!rest) return {};
  const bool keyed = rest->find('$') != std::string_view::npos || (!rest->empty() && rest->front() == 's');
  const std::string_view id = keyed ? lettered(*rest, 's') : rest->substr(0, rest->find('.'));
  if (!all_digits(id)) return {};
  return Read{id, {}};
}

std::optional<Read> fbc_like(std::string_view raw) {
  const auto time_and_id = after_dots(raw, 2), id = after_dots(raw, 3);
  if (!id) return {};
  const std::string_view time = time_and_id->substr(0, time_and_id->find('.'));
  if (!all_digits(time)) return {};
  return Read{*id, since_epoch(time, std::chrono::milliseconds(1))};
}

std::optional<Read> gcl_like(std::string_view raw) {
  if (raw.find('$') != std::string_view::npos) {
    const auto fields = after_dots(raw, 2);
    if (!fields) return {};
    return Read{lettered(*fields, 'k'), since_epoch(lettered(*fields, 'i'), std::chrono::seconds(1))};
  }
  const std::vector<std::string_view> parts = split(raw, '.');
  if (parts.size() < 3) return {};
  return Read{parts.back(), since_epoch(parts[parts.size() - 2], std::chrono::seconds(1))};
}

std::optional<Read> strip_prefix(std::string_view raw, std::string_view prefix) {
  if (raw.starts_with(prefix)) raw.remove_prefix(prefix.size());
  return Read{raw, {}};
}

std::optional<Read> read_layout(std::string_view layout, std::string_view raw) {
  if (layout == "after_second_dot") return after_second_dot(raw);
  if (layout == "session") return session(raw);
  if (layout == "whole") return Read{raw, {}};
  if (layout == "fbc_like") return fbc_like(raw);
  if (layout == "gcl_like") return gcl_like(raw);
  if (layout.starts_with(kStripPrefix)) return strip_prefix(raw, layout.substr(kStripPrefix.size()));
  return {};
}

bool is_named(const CookieDecl& decl, std::string_view name) {
  if (!decl.name.ends_with('*')) return decl.name == name;
  const std::string_view family = std::string_view(decl.name).substr(0, decl.name.size() - 1);
  return name.size() > family.size() && name.starts_with(family);
}

}  // namespace

bool fit_for_identifier(std::string_view value) {
  return !value.empty() && value.size() <= kLongest && std::none_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

bool knows_cookie(const Vocabulary& vocabulary, std::string_view name) {
  return std::any_of(vocabulary.cookies.begin(), vocabulary.cookies.end(),
                     [&](const CookieDecl& decl) { return is_named(decl, name); });
}

std::vector<CookieValue> read_cookie(const Vocabulary& vocabulary, std::string_view name, std::string_view raw) {
  std::vector<CookieValue> values;
  const std::string decoded = percent_decode(trim(raw));
  if (!fit_for_identifier(decoded)) return values;
  for (const CookieDecl& decl : vocabulary.cookies) {
    if (!is_named(decl, name)) continue;
    const auto read = read_layout(decl.layout, decoded);
    if (!read || read->value.empty()) continue;
    CookieValue value{{decl.type, std::string(read->value)}, read->at};
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(std::move(value));
  }
  return values;
}

}  // namespace hw::connect
