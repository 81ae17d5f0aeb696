#pragma once
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "connect/connector.h"
#include "connectors/csv/config.h"
#include "connectors/csv/files.h"
#include "connectors/csv/position.h"

/// Walks the files of one entry: which are to be read, how far this page goes, and what the cursor must keep of it.
namespace hw::connectors::csv {

/// Takes the rows of the files as they come.
class RowTaker {
 public:
  virtual ~RowTaker() = default;
  /// A file begins or goes on. Error: its header lacks a column.
  virtual Status begin(const std::vector<std::string>& header, const FileState& file) = 0;
  /// nullopt when the row was taken. `where` is "leads.csv:17".
  virtual std::optional<Error> take(const Row& row, std::uint64_t line, const std::string& where) = 0;
  /// The rows go on at `place`. True when what follows depends on rows that this taker has not seen: those before
  /// `place` are then told by pass_over(), from the file's first row on.
  virtual bool goes_on_at(const CurrentFile& place, bool at_first_row) = 0;
  virtual void pass_over(const Row& row, std::uint64_t line) = 0;
  virtual void stopped_at(const CurrentFile& place) = 0;
  [[nodiscard]] virtual std::size_t taken() const = 0;
  /// Gives back what was taken beyond the first `count`: the file changed while it was read.
  virtual void give_back(std::size_t count) = 0;
};

/// A page as far as it does not depend on what the rows are.
struct Walked {
  std::vector<connect::RejectedRow> rejected;
  std::string next;
  bool more = false, sweep_complete = false;
  std::optional<Duration> again_in;
};

/// The first row, or with `header: false` the numbers 1 to n of the columns it has.
struct Header {
  std::vector<std::string> names;
  std::uint64_t offset = 0, line = 1;  ///< where the rows begin
};
/// An empty file has no names. Error: reject_batch when the first row is broken; otherwise the file's own.
Result<Header> read_header(const FileConfig& file, OpenFile& open);

/// The files that the entry names now.
Result<std::vector<FileState>> files_of(const FileConfig& file);

class Walker {
 public:
  Walker(const FileConfig& file, Duration settle, Timestamp now, std::stop_token stop, RowTaker& taker,
         std::size_t limit)
      : file_(file), settle_(settle), now_(now), stop_(std::move(stop)), taker_(taker), limit_(limit) {}

  /// One page after `cursor`. Errors: pause "csv_path" and "csv_columns", retry "csv_read" and "stopped".
  Result<Walked> walk(std::string_view cursor);

 private:
  Status look();
  void look_after_current(const std::vector<FileState>& files);
  void sort_out(std::vector<FileState> files);
  bool is_settled(const FileState& file) const;
  void wait_for(const FileState& file, const std::vector<WaitingFile>& before);
  const FileState* choose() const;
  Status start(const FileState& file);
  Status read_current();
  Result<bool> read_rows(OpenFile& open, const Header& header);
  Status pass_over_earlier_rows(OpenFile& open, const Header& header);
  void take_row(const Row& row, std::size_t width, std::uint64_t line);
  Status set_aside(const Error& problem);
  void finish_file();
  void forget_unread(const std::string& print);
  void reject(const std::string& where, std::string code, std::string detail);
  [[nodiscard]] bool is_full() const { return taker_.taken() + out_.rejected.size() >= limit_; }
  Walked finish();

  const FileConfig& file_;
  Duration settle_;
  Timestamp now_;
  std::stop_token stop_;
  RowTaker& taker_;
  std::size_t limit_;

  Position position_;
  std::optional<FileState> current_;  ///< the state of position_.current at this look
  std::vector<FileState> ready_;      ///< unread and settled
  std::vector<FileState> unsettled_;  ///< unread, may still be written to
  Walked out_;
};

}  // namespace hw::connectors::csv
