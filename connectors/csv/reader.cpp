#include "connectors/csv/reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace hw::connectors::csv {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Windows-1252 0x80 to 0x9F; the five unassigned bytes stay control characters, as browsers have it.
constexpr std::array<char16_t, 32> kWindows = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                               0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                               0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                               0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

void append_windows(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_utf8(out, byte >= 0x80 && byte < 0xA0 ? kWindows[byte - 0x80] : byte);
  }
}

/// Line ends inside a quoted run: LF, CRLF and a lone CR count one each.
std::size_t count_lines(std::string_view run) {
  std::size_t lines = 0;
  for (std::size_t at = run.find_first_of("\r\n"); at != std::string_view::npos;
       at = run.find_first_of("\r\n", at + 1)) {
    if (run[at] == '\r' && at + 1 < run.size() && run[at + 1] == '\n') ++at;
    ++lines;
  }
  return lines;
}

/// The state of one parse_row() call.
class RowParser {
 public:
  RowParser(std::string_view bytes, bool at_end, const Dialect& dialect, Row& row)
      : bytes_(bytes),
        at_end_(at_end),
        delimiter_(dialect.delimiter),
        may_be_open_(dialect.last_line_may_be_open),
        row_(row) {}

  Parsed parse() {
    row_.clear();
    for (;;) {
      const bool quoted = at_ < bytes_.size() && bytes_[at_] == '"';
      if (!(quoted ? read_quoted() : read_plain())) return stopped();
      row_.end_field();
      if (at_ == bytes_.size()) return at_end_ ? ended(quoted) : Parsed{};
      const char c = bytes_[at_++];
      if (c == delimiter_) continue;
      if (c == '\n') return finished(quoted);
      // A CR: it needs a look at what follows.
      if (at_ == bytes_.size() && !at_end_) return stopped();
      if (at_ < bytes_.size() && bytes_[at_] == '\n') ++at_;
      return finished(quoted);
    }
  }

 private:
  Parsed stopped() const { return {code_ ? Parsed::What::fault : Parsed::What::need_more, 0, 0, code_ ? code_ : ""}; }

  /// By the file's end, not by a line's.
  Parsed ended(bool quoted) {
    Parsed row = finished(quoted);
    if (quoted || may_be_open_ || row.what == Parsed::What::blank) return row;
    fail("cut_off");
    return stopped();
  }

  Parsed finished(bool quoted) const {
    const bool blank = row_.size() == 1 && row_[0].empty() && !quoted;
    return {blank ? Parsed::What::blank : Parsed::What::row, at_, lines_, ""};
  }

  bool fail(const char* code) {
    code_ = code;
    return false;
  }

  bool append(std::size_t end) {
    row_.append(bytes_.substr(at_, end - at_));
    at_ = end;
    return row_.open_length() <= kLongestField || fail("field_too_long");
  }

  bool read_plain() {
    std::size_t end = at_;
    while (end < bytes_.size() && bytes_[end] != delimiter_ && bytes_[end] != '\n' && bytes_[end] != '\r') ++end;
    return append(end) && (end < bytes_.size() || at_end_);
  }

  bool read_quoted() {
    ++at_;
    for (;;) {
      const void* found = std::memchr(bytes_.data() + at_, '"', bytes_.size() - at_);
      const std::size_t quote =
          found ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes_.data()) : bytes_.size();
      lines_ += count_lines(bytes_.substr(at_, quote - at_));
      if (!append(quote)) return false;
      if (!found) return at_end_ && fail("unclosed_quote");
      ++at_;
      if (at_ == bytes_.size()) return at_end_;
      if (bytes_[at_] != '"') break;
      row_.append("\"");
      ++at_;
    }
    const char c = bytes_[at_];
    return c == delimiter_ || c == '\n' || c == '\r' || fail("text_after_quote");
  }

  std::string_view bytes_;
  bool at_end_;
  char delimiter_;
  bool may_be_open_;
  Row& row_;
  std::size_t at_ = 0, lines_ = 1;
  const char* code_ = nullptr;
};

const char* explain(std::string_view code) {
  if (code == "unclosed_quote")
    return "a quote opens here and is never closed: the file is cut off, or a quote must be doubled";
  if (code == "cut_off")
    return "the last line has no line end, so the file may be cut off: let the export end it, or set "
           "last_line_end: optional if it never does";
  if (code == "text_after_quote")
    return "text stands between a closing quote and the delimiter: a quote inside quotes must be doubled";
  if (code == "field_too_long") return "a field is longer than 256 KiB: is a quote missing its end?";
  if (code == "row_too_long") return "the row is longer than 1 MiB: is the delimiter right?";
  if (code == "encoding") return "the row is not valid UTF-8: set encoding to latin-1 or auto";
  return "the row holds a NUL byte: the file is damaged, or UTF-16";
}

}  // namespace

std::string Row::joined() const {
  std::string out;
  for (std::size_t i = 0; i < size(); ++i) out.append((*this)[i]).append(1, '\x1f');
  return out;
}

void Row::clear() {
  text_.clear();
  ends_.clear();
}

bool Row::decode(Encoding encoding) {
  if (is_ascii(text_)) return true;
  bool valid = encoding != Encoding::latin1;
  for (std::size_t i = 0; valid && i < size(); ++i) valid = is_valid_utf8((*this)[i]);
  if (valid) return true;
  if (encoding == Encoding::utf8) return false;
  std::string decoded;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < size(); ++i) {
    append_windows(decoded, (*this)[i]);
    ends.push_back(decoded.size());
  }
  text_ = std::move(decoded);
  ends_ = std::move(ends);
  return true;
}

Parsed parse_row(std::string_view bytes, bool at_end, const Dialect& dialect, Row& row) {
  return RowParser(bytes, at_end, dialect, row).parse();
}

Reader::Reader(Dialect dialect, ByteSource& source, std::uint64_t offset, std::uint64_t line)
    : dialect_(dialect), source_(source), offset_(offset), line_(line) {}

Status Reader::fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  // Doubling keeps the work linear when a long row is parsed again from its beginning.
  const std::size_t old = buffer_.size(), room = std::max(kChunk, old);
  buffer_.resize(old + room);
  const auto got = source_.read(buffer_.data() + old, room);
  buffer_.resize(old + (got ? *got : 0));
  if (!got) return got.error();
  at_end_ = *got == 0;
  return {};
}

void Reader::consume(std::size_t bytes, std::size_t lines) {
  begin_ += bytes;
  offset_ += bytes;
  line_ += lines;
}

Status Reader::skip_line() {
  for (;;) {
    const std::string_view bytes = rest();
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end != std::string_view::npos && (bytes[end] == '\n' || end + 1 < bytes.size() || at_end_)) {
      const bool pair = bytes[end] == '\r' && end + 1 < bytes.size() && bytes[end + 1] == '\n';
      consume(end + (pair ? 2 : 1), 1);
      return {};
    }
    consume(std::min(end, bytes.size()), 0);
    if (at_end_) return {};
    if (Status status = fill(); !status) return status;
  }
}

Result<Next> Reader::give_up(const char* code, std::uint64_t line) {
  if (Status status = skip_line(); !status) return status.error();
  return Next{Next::What::fault, line, code, explain(code)};
}

Result<Next> Reader::next(Row& row) {
  for (;;) {
    if (begin_ == buffer_.size() && !at_end_) {
      if (Status status = fill(); !status) return status.error();
    }
    if (!started_) {
      // Fewer than three bytes may have come yet; a row is never that short in a file with a mark.
      while (offset_ == 0 && rest().size() < kByteOrderMark.size() && !at_end_) {
        if (Status status = fill(); !status) return status.error();
      }
      if (offset_ == 0 && rest().starts_with(kByteOrderMark)) consume(kByteOrderMark.size(), 0);
      started_ = true;
    }
    if (rest().empty() && at_end_) return Next{Next::What::end, line_, "", ""};
    const Parsed parsed = parse_row(rest(), at_end_, dialect_, row);
    const std::uint64_t line = line_;
    switch (parsed.what) {
      case Parsed::What::blank:
        consume(parsed.bytes, parsed.lines);
        continue;
      case Parsed::What::need_more:
        if (rest().size() > kLongestRow) return give_up("row_too_long", line);
        if (Status status = fill(); !status) return status.error();
        continue;
      case Parsed::What::fault:
        return give_up(parsed.code, line);
      case Parsed::What::row:
        break;
    }
    if (parsed.bytes > kLongestRow) return give_up("row_too_long", line);
    const bool nul = std::memchr(rest().data(), 0, parsed.bytes) != nullptr;
    consume(parsed.bytes, parsed.lines);
    if (nul) return Next{Next::What::fault, line, "nul_byte", explain("nul_byte")};
    if (!row.decode(dialect_.encoding)) return Next{Next::What::fault, line, "encoding", explain("encoding")};
    return Next{Next::What::row, line, "", ""};
  }
}

}  // namespace hw::connectors::csv
