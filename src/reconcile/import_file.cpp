#include "reconcile/import_file.h"

#include <algorithm>

#include "base/text.h"

namespace hw::reconcile {
namespace {

using connect::Mark;
using connect::OptionError;
using Cell = ImportLine::Cell;

/// Records of cells, each with the place where it begins.
class Csv {
 public:
  Csv(std::string_view text, const std::string& file, std::vector<OptionError>& errors)
      : text_(text), at_{file, 1, 1}, errors_(errors) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") pos_ = 3;
  }

  /// False at the end, or at text that cannot be divided into cells.
  bool next(std::vector<Cell>& cells) {
    cells.clear();
    while (!done() && (peek() == '\n' || peek() == '\r')) step();
    if (done()) return false;
    for (;;) {
      Cell cell{.text = {}, .at = at_};
      if (!read(cell)) return false;
      cells.push_back(std::move(cell));
      if (done()) return true;
      const bool another = peek() == ',';
      if (peek() == '\r') step();
      if (!done()) step();
      if (!another) return true;
    }
  }

 private:
  [[nodiscard]] bool done() const { return pos_ >= text_.size(); }
  [[nodiscard]] char peek() const { return text_[pos_]; }
  [[nodiscard]] bool ends_cell() const { return done() || peek() == ',' || peek() == '\n' || peek() == '\r'; }
  void step() {
    if (text_[pos_++] == '\n') {
      ++at_.line;
      at_.column = 1;
    } else {
      ++at_.column;
    }
  }

  bool read(Cell& cell) {
    if (done() || peek() != '"') {
      for (; !ends_cell(); step()) cell.text += peek();
      cell.text = std::string(trim(cell.text));
      return true;
    }
    step();
    for (;;) {
      if (done()) return refuse(cell.at, "a quoted cell begins here and never ends");
      const char c = peek();
      step();
      if (c == '"') {
        if (done() || peek() != '"') break;
        step();
      }
      cell.text += c;
    }
    return ends_cell() || refuse(at_, "text follows a quoted cell: double the quotes inside it");
  }
  bool refuse(const Mark& at, const char* why) {
    errors_.push_back({at, why});
    return false;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  Mark at_;
  std::vector<OptionError>& errors_;
};

void check_header(const std::vector<Cell>& header, const std::set<std::string>& identifiers,
                  std::vector<OptionError>& errors) {
  std::set<std::string> known{"destination", "goal", "object", "id",       "dedup_id",
                              "key",         "time", "value",  "currency", "action"};
  known.insert(identifiers.begin(), identifiers.end());
  std::set<std::string> seen;
  for (const Cell& cell : header) {
    const std::string name = to_lower_ascii(cell.text);
    if (!known.contains(name)) {
      const std::string near = nearest(name, {known.begin(), known.end()});
      errors.push_back({cell.at, "unknown column '" + cell.text + "'" +
                                     (near.empty() ? std::string() : ": did you mean '" + near + "'?")});
    } else if (!seen.insert(name).second) {
      errors.push_back({cell.at, "column '" + name + "' stands here twice"});
    }
  }
  const Mark& at = header.front().at;
  for (const char* column : {"destination", "key", "time"})
    if (!seen.contains(column)) errors.push_back({at, std::string("column '") + column + "' is missing"});
  if (!seen.contains("dedup_id") && !(seen.contains("object") && seen.contains("id")))
    errors.push_back({at, "columns 'object' and 'id' (or 'dedup_id') are missing: they name the record"});
}

}  // namespace

std::string ImportLine::text(std::string_view column) const {
  const auto found = cells.find(column);
  return found == cells.end() ? std::string() : found->second.text;
}

connect::Mark ImportLine::mark(std::string_view column) const {
  const auto found = cells.find(column);
  return found == cells.end() ? at : found->second.at;
}

std::vector<ImportLine> read_import(std::string_view text, const std::string& file,
                                    const std::set<std::string>& identifiers, std::vector<OptionError>& errors) {
  std::vector<ImportLine> out;
  Csv csv(text, file, errors);
  std::vector<Cell> header, cells;
  if (!csv.next(header)) {
    if (errors.empty()) errors.push_back({{file, 1, 1}, "the file is empty: its first line names the columns"});
    return out;
  }
  check_header(header, identifiers, errors);
  if (!errors.empty()) return out;
  while (csv.next(cells)) {
    if (cells.size() != header.size()) {
      errors.push_back({cells.front().at, "this line has " + std::to_string(cells.size()) + " cells, the header has " +
                                              std::to_string(header.size())});
      continue;
    }
    ImportLine line{.at = cells.front().at, .cells = {}};
    for (std::size_t i = 0; i < cells.size(); ++i) line.cells[to_lower_ascii(header[i].text)] = std::move(cells[i]);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace hw::reconcile
