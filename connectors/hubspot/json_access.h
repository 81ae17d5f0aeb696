#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "connectors/_web/json_access.h"

/// What is HubSpot's own of reading its JSON; the rest is connectors/_web/json_access.h.
namespace hw::connectors::hubspot {

using nlohmann::json;

inline Error bad_answer(std::string what) {
  return Error{Action::retry, "bad_answer", "HubSpot's answer cannot be read: " + std::move(what), {}, false};
}

/// A text, or a number or boolean as text: ids are text in 2026-09 and were numbers before (CRM reference 2.6).
inline std::string text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() || value.is_boolean() ? value.dump() : std::string();
}
inline std::string text(const json& j, const char* name) {
  const json* found = member(j, name);
  return found == nullptr ? std::string() : text(*found);
}

/// HubSpot's ids are digits.
inline bool is_id(std::string_view s) {
  return !s.empty() && s.size() <= 20 && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// paging.next.after, "" on the last page.
inline std::string next_page(const json& j) {
  const json* paging = member(j, "paging");
  const json* next = paging == nullptr ? nullptr : member(*paging, "next");
  return next == nullptr ? std::string() : text(*next, "after");
}

/// The answer's "results", or why it cannot be read.
inline Result<const json*> results_of(const json& j) {
  if (!j.is_object()) return bad_answer("no JSON object (cut off?)");
  const json* results = member(j, "results");
  if (results == nullptr || !results->is_array()) return bad_answer("no 'results' list");
  return results;
}

}  // namespace hw::connectors::hubspot
