#include "connectors/ga4_bigquery/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/log.h"

namespace hw::connectors::ga4_bigquery {

namespace {

/// A query that fails again and again is paid again and again.
constexpr Duration kBetweenRuns = std::chrono::hours(1);

/// Asking for this job's answer once more would bring the same.
bool is_over(const Error& e) {
  static const std::set<std::string_view> codes = {"not_found",     "job_stopped",        "job_timeout",
                                                   "backend_error", "resources_exceeded", "response_too_large",
                                                   "invalid_query", "bytes_limit"};
  return codes.contains(e.code);
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
  const bool is_large = bytes >= 1 << 30;
  const std::int64_t unit = is_large ? 1 << 30 : 1 << 20;
  return fmt::format("{}.{} {}", bytes / unit, bytes % unit * 10 / unit, is_large ? "GiB" : "MiB");
}

Result<std::int64_t> Runner::estimate(const Query& query, const std::string& location, const std::string& what,
                                      const connect::Context& context) const {
  Result<http::Response> response =
      api_.post(queries_path(config_), estimate_body(config_, query, location), {}, context);
  if (!response) return response.error();
  Result<std::int64_t> bytes = decode_estimate(response->body);
  if (!bytes || *bytes <= config_.max_bytes_per_query) return bytes;
  return Error{Action::pause,
               "bytes_limit",
               fmt::format("{} would read {} ({} bytes), more than max_bytes_per_query, {}: raise it, or lower days; "
                           "nothing was read",
                           what, bytes_text(*bytes), *bytes, bytes_text(config_.max_bytes_per_query)),
               {},
               false};
}

Run Runner::run_of(const std::string& location, std::size_t rows, const connect::Context& context) const {
  // BigQuery answers before the client would give up.
  constexpr Duration kPatience = std::chrono::seconds(30);
  return {.location = location,
          .request_id = {},
          .rows = std::clamp<std::size_t>(rows, 1, config_.page_rows),
          .timeout = std::min(kPatience, context.timeout / 2)};
}

Result<Runner::Part> Runner::begin(const Query& query, const std::string& location, const std::string& id,
                                   std::size_t rows, const std::vector<http::Lane>& lanes,
                                   const connect::Context& context) const {
  Run run = run_of(location, rows, context);
  run.request_id = sha256_hex(config_.instance + "\n" + id).substr(0, 32);  // BigQuery takes at most 36 characters
  Result<http::Response> response = api_.post(queries_path(config_), run_body(config_, query, run), lanes, context);
  if (!response) return response.error();
  return part_of(*response, {});
}

Result<Runner::Part> Runner::go_on(const Job& job, const std::string& location, std::size_t rows,
                                   const connect::Context& context) const {
  Result<http::Response> response =
      api_.get(results_path(config_, job.id, job.page_token, run_of(location, rows, context)), context);
  Result<Part> part = response ? part_of(*response, job) : Result<Part>(response.error());
  if (part || !is_over(part.error())) return part;
  log_event(Level::warn, "query_lost",
            {{"connector", config_.instance}, {"code", part.error().code}, {"attempt", job.lost + 1}});
  Part anew{.rows = {}, .job = {.id = {}, .page_token = {}, .lost = job.lost + 1}, .again_in = {}, .is_last = false};
  if (job.lost > 0) anew.again_in = kBetweenRuns;
  return anew;
}

Result<Runner::Part> Runner::part_of(const http::Response& response, const Job& before) const {
  Result<QueryAnswer> answer = decode_query(response.body);
  if (!answer) return answer.error();
  Part part;
  part.rows = std::move(answer->rows);
  if (!answer->complete) {
    part.job = {answer->job, "", before.lost};
    part.again_in = config_.poll_every;
  } else if (!answer->page_token.empty()) {
    if (answer->page_token == before.page_token) return bad_answer("a page that had been read is repeated");
    part.job = {answer->job, answer->page_token, before.lost};
  } else {
    part.is_last = true;
  }
  return part;
}

}  // namespace hw::connectors::ga4_bigquery
