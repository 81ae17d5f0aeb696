#include "report/table.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <cctype>

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

std::string text(const Table& t) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < t.columns.size(); ++c) {
    std::size_t w = width(t.columns[c].title);
    for (const auto& row : t.rows) w = std::max(w, width(row[c]));
    widths.push_back(w);
  }
  auto line = [&](auto cell) {
    std::string out;
    for (std::size_t c = 0; c < t.columns.size(); ++c)
      out += (c ? "  " : "") + padded(cell(c), widths[c], t.columns[c].numeric);
    return trimmed_end(std::move(out)) + "\n";
  };
  std::string out = t.title.empty() ? "" : t.title + "\n";
  out += line([&](std::size_t c) { return t.columns[c].title; });
  out += line([&](std::size_t c) { return std::string(widths[c], '-'); });
  for (const auto& row : t.rows) out += line([&](std::size_t c) { return row[c]; });
  if (t.rows.empty()) out += "(none)\n";
  if (!t.note.empty()) out += t.note + "\n";
  return out;
}

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

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void write_rows(Writer& w, const Table& t) {
  w.StartArray();
  for (const auto& row : t.rows) {
    w.StartObject();
    for (std::size_t c = 0; c < t.columns.size(); ++c) {
      w.Key(t.columns[c].name.c_str());
      if (t.columns[c].numeric && is_number(row[c])) {
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

std::string render(const std::vector<Table>& tables, Format format) {
  if (format == Format::json) return json(tables);
  std::string out;
  for (const Table& t : tables) out += (out.empty() ? "" : "\n") + (format == Format::csv ? csv(t) : text(t));
  return out;
}

}  // namespace hw::report
