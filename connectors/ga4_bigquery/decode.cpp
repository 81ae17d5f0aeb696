#include "connectors/ga4_bigquery/decode.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace hw::connectors::ga4_bigquery {

namespace {

constexpr int kDeepest = 8;  // the statements nest twice

Result<json> value_of(const json& field, const json& v, int depth);

/// {"f":[{"v":...},...]} by the fields of its schema.
Result<json> record_of(const json& fields, const json& record, int depth) {
  const json& cells = list(record, "f");
  if (!fields.is_array() || cells.size() != fields.size()) return bad_answer("a row has not as many cells as columns");
  json out = json::object();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string name = text(fields[i], "name");
    if (name.empty() || !cells[i].is_object() || !cells[i].contains("v")) return bad_answer("a cell without a value");
    Result<json> value = value_of(fields[i], cells[i]["v"], depth + 1);
    if (!value) return value.error();
    out[name] = std::move(*value);
  }
  return out;
}

Result<json> scalar_of(const json& field, const json& v, int depth) {
  const std::string type = text(field, "type");
  if (type == "RECORD" || type == "STRUCT") return record_of(list(field, "fields"), v, depth);
  if (!v.is_string()) return bad_answer(fmt::format("a {} that is no text", type.empty() ? "value" : "column's value"));
  if (type == "STRING") return v;
  const std::optional<std::int64_t> n = number(v.get_ref<const std::string&>());
  if ((type != "INTEGER" && type != "INT64") || !n) return bad_answer("a value that is not of its column's type");
  return json(*n);
}

Result<json> value_of(const json& field, const json& v, int depth) {
  if (depth > kDeepest) return bad_answer("records nested too deep");
  if (text(field, "mode") != "REPEATED") return v.is_null() ? Result<json>(json()) : scalar_of(field, v, depth);
  json out = json::array();
  if (v.is_null()) return out;  // an array of SQL that is NULL is an empty one in answers
  if (!v.is_array()) return bad_answer("a repeated column that is no list");
  for (const json& one : v) {
    if (!one.is_object() || !one.contains("v")) return bad_answer("a cell without a value");
    Result<json> value = scalar_of(field, one["v"], depth);
    if (!value) return value.error();
    out.push_back(std::move(*value));
  }
  return out;
}

Result<json> object_of(std::string_view body) {
  json j = parse_json(body);
  if (!j.is_object()) return bad_answer("no JSON object (cut off?)");
  return j;
}

Status add_rows(const json& j, QueryAnswer& out) {
  const json* rows = member(j, "rows");
  if (rows == nullptr) return {};
  const json* schema = member(j, "schema");
  if (!rows->is_array() || schema == nullptr) return bad_answer("rows without a schema");
  for (const json& row : *rows) {
    Result<json> object = record_of(list(*schema, "fields"), row, 0);
    if (!object) return object.error();
    out.rows.push_back(std::move(*object));
  }
  return {};
}

bool has_column(const json& schema, std::string_view name) {
  const json& fields = list(schema, "fields");
  return std::any_of(fields.begin(), fields.end(), [&](const json& f) { return text(f, "name") == name; });
}

std::string table_name(const json& j) {
  const json* reference = member(j, "tableReference");
  return reference == nullptr ? std::string() : text(*reference, "tableId");
}

}  // namespace

Result<QueryAnswer> decode_query(std::string_view body) {
  Result<json> j = object_of(body);
  if (!j) return j.error();
  QueryAnswer out;
  const json* complete = member(*j, "jobComplete");
  if (complete == nullptr || !complete->is_boolean()) return bad_answer("no jobComplete");
  out.complete = complete->get<bool>();
  if (const json* reference = member(*j, "jobReference")) out.job = text(*reference, "jobId");
  out.bytes = number(*j, "totalBytesProcessed").value_or(0);
  out.page_token = text(*j, "pageToken");
  if (out.job.empty() && (!out.complete || !out.page_token.empty())) return bad_answer("no job id");
  if (!out.complete) return out;
  if (auto failure = job_failure(*j)) return *failure;
  if (Status ok = add_rows(*j, out); !ok) return ok.error();
  return out;
}

Result<std::int64_t> decode_estimate(std::string_view body) {
  Result<json> j = object_of(body);
  if (!j) return j.error();
  const std::optional<std::int64_t> bytes = number(*j, "totalBytesProcessed");
  if (!bytes || *bytes < 0) return bad_answer("a dry run without totalBytesProcessed");
  return *bytes;
}

Result<Table> decode_table(std::string_view body) {
  Result<json> j = object_of(body);
  if (!j) return j.error();
  const std::optional<std::int64_t> modified = number(*j, "lastModifiedTime");
  const json* schema = member(*j, "schema");
  if (!modified || schema == nullptr) return bad_answer("a table without lastModifiedTime or schema");
  Table out;
  out.modified = *modified;
  out.bytes = number(*j, "numBytes").value_or(0);
  out.rows = number(*j, "numRows").value_or(0);
  out.columns = {.collected = has_column(*schema, "collected_traffic_source"),
                 .last_click = has_column(*schema, "session_traffic_source_last_click"),
                 .first_touch = has_column(*schema, "traffic_source")};
  return out;
}

Result<std::string> decode_dataset(std::string_view body) {
  Result<json> j = object_of(body);
  if (!j) return j.error();
  std::string location = text(*j, "location");
  if (location.empty()) return bad_answer("a data set without a location");
  return location;
}

Result<TablePage> decode_tables(std::string_view body) {
  Result<json> j = object_of(body);
  if (!j) return j.error();
  TablePage out;
  for (const json& table : list(*j, "tables"))
    if (std::string name = table_name(table); !name.empty()) out.names.push_back(std::move(name));
  out.page_token = text(*j, "nextPageToken");
  return out;
}

bool is_answer(const http::Response& r) { return r.status == 200 && trim(r.body).starts_with('{'); }

}  // namespace hw::connectors::ga4_bigquery
