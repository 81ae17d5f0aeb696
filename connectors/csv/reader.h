#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// RFC 4180 as files in the field practise it: quotes, newlines inside quotes, CRLF, LF or CR, any one-byte delimiter,
/// a byte order mark, UTF-8 or Windows-1252. A broken row is reported and left behind at the end of its first line, so
/// that one stray quote costs one row and not the rest of the file.
namespace hw::connectors::csv {

constexpr std::size_t kLongestField = 256 * 1024;
constexpr std::size_t kLongestRow = 1024 * 1024;

/// `latin1` is read as Windows-1252, its superset, as browsers do. `automatic`: a row that is no valid UTF-8 is
/// Windows-1252.
enum class Encoding : std::uint8_t { automatic, utf8, latin1 };

struct Dialect {
  char delimiter = ',';
  Encoding encoding = Encoding::automatic;
  /// The last row may do without a line end. Else it is taken for cut off where its last cell has no quotes: half an
  /// amount is an amount.
  bool last_line_may_be_open = false;
};

/// The fields of one row as UTF-8, without the quotes. One Row is used again and again: it keeps its memory.
class Row {
 public:
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }
  /// All fields in one text, each ended by a unit separator: what a row's hash is made of.
  [[nodiscard]] std::string joined() const;

  void clear();
  void append(std::string_view run) { text_.append(run); }
  void end_field() { ends_.push_back(text_.size()); }
  [[nodiscard]] std::size_t open_length() const { return text_.size() - (ends_.empty() ? 0 : ends_.back()); }
  /// Turns the bytes into UTF-8; false when they are not in the encoding.
  bool decode(Encoding encoding);

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

/// What stands at the beginning of some bytes.
struct Parsed {
  enum class What : std::uint8_t {
    row,
    blank,      ///< an empty line
    need_more,  ///< the bytes end inside the row
    fault,
  } what = What::need_more;
  std::size_t bytes = 0;  ///< row, blank: its length with the line end
  std::size_t lines = 0;  ///< and how many lines that is
  const char* code = "";  ///< fault: "unclosed_quote", "cut_off", "text_after_quote", "field_too_long", "row_too_long"
};

/// Reads one row off the front of `bytes`. `at_end`: nothing follows them. Pure.
Parsed parse_row(std::string_view bytes, bool at_end, const Dialect& dialect, Row& row);

/// Where bytes come from.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads up to `room` bytes; 0 = the end.
  virtual Result<std::size_t> read(char* into, std::size_t room) = 0;
};

/// One row, or why it is none.
struct Next {
  enum class What : std::uint8_t { row, fault, end } what = What::end;
  std::uint64_t line = 0;    ///< the line on which the row begins, from 1
  std::string code, detail;  ///< fault; also "encoding" and "nul_byte"
};

/// Rows of a byte stream. Not thread-safe; `source` outlives it.
class Reader {
 public:
  /// `offset` and `line` tell where in the file `source` stands; a byte order mark is skipped at offset 0 alone.
  Reader(Dialect dialect, ByteSource& source, std::uint64_t offset = 0, std::uint64_t line = 1);
  /// The next row or fault; empty lines are passed over. Errors are those of the source.
  Result<Next> next(Row& row);
  /// Where the next row begins.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  Status fill();
  void consume(std::size_t bytes, std::size_t lines);
  Status skip_line();
  Result<Next> give_up(const char* code, std::uint64_t line);
  [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }

  Dialect dialect_;
  ByteSource& source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::uint64_t offset_, line_;
  bool at_end_ = false, started_ = false;
};

}  // namespace hw::connectors::csv
