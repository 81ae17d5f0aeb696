#include "store/json_columns.h"

#include <nlohmann/json.hpp>

#include "store/engine/failures.h"

namespace hw::store::json_columns {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

template <class F>
auto parsed(std::string_view text, F&& read) -> decltype(read(std::declval<const json&>())) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& e) {
    throw store_corrupt("the store", std::string("a JSON column is unreadable, error ") + std::to_string(e.id));
  }
}

}  // namespace

std::string write(const std::map<std::string, std::string>& fields) { return dump(json(fields)); }

std::string write(const std::map<std::string, Timestamp>& times) {
  json out = json::object();
  for (const auto& [name, at] : times) out[name] = to_micros(at);
  return dump(out);
}

std::string write(const Hashes& hashes) { return dump(json(hashes)); }

std::string write(const std::vector<Identifier>& identifiers) {
  json out = json::array();
  for (const Identifier& id : identifiers) out.push_back(json::array({id.type, id.value}));
  return dump(out);
}

std::map<std::string, std::string> read_fields(std::string_view text) {
  return parsed(text, [](const json& value) { return value.get<std::map<std::string, std::string>>(); });
}

std::map<std::string, Timestamp> read_times(std::string_view text) {
  return parsed(text, [](const json& value) {
    std::map<std::string, Timestamp> out;
    for (const auto& [name, at] : value.items()) out[name] = from_micros(at.get<std::int64_t>());
    return out;
  });
}

Hashes read_hashes(std::string_view text) {
  return parsed(text, [](const json& value) { return value.get<Hashes>(); });
}

std::vector<Identifier> read_identifiers(std::string_view text) {
  return parsed(text, [](const json& value) {
    std::vector<Identifier> out;
    for (const json& id : value) out.push_back({id.at(0).get<std::string>(), id.at(1).get<std::string>()});
    return out;
  });
}

}  // namespace hw::store::json_columns
