#pragma once
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "connect/options.h"

/// The channel file as data. Room-internal.
namespace hw::journey {

struct Condition {
  enum class On { source, medium, campaign, category } on = On::source;
  enum class Test { is, matches, contains, ends } test = Test::is;
  std::vector<std::string> values;  ///< lower case; empty for matches
  std::regex pattern;               ///< matches
};
using Alternative = std::vector<Condition>;
struct Rule {
  std::string channel;
  std::vector<Alternative> any;
};

struct ChannelData {
  std::vector<Rule> rules;
  std::string otherwise;
  std::map<std::string, std::string, std::less<>> categories;  ///< lower-case source -> category
  std::vector<std::string> ignored, webmail, assistants;       ///< hosts
};

/// Reads the text; every error is added with its place.
ChannelData read_channel_file(std::string_view text, const std::string& file,
                              std::vector<connect::OptionError>& errors);

}  // namespace hw::journey
