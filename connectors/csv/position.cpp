#include "connectors/csv/position.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/text.h"

namespace hw::connectors::csv {
namespace {

constexpr std::string_view kFormat = "csv1";

/// The words of one line of the text; a missing or unreadable one makes the whole text damaged.
class Words {
 public:
  explicit Words(std::string_view line) : words_(split(line, ' ')) {}
  std::string text() { return at_ < words_.size() ? percent_decode(words_[at_++]) : (damaged_ = true, std::string()); }
  template <class Int>
  Int number() {
    const std::string word = text();
    Int value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) damaged_ = true;
    return value;
  }
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
  bool damaged_ = false;
};

bool read_line(std::string_view line, Position& out) {
  Words words(line);
  const std::string what = words.text();
  if (what == kFormat) {
    out.mapping = words.text();
    out.looked = words.number<int>() != 0;
    out.swept = words.number<int>() != 0;
  } else if (what == "mark") {
    out.mark_ns = words.number<std::int64_t>();
    out.mark_print = words.text();
  } else if (what == "current") {
    CurrentFile& current = out.current.emplace();
    current.name = words.text();
    current.print = words.text();
    current.content = words.text();
    current.offset = words.number<std::uint64_t>();
    current.line = words.number<std::uint64_t>();
  } else if (what == "read") {
    ReadFile& read = out.read.emplace_back();
    read.print = words.text();
    read.content = words.text();
    read.arrived_ns = words.number<std::int64_t>();
  } else if (what == "waiting") {
    WaitingFile& waiting = out.waiting.emplace_back();
    waiting.print = words.text();
    waiting.name_hash = words.number<std::uint64_t>();
    waiting.since_us = words.number<std::int64_t>();
    waiting.at_first_look = words.number<int>() != 0;
  } else {
    return false;
  }
  return !words.damaged();
}

using Arrival = std::tuple<std::int64_t, std::string>;
Arrival arrival(const FileState& file) { return {file.arrived_ns, file.print}; }
Arrival arrival(const ReadFile& read) { return {read.arrived_ns, read.print}; }

}  // namespace

Position Position::parse(std::string_view text, std::string_view mapping) {
  Position beginning;
  beginning.mapping = mapping;
  if (!text.starts_with(kFormat)) return beginning;
  Position position;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty() && !read_line(line, position)) return beginning;
  }
  return position.mapping == mapping ? position : beginning;
}

std::string Position::text() const {
  std::string out = fmt::format("{} {} {:d} {:d}\n", kFormat, percent_encode(mapping), looked, swept);
  if (!mark_print.empty()) out += fmt::format("mark {} {}\n", mark_ns, mark_print);
  if (current) {
    out += fmt::format("current {} {} {} {} {}\n", percent_encode(current->name), current->print, current->content,
                       current->offset, current->line);
  }
  for (const ReadFile& r : read) out += fmt::format("read {} {} {}\n", r.print, r.content, r.arrived_ns);
  for (const WaitingFile& w : waiting) {
    out += fmt::format("waiting {} {} {} {:d}\n", w.print, w.name_hash, w.since_us, w.at_first_look);
  }
  return out;
}

bool Position::is_read(const FileState& file) const {
  if (arrival(file) <= Arrival{mark_ns, mark_print}) return true;
  return std::any_of(read.begin(), read.end(), [&](const ReadFile& r) { return r.print == file.print; });
}

bool Position::has_content(std::string_view content) const {
  return std::any_of(read.begin(), read.end(), [&](const ReadFile& r) { return r.content == content; });
}

void Position::remember(const FileState& file, std::string content, const std::vector<FileState>& unread) {
  read.push_back({file.print, std::move(content), file.arrived_ns});
  while (read.size() > kMostRemembered) {
    const auto first = std::min_element(read.begin(), read.end(),
                                        [](const ReadFile& a, const ReadFile& b) { return arrival(a) < arrival(b); });
    const Arrival lowest = arrival(*first);
    const bool passes_unread =
        std::any_of(unread.begin(), unread.end(), [&](const FileState& other) { return arrival(other) <= lowest; });
    if (passes_unread) return;
    if (lowest > Arrival{mark_ns, mark_print}) std::tie(mark_ns, mark_print) = lowest;
    read.erase(first);
  }
}

}  // namespace hw::connectors::csv
