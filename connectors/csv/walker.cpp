#include "connectors/csv/walker.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/hash.h"
#include "base/text.h"

namespace hw::connectors::csv {
namespace {

constexpr std::size_t kMostWaiting = 100;

Duration age(const FileState& file, Timestamp now) { return now - Timestamp{Duration{file.modified_ns / 1000}}; }

bool is_watched(const FileConfig& file) { return !file.pattern.empty(); }

template <class Range>
auto find_print(Range& range, std::string_view print) {
  return std::find_if(range.begin(), range.end(), [&](const auto& x) { return x.print == print; });
}

}  // namespace

Result<Header> read_header(const FileConfig& file, OpenFile& open) {
  open.seek(0);
  Dialect dialect = file.dialect;
  dialect.last_line_may_be_open = true;  // no row follows it then
  Reader reader(dialect, open);
  Row row;
  const auto next = reader.next(row);
  if (!next) return next.error();
  if (next->what == Next::What::end) return Header{};
  if (next->what == Next::What::fault) return Error{Action::reject_batch, next->code, next->detail};
  Header header;
  for (std::size_t i = 0; i < row.size(); ++i) {
    header.names.push_back(file.header ? std::string(trim(row[i])) : std::to_string(i + 1));
  }
  if (!file.header) return header;
  header.offset = reader.offset();
  header.line = reader.line();
  return header;
}

Result<std::vector<FileState>> files_of(const FileConfig& file) {
  return is_watched(file) ? list_files(file.path, file.pattern) : find_file(file.path);
}

Result<Walked> Walker::walk(std::string_view cursor) {
  position_ = Position::parse(cursor, file_.fingerprint);
  if (Status status = look(); !status) return status.error();
  while (!is_full()) {
    if (stop_.stop_requested()) return Error{Action::retry, "stopped", file_.path + ": stopped while reading"};
    const FileState* next = position_.current ? nullptr : choose();
    if (!position_.current && next == nullptr) break;
    if (Status status = next ? start(*next) : read_current(); !status) return status.error();
  }
  return finish();
}

Status Walker::look() {
  auto files = files_of(file_);
  if (!files) return files.error();
  if (files->empty() && !is_watched(file_) && !position_.looked) {
    return Error{Action::pause, "csv_path", file_.path + ": no such file; put it there, or correct `path`"};
  }
  look_after_current(*files);
  sort_out(std::move(*files));
  return {};
}

/// The file that is being read may have gone, been touched or been replaced since the last page.
void Walker::look_after_current(const std::vector<FileState>& files) {
  if (!position_.current) return;
  CurrentFile& current = *position_.current;
  const auto state =
      std::find_if(files.begin(), files.end(), [&](const FileState& f) { return f.name == current.name; });
  if (state == files.end()) {
    reject(fmt::format("{}:{}", current.name, current.line), "file_vanished",
           "the file went away before it was read to its end; the rows from here on are missing");
    position_.current.reset();
    return;
  }
  if (state->print != current.print) {
    const auto open = OpenFile::open(*state);
    const auto content = open ? content_of(**open) : Result<std::string>(open.error());
    if (!content || *content != current.content) {
      position_.current.reset();
      return;
    }
    current.print = state->print;
  }
  current_ = *state;
}

void Walker::sort_out(std::vector<FileState> files) {
  const std::vector<WaitingFile> before = std::move(position_.waiting);
  position_.waiting.clear();
  std::sort(files.begin(), files.end(),
            [](const FileState& a, const FileState& b) { return a.arrived_ns < b.arrived_ns; });
  for (FileState& file : files) {
    if (position_.is_read(file) || (current_ && current_->print == file.print)) continue;
    const auto waited = find_print(before, file.print);
    const bool stood_still = waited != before.end() && now_ - from_micros(waited->since_us) >= settle_;
    if (stood_still || age(file, now_) >= settle_ || settle_ == Duration::zero()) {
      ready_.push_back(std::move(file));
    } else {
      wait_for(file, before);
      unsettled_.push_back(std::move(file));
    }
  }
  position_.looked = true;
}

void Walker::wait_for(const FileState& file, const std::vector<WaitingFile>& before) {
  if (position_.waiting.size() == kMostWaiting) return;
  WaitingFile waiting{file.print, hash64(file.name), to_micros(now_), !position_.looked};
  for (const WaitingFile& earlier : before) {
    if (earlier.name_hash != waiting.name_hash) continue;
    waiting.at_first_look = earlier.at_first_look;
    if (earlier.print == waiting.print) waiting.since_us = earlier.since_us;
  }
  position_.waiting.push_back(std::move(waiting));
}

/// By file time, then name. Where more files lie than can be remembered, by arrival: then the mark can rise behind
/// them.
const FileState* Walker::choose() const {
  if (ready_.empty() || position_.read.size() >= kHardLimit) return nullptr;
  const bool by_arrival = position_.read.size() >= kMostRemembered;
  return &*std::min_element(ready_.begin(), ready_.end(), [&](const FileState& a, const FileState& b) {
    if (by_arrival) return std::tie(a.arrived_ns, a.print) < std::tie(b.arrived_ns, b.print);
    return std::tie(a.modified_ns, a.name) < std::tie(b.modified_ns, b.name);
  });
}

void Walker::forget_unread(const std::string& print) {
  if (const auto it = find_print(ready_, print); it != ready_.end()) ready_.erase(it);
}

/// Makes `chosen` the current file, unless its content was read before.
Status Walker::start(const FileState& chosen) {
  const FileState file = chosen;
  forget_unread(file.print);
  const auto open = OpenFile::open(file);
  if (!open) return open.error().code == "csv_vanished" ? Status() : Status(open.error());
  auto content = content_of(**open);
  if (!content) return content.error();
  const auto state = (*open)->state();
  if (!state) return state.error();
  if (state->print != file.print) {
    out_.more = true;  // It changed under the look: the next one sees what it is now.
    return {};
  }
  current_ = file;
  const bool is_known = position_.has_content(*content);
  position_.current = {file.name, file.print, std::move(*content), 0, 1};
  if (is_known) finish_file();
  return {};
}

Status Walker::read_current() {
  const auto open = OpenFile::open(*current_);
  const auto state = open ? (*open)->state() : Result<FileState>(open.error());
  if (!state && state.error().code != "csv_vanished") return state.error();
  if (!state || state->print != current_->print) {
    // Replaced since this look. The position stays: the next look finds out what became of the file.
    out_.more = true;
    limit_ = 0;
    return {};
  }
  const auto header = read_header(file_, **open);
  if (!header) return set_aside(header.error());
  if (Status status = header->names.empty() ? Status() : taker_.begin(header->names, *current_); !status) {
    return set_aside(status.error());
  }
  const std::size_t taken = taker_.taken(), rejected = out_.rejected.size();
  const CurrentFile before = *position_.current;
  const auto at_end = read_rows(**open, *header);
  if (!at_end) return at_end.error();
  const auto after = (*open)->state();
  if (!after) return after.error();
  if (after->size != state->size || after->modified_ns != state->modified_ns) {
    // Written to while it was read: what was read may be half of the old and half of the new.
    taker_.give_back(taken);
    out_.rejected.resize(rejected);
    position_.current = before;
    out_.more = true;
    limit_ = 0;
    return {};
  }
  if (*at_end) finish_file();
  return {};
}

/// Reads until the page is full (false) or the file ends (true).
Result<bool> Walker::read_rows(OpenFile& open, const Header& header) {
  CurrentFile& current = *position_.current;
  if (current.offset < header.offset) {
    current.offset = header.offset;
    current.line = header.line;
  }
  if (taker_.goes_on_at(current, current.offset == header.offset))
    if (Status status = pass_over_earlier_rows(open, header); !status) return status.error();
  open.seek(current.offset);
  Reader reader(file_.dialect, open, current.offset, current.line);
  Row row;
  bool at_end = false;
  while (!at_end && !is_full()) {
    const auto next = reader.next(row);
    if (!next) return next.error();
    switch (next->what) {
      case Next::What::end:
        at_end = true;
        break;
      case Next::What::fault:
        reject(fmt::format("{}:{}", current.name, next->line), next->code, next->detail);
        break;
      case Next::What::row:
        take_row(row, header.names.size(), next->line);
        break;
    }
  }
  current.offset = reader.offset();
  current.line = reader.line();
  taker_.stopped_at(current);
  return at_end;
}

Status Walker::pass_over_earlier_rows(OpenFile& open, const Header& header) {
  open.seek(header.offset);
  Reader reader(file_.dialect, open, header.offset, header.line);
  Row row;
  while (reader.offset() < position_.current->offset && !stop_.stop_requested()) {
    const auto next = reader.next(row);
    if (!next) return next.error();
    if (next->what == Next::What::end) break;
    if (next->what == Next::What::row && row.size() == header.names.size()) taker_.pass_over(row, next->line);
  }
  return {};
}

void Walker::take_row(const Row& row, std::size_t width, std::uint64_t line) {
  const std::string where = fmt::format("{}:{}", position_.current->name, line);
  if (row.size() != width) {
    reject(where, "column_count", fmt::format("expected {} columns as in the first row, found {}", width, row.size()));
  } else if (const auto problem = taker_.take(row, line, where)) {
    reject(where, problem->code, problem->detail);
  }
}

/// A file that cannot be read as it is. A single file is what the configuration is about, so the stream pauses until
/// one of them is mended; in a watched directory the others go on.
Status Walker::set_aside(const Error& problem) {
  if (problem.action != Action::reject_batch) return problem;
  if (!is_watched(file_)) {
    return Error{Action::pause, "csv_columns",
                 fmt::format("{}: {}; correct the file or `columns`", file_.path, problem.detail)};
  }
  reject(current_->name + ":1", problem.code, problem.detail + "; the whole file was set aside");
  finish_file();
  return {};
}

void Walker::finish_file() {
  std::vector<FileState> unread = ready_;
  unread.insert(unread.end(), unsettled_.begin(), unsettled_.end());
  // A single file that goes back to an earlier content says something new; in a directory it is an old file sent again.
  if (!is_watched(file_)) position_.read.clear();
  position_.remember(*current_, std::move(position_.current->content), unread);
  position_.current.reset();
  current_.reset();
}

void Walker::reject(const std::string& where, std::string code, std::string detail) {
  out_.rejected.push_back({where, std::move(code), std::move(detail)});
}

Walked Walker::finish() {
  const bool goes_on = position_.current || choose() != nullptr;
  out_.more = out_.more || goes_on;
  if (!out_.more && !unsettled_.empty()) {
    Duration wait = settle_;
    for (const WaitingFile& w : position_.waiting) wait = std::min(wait, settle_ - (now_ - from_micros(w.since_us)));
    out_.again_in = std::max<Duration>(wait, std::chrono::seconds(1));
  }
  const bool misses_a_first = std::any_of(position_.waiting.begin(), position_.waiting.end(),
                                          [](const WaitingFile& w) { return w.at_first_look; });
  if (!out_.more && !misses_a_first && position_.waiting.size() < kMostWaiting) position_.swept = true;
  out_.sweep_complete = position_.swept && !out_.more;
  out_.next = position_.text();
  return std::move(out_);
}

}  // namespace hw::connectors::csv
