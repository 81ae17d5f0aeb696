#include "settings/scalars.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.h"
#include "base/zone.h"
#include "http/client.h"
#include "model/money.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using connect::OptionType;

Error wrong(std::string hint = {}) { return {.action = Action::pause, .code = "option", .detail = std::move(hint)}; }

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::array<Unit, 4> kTimeUnits{{{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"B", 1}}};

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

template <std::size_t N>
std::optional<std::int64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  const auto n = whole(text.substr(0, digits));
  if (!n) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) == unit.name && *n <= std::numeric_limits<std::int64_t>::max() / unit.factor / 1'000'000) {
      return *n * unit.factor;
    }
  }
  return std::nullopt;
}

template <std::size_t N>
std::string in_units(std::int64_t n, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (n != 0 && n % unit.factor == 0) return fmt::format("{}{}", n / unit.factor, unit.name);
  }
  return fmt::format("0{}", units.back().name);
}

bool in_range(const OptionDecl& decl, std::int64_t n) {
  return (!decl.min || n >= *decl.min) && (!decl.max || n <= *decl.max);
}

Result<Value> number(const OptionDecl& decl, std::optional<std::int64_t> n, std::string hint = {}) {
  if (!n) return wrong(std::move(hint));
  if (!in_range(decl, *n)) return wrong();
  return Value(*n);
}

Result<Value> read_duration(const OptionDecl& decl, std::string_view text) {
  const auto seconds = with_unit(text, kTimeUnits);
  if (!seconds) return wrong(whole(text) ? fmt::format("a unit is missing: {0}s or {0}m?", text) : "");
  if (!in_range(decl, *seconds)) return wrong();
  return Value(*seconds * 1'000'000);
}

Result<Value> read_choice(const OptionDecl& decl, std::string_view text) {
  for (const std::string& choice : decl.choices) {
    if (choice == text) return Value(choice);
  }
  const std::string near = nearest(text, decl.choices);
  return wrong(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

Result<Value> read_boolean(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  if (lower == "true" || lower == "false") return Value(lower == "true");
  if (lower == "yes" || lower == "on") return wrong("write true");
  if (lower == "no" || lower == "off") return wrong("write false");
  return wrong();
}

Result<Value> read_zone(std::string_view text) {
  auto zone = Zone::find(text);
  if (!zone) return zone.error();
  return Value(std::string(text));
}

Result<Value> read_url(std::string_view text) {
  if (auto status = http::check_url(text); !status) return status.error();
  return Value(std::string(text));
}

Result<Value> read_currency(std::string_view text) {
  auto currency = Currency::parse(text);
  if (!currency) return wrong();
  return Value(currency->str());
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto seconds = with_unit(text, kTimeUnits);
  if (!seconds) return wrong();
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(*seconds));
}

Result<std::int64_t> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text = trim(text.substr(0, text.size() - 1));
  auto micros = parse_micros(text);
  if (!micros) return wrong();
  if (!percent && *micros > 1'000'000) return wrong(fmt::format("did you mean {}%?", text));
  if (percent && *micros % 100 != 0) return wrong("at most four decimals");
  return percent ? *micros / 100 : *micros;
}

Result<Value> read_scalar(const OptionDecl& decl, std::string_view text) {
  switch (decl.type) {
    case OptionType::integer:
      return number(decl, whole(text));
    case OptionType::size:
      return number(decl, with_unit(text, kSizeUnits),
                    whole(text) ? fmt::format("a unit is missing: {}KiB?", text) : "");
    case OptionType::percent: {
      auto share = parse_share(text);
      return share ? number(decl, *share) : Result<Value>(share.error());
    }
    case OptionType::duration:
      return read_duration(decl, text);
    case OptionType::boolean:
      return read_boolean(text);
    case OptionType::url:
      return read_url(text);
    case OptionType::time_zone:
      return read_zone(text);
    case OptionType::currency:
      return read_currency(text);
    case OptionType::choice:
      return read_choice(decl, text);
    case OptionType::text:
    case OptionType::path:
    case OptionType::credential:
      if (text.empty()) return wrong();
      return Value(std::string(text));
    case OptionType::secret:
    case OptionType::text_list:
    case OptionType::text_map:
    case OptionType::group:
    case OptionType::group_list:
    case OptionType::group_map:
    case OptionType::conditions:
      break;
  }
  return wrong();
}

std::string shown(OptionType type, std::int64_t number) {
  switch (type) {
    case OptionType::duration:
      return in_units(number, kTimeUnits);
    case OptionType::size:
      return in_units(number, kSizeUnits);
    case OptionType::percent:
      return decimal(number * 100, 0) + "%";
    default:
      return fmt::format("{}", number);
  }
}

std::string range(const OptionDecl& decl) {
  if (decl.min && decl.max)
    return fmt::format("from {} to {}", shown(decl.type, *decl.min), shown(decl.type, *decl.max));
  if (decl.min) return fmt::format("at least {}", shown(decl.type, *decl.min));
  if (decl.max) return fmt::format("at most {}", shown(decl.type, *decl.max));
  return {};
}

std::string expected(const OptionDecl& decl) {
  const std::string limits = decl.min || decl.max ? " " + range(decl) : "";
  switch (decl.type) {
    case OptionType::text:
      return "text";
    case OptionType::integer:
      return "a whole number" + limits;
    case OptionType::boolean:
      return "true or false";
    case OptionType::duration:
      return "a duration such as 30s, 5m, 1h or 7d" + (limits.empty() ? limits : "," + limits);
    case OptionType::size:
      return "a size such as 64KiB or 10MiB" + (limits.empty() ? limits : "," + limits);
    case OptionType::url:
      return "an https URL";
    case OptionType::path:
      return "a path";
    case OptionType::secret:
      return "a secret reference";
    case OptionType::time_zone:
      return "a time zone such as Europe/Berlin";
    case OptionType::currency:
      return "a currency code of ISO 4217 such as EUR";
    case OptionType::choice:
      return fmt::format("one of {}", fmt::join(decl.choices, ", "));
    case OptionType::credential:
      return "the name of an entry under credentials:";
    case OptionType::text_list:
      return "a list of texts";
    case OptionType::text_map:
      return "a map of texts";
    case OptionType::group:
      return "a map of options";
    case OptionType::group_list:
      return "a list";
    case OptionType::group_map:
      return "a map of names";
    case OptionType::percent:
      return "a share such as 20% or 0.2" + (limits.empty() ? limits : "," + limits);
    case OptionType::conditions:
      return "a map of field names and conditions";
  }
  return {};
}

std::string type_name(const OptionDecl& decl) {
  switch (decl.type) {
    case OptionType::text:
      return "text";
    case OptionType::integer:
      return "whole number";
    case OptionType::boolean:
      return "true or false";
    case OptionType::duration:
      return "duration";
    case OptionType::size:
      return "size";
    case OptionType::url:
      return "URL";
    case OptionType::path:
      return "path";
    case OptionType::secret:
      return "secret";
    case OptionType::time_zone:
      return "time zone";
    case OptionType::currency:
      return "currency";
    case OptionType::choice:
      return fmt::format("{}", fmt::join(decl.choices, ", "));
    case OptionType::credential:
      return "name of a credential";
    case OptionType::text_list:
      return "list";
    case OptionType::text_map:
      return "map";
    case OptionType::group:
      return "options";
    case OptionType::group_list:
      return "list of options";
    case OptionType::group_map:
      return "names with options";
    case OptionType::percent:
      return "share";
    case OptionType::conditions:
      return "conditions";
  }
  return {};
}

}  // namespace hw::settings
