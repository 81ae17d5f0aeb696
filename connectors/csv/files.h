#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/csv/reader.h"

/// Files and directories as a reader that may never trust them to stand still sees them.
namespace hw::connectors::csv {

/// One file at one look. Replacing, renaming, appending and touching each change its print.
struct FileState {
  std::string path, name;  ///< `name` is the last part of `path`
  std::uint64_t size = 0, inode = 0;
  std::int64_t modified_ns = 0;  ///< when the content was written, by the file system's clock
  std::int64_t arrived_ns = 0;   ///< when the file came to be here under this name (its change time)
  std::string print;             ///< 16 hex digits of all of the above but the directory
};

/// The regular files of a directory whose names match a shell pattern; hidden ones, *.tmp and *.part never. Links are
/// followed. Error: pause "csv_path".
Result<std::vector<FileState>> list_files(const std::string& directory, const std::string& pattern);
/// The file at `path`, or none. Error: pause "csv_path" when its directory is missing or it is a directory.
Result<std::vector<FileState>> find_file(const std::string& path);

/// An open file. What was opened stays readable when the name goes to another file.
class OpenFile final : public ByteSource {
 public:
  /// Error: retry "csv_vanished" when it is gone, pause "csv_path" when it may not be read.
  static Result<std::unique_ptr<OpenFile>> open(const FileState& file);
  ~OpenFile() override;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Result<std::size_t> read(char* into, std::size_t room) override;
  void seek(std::uint64_t offset) { offset_ = offset; }
  /// The state of what is open now, under the name it was opened by.
  Result<FileState> state() const;

 private:
  OpenFile(int fd, FileState file) : fd_(fd), file_(std::move(file)) {}
  int fd_;
  FileState file_;
  std::uint64_t offset_ = 0;
};

/// 32 hex digits that name the content: SHA-256 over the SHA-256 of each MiB. Leaves the file at its beginning.
Result<std::string> content_of(OpenFile& file);

}  // namespace hw::connectors::csv
