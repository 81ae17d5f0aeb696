#include "connectors/ga4_bigquery/peer_request.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

namespace hw::sandbox::bigquery {

namespace {

using nlohmann::json;

Fault unknown_name(const std::string& name, const char* where) {
  return invalid(fmt::format("Invalid JSON payload received. Unknown name \"{}\"{}: Cannot find field.", name, where));
}

std::optional<Fault> unknown_in(const json& j, const std::set<std::string>& known, const char* where) {
  for (const auto& [name, value] : j.items())
    if (!known.contains(name)) return unknown_name(name, where);
  return {};
}

Fault wrong(const char* name) { return invalid(fmt::format("Invalid value at '{}'", name)); }

bool is_text(const json& j, const char* name) { return j.contains(name) && j[name].is_string(); }

/// 64-bit numbers come as texts, or as numbers.
std::optional<std::int64_t> int64(const json& v) {
  if (v.is_number_integer()) return v.get<std::int64_t>();
  if (!v.is_string()) return {};
  const auto& s = v.get_ref<const std::string&>();
  std::int64_t n = 0;
  const auto [end, failed] = std::from_chars(s.data(), s.data() + s.size(), n);
  return failed == std::errc() && end == s.data() + s.size() ? std::optional(n) : std::nullopt;
}

/// {"value":"x"}; nullopt: of another shape.
std::optional<std::string> text_value(const json& v) {
  if (!v.is_object() || v.size() != 1 || !is_text(v, "value")) return {};
  return v["value"].get<std::string>();
}

std::optional<Fault> read_list(const json& type, const json& value, std::vector<std::string>& out) {
  const bool of_texts = type.size() == 2 && type.contains("arrayType") && type["arrayType"] == json{{"type", "STRING"}};
  if (!of_texts || value.size() != 1 || !value.contains("arrayValues") || !value["arrayValues"].is_array())
    return wrong("query_parameters");
  for (const json& one : value["arrayValues"]) {
    const auto text = text_value(one);
    if (!text) return wrong("query_parameters.parameter_value.array_values");
    out.push_back(*text);
  }
  return {};
}

std::optional<Fault> read_parameter(const json& p, Parameters& out) {
  if (!p.is_object()) return wrong("query_parameters");
  if (auto f = unknown_in(p, {"name", "parameterType", "parameterValue"}, " at 'query_parameters[]'")) return f;
  if (!is_text(p, "name") || !p.contains("parameterType") || !p.contains("parameterValue"))
    return wrong("query_parameters");
  const json &type = p["parameterType"], &value = p["parameterValue"];
  std::vector<std::string>& values = out[p["name"].get<std::string>()];
  if (!is_text(type, "type") || !value.is_object()) return wrong("query_parameters.parameter_type");
  if (type["type"] == "ARRAY") return read_list(type, value, values);
  const auto text = text_value(value);
  if (type != json{{"type", "STRING"}} || !text) return wrong("query_parameters.parameter_value");
  values.push_back(*text);
  return {};
}

std::optional<Fault> read_numbers(const json& j, QueryRequest& out) {
  if (j.contains("maximumBytesBilled")) {
    out.maximum_bytes_billed = int64(j["maximumBytesBilled"]);
    if (!out.maximum_bytes_billed || *out.maximum_bytes_billed < 0) return wrong("maximum_bytes_billed");
  }
  if (j.contains("maxResults")) {
    const auto n = int64(j["maxResults"]);
    if (!n || *n < 1) return wrong("max_results");
    out.max_results = static_cast<std::size_t>(*n);
  }
  if (j.contains("timeoutMs") && !int64(j["timeoutMs"])) return wrong("timeout_ms");
  return {};
}

std::optional<Fault> read_texts(const json& j, QueryRequest& out) {
  if (!is_text(j, "query") || j["query"].get<std::string>().empty())
    return invalid("Required parameter is missing: query");
  out.sql = j["query"];
  // The default is legacy SQL, which has neither UNNEST nor named parameters.
  if (!j.contains("useLegacySql") || j["useLegacySql"] != false)
    return invalid_query("Legacy SQL does not support this statement; set useLegacySql to false.");
  if (j.contains("location") && !is_text(j, "location")) return wrong("location");
  out.location = j.value("location", "");
  if (j.contains("dryRun") && !j["dryRun"].is_boolean()) return wrong("dry_run");
  out.dry_run = j.value("dryRun", false);
  if (j.contains("requestId") && (!is_text(j, "requestId") || j["requestId"].get<std::string>().size() > 36))
    return wrong("request_id");
  out.request_id = j.value("requestId", "");
  return {};
}

}  // namespace

std::variant<QueryRequest, Fault> read_request(const std::string& body) {
  const json j = json::parse(body, nullptr, false);
  if (!j.is_object()) return invalid("Invalid JSON payload received.");
  if (auto f = unknown_in(
          j,
          {"query", "useLegacySql", "location", "dryRun", "requestId", "maximumBytesBilled", "maxResults", "timeoutMs",
           "parameterMode", "queryParameters", "useQueryCache", "kind", "labels", "formatOptions", "defaultDataset"},
          ""))
    return *f;
  QueryRequest out;
  if (auto f = read_texts(j, out)) return *f;
  if (auto f = read_numbers(j, out)) return *f;
  if (!j.contains("queryParameters")) return out;
  if (j.value("parameterMode", "") != "NAMED") return invalid("Invalid parameter mode: named parameters need NAMED.");
  if (!j["queryParameters"].is_array()) return wrong("query_parameters");
  for (const json& p : j["queryParameters"])
    if (auto f = read_parameter(p, out.parameters)) return *f;
  return out;
}

std::optional<Fault> parameters_fault(const Statement& s, const Parameters& given) {
  std::set<std::string> named = {"events", "zone", "click_parameters", "event_keys", "user_keys"};
  if (s.of_people) named.insert({"clients", "members", "clicks"});
  if (s.is_history()) named.insert({"from", "to"});
  for (const std::string& name : named)
    if (!given.contains(name)) return invalid_query(fmt::format("Query parameter '{}' not found", name));
  for (const auto& [name, values] : given)
    if (!named.contains(name)) return invalid_query(fmt::format("Query parameter '{}' is not used", name));
  for (const char* name : {"zone", "from", "to"})
    if (named.contains(name) && given.at(name).size() != 1)
      return invalid_query(fmt::format("Query parameter '{}' has another type", name));
  if (!Zone::find(given.at("zone").at(0))) return invalid_query("Invalid time zone: " + given.at("zone").at(0));
  return {};
}

}  // namespace hw::sandbox::bigquery
