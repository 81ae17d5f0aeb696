#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/text.h"

namespace hw::cli {
namespace {

using App = ::CLI::App;
using Option = ::CLI::Option;

struct Level {
  const App* app;
  std::string name;  ///< in full: "headwater uploads"
};

/// The commands that the line went through, from the program down.
std::vector<Level> levels(const App& app) {
  std::vector<Level> out{{&app, "headwater"}};
  while (!out.back().app->get_subcommands().empty()) {
    const App* next = out.back().app->get_subcommands().back();
    out.push_back({next, out.back().name + " " + next->get_name()});
  }
  return out;
}

std::vector<const App*> commands_of(const App& app) {
  return app.get_subcommands([](const App*) { return true; });
}

std::vector<const Option*> options_of(const App& app, bool positional) {
  auto all = app.get_options();
  std::erase_if(all, [&](const Option* o) { return o->get_positional() != positional || o->get_group().empty(); });
  return all;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

/// "object (lead, contact, account or deal)".
std::string described(const Option& o) {
  const std::string name = o.get_positional() ? o.get_name(true) : o.get_name();
  return o.get_description().empty() ? name : fmt::format("{} ({})", name, o.get_description());
}

std::string command_list(const App& app) {
  std::string out;
  for (const App* sub : commands_of(app)) out += fmt::format("  {:15} {}\n", sub->get_name(), sub->get_description());
  return out;
}

/// "headwater explain object id [options]".
std::string shape(const App& app, const std::string& name) {
  std::string out = name;
  for (const Option* o : options_of(app, true))
    out += o->get_required() ? " " + o->get_name(true) : " [" + o->get_name(true) + "]";
  for (const Option* o : options_of(app, false))
    if (o->get_required()) out += " " + o->get_name() + " ...";
  if (!commands_of(app).empty()) out += " [COMMAND]";
  return out + " [options]";
}

std::string about_commands(const App& at, const std::string& name) {
  const auto extra = at.remaining();
  const auto word = std::ranges::find_if(extra, [](const std::string& w) { return !w.starts_with('-'); });
  std::vector<std::string> known;
  for (const App* sub : commands_of(at)) known.push_back(sub->get_name());
  const std::string what = word == extra.end()
                               ? fmt::format("'{}' needs one of its commands", name)
                               : fmt::format("'{}' has no command '{}'{}", name, *word, did_you_mean(*word, known));
  return what + "\n" + command_list(at);
}

std::string missing(const App& at, const std::string& name) {
  std::vector<std::string> absent;
  for (const bool positional : {true, false})
    for (const Option* o : options_of(at, positional))
      if (o->get_required() && o->count() == 0) absent.push_back(described(*o));
  return absent.empty() ? "" : fmt::format("'{}' needs {}\n", name, fmt::join(absent, " and "));
}

std::string unexpected(const App& at, const std::string& name) {
  const std::string word = at.remaining().front();
  std::vector<std::string> known;
  for (const Option* o : options_of(at, false)) known.push_back(o->get_name());
  if (word.starts_with('-')) return fmt::format("'{}' has no option '{}'{}\n", name, word, did_you_mean(word, known));
  if (!commands_of(at).empty()) return about_commands(at, name);
  return fmt::format("'{}' takes nothing more: '{}' is too much\n", name, word);
}

}  // namespace

std::string usage_text(const App& app, const ::CLI::ParseError& error) {
  const std::vector<Level> all = levels(app);
  Level about = all.back();
  std::string what;
  if (error.get_exit_code() == static_cast<int>(::CLI::ExitCodes::RequiredError)) {
    what = about.app->get_require_subcommand_min() > 0 ? about_commands(*about.app, about.name)
                                                       : missing(*about.app, about.name);
  } else if (error.get_exit_code() == static_cast<int>(::CLI::ExitCodes::ExtrasError)) {
    const auto left = std::ranges::find_if(all, [](const Level& l) { return !l.app->remaining().empty(); });
    if (left != all.end()) {
      about = *left;
      what = unexpected(*about.app, about.name);
    }
  }
  if (what.empty()) what = std::string(error.what()) + "\n";
  const bool needs_command = about.app->get_require_subcommand_min() > 0;
  if (needs_command) return fmt::format("headwater: {}{} COMMAND --help says more\n", what, about.name);
  return fmt::format("headwater: {}it is written: {}\n{} --help says more\n", what, shape(*about.app, about.name),
                     about.name);
}

::CLI::Validator one_of(std::vector<std::string> words) {
  const std::string listed = fmt::format("{}", fmt::join(words, "|"));
  return {[words = std::move(words)](std::string& given) {
            if (std::ranges::find(words, given) != words.end()) return std::string();
            return fmt::format("'{}' is none of {}{}", given, fmt::join(words, ", "), did_you_mean(given, words));
          },
          listed};
}

::CLI::Validator whole_number_from_1() {
  return {[](std::string& given) {
            std::int64_t n = 0;
            const char* end = given.data() + given.size();
            const auto [at, error] = std::from_chars(given.data(), end, n);
            if (error == std::errc() && at == end && n > 0) return std::string();
            return fmt::format("'{}' is no number from 1: write a whole one, such as 10", given);
          },
          "FROM 1"};
}

}  // namespace hw::cli
