#include "conformance/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/text.h"
#include "conformance/paths.h"

namespace hw::conformance {
namespace {

std::string tail(const std::optional<Duration>& after, bool maybe_applied) {
  std::string out;
  if (after) out += fmt::format(", after {} s", std::chrono::duration_cast<std::chrono::seconds>(*after).count());
  if (maybe_applied) out += ", maybe applied";
  return out;
}

const char* scope_text(connect::Scope scope) {
  switch (scope) {
    case connect::Scope::row:
      return "";
    case connect::Scope::request:
      return "(request)";
    case connect::Scope::destination:
      return "(destination)";
    case connect::Scope::connector:
      return "(connector)";
  }
  return "";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Three digits that stand alone.
void add_statuses(std::string_view cell, std::vector<std::string>& out) {
  for (std::size_t i = 0; i + 3 <= cell.size(); ++i) {
    const bool digits =
        std::all_of(cell.begin() + static_cast<long>(i), cell.begin() + static_cast<long>(i) + 3, is_digit);
    const bool alone = (i == 0 || !is_word(cell[i - 1])) && (i + 3 == cell.size() || !is_word(cell[i + 3]));
    if (digits && alone) out.emplace_back(cell.substr(i, 3));
  }
}

bool is_option(std::string_view word) {
  return word.find('_') != std::string_view::npos && word == to_lower_ascii(word);
}

/// `CODE`, without what stands for "and so on".
void add_quoted(std::string_view cell, std::vector<std::string>& out) {
  for (std::size_t at = 0; (at = cell.find('`', at)) != std::string_view::npos;) {
    const std::size_t end = cell.find('`', at + 1);
    if (end == std::string_view::npos) return;
    std::string_view word = cell.substr(at + 1, end - at - 1);
    word = word.substr(0, std::min(word.find("…"), word.find("...")));
    if (!word.empty() && !is_option(word)) out.emplace_back(word);
    at = end + 1;
  }
}

}  // namespace

std::string words(const connect::Outcome& o) {
  std::string out = std::string(connect::to_string(o.verdict)) + scope_text(o.scope);
  if (!o.code.empty()) out += " " + o.code;
  return out + tail(o.after, o.maybe_applied) + (o.spends_attempt ? "" : ", free");
}

std::string words(const Error& e) {
  return fmt::format("{} {}{}", to_string(e.action), e.code, tail(e.retry_after, e.maybe_applied));
}

std::vector<std::string> words(const Result<connect::Answer>& answer) {
  if (!answer) return {words(answer.error())};
  std::vector<std::string> out;
  for (const connect::Outcome& o : answer->outcomes) out.push_back(words(o));
  return out;
}

std::vector<std::string> promised_untested(const std::string& connector, const std::string& heading,
                                           const std::vector<std::string>& told) {
  std::ifstream in(fmt::format("{}/connectors/{}/README.md", source_dir(), connector));
  std::vector<std::string> promised;
  bool is_under = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) is_under = line.starts_with(heading);
    if (!is_under || !line.starts_with("|")) continue;
    const std::string_view cell = std::string_view(line).substr(1, line.find('|', 1) - 1);
    add_statuses(cell, promised);
    add_quoted(cell, promised);
  }
  if (promised.empty()) return {"no table under " + heading};
  std::erase_if(promised, [&](const std::string& word) {
    return std::any_of(told.begin(), told.end(), [&](const auto& t) { return t.find(word) != std::string::npos; });
  });
  return promised;
}

}  // namespace hw::conformance
