#include "journey/channel_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace hw::journey {
namespace {

constexpr const char* kCategories[] = {"search", "shopping", "video", "social"};

class Reader {
 public:
  Reader(std::string file, std::vector<connect::OptionError>& errors) : file_(std::move(file)), errors_(errors) {}

  ChannelData read(const YAML::Node& root) {
    if (!is_map(root, "a channel file")) return {};
    check_keys(root, {"patterns", "rules", "otherwise", "referrers", "categories"}, "section");
    patterns(root["patterns"]);
    if (!root["rules"] || !root["rules"].IsSequence())
      fail(root, "'rules:' is missing: a list of channels with their conditions, in order");
    if (!root["categories"]) fail(root, "'categories:' is missing: the sources of search, shopping, video and social");
    if (!root["otherwise"]) fail(root, "'otherwise:' is missing: the channel of a touch that no rule takes");
    for (const YAML::Node& node : root["rules"]) rule(node);
    if (root["otherwise"]) data_.otherwise = text(root["otherwise"]);
    if (root["categories"]) categories(root["categories"]);
    if (root["referrers"]) referrers(root["referrers"]);
    return std::move(data_);
  }

 private:
  void fail(const YAML::Node& at, const std::string& message) {
    errors_.push_back({{file_, at.Mark().line + 1, at.Mark().column + 1}, message});
  }

  bool is_map(const YAML::Node& node, const std::string& what) {
    if (node.IsMap()) return true;
    fail(node, "expected " + what + " (keys and values)");
    return false;
  }

  void check_keys(const YAML::Node& map, const std::vector<std::string>& known, const char* what) {
    for (const auto& entry : map) {
      std::string key = entry.first.Scalar();
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string near = nearest(key, known);
      fail(entry.first,
           std::string("unknown ") + what + " '" + key + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
  }

  std::string text(const YAML::Node& node) {
    if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
    fail(node, "expected a text");
    return {};
  }

  std::vector<std::string> texts(const YAML::Node& node) {
    std::vector<std::string> out;
    if (!node.IsSequence()) return {to_lower_utf8(text(node))};
    for (const YAML::Node& item : node) out.push_back(to_lower_utf8(text(item)));
    if (out.empty()) fail(node, "expected at least one text");
    return out;
  }

  std::optional<std::regex> compile(const YAML::Node& at, const std::string& pattern) {
    try {
      return std::regex(pattern, std::regex::ECMAScript | std::regex::icase | std::regex::optimize);
    } catch (const std::regex_error& e) {
      fail(at, "'" + pattern + "' is no regular expression: " + e.what());
      return std::nullopt;
    }
  }

  void patterns(const YAML::Node& node) {
    if (!node || !is_map(node, "named patterns")) return;
    for (const auto& entry : node) {
      if (auto regex = compile(entry.second, text(entry.second))) patterns_[entry.first.Scalar()] = std::move(*regex);
    }
  }

  void rule(const YAML::Node& node) {
    if (!is_map(node, "a rule with 'channel:' and 'any:'")) return;
    check_keys(node, {"channel", "any"}, "key of a rule");
    Rule out;
    if (!node["channel"]) fail(node, "a rule needs 'channel:', the name it gives");
    if (node["channel"]) out.channel = text(node["channel"]);
    if (!node["any"] || !node["any"].IsSequence() || node["any"].size() == 0) {
      fail(node, "a rule needs 'any:', a list of alternatives");
      return;
    }
    for (const YAML::Node& alternative : node["any"]) out.any.push_back(conditions(alternative));
    data_.rules.push_back(std::move(out));
  }

  Alternative conditions(const YAML::Node& node) {
    Alternative out;
    if (!is_map(node, "conditions such as {category: search, medium_matches: PAID}")) return out;
    if (node.size() == 0) fail(node, "an alternative without condition would take every touch; use 'otherwise:'");
    for (const auto& entry : node) {
      if (auto found = condition(entry.first, entry.second)) out.push_back(std::move(*found));
    }
    return out;
  }

  std::optional<Condition> condition(const YAML::Node& key, const YAML::Node& value) {
    static const std::vector<std::string> kKeys = {"source",   "source_matches",   "source_contains",   "source_ends",
                                                   "medium",   "medium_matches",   "medium_contains",   "medium_ends",
                                                   "campaign", "campaign_matches", "campaign_contains", "campaign_ends",
                                                   "category"};
    const std::string& name = key.Scalar();
    if (std::find(kKeys.begin(), kKeys.end(), name) == kKeys.end()) {
      std::string near = nearest(name, kKeys);
      fail(key, "unknown condition '" + name + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
      return std::nullopt;
    }
    Condition out;
    const std::string on = name.substr(0, name.find('_'));
    out.on = on == "source"     ? Condition::On::source
             : on == "medium"   ? Condition::On::medium
             : on == "campaign" ? Condition::On::campaign
                                : Condition::On::category;
    if (name.ends_with("_matches")) return matching(std::move(out), value);
    out.test = name.ends_with("_contains") ? Condition::Test::contains
               : name.ends_with("_ends")   ? Condition::Test::ends
                                           : Condition::Test::is;
    out.values = texts(value);
    if (out.on == Condition::On::category) check_categories(value, out.values);
    return out;
  }

  std::optional<Condition> matching(Condition out, const YAML::Node& value) {
    out.test = Condition::Test::matches;
    const std::string name = text(value);
    if (auto named = patterns_.find(name); named != patterns_.end()) {
      out.pattern = named->second;
      return out;
    }
    auto regex = compile(value, name);
    if (!regex) return std::nullopt;
    out.pattern = std::move(*regex);
    return out;
  }

  void check_categories(const YAML::Node& at, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (std::find(std::begin(kCategories), std::end(kCategories), name) == std::end(kCategories)) {
        fail(at, "unknown category '" + name + "'; one of search, shopping, video, social");
      }
    }
  }

  void categories(const YAML::Node& node) {
    if (!is_map(node, "lists of sources")) return;
    check_keys(node, {std::begin(kCategories), std::end(kCategories)}, "category");
    for (const char* category : kCategories) {
      if (!node[category]) continue;
      for (const YAML::Node& source : node[category]) {
        auto [at, is_new] = data_.categories.emplace(to_lower_utf8(text(source)), category);
        if (!is_new) fail(source, "'" + source.Scalar() + "' stands twice; it is in '" + at->second + "' already");
      }
    }
  }

  void referrers(const YAML::Node& node) {
    if (!is_map(node, "lists of hosts")) return;
    check_keys(node, {"ignored", "webmail", "assistants"}, "list of referrers");
    if (node["ignored"]) data_.ignored = texts(node["ignored"]);
    if (node["webmail"]) data_.webmail = texts(node["webmail"]);
    if (node["assistants"]) data_.assistants = texts(node["assistants"]);
  }

  std::string file_;
  std::vector<connect::OptionError>& errors_;
  ChannelData data_;
  std::map<std::string, std::regex> patterns_;
};

}  // namespace

ChannelData read_channel_file(std::string_view text, const std::string& file,
                              std::vector<connect::OptionError>& errors) {
  try {
    return Reader(file, errors).read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& e) {
    errors.push_back({{file, e.mark.line + 1, e.mark.column + 1}, e.msg});
    return {};
  }
}

}  // namespace hw::journey
