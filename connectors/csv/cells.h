#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/csv/config.h"
#include "model/money.h"

/// The canonical fields of one row, by name: from its column, else from a translation, else the default.
namespace hw::connectors::csv {

/// Where each field of a file stands, worked out once from its header.
class Columns {
 public:
  /// Error: reject_batch "csv_columns" naming the columns that the header lacks and the nearest that it has.
  static Result<Columns> bind(const FileConfig& file, const std::vector<std::string>& header);

  /// A value comes from somewhere: the row may say it.
  [[nodiscard]] bool has(std::string_view name) const { return sources_.find(name) != sources_.end(); }
  [[nodiscard]] std::size_t width() const { return width_; }

 private:
  friend class Cells;
  struct Source {
    std::optional<std::size_t> column;
    std::string column_name;                                        ///< for messages
    std::vector<std::pair<std::size_t, std::size_t>> translations;  ///< (translation, part)
    std::string otherwise;
  };
  std::map<std::string, Source, std::less<>> sources_;
  std::vector<std::size_t> translated_;  ///< column of each translation
  std::size_t width_ = 0;
};

/// One row seen through Columns. Readers of typed values note the first fault; the row is then set aside.
class Cells {
 public:
  Cells(const Columns& columns, const Config& config, const FileConfig& file, const Row& row)
      : columns_(columns), config_(config), file_(file), row_(row) {}

  [[nodiscard]] bool has(std::string_view name) const { return columns_.has(name); }
  /// Trimmed; "" when absent.
  [[nodiscard]] std::string text(std::string_view name) const;
  std::string required(std::string_view name);
  std::optional<ReadTime> time(std::string_view name);
  std::optional<std::int64_t> micros(std::string_view name);
  std::optional<Currency> currency(std::string_view name);
  std::int64_t count(std::string_view name);

  void fail(std::string code, std::string_view name, std::string_view expected);
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }
  [[nodiscard]] const Row& row() const { return row_; }

 private:
  const Columns& columns_;
  const Config& config_;
  const FileConfig& file_;
  const Row& row_;
  std::optional<Error> fault_;
};

}  // namespace hw::connectors::csv
