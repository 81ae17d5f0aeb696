#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/ga4_bigquery/json_access.h"
#include "connectors/ga4_bigquery/statements.h"
#include "http/client.h"

/// BigQuery's answers as values. Errors: retry "bad_answer" for what cannot be read.
namespace hw::connectors::ga4_bigquery {

/// Of jobs.query and jobs.getQueryResults.
struct QueryAnswer {
  bool complete = false;
  std::string job;
  std::string page_token;  ///< "" = the last page
  std::int64_t bytes = 0;  ///< what it read, or would read
  std::vector<json> rows;  ///< objects by column name: texts, whole numbers, null, objects, arrays
};
/// Values come as texts beside a schema; each must be of its column's type. A query that failed under 200 is the error
/// that its reason means, never an answer without rows.
Result<QueryAnswer> decode_query(std::string_view body);
/// What a dry run says.
Result<std::int64_t> decode_estimate(std::string_view body);

struct Table {
  std::int64_t modified = 0;  ///< milliseconds: another number = other content
  std::int64_t bytes = 0, rows = 0;
  Columns columns;
};
Result<Table> decode_table(std::string_view body);

/// Where the data set lies.
Result<std::string> decode_dataset(std::string_view body);

struct TablePage {
  std::vector<std::string> names;
  std::string page_token;
};
Result<TablePage> decode_tables(std::string_view body);

/// 200 with a JSON object.
bool is_answer(const http::Response& response);
/// What made a query fail, as its answer says under 200. Errors that are no failure are warnings beside whole rows.
std::optional<Error> job_failure(const json& answer);
/// A refusal's own word: "notFound", "quotaExceeded"; "" if the body has none.
std::string reason_of(const http::Response& response);
/// The failure table of README.md as code.
Error classify(const http::Response& response, SystemTime now);

}  // namespace hw::connectors::ga4_bigquery
