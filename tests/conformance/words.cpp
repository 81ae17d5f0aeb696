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

/// What a table's words for people come to, in the words of words(): a cell may name several.
constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {{"pauses", "pause"},
                                                                    {" again", "retry"},
                                                                    {"retries", "retry"},
                                                                    {"waits as long", "retry"},
                                                                    {"run anew", "retry"},
                                                                    {"lost answer", "retry"},
                                                                    {"rejected", "reject"},
                                                                    {"aside", "reject"},
                                                                    {"halve", "reject"},
                                                                    {"count as sent", "accepted"},
                                                                    {"counts as taken", "already_received"}};

std::vector<std::string_view> classes_in(std::string_view cell) {
  std::vector<std::string_view> out;
  for (const auto& [verb, cls] : kVerbs)
    if (cell.find(verb) != std::string_view::npos) out.push_back(cls);
  return out;
}

/// Does "ANSWER -> CLASSIFICATION" show that word with one of the classes? Without an arrow the word is enough.
bool shows(std::string_view told, std::string_view word, const std::vector<std::string_view>& classes) {
  const std::size_t arrow = told.find(" -> ");
  if (told.substr(0, arrow).find(word) == std::string_view::npos) return false;
  if (arrow == std::string_view::npos || classes.empty()) return true;
  return std::any_of(classes.begin(), classes.end(),
                     [&](std::string_view cls) { return told.substr(arrow).find(cls) != std::string_view::npos; });
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
  std::vector<std::string> promised, untested;
  bool is_under = false, any = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) is_under = line.starts_with(heading);
    if (!is_under || !line.starts_with("|")) continue;
    const std::size_t middle = line.find('|', 1);
    promised.clear();
    add_statuses(std::string_view(line).substr(1, middle - 1), promised);
    add_quoted(std::string_view(line).substr(1, middle - 1), promised);
    any = any || !promised.empty();
    const auto classes = classes_in(std::string_view(line).substr(middle));
    for (const std::string& word : promised)
      if (std::none_of(told.begin(), told.end(), [&](const auto& t) { return shows(t, word, classes); }))
        untested.push_back(word);
  }
  if (!any) return {"no table under " + heading};
  return untested;
}

}  // namespace hw::conformance
