#include "report/table.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "model/money.h"

namespace hw::report {
namespace {

/// Display width of UTF-8 text: code points, which is right for the alphabets that reports hold.
std::size_t width(const std::string& s) {
  return static_cast<std::size_t>(
      std::count_if(s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& s, std::size_t to, bool right) {
  const std::size_t w = width(s);
  const std::string space(to > w ? to - w : 0, ' ');
  return right ? space + s : s + space;
}

std::string trimmed_end(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

/// A JSON number by its grammar (no leading zeros, no plus).
bool is_number(const std::string& s) {
  std::size_t i = s.starts_with('-') ? 1 : 0;
  const std::size_t digits = i;
  while (i < s.size() && std::isdigit(static_cast<unsigned char>(s[i]))) ++i;
  if (i == digits || (s[digits] == '0' && i > digits + 1)) return false;
  if (i == s.size()) return true;
  if (s[i] != '.') return false;
  const std::size_t fraction = ++i;
  while (i < s.size() && std::isdigit(static_cast<unsigned char>(s[i]))) ++i;
  return i == s.size() && i > fraction;
}

constexpr std::string_view kGap = "  ";
/// A text of so many characters is a name or a word, no sentence.
constexpr std::size_t kShort = 12;

bool right_aligned(const Column& c) { return c.holds == Holds::number || c.holds == Holds::id; }

/// A table as people read it, on a terminal of so many characters (0: as wide as it needs).
class ForPeople {
 public:
  ForPeople(const Table& table, std::size_t terminal) : table_(table), terminal_(terminal) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      std::size_t w = width(table.columns[c].title);
      for (const auto& row : table.rows) w = std::max(w, width(shown(row, c)));
      widths_.push_back(w);
      grid_.push_back(c);
    }
    while (terminal_ > 0 && table.columns.size() > 2 && grid_width() > terminal_ && move_one_below()) {
    }
    std::ranges::sort(below_);
  }

  [[nodiscard]] std::string text() const {
    std::string out = table_.title.empty() ? "" : table_.title + "\n";
    out += line([&](std::size_t c) { return table_.columns[c].title; });
    out += line([&](std::size_t c) { return std::string(widths_[c], '-'); });
    for (const auto& row : table_.rows) {
      out += line([&](std::size_t c) { return shown(row, c); });
      out += lines_below(row);
    }
    if (table_.rows.empty()) out += "(none)\n";
    if (!table_.note.empty()) out += table_.note + "\n";
    return out;
  }

 private:
  [[nodiscard]] std::string shown(const std::vector<std::string>& row, std::size_t c) const {
    return table_.columns[c].holds == Holds::number && is_number(row[c]) ? grouped(row[c]) : row[c];
  }

  [[nodiscard]] std::size_t grid_width() const {
    std::size_t sum = kGap.size() * (grid_.size() - 1);
    for (const std::size_t c : grid_) sum += widths_[c];
    return sum;
  }

  /// The widest text but the first column, which says what the row is. Where all are short, as the names of goals and
  /// currencies are, the last column.
  bool move_one_below() {
    auto chosen = grid_.begin();
    for (auto it = std::next(chosen); it != grid_.end(); ++it) {
      const bool is_long = !right_aligned(table_.columns[*it]) && widths_[*it] > kShort;
      if (is_long && (chosen == grid_.begin() || widths_[*it] >= widths_[*chosen])) chosen = it;
    }
    if (chosen == grid_.begin()) chosen = std::prev(grid_.end());
    if (chosen == grid_.begin()) return false;
    below_.push_back(*chosen);
    grid_.erase(chosen);
    return true;
  }

  template <class Cell>
  [[nodiscard]] std::string line(const Cell& cell) const {
    std::string out;
    for (const std::size_t c : grid_) {
      if (c != grid_.front()) out += kGap;
      out += padded(cell(c), widths_[c], right_aligned(table_.columns[c]));
    }
    return trimmed_end(std::move(out)) + "\n";
  }

  /// "    Title: cell" of what has no place in the grid, as many on a line as fit; a long one has its own, which the
  /// terminal wraps.
  [[nodiscard]] std::string lines_below(const std::vector<std::string>& row) const {
    std::string out, open;
    for (const std::size_t c : below_) {
      if (row[c].empty() || row[c] == "-") continue;
      const std::string& title = table_.columns[c].title;
      const std::string cell = (title.empty() ? "" : title + ": ") + shown(row, c);
      if (!open.empty() && width(open) + kGap.size() + width(cell) > terminal_) {
        out += std::exchange(open, "") + "\n";
      }
      open += (open.empty() ? "    " : std::string(kGap)) + cell;
    }
    return open.empty() ? out : out + open + "\n";
  }

  const Table& table_;
  std::size_t terminal_;
  std::vector<std::size_t> widths_;
  std::vector<std::size_t> grid_, below_;  ///< columns, in their order
};

std::string csv_cell(const std::string& s) {
  if (s.find_first_of(",\"\n\r") == std::string::npos) return s;
  std::string out = "\"";
  for (char c : s) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv(const Table& t) {
  std::string out;
  auto add = [&](std::size_t c, const std::string& cell) { out += (c ? "," : "") + csv_cell(cell); };
  for (std::size_t c = 0; c < t.columns.size(); ++c) add(c, t.columns[c].name);
  out += "\n";
  for (const auto& row : t.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) add(c, row[c]);
    out += "\n";
  }
  return out;
}

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void write_rows(Writer& w, const Table& t) {
  w.StartArray();
  for (const auto& row : t.rows) {
    w.StartObject();
    for (std::size_t c = 0; c < t.columns.size(); ++c) {
      w.Key(t.columns[c].name.c_str());
      if (right_aligned(t.columns[c]) && is_number(row[c])) {
        w.RawValue(row[c].c_str(), row[c].size(), rapidjson::kNumberType);
      } else {
        w.String(row[c].c_str());
      }
    }
    w.EndObject();
  }
  w.EndArray();
}

std::string json(const std::vector<Table>& tables) {
  rapidjson::StringBuffer buffer;
  Writer w(buffer);
  w.SetIndent(' ', 2);
  if (tables.size() == 1) {
    write_rows(w, tables.front());
  } else {
    w.StartObject();
    for (const Table& t : tables) {
      w.Key(t.name.c_str());
      write_rows(w, t);
    }
    w.EndObject();
  }
  return std::string(buffer.GetString()) + "\n";
}

}  // namespace

std::string render(const std::vector<Table>& tables, Format format, std::size_t terminal) {
  if (format == Format::json) return json(tables);
  std::string out;
  for (const Table& t : tables)
    out += (out.empty() ? "" : "\n") + (format == Format::csv ? csv(t) : ForPeople(t, terminal).text());
  return out;
}

}  // namespace hw::report
