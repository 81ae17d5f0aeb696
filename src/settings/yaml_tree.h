#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/options.h"

/// YAML as a tree that keeps what yaml-cpp's own nodes lose: repeated keys, the place of every key, and scalars as
/// written (an account number stays "0123").
namespace hw::settings {

struct Node {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  connect::Mark at;            ///< a null's place is that of its key
  std::string text;            ///< scalar
  std::vector<Node> items;     ///< list
  std::vector<Entry> entries;  ///< map, in file order, repeated keys included

  /// The first entry of a map under that key, nullptr if there is none or the node is no map.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  connect::Mark at;
  Node value;
};

/// "a list", "nothing", "'many'": what stands at a node, for messages. Long and control characters are cut and escaped.
std::string describe(const Node& node);

/// Reads one document of UTF-8 YAML. `file` is the name that marks carry. On a syntax error, an alias or a second
/// document one error is added and what was read so far is dropped: an empty map is returned.
Node parse_yaml(const std::string& file, std::string_view text, std::vector<connect::OptionError>& errors);

}  // namespace hw::settings
