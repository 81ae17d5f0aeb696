#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hw::report {

/// What a column's cells are. Cells are text whatever they are.
enum class Holds : std::uint8_t {
  text,    ///< data, shown as it is
  number,  ///< a quantity: right-aligned and by thousands ("12,345.60") for people, a JSON number where the text is one
  id,      ///< a number that names something: right-aligned, never changed ("headwater uploads show 12345")
  advice,  ///< Headwater's own words, which may name its commands
};

/// What every command prints: rows for people on a terminal, JSON or CSV for programs.
struct Column {
  std::string name;   ///< snake_case: the JSON and CSV key
  std::string title;  ///< for people
  Holds holds = Holds::text;
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
/// between. For people: a table of three columns or more that is wider than `terminal` (in characters; 0: as wide as
/// it needs) has its widest texts, and then its last columns, below each row under their titles, so that no id, amount
/// or command is ever cut.
std::string render(const std::vector<Table>& tables, Format format, std::size_t terminal = 0);

}  // namespace hw::report
