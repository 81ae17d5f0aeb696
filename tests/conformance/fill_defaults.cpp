#include "conformance/fill_defaults.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "base/text.h"

namespace hw::conformance {
namespace {

using connect::OptionDecl;
using connect::Options;
using connect::OptionType;
using Value = decltype(connect::OptionValue::value);

[[noreturn]] void unreadable(const OptionDecl& d) {
  throw std::invalid_argument("option '" + d.name + "': its default '" + *d.default_value + "' is not of its type");
}

/// "30s" with {"s", 1}: 30. The number stays as it is without a known unit only if "" is among the units.
struct Unit {
  std::string_view name;
  std::int64_t factor;
};
std::int64_t number_with_unit(const OptionDecl& d, std::initializer_list<Unit> units) {
  const std::string& text = *d.default_value;
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& u : units) {
    if (failed == std::errc() && rest == u.name) return number * u.factor;
  }
  unreadable(d);
}

/// "20%" or "0.2", in millionths.
std::int64_t percent(const OptionDecl& d) {
  std::string_view text = *d.default_value;
  const bool has_sign = text.ends_with('%');
  if (has_sign) text.remove_suffix(1);
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) unreadable(d);
  return std::llround(number * (has_sign ? 10'000 : 1'000'000));
}

bool boolean(const OptionDecl& d) {
  if (*d.default_value == "true") return true;
  if (*d.default_value == "false") return false;
  unreadable(d);
}

/// The parts of a flow list or map without its brackets: "[a, b]" or "a, b".
std::vector<std::string> flow_parts(std::string_view text, std::string_view brackets) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == brackets[0] && text.back() == brackets[1])
    text = text.substr(1, text.size() - 2);
  std::vector<std::string> out;
  for (const std::string_view part : split(text, ',')) {
    if (!trim(part).empty()) out.emplace_back(trim(part));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> flow_map(const OptionDecl& d) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& part : flow_parts(*d.default_value, "{}")) {
    const std::size_t colon = part.find(':');
    if (colon == std::string::npos) unreadable(d);
    out.emplace_back(trim(part.substr(0, colon)), trim(part.substr(colon + 1)));
  }
  return out;
}

Value default_of(const OptionDecl& d) {
  if (!d.default_value) return std::monostate();
  switch (d.type) {
    case OptionType::text:
    case OptionType::url:
    case OptionType::path:
    case OptionType::time_zone:
    case OptionType::currency:
    case OptionType::choice:
    case OptionType::credential:
      return *d.default_value;
    case OptionType::integer:
      return number_with_unit(d, {{"", 1}});
    case OptionType::boolean:
      return boolean(d);
    case OptionType::duration:
      return number_with_unit(d, {{"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}});
    case OptionType::size:
      return number_with_unit(d, {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}});
    case OptionType::percent:
      return percent(d);
    case OptionType::secret:
      return Secret(*d.default_value);
    case OptionType::text_list:
      return flow_parts(*d.default_value, "[]");
    case OptionType::text_map:
      return flow_map(d);
    case OptionType::group:
    case OptionType::group_list:
    case OptionType::group_map:
    case OptionType::conditions:
      unreadable(d);
  }
  unreadable(d);
}

}  // namespace

Options fill_defaults(const std::vector<OptionDecl>& declarations, const Overrides& overrides) {
  Options options;
  options.at = {"test.yaml", 1, 1};
  int line = 0;
  for (const OptionDecl& d : declarations) {
    options.set(d.name, default_of(d));
    options.values[d.name].at = {"test.yaml", ++line, 3};
  }
  for (const auto& [name, value] : overrides) {
    if (!options.values.contains(name)) throw std::invalid_argument("no option '" + name + "' is declared");
    options.set(name, value);
  }
  return options;
}

}  // namespace hw::conformance
