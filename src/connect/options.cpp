#include "connect/options.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace hw::connect {
namespace {

[[noreturn]] void abort_on(std::string_view name, const char* what) {
  fmt::print(stderr, "option '{}' {}: the connector and its declaration disagree\n", name, what);
  std::abort();
}

const OptionValue& declared(const Options& options, std::string_view name) {
  const auto it = options.values.find(std::string(name));
  if (it == options.values.end()) abort_on(name, "was not declared");
  return it->second;
}

/// The value, or `absent` when none was given. Any other type than T is a bug of the caller.
template <class T>
const T& value_or(const Options& options, std::string_view name, const T& absent) {
  const OptionValue& v = declared(options, name);
  if (std::holds_alternative<std::monostate>(v.value)) return absent;
  const T* const held = std::get_if<T>(&v.value);
  if (held == nullptr) abort_on(name, "was asked for as another type");
  return *held;
}

}  // namespace

std::string to_string(const OptionError& e) {
  std::string out;
  if (!e.at.file.empty()) out += e.at.file + ":";
  if (e.at.line > 0) out += fmt::format("{}:{}:", e.at.line, e.at.column);
  return out.empty() ? e.message : out + " " + e.message;
}

bool Options::has(std::string_view name) const {
  return !std::holds_alternative<std::monostate>(declared(*this, name).value);
}

const std::string& Options::text(std::string_view name) const {
  static const std::string kAbsent;
  return value_or(*this, name, kAbsent);
}

std::int64_t Options::integer(std::string_view name) const { return value_or(*this, name, std::int64_t{0}); }

bool Options::boolean(std::string_view name) const { return value_or(*this, name, false); }

Duration Options::duration(std::string_view name) const { return Duration(integer(name)); }

Secret Options::secret(std::string_view name) const { return value_or(*this, name, Secret()); }

std::vector<std::string> Options::list(std::string_view name) const {
  return value_or(*this, name, std::vector<std::string>());
}

std::vector<std::pair<std::string, std::string>> Options::map(std::string_view name) const {
  return value_or(*this, name, std::vector<std::pair<std::string, std::string>>());
}

const std::vector<Options>& Options::groups(std::string_view name) const {
  static const std::vector<Options> kAbsent;
  return value_or(*this, name, kAbsent);
}

Mark Options::mark(std::string_view name) const {
  const Mark& own = declared(*this, name).at;
  return own.line > 0 ? own : at;
}

Mark Options::mark(std::string_view name, std::string_view key) const {
  const OptionValue& v = declared(*this, name);
  const auto it = v.key_marks.find(std::string(key));
  return it == v.key_marks.end() ? mark(name) : it->second;
}

void Options::set(std::string name, decltype(OptionValue::value) value) {
  values[std::move(name)].value = std::move(value);
}

}  // namespace hw::connect
