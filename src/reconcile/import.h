#pragma once
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcile/assess.h"
#include "reconcile/import_file.h"

/// Adopting what another tool told a platform, so that it is corrected and not repeated (`headwater ledger import`).
namespace hw::reconcile {

/// Code of an adopted row. Its conversion is not before go-live: it is told already, and corrected like any other.
inline constexpr const char* kImported = "imported";

struct Imported {
  struct Sum {
    std::int64_t n = 0, micros = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> adopted;  ///< (destination, currency)
  std::int64_t known = 0;                                      ///< lines that the ledger holds already
  std::int64_t bare = 0;  ///< adopted without an item: the platform's correction has nothing to refer to
};

/// Columns that a file may have beside the fixed ones: what the destinations' sinks identify by.
std::set<std::string> import_identifiers(const std::vector<DestinationPlan>& plans);

/// Every line becomes a row in state processed under its own key, of the conversion of its record that is nearest in
/// time. Without `write` nothing is written. The caller rolls back when there are errors. An action that a line names
/// is judged by its connector's type.
Imported import_lines(store::Tx& tx, const Frame& frame, const connect::Registry& registry,
                      const std::vector<ImportLine>& lines, bool write, std::vector<connect::OptionError>& errors);

}  // namespace hw::reconcile
