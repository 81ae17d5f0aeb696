#pragma once
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// Reading JSON that somebody else wrote: no function throws, what is absent or of another type reads as nothing.
namespace hw::connectors::ga4_bigquery {

using nlohmann::json;

inline Error bad_answer(std::string what) {
  return Error{Action::retry, "bad_answer", "BigQuery's answer cannot be read: " + std::move(what), {}, false};
}

/// Discarded (is_object() false) when it is no JSON.
inline json parse_json(std::string_view body) {
  return json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
}

/// nullptr where absent or null.
inline const json* member(const json& j, const char* name) {
  if (!j.is_object()) return nullptr;
  auto it = j.find(name);
  return it == j.end() || it->is_null() ? nullptr : &*it;
}

inline const json& list(const json& j, const char* name) {
  static const json empty = json::array();
  const json* found = member(j, name);
  return found != nullptr && found->is_array() ? *found : empty;
}

inline std::string text(const json& j, const char* name) {
  const json* found = member(j, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

/// BigQuery writes 64-bit numbers as texts.
inline std::optional<std::int64_t> number(std::string_view digits) {
  std::int64_t n = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size()) return {};
  return n;
}

inline std::optional<std::int64_t> number(const json& j, const char* name) {
  const json* found = member(j, name);
  if (found == nullptr) return {};
  if (found->is_number_integer()) return found->get<std::int64_t>();
  return found->is_string() ? number(found->get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace hw::connectors::ga4_bigquery
