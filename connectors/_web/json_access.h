#pragma once
#include <nlohmann/json.hpp>
#include <string_view>

/// Reading JSON that somebody else wrote: no function throws, what is absent or of another type reads as nothing.
namespace hw::connectors {

/// Discarded (is_object() false) when it is no JSON.
inline nlohmann::json parse_json(std::string_view body) {
  return nlohmann::json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
}

/// nullptr where absent or null.
inline const nlohmann::json* member(const nlohmann::json& j, const char* name) {
  if (!j.is_object()) return nullptr;
  auto it = j.find(name);
  return it == j.end() || it->is_null() ? nullptr : &*it;
}

inline const nlohmann::json& list(const nlohmann::json& j, const char* name) {
  static const nlohmann::json empty = nlohmann::json::array();
  const nlohmann::json* found = member(j, name);
  return found != nullptr && found->is_array() ? *found : empty;
}

}  // namespace hw::connectors
