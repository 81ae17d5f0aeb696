#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/ga4_bigquery/api.h"
#include "connectors/ga4_bigquery/cursor.h"
#include "connectors/ga4_bigquery/encode.h"

namespace hw::connectors::ga4_bigquery {

/// "1.2 GiB"
std::string bytes_text(std::int64_t bytes);

/// Runs queries, after asking what they would read. Keeps nothing between calls: a query that BigQuery still works on,
/// or whose answer has further pages, goes on from its Job.
class Runner {
 public:
  Runner(const Config& config, const Api& api) : config_(config), api_(api) {}

  /// What the query would read (a dry run, free of charge). Pause "bytes_limit" above max_bytes_per_query; `what` says
  /// whose query it is.
  Result<std::int64_t> estimate(const Query& query, const std::string& location, const std::string& what,
                                const connect::Context&) const;

  struct Part {
    std::vector<json> rows;
    Job job;                           ///< where to go on, unless this was the last part
    std::optional<Duration> again_in;  ///< BigQuery still works on it
    bool is_last = false;
  };
  /// `id` says which query of which round this is: a POST whose answer was lost is not run twice by its repeat.
  Result<Part> begin(const Query& query, const std::string& location, const std::string& id, std::size_t rows,
                     const std::vector<http::Lane>& lanes, const connect::Context&) const;
  /// A job that is over without an answer (it failed, was stopped, or BigQuery no longer knows it: answers are kept for
  /// a day) is to be begun anew: the part is then empty, with a job without id. At once the first time, an hour later
  /// after that, since each run is paid.
  Result<Part> go_on(const Job& job, const std::string& location, std::size_t rows, const connect::Context&) const;

 private:
  [[nodiscard]] Run run_of(const std::string& location, std::size_t rows, const connect::Context&) const;
  Result<Part> part_of(const http::Response& response, const Job& before) const;

  const Config& config_;
  const Api& api_;
};

}  // namespace hw::connectors::ga4_bigquery
