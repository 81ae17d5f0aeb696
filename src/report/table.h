#pragma once
#include <string>
#include <vector>

namespace hw::report {

/// What every command prints: rows for people on a terminal, JSON or CSV for programs. Cells are text; `numeric`
/// columns are right-aligned for people and written as JSON numbers where the text is one.
struct Column {
  std::string name;   ///< snake_case: the JSON and CSV key
  std::string title;  ///< for people
  bool numeric = false;
};
struct Table {
  std::string name;  ///< JSON key when several tables are printed
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
  std::string note;  ///< a line below, for people
};

enum class Format { text, json, csv };

/// One table: CSV with header; JSON as an array of objects; several: JSON as an object of arrays, CSV with a blank line
/// between.
std::string render(const std::vector<Table>& tables, Format format);

}  // namespace hw::report
