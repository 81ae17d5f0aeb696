#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connect/options.h"

namespace hw::reconcile {

/// One line of a file of what another tool told platforms, by column name.
struct ImportLine {
  struct Cell {
    std::string text;
    connect::Mark at;
  };
  connect::Mark at;
  std::map<std::string, Cell, std::less<>> cells;

  [[nodiscard]] std::string text(std::string_view column) const;  ///< "" when empty or absent
  [[nodiscard]] connect::Mark mark(std::string_view column) const;
};

/// CSV (RFC 4180) with a header of: destination, key, time; object and id, or dedup_id; optional goal, value,
/// currency, action (one that the destination had before), and any of `identifiers` (click types and hash forms). Every
/// error is added with its file, line and column.
std::vector<ImportLine> read_import(std::string_view text, const std::string& file,
                                    const std::set<std::string>& identifiers,
                                    std::vector<connect::OptionError>& errors);

}  // namespace hw::reconcile
