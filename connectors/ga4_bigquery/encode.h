#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/ga4_bigquery/config.h"
#include "connectors/ga4_bigquery/statements.h"
#include "model/identifier.h"

/// Requests of BigQuery's REST API v2, as text. Pure.
namespace hw::connectors::ga4_bigquery {

/// One query with its values. Values never stand in the text.
struct Query {
  struct Parameter {
    std::string name;
    bool is_list = false;
    std::vector<std::string> values;  ///< all are STRING; one unless is_list
  };
  std::string text;
  std::vector<Parameter> parameters;
};

/// The visits of one table ("events_20261120", "events_intraday_20261120").
Query day_query(const Config& config, const connect::Vocabulary& vocabulary, std::string_view table,
                const Columns& columns);
/// Those of some people alone.
Query people_query(const Config& config, const connect::Vocabulary& vocabulary, std::string_view table,
                   const Columns& columns, std::span<const Identifier> ids);
/// The visits of some people in the daily tables from `from` to `to` ("20260822").
Query history_query(const Config& config, const connect::Vocabulary& vocabulary, std::span<const Identifier> ids,
                    std::string_view from, std::string_view to);

/// Body of POST /projects/{project}/queries.
std::string estimate_body(const Config& config, const Query& query, const std::string& location);
struct Run {
  std::string location;
  std::string request_id;  ///< a POST that is repeated within minutes under the same id runs once
  std::size_t rows = 0;    ///< of an answer
  Duration timeout{};      ///< how long BigQuery may take before it answers that the job still runs
};
std::string run_body(const Config& config, const Query& query, const Run& run);

std::string queries_path(const Config& config);
std::string results_path(const Config& config, const std::string& job, const std::string& page_token, const Run& run);
std::string dataset_path(const Config& config);
std::string table_path(const Config& config, std::string_view table);
std::string tables_path(const Config& config, const std::string& page_token);

}  // namespace hw::connectors::ga4_bigquery
