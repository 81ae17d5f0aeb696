#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/csv/files.h"

/// How far a stream has been read: the text of its cursor. Bounded, however many files come and go.
namespace hw::connectors::csv {

/// How many contents are remembered. Of more, those that arrived first are forgotten and the mark stands for them.
constexpr std::size_t kMostRemembered = 300;
/// Never more, even when a file that is still being written keeps the mark from rising.
constexpr std::size_t kHardLimit = 450;

/// The file that is being read page by page.
struct CurrentFile {
  std::string name, print, content;
  std::uint64_t offset = 0, line = 1;
};
/// A file that was read to its end.
struct ReadFile {
  std::string print, content;
  std::int64_t arrived_ns = 0;
};
/// A file that may still be written to, and since when it has looked as it does.
struct WaitingFile {
  std::string print;
  std::uint64_t name_hash = 0;
  std::int64_t since_us = 0;
  bool at_first_look = false;
};

struct Position {
  std::string mapping;  ///< fingerprint of the configuration the rows were read by
  bool looked = false;  ///< a look was taken
  bool swept = false;   ///< all that was there at the first look has been read
  std::optional<CurrentFile> current;
  std::vector<ReadFile> read;
  std::vector<WaitingFile> waiting;
  std::int64_t mark_ns = 0;  ///< (mark_ns, mark_print): what arrived no later has been read
  std::string mark_print;

  /// An empty or damaged text, or one of another mapping, is a beginning: reading again changes nothing that was read
  /// right.
  static Position parse(std::string_view text, std::string_view mapping);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] bool is_read(const FileState& file) const;
  [[nodiscard]] bool has_content(std::string_view content) const;
  /// Notes that `file` was read; `unread` are the other files of the same look, which the mark may not pass.
  void remember(const FileState& file, std::string content, const std::vector<FileState>& unread);
};

}  // namespace hw::connectors::csv
