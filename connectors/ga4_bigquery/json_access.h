#pragma once
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connectors/_web/json_access.h"

/// What is BigQuery's own of reading its JSON; the rest is connectors/_web/json_access.h.
namespace hw::connectors::ga4_bigquery {

using nlohmann::json;

inline Error bad_answer(std::string what) {
  return Error{Action::retry, "bad_answer", "BigQuery's answer cannot be read: " + std::move(what), {}, false};
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
