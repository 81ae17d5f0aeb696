#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "connectors/ga4_bigquery/peer_answers.h"
#include "connectors/ga4_bigquery/peer_rows.h"

namespace hw::sandbox::bigquery {

/// The body of POST /queries, every field of which was read.
struct QueryRequest {
  std::string sql, location, request_id;
  bool dry_run = false;
  std::optional<std::int64_t> maximum_bytes_billed;
  std::size_t max_results = 10'000;
  Parameters parameters;
};

/// Strict: unknown fields and wrong types are refused, and only GoogleSQL with named parameters goes through.
std::variant<QueryRequest, Fault> read_request(const std::string& body);
/// Are exactly the parameters given that the statement names?
std::optional<Fault> parameters_fault(const Statement& statement, const Parameters& given);

}  // namespace hw::sandbox::bigquery
