#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "connectors/_web/web.h"
#include "connectors/csv/cells.h"

// Bytes of a file: the reader must end, go forwards, keep its place (what it reads on from there is the same), and the
// cells must never look beyond a row.
namespace {

using namespace hw;
using namespace hw::connectors::csv;

class Bytes final : public ByteSource {
 public:
  Bytes(std::string_view bytes, std::size_t step) : bytes_(bytes), step_(step) {}
  Result<std::size_t> read(char* into, std::size_t room) override {
    const std::size_t n = std::min({room, bytes_.size(), step_});
    std::memcpy(into, bytes_.data(), n);
    bytes_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view bytes_;
  std::size_t step_;
};

void require(bool holds) {
  if (!holds) std::abort();
}

void read_cells(const Row& row) {
  FileConfig file;
  file.columns = {{"id", "1"}, {"created", "2"}, {"amount", "3"}, {"currency", "4"}};
  file.header = false;
  file.translations.push_back({"1", {"source", "medium"}, {}, {}});
  std::vector<std::string> header(row.size());
  const auto columns = Columns::bind(file, header);
  require(columns.has_value() == (row.size() >= 4));
  if (!columns) return;
  const Config config;
  Cells cells(*columns, config, file, row);
  (void)cells.time("created");
  (void)cells.micros("amount");
  (void)cells.currency("currency");
  (void)cells.count("amount");
  require(cells.text("medium").empty());
}

/// The same comes from this place in the file, however few bytes come at a time.
void read_from(std::string_view bytes, Dialect dialect, std::uint64_t offset, std::uint64_t line, const Next& expected,
               const std::string& joined) {
  Bytes source(bytes.substr(offset), 1 + offset % 5);
  Reader reader(dialect, source, offset, line);
  Row row;
  const auto next = reader.next(row);
  require(next && next->what == expected.what && next->line == expected.line);
  if (next->what == Next::What::row) require(row.joined() == joined);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr char kDelimiters[] = {',', ';', '\t', '|'};
  constexpr Encoding kEncodings[] = {Encoding::automatic, Encoding::utf8, Encoding::latin1};
  const Dialect dialect{kDelimiters[data[0] % 4], kEncodings[data[1] % 3]};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  Bytes source(bytes, bytes.size());
  Reader reader(dialect, source);
  Row row;
  for (std::size_t n = 0;; ++n) {
    const std::uint64_t offset = reader.offset(), line = reader.line();
    const auto next = reader.next(row);
    require(next.has_value());
    if (next->what == Next::What::end) break;
    require(reader.offset() > offset && reader.line() >= line && reader.offset() <= bytes.size());
    // The first bytes may be a byte order mark, which is one only there.
    if (n < 8 && offset > 0 && bytes.size() < 4096) read_from(bytes, dialect, offset, line, *next, row.joined());
    if (next->what == Next::What::row) read_cells(row);
  }
  return 0;
}
