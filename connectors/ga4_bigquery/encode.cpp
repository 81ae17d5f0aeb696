#include "connectors/ga4_bigquery/encode.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace hw::connectors::ga4_bigquery {

namespace {

using nlohmann::json;

constexpr std::string_view kApi = "/bigquery/v2/projects/";

std::vector<std::string> click_parameters(const connect::Vocabulary& vocabulary) {
  std::vector<std::string> out;
  for (const connect::IdentifierDecl& d : vocabulary.identifiers)
    if (d.kind == connect::IdKind::click && !d.url_parameter.empty()) out.push_back(d.url_parameter);
  return out;
}

std::vector<std::string> names_of(const std::vector<Mapped>& mapped) {
  std::vector<std::string> out;
  for (const Mapped& m : mapped) out.push_back(m.parameter);
  return out;
}

std::vector<std::string> values_of(std::span<const Identifier> ids, std::string_view type) {
  std::vector<std::string> out;
  for (const Identifier& id : ids)
    if (id.type == type) out.push_back(id.value);
  return out;
}

std::vector<Query::Parameter> shared_parameters(const Config& config, const connect::Vocabulary& vocabulary) {
  return {
      {"events", true, config.events},
      {"zone", false, {config.zone.name()}},
      {"click_parameters", true, click_parameters(vocabulary)},
      {"event_keys", true, names_of(config.event_parameters)},
      {"user_keys", true, names_of(config.user_properties)},
  };
}

void add_people(std::span<const Identifier> ids, Query& q) {
  q.parameters.push_back({"clients", true, values_of(ids, "ga_client_id")});
  q.parameters.push_back({"members", true, values_of(ids, "user_id")});
  q.parameters.push_back({"clicks", true, values_of(ids, "gclid")});
}

std::string data_set(const Config& config) { return config.data_project + "." + config.dataset; }

json text_values(const std::vector<std::string>& values) {
  json out = json::array();
  for (const std::string& value : values) out.push_back({{"value", value}});
  return out;
}

json parameter_json(const Query::Parameter& p) {
  if (!p.is_list)
    return {{"name", p.name}, {"parameterType", {{"type", "STRING"}}}, {"parameterValue", {{"value", p.values.at(0)}}}};
  return {{"name", p.name},
          {"parameterType", {{"type", "ARRAY"}, {"arrayType", {{"type", "STRING"}}}}},
          {"parameterValue", {{"arrayValues", text_values(p.values)}}}};
}

json query_json(const Config& config, const Query& query, const std::string& location) {
  json parameters = json::array();
  for (const Query::Parameter& p : query.parameters) parameters.push_back(parameter_json(p));
  return {{"query", query.text},      {"useLegacySql", false},
          {"location", location},     {"maximumBytesBilled", std::to_string(config.max_bytes_per_query)},
          {"parameterMode", "NAMED"}, {"queryParameters", std::move(parameters)}};
}

std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string data_path(const Config& config) {
  return fmt::format("{}{}/datasets/{}", kApi, percent_encode(config.data_project), config.dataset);
}

}  // namespace

Query day_query(const Config& config, const connect::Vocabulary& vocabulary, std::string_view table,
                const Columns& columns) {
  return {day_statement(fmt::format("{}.{}", data_set(config), table), columns, Of::everybody),
          shared_parameters(config, vocabulary)};
}

Query people_query(const Config& config, const connect::Vocabulary& vocabulary, std::string_view table,
                   const Columns& columns, std::span<const Identifier> ids) {
  Query q{day_statement(fmt::format("{}.{}", data_set(config), table), columns, Of::people),
          shared_parameters(config, vocabulary)};
  add_people(ids, q);
  return q;
}

Query history_query(const Config& config, const connect::Vocabulary& vocabulary, std::span<const Identifier> ids,
                    std::string_view from, std::string_view to) {
  Query q{history_statement(data_set(config)), shared_parameters(config, vocabulary)};
  add_people(ids, q);
  // The wildcard is "events_20*": streaming tables and people's own views stay out, and the newest daily table gives
  // the columns.
  q.parameters.push_back({"from", false, {std::string(from.substr(2))}});
  q.parameters.push_back({"to", false, {std::string(to.substr(2))}});
  return q;
}

std::string estimate_body(const Config& config, const Query& query, const std::string& location) {
  json j = query_json(config, query, location);
  j.erase("maximumBytesBilled");
  j["dryRun"] = true;
  return text_of(j);
}

std::string run_body(const Config& config, const Query& query, const Run& run) {
  json j = query_json(config, query, run.location);
  j["requestId"] = run.request_id;
  j["maxResults"] = run.rows;
  j["timeoutMs"] = std::chrono::duration_cast<std::chrono::milliseconds>(run.timeout).count();
  return text_of(j);
}

std::string queries_path(const Config& config) {
  return fmt::format("{}{}/queries", kApi, percent_encode(config.project));
}

std::string results_path(const Config& config, const std::string& job, const std::string& page_token, const Run& run) {
  std::string path = fmt::format("{}/{}?location={}&maxResults={}&timeoutMs={}", queries_path(config),
                                 percent_encode(job), percent_encode(run.location), run.rows,
                                 std::chrono::duration_cast<std::chrono::milliseconds>(run.timeout).count());
  if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
  return path;
}

std::string dataset_path(const Config& config) { return data_path(config); }

std::string table_path(const Config& config, std::string_view table) {
  return fmt::format("{}/tables/{}", data_path(config), table);
}

std::string tables_path(const Config& config, const std::string& page_token) {
  std::string path = data_path(config) + "/tables?maxResults=1000";
  if (!page_token.empty()) path += "&pageToken=" + percent_encode(page_token);
  return path;
}

}  // namespace hw::connectors::ga4_bigquery
