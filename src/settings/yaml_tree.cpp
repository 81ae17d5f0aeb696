#include "settings/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <sstream>

#include "base/text.h"

namespace hw::settings {
namespace {

using connect::Mark;
using connect::OptionError;

Node make_node(Node::Kind kind, Mark at, std::string text = {}) {
  Node node;
  node.kind = kind;
  node.at = std::move(at);
  node.text = std::move(text);
  return node;
}

struct Refused {
  Mark at;
  std::string message;
};

/// Builds the tree from yaml-cpp's events. Its stack holds the lists and maps that are still open.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string file) : file_(std::move(file)) {}

  void OnDocumentStart(const YAML::Mark& at) override {
    if (documents_++ > 0) throw Refused{mark(at), "a second YAML document starts here; write one document a file"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& at, YAML::anchor_t) override { add(make_node(Node::Kind::null, null_mark(at))); }
  void OnAlias(const YAML::Mark& at, YAML::anchor_t) override {
    throw Refused{mark(at), "YAML aliases (*name) are not read; write the value out"};
  }
  void OnScalar(const YAML::Mark& at, const std::string&, YAML::anchor_t, const std::string& value) override {
    add_scalar(mark(at), value);
  }
  void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(make_node(Node::Kind::list, mark(at)));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(make_node(Node::Kind::map, mark(at)));
  }
  void OnMapEnd() override { close(); }

  Node take() { return std::move(root_); }

 private:
  struct Open {
    Node node;
    std::optional<Node::Entry> key;  ///< of the value that comes next
  };

  Mark mark(const YAML::Mark& at) const { return {file_, at.line + 1, at.column + 1}; }

  /// yaml-cpp places the missing value of "key:" at the next token, often a line further down.
  Mark null_mark(const YAML::Mark& at) const {
    return !open_.empty() && open_.back().key ? open_.back().key->at : mark(at);
  }

  bool expects_key() const { return !open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key; }

  void add_scalar(Mark at, const std::string& value) {
    if (expects_key()) {
      open_.back().key = Node::Entry{.key = value, .at = std::move(at), .value = {}};
      return;
    }
    add(make_node(Node::Kind::scalar, std::move(at), value));
  }

  void open(Node node) {
    if (expects_key()) throw Refused{node.at, "a key must be plain text, found " + describe(node)};
    open_.push_back({std::move(node), {}});
  }

  void close() {
    Node done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
      return;
    }
    if (!top.key) throw Refused{node.at, "a key must be plain text, found nothing"};
    top.key->value = std::move(node);
    top.node.entries.push_back(std::move(*top.key));
    top.key.reset();
  }

  std::string file_;
  int documents_ = 0;
  Node root_;
  std::vector<Open> open_;
};

std::string_view line_of(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

bool indented_by_tab(std::string_view line) {
  const auto first = line.find_first_not_of(" \t\r");
  return line.substr(0, first).find('\t') != std::string_view::npos;
}

OptionError syntax_error(const std::string& file, std::string_view text, const YAML::Exception& e) {
  const Mark at{file, e.mark.line < 0 ? 1 : e.mark.line + 1, e.mark.column < 0 ? 1 : e.mark.column + 1};
  const char* hint =
      indented_by_tab(line_of(text, at.line)) ? "; the line begins with a tab: YAML is indented with spaces"
      : e.msg == "illegal map value" ? "; a text that holds ': ' needs quotes, and keys of one map the same indentation"
                                     : "";
  return {at, fmt::format("not valid YAML: {}{}", e.msg, hint)};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& e : entries) {
    if (e.key == key) return &e.value;
  }
  return nullptr;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
    case Node::Kind::scalar:
      break;
  }
  std::string shown;
  for (const char c : node.text) {
    if (shown.size() >= 60) return "'" + shown + "...'";
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return "'" + shown + "'";
}

Node parse_yaml(const std::string& file, std::string_view text, std::vector<OptionError>& errors) {
  const Node empty = make_node(Node::Kind::map, {file, 1, 1});
  if (!is_valid_utf8(text)) {
    errors.push_back({Mark{file, first_line_not_utf8(text), 1}, "this line is not UTF-8; save the file as UTF-8"});
    return empty;
  }
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder builder(file);
    while (parser.HandleNextDocument(builder)) {
    }
    Node root = builder.take();
    if (root.kind == Node::Kind::null) return empty;
    return root;
  } catch (const Refused& e) {
    errors.push_back({e.at, e.message});
  } catch (const YAML::Exception& e) {
    errors.push_back(syntax_error(file, text, e));
  } catch (const std::exception& e) {
    errors.push_back({{file, 1, 1}, fmt::format("not valid YAML: {}", e.what())});
  }
  return empty;
}

}  // namespace hw::settings
