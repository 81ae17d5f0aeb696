#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hw::cli {

/// What is wrong with a command line that `error` ended, what it may have meant, and what the command takes: for
/// people, on several lines.
std::string usage_text(const ::CLI::App& app, const ::CLI::ParseError& error);

/// Takes one of these words; another is answered with the nearest.
::CLI::Validator one_of(std::vector<std::string> words);

/// Takes a whole number from 1.
::CLI::Validator whole_number_from_1();

}  // namespace hw::cli
