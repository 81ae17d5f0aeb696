#include "connectors/csv/cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace hw::connectors::csv {
namespace {

/// Finds columns in a header and gathers what is missing.
class ColumnFinder {
 public:
  ColumnFinder(const std::vector<std::string>& names, bool by_name) : names_(names), by_name_(by_name) {}

  std::size_t find(const std::string& column) {
    std::size_t at = names_.size();
    if (by_name_) {
      at = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), column) - names_.begin());
    } else {
      std::from_chars(column.data(), column.data() + column.size(), at);
      --at;
    }
    if (at >= names_.size()) note_missing(column);
    return at;
  }

  [[nodiscard]] std::optional<Error> missing() const {
    if (missing_.empty()) return {};
    return Error{Action::reject_batch, "csv_columns", fmt::format("{}", fmt::join(missing_, "; "))};
  }

 private:
  void note_missing(const std::string& column) {
    const std::string near = by_name_ ? nearest(column, names_) : "";
    std::string text = near.empty() ? fmt::format("no column '{}' among {}", column, names_.size())
                                    : fmt::format("no column '{}'; did you mean '{}'?", column, near);
    if (std::find(missing_.begin(), missing_.end(), text) == missing_.end()) missing_.push_back(std::move(text));
  }

  const std::vector<std::string>& names_;
  bool by_name_;
  std::vector<std::string> missing_;
};

}  // namespace

Result<Columns> Columns::bind(const FileConfig& file, const std::vector<std::string>& header) {
  Columns columns;
  columns.width_ = header.size();
  ColumnFinder names(header, file.header);
  const auto from_column = [&](const std::string& name, const std::string& column) {
    Source& source = columns.sources_[name];
    source.column = names.find(column);
    source.column_name = column;
  };
  for (const auto& [name, column] : file.columns) from_column(name, column);
  for (const FieldColumn& field : file.fields) from_column(std::string(kFieldPrefix) + field.name, field.column);
  for (std::size_t t = 0; t < file.translations.size(); ++t) {
    const Translation& translation = file.translations[t];
    columns.translated_.push_back(names.find(translation.column));
    for (std::size_t part = 0; part < translation.to.size(); ++part) {
      Source& source = columns.sources_[translation.to[part]];
      source.translations.emplace_back(t, part);
      source.column_name = translation.column;
    }
  }
  for (const auto& [name, value] : file.defaults) columns.sources_[name].otherwise = value;
  if (auto missing = names.missing()) return std::move(*missing);
  return columns;
}

std::string Cells::text(std::string_view name) const {
  const auto found = columns_.sources_.find(name);
  if (found == columns_.sources_.end()) return {};
  const Columns::Source& source = found->second;
  if (source.column) {
    const std::string_view value = trim(row_[*source.column]);
    if (!value.empty()) return std::string(value);
  }
  for (const auto& [t, part] : source.translations) {
    const Translation& translation = file_.translations[t];
    const std::string_view value = trim(row_[columns_.translated_[t]]);
    const auto meaning = translation.values.find(to_lower_utf8(value));
    if (meaning != translation.values.end()) return meaning->second[part];
    if (value.empty()) continue;
    if (translation.otherwise) return (*translation.otherwise)[part];
    if (part == 0) return std::string(value);
  }
  return source.otherwise;
}

void Cells::fail(std::string code, std::string_view name, std::string_view expected) {
  if (fault_) return;
  const auto found = columns_.sources_.find(name);
  const bool has_column = found != columns_.sources_.end() && !found->second.column_name.empty();
  const std::string where =
      has_column ? fmt::format("column '{}' ({})", found->second.column_name, name) : std::string(name);
  fault_ = Error{Action::reject_row, std::move(code), fmt::format("{}: expected {}", where, expected)};
}

std::string Cells::required(std::string_view name) {
  std::string value = text(name);
  if (value.empty()) fail("missing_value", name, "a value, found none");
  return value;
}

std::optional<ReadTime> Cells::time(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return {};
  if (auto read = read_time(value, config_.zone, file_.time_format)) return *read;
  fail("time", name,
       file_.time_format.empty() ? std::string("a time such as 2026-11-20 16:04:09; set time_format for another form")
                                 : fmt::format("a time written as {}", file_.time_format));
  return {};
}

std::optional<std::int64_t> Cells::micros(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return {};
  if (auto read = parse_micros(value, config_.decimal_comma)) return *read;
  fail("amount", name,
       config_.decimal_comma ? "an amount such as 18.250,00 (decimal_comma: true)"
                             : "an amount such as 18250.00 (decimal_comma: false)");
  return {};
}

std::optional<Currency> Cells::currency(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return {};
  if (auto read = Currency::parse(value)) return *read;
  fail("currency", name, "an ISO 4217 code such as EUR");
  return {};
}

std::int64_t Cells::count(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return 0;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 0) fail("number", name, "a whole number");
  return number;
}

}  // namespace hw::connectors::csv
