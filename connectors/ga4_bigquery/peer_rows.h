#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "connectors/ga4_bigquery/peer_export.h"
#include "connectors/ga4_bigquery/peer_statement.h"

namespace hw::sandbox::bigquery {

/// Query parameters by name; a text has one value.
using Parameters = std::map<std::string, std::vector<std::string>>;

/// Carries out a statement over these tables. Rows are as the API writes them: {"f":[{"v":...}]}.
std::vector<nlohmann::json> rows_of(const Statement& statement, const std::vector<ExportTable>& tables,
                                    const Parameters& parameters);
/// The columns of its answer.
nlohmann::json schema();

}  // namespace hw::sandbox::bigquery
