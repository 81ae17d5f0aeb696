#include "settings/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "base/text.h"
#include "settings/checks.h"
#include "settings/declarations.h"
#include "settings/reader.h"
#include "settings/typed.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using connect::OptionType;

constexpr std::size_t kMaxFileBytes = 8 << 20;

void sort_by_place(std::vector<OptionError>& all) {
  std::ranges::stable_sort(all, [](const OptionError& a, const OptionError& b) {
    return std::tie(a.at.file, a.at.line, a.at.column) < std::tie(b.at.file, b.at.line, b.at.column);
  });
}

std::vector<std::string> type_names(const connect::Registry& registry) {
  std::vector<std::string> out;
  for (const connect::ConnectorType& t : registry.types()) out.push_back(t.name);
  return out;
}

/// Joins the files to one tree, reads it, and checks what it says.
class Loader {
 public:
  Loader(const connect::Registry& registry, const LoadOptions& options, std::string base_dir)
      : registry_(registry),
        base_dir_(std::move(base_dir)),
        secrets_(options.credentials_directory, base_dir_, options.resolve_secrets),
        excuse_unseen_secrets_(options.excuse_unseen_secrets),
        excuse_all_secrets_(options.excuse_all_secrets) {}

  std::variant<Loaded, std::vector<OptionError>> load(const Document& main, const Include& include) {
    Node root = parse_yaml(main.name, main.text, findings_.errors);
    if (root.kind != Node::Kind::map) {
      findings_.error(root.at, "expected a map of sections such as reporting: and goals:, found " + describe(root));
      return finish({});
    }
    if (!findings_.errors.empty()) return finish({});
    include_files(root, include);
    add_empty_groups(root, main_sections());
    note_types(root);
    return finish(read(root, main.name));
  }

 private:
  Settings read(const Node& root, const std::string& main_name) {
    Reader reader({.secrets = secrets_,
                   .unseen_secrets = excuse_unseen_secrets_ || excuse_all_secrets_ ? &findings_.warnings : nullptr,
                   .excuse_all_secrets = excuse_all_secrets_,
                   .base_dir = base_dir_,
                   .extend = [this](const auto& group, const auto& map,
                                    const auto& parent) { return extend(group, map, parent); }},
                  findings_.errors);
    const connect::Options options = reader.read_root(root, main_sections());
    Settings settings = typed(options, findings_);
    settings.main_file = main_name;
    cross_check(settings, options, registry_, reader, findings_);
    return settings;
  }

  std::variant<Loaded, std::vector<OptionError>> finish(Settings settings) {
    sort_by_place(findings_.errors);
    sort_by_place(findings_.warnings);
    if (!findings_.errors.empty()) return std::move(findings_.errors);
    return Loaded{std::move(settings), std::move(findings_.warnings)};
  }

  // ---------------------------------------------------------------------------------------------------------- one tree

  /// Puts the instances of included files under `connectors` of the main file.
  void include_files(Node& root, const Include& include) {
    const Node* patterns = root.find("include");
    if (patterns == nullptr) return;
    std::vector<Node> all = patterns->items;
    if (patterns->kind == Node::Kind::scalar) all.push_back(*patterns);
    std::vector<Node::Entry> instances;
    std::set<std::string> seen;
    for (const Node& pattern : all) {
      if (pattern.kind != Node::Kind::scalar || pattern.text.empty()) continue;  // the reader says so
      for (const Document& file : include(pattern.text, pattern.at, findings_.errors, findings_.warnings)) {
        if (seen.insert(file.name).second) add_instances(file, instances);
      }
    }
    Node* connectors = connectors_of(root);
    if (connectors == nullptr) return;
    for (Node::Entry& instance : instances) connectors->entries.push_back(std::move(instance));
  }

  void add_instances(const Document& file, std::vector<Node::Entry>& out) {
    Node root = parse_yaml(file.name, file.text, findings_.errors);
    const bool unnamed = root.find("type") != nullptr && root.find("type")->kind == Node::Kind::scalar;
    if (root.kind != Node::Kind::map || unnamed) {
      findings_.error(
          root.at, "a connector file begins with the instance's name, and type: and its options are indented below it");
      return;
    }
    if (root.find("connectors") != nullptr) {
      findings_.error(root.at, "a connector file holds the instances themselves; leave out the line connectors:");
      return;
    }
    for (Node::Entry& entry : root.entries) out.push_back(std::move(entry));
  }

  static Node* connectors_of(Node& root) {
    for (Node::Entry& entry : root.entries) {
      if (entry.key != "connectors") continue;
      if (entry.value.kind == Node::Kind::null) entry.value = empty_map(entry.at);
      return entry.value.kind == Node::Kind::map ? &entry.value : nullptr;
    }
    root.entries.push_back({"connectors", {root.at.file, 1, 1}, empty_map({root.at.file, 1, 1})});
    return &root.entries.back().value;
  }

  static Node empty_map(Mark at) {
    Node node;
    node.kind = Node::Kind::map;
    node.at = std::move(at);
    return node;
  }

  /// Groups that are left out are read as if they stood there empty, so that their options have their defaults.
  static void add_empty_groups(Node& map, const std::vector<OptionDecl>& decls) {
    for (const OptionDecl& decl : decls) {
      if (decl.type == OptionType::group && !decl.required && map.find(decl.name) == nullptr) {
        map.entries.push_back({decl.name, map.at, empty_map(map.at)});
      }
      if (decl.type != OptionType::group_list) continue;
      for (Node::Entry& entry : map.entries) {
        if (entry.key != decl.name) continue;
        for (Node& item : entry.value.items) {
          if (item.kind == Node::Kind::map) add_empty_groups(item, decl.children);
        }
      }
    }
  }

  // ------------------------------------------------------------------------------------------------- connectors'
  // options

  void note_types(const Node& root) {
    const Node* connectors = root.find("connectors");
    if (connectors == nullptr) return;
    for (const Node::Entry& instance : connectors->entries) {
      const Node* type = instance.value.find("type");
      if (type != nullptr) types_.emplace(instance.key, registry_.find(type->text));
    }
  }

  std::optional<Extension> extend(const OptionDecl& group, const Node& map, const Node& parent) {
    static const OptionDecl& kConnectors = section("connectors");
    static const OptionDecl& kDestinationOptions = section("destinations").children.back();
    if (&group == &kConnectors) return connector_options(map);
    if (&group == &kDestinationOptions) return destination_options(parent);
    return std::nullopt;
  }

  Extension connector_options(const Node& instance) {
    const Node* type = instance.find("type");
    const connect::ConnectorType* found = type == nullptr ? nullptr : registry_.find(type->text);
    if (found != nullptr) return {.owner = found->name, .options = &found->options, .undecided = false};
    if (type != nullptr && type->kind == Node::Kind::scalar) {
      const std::vector<std::string> known = type_names(registry_);
      const std::string near = nearest(type->text, known);
      findings_.error(type->at, fmt::format("no connector type is called '{}'; {}", type->text,
                                            near.empty() ? fmt::format("this build has: {}", fmt::join(known, ", "))
                                                         : fmt::format("did you mean '{}'?", near)));
    }
    return {.owner = "a connector", .options = nullptr, .undecided = true};
  }

  Extension destination_options(const Node& destination) {
    const Node* upload_by = destination.find("upload_by");
    const auto type = upload_by == nullptr ? types_.end() : types_.find(upload_by->text);
    if (type == types_.end() || type->second == nullptr)
      return {.owner = "destinations", .options = nullptr, .undecided = true};
    return {.owner = "a destination of " + type->second->name,
            .options = &type->second->destination_options,
            .undecided = false};
  }

  const connect::Registry& registry_;
  std::string base_dir_;
  SecretSource secrets_;
  const bool excuse_unseen_secrets_, excuse_all_secrets_;
  Findings findings_;
  std::map<std::string, const connect::ConnectorType*> types_;  ///< by instance
};

// ------------------------------------------------------------------------------------------------------------------
// files

std::optional<std::string> read_file(const std::string& path, std::string& problem) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    problem = errno == ENOENT ? "it does not exist" : std::strerror(errno);
  } else if (S_ISDIR(found.st_mode)) {
    problem = "it is a directory";
  } else if (found.st_size > static_cast<off_t>(kMaxFileBytes)) {
    problem = "it is larger than 8 MiB";
  } else if (std::ifstream in(path, std::ios::binary); in) {
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  } else {
    problem = std::strerror(errno);
  }
  return std::nullopt;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string file_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// What a document says before its first error of syntax; that may lie some lines before the place where it shows.
Node readable_part(std::string text) {
  for (;;) {
    std::vector<OptionError> errors;
    Node root = parse_yaml("", text, errors);
    if (errors.empty() || text.empty()) return root;
    const auto last_line = text.find_last_of('\n', text.size() - 2);
    text.resize(text.size() < 2 || last_line == std::string::npos ? 0 : last_line + 1);
  }
}

std::string without_magic(const std::string& dir) {
  std::string out;
  for (const char c : dir) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// Existing paths by a pattern below `base_dir`, as the pattern writes them, byte by byte in order.
std::vector<std::string> matches(const std::string& base_dir, const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> out;
  const bool relative = !pattern.starts_with('/') && !base_dir.empty();
  if (glob(below(without_magic(base_dir), pattern).c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      const std::string path = found.gl_pathv[i];
      out.push_back(relative ? path.substr(below(base_dir, "x").size() - 1) : path);
    }
  }
  globfree(&found);
  std::ranges::sort(out);
  return out;
}

std::vector<Document> include_pattern(const std::string& base_dir, const std::string& pattern, const Mark& at,
                                      std::vector<OptionError>& errors, std::vector<OptionError>& warnings) {
  const bool is_pattern = pattern.find_first_of("*?[") != std::string::npos;
  std::vector<std::string> paths = is_pattern ? matches(base_dir, pattern) : std::vector<std::string>{pattern};
  if (paths.empty()) warnings.push_back({at, fmt::format("include: no file matches {}", pattern)});
  std::vector<Document> out;
  for (const std::string& path : paths) {
    std::string problem;
    if (auto text = read_file(below(base_dir, path), problem)) {
      out.push_back({path, *std::move(text)});
    } else {
      errors.push_back({at, fmt::format("include: {} cannot be read: {}", path, problem)});
    }
  }
  return out;
}

}  // namespace

std::variant<Loaded, std::vector<OptionError>> load_text(const Document& main, const std::string& base_dir,
                                                         const Include& include, const connect::Registry& registry,
                                                         const LoadOptions& options) {
  return Loader(registry, options, base_dir).load(main, include);
}

std::variant<Loaded, std::vector<OptionError>> load(const std::string& path, const connect::Registry& registry,
                                                    const LoadOptions& options) {
  const std::string base_dir = directory_of(path);
  std::string problem;
  auto text = read_file(path, problem);
  if (!text) {
    return std::vector<OptionError>{{{path, 1, 1},
                                     fmt::format("the main file cannot be read: {}; name another with -c FILE, or "
                                                 "begin with a copy of config/headwater.yaml",
                                                 problem)}};
  }
  std::vector<Document> read{{file_name_of(path), *std::move(text)}};
  const Include include = [&](const std::string& pattern, const Mark& at, auto& errors, auto& warnings) {
    auto found = include_pattern(base_dir, pattern, at, errors, warnings);
    read.insert(read.end(), found.begin(), found.end());
    return found;
  };
  const Document main = read.front();
  auto loaded = load_text(main, base_dir, include, registry, options);
  if (auto* good = std::get_if<Loaded>(&loaded)) {
    good->settings.main_file = path;
    good->documents = std::move(read);
  }
  return loaded;
}

std::variant<Loaded, std::vector<OptionError>> load_again(const std::string& path, std::vector<Document> documents,
                                                          const connect::Registry& registry,
                                                          const LoadOptions& options) {
  if (documents.empty()) return std::vector<OptionError>{{{path, 1, 1}, "nothing is kept of it"}};
  // A file that is included twice counts once, so every pattern may give all.
  const Include include = [&](const std::string&, const Mark&, auto&, auto&) {
    return std::vector<Document>(documents.begin() + 1, documents.end());
  };
  auto loaded = load_text(documents.front(), directory_of(path), include, registry, options);
  if (auto* good = std::get_if<Loaded>(&loaded)) {
    good->settings.main_file = path;
    good->documents = std::move(documents);
  }
  return loaded;
}

std::string state_directory_of(const std::string& path) {
  std::string problem;
  const Node root = readable_part(read_file(path, problem).value_or(""));
  const Node* state = root.find("state");
  const Node* directory = state == nullptr ? nullptr : state->find("directory");
  const bool is_said = directory != nullptr && directory->kind == Node::Kind::scalar && !directory->text.empty();
  return below(directory_of(path), is_said ? directory->text : *section("state").children.front().default_value);
}

}  // namespace hw::settings
