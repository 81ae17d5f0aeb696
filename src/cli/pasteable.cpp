#include "cli/pasteable.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace hw::cli {
namespace {

constexpr std::string_view kProgram = "headwater ";

/// A process has one command line.
struct Called {
  std::string call = "headwater";
  std::vector<std::string> commands;
};
Called& called() {
  static Called one;
  return one;
}

bool begins_a_word(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  const auto before = static_cast<unsigned char>(text[at - 1]);
  return std::isalnum(before) == 0 && std::string_view("/_-.").find(text[at - 1]) == std::string_view::npos;
}

bool is_command(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"));
  return std::ranges::find(called().commands, word) != called().commands.end();
}

}  // namespace

void called_as(std::string call, std::vector<std::string> commands) {
  const char* wrapper = std::getenv("HEADWATER_COMMAND");
  called() = {wrapper != nullptr && *wrapper != '\0' ? wrapper : std::move(call), std::move(commands)};
}

std::string pasteable(std::string_view text) {
  std::string out;
  while (true) {
    const auto at = text.find(kProgram);
    if (at == std::string_view::npos) return out.append(text);
    const std::string_view rest = text.substr(at + kProgram.size());
    const bool named = begins_a_word(text, at) && is_command(rest);
    out.append(text.substr(0, at)).append(named ? called().call + " " : std::string(kProgram));
    text = rest;
  }
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+,=";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace hw::cli
