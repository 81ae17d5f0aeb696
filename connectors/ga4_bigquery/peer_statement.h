#pragma once
#include <optional>
#include <string>
#include <variant>

#include "connectors/ga4_bigquery/peer_answers.h"

namespace hw::sandbox::bigquery {

/// A statement over the export that this peer can carry out: one row a visit.
struct Statement {
  std::string project, dataset, table;  ///< table: a name, or "events_20*"
  bool names_collected = false, names_last_click = false, names_first_touch = false;
  bool of_people = false;  ///< of @clients, @members, @clicks alone
  [[nodiscard]] bool is_history() const { return table.ends_with('*'); }
};

/// White space does not matter; any other text is an invalid query.
std::variant<Statement, Fault> recognise(const std::string& sql);

}  // namespace hw::sandbox::bigquery
