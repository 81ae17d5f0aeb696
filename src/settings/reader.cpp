#include "settings/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "settings/conditions.h"

namespace hw::settings {
namespace {

using connect::Mark;
using connect::OptionDecl;
using connect::OptionError;
using connect::Options;
using connect::OptionType;
using connect::OptionValue;

std::vector<const OptionDecl*> pointers(const std::vector<OptionDecl>& decls) {
  std::vector<const OptionDecl*> out;
  for (const OptionDecl& d : decls) out.push_back(&d);
  return out;
}

const OptionDecl* find(const std::vector<const OptionDecl*>& decls, std::string_view name) {
  for (const OptionDecl* d : decls) {
    if (d->name == name) return d;
  }
  return nullptr;
}

std::vector<std::string> names(const std::vector<const OptionDecl*>& decls) {
  std::vector<std::string> out;
  for (const OptionDecl* d : decls) out.push_back(d->name);
  return out;
}

/// The help as the end of a message: "(the customer id, digits only)".
std::string in_brackets(std::string_view help) {
  if (help.ends_with('.')) help.remove_suffix(1);
  return help.empty() ? "" : fmt::format(" ({})", help);
}

/// "connectors.d/a.yaml:5", or "line 5" of the same file.
std::string place(const Mark& first, const Mark& here) {
  return first.file == here.file ? fmt::format("line {}", first.line) : fmt::format("{}:{}", first.file, first.line);
}

/// A section whose lines are all commented out is an empty one.
bool is_kind(const Node& node, OptionType type) {
  const bool nothing = node.kind == Node::Kind::null;
  switch (type) {
    case OptionType::text_list:
      return node.kind == Node::Kind::list || node.kind == Node::Kind::scalar;
    case OptionType::group_list:
      return nothing || node.kind == Node::Kind::list;
    case OptionType::group:
    case OptionType::group_map:
      return nothing || node.kind == Node::Kind::map;
    case OptionType::text_map:
    case OptionType::conditions:
      return node.kind == Node::Kind::map;
    default:
      return node.kind == Node::Kind::scalar;
  }
}

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !text.empty() && text.size() <= 64 && text.find_first_not_of(kLetters) == std::string_view::npos;
}

Reader::Reader(ReaderSetup setup, std::vector<OptionError>& errors) : setup_(std::move(setup)), errors_(errors) {}

Options Reader::read_root(const Node& root, const std::vector<OptionDecl>& sections) {
  return read_group(root, {root.at.file, 1, 1}, pointers(sections), "the main file", true);
}

Options Reader::read_declared_group(const OptionDecl& decl, const Node& map, const Mark& at, const Node& parent) {
  Decls decls = pointers(decl.children);
  std::string owner = decl.name;
  bool judge_unknown = true;
  if (const auto more = setup_.extend ? setup_.extend(decl, map, parent) : std::nullopt) {
    if (!more->owner.empty()) owner = more->owner;
    judge_unknown = !more->undecided;
    for (const OptionDecl* d : more->options != nullptr ? pointers(*more->options) : Decls{}) {
      if (find(decls, d->name) == nullptr) decls.push_back(d);
    }
  }
  return read_group(map, at, decls, owner, judge_unknown);
}

Options Reader::read_group(const Node& map, const Mark& at, const Decls& decls, const std::string& owner,
                           bool judge_unknown) {
  const std::string outer = std::exchange(owner_, owner);
  Options out;
  out.at = at;
  std::map<std::string_view, const Node::Entry*> seen;
  std::set<std::string> misspelt;
  for (const Node::Entry& entry : map.entries) {
    const auto [first, is_new] = seen.emplace(entry.key, &entry);
    const OptionDecl* decl = find(decls, entry.key);
    if (!is_new) {
      repeated(entry, first->second->at, owner_);
    } else if (decl != nullptr) {
      read_entry(entry, *decl, map, out);
    } else if (judge_unknown) {
      misspelt.insert(unknown(entry, decls));
    }
  }
  fill_absent(decls, map, misspelt, out);
  owner_ = outer;
  return out;
}

void Reader::read_entry(const Node::Entry& entry, const OptionDecl& decl, const Node& parent, Options& out) {
  OptionValue read;
  read.at = entry.value.at;
  if (is_kind(entry.value, decl.type)) {
    read.value = read_value(decl, entry, parent, read);
  } else if (decl.type == OptionType::secret) {
    read.value = secret(decl, entry.value);
  } else {
    mismatch(decl, entry.value);
  }
  out.values.insert_or_assign(decl.name, std::move(read));
}

void Reader::fill_absent(const Decls& decls, const Node& map, const std::set<std::string>& misspelt, Options& out) {
  for (const OptionDecl* decl : decls) {
    if (out.values.contains(decl->name)) continue;
    if (decl->required && map.find(decl->name) == nullptr && !misspelt.contains(decl->name)) {
      error(out.at, fmt::format("option '{}' is missing for {}{}", decl->name, owner_, in_brackets(decl->help)));
    }
    OptionValue absent;
    absent.at = out.at;
    absent.value = default_of(*decl);
    out.values.emplace(decl->name, std::move(absent));
  }
}

Value Reader::read_value(const OptionDecl& decl, const Node::Entry& entry, const Node& parent, OptionValue& out) {
  const Node& node = entry.value;
  switch (decl.type) {
    case OptionType::secret:
      return secret(decl, node);
    case OptionType::text_list:
      return text_list(decl, node);
    case OptionType::text_map:
      return text_map(decl, node, out);
    case OptionType::group:
      return std::vector<Options>{read_declared_group(decl, node, entry.at, parent)};
    case OptionType::group_list:
      return group_list(decl, node, parent);
    case OptionType::group_map:
      return group_map(decl, node, parent);
    case OptionType::conditions:
      return read_conditions(node, errors_);
    default:
      return scalar(decl, node);
  }
}

Value Reader::scalar(const OptionDecl& decl, const Node& node) {
  if (misplaced_reference(decl, node)) return {};
  auto value = read_scalar(decl, node.text);
  if (!value) {
    refused(decl, node, value.error());
    return {};
  }
  if (decl.type == OptionType::path) return below(setup_.base_dir, node.text);
  if (decl.type == OptionType::credential) credential_uses_.push_back({node.at, node.text});
  return *std::move(value);
}

bool Reader::misplaced_reference(const OptionDecl& decl, const Node& node) {
  if (node.kind != Node::Kind::scalar || !looks_like_reference(node.text)) return false;
  error(node.at,
        fmt::format("'{}' of {} is not a secret: references are read only where a secret belongs; write the value "
                    "itself{}",
                    decl.name, owner_, in_brackets(decl.help)));
  return true;
}

Value Reader::secret(const OptionDecl& decl, const Node& node) {
  auto read = setup_.secrets.read(node.kind == Node::Kind::scalar ? node.text : "");
  if (read) return *std::move(read);
  std::string message = fmt::format("'{}' of {}: {}{}", decl.name, owner_, read.error().detail, in_brackets(decl.help));
  if (setup_.unseen_secrets != nullptr && (setup_.excuse_all_secrets || read.error().code == kUnseenSecret)) {
    setup_.unseen_secrets->push_back({node.at, std::move(message)});
    return Secret();
  }
  error(node.at, std::move(message));
  return {};
}

Value Reader::text_list(const OptionDecl& decl, const Node& node) {
  std::vector<std::string> out;
  const std::vector<Node> single = node.kind == Node::Kind::scalar ? std::vector<Node>{node} : std::vector<Node>{};
  for (const Node& item : single.empty() ? node.items : single) {
    if (misplaced_reference(decl, item)) continue;
    if (item.kind != Node::Kind::scalar || item.text.empty()) {
      mismatch(decl, item);
    } else if (!decl.choices.empty() && std::ranges::find(decl.choices, item.text) == decl.choices.end()) {
      OptionDecl one = decl;
      one.type = OptionType::choice;
      scalar(one, item);
    } else {
      out.push_back(item.text);
    }
  }
  return out;
}

Value Reader::text_map(const OptionDecl& decl, const Node& node, OptionValue& out) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Node::Entry& entry : node.entries) {
    const auto [first, is_new] = out.key_marks.emplace(entry.key, entry.at);
    if (misplaced_reference(decl, entry.value)) continue;
    if (!is_new) {
      repeated(entry, first->second, fmt::format("'{}' of {}", decl.name, owner_));
      continue;
    }
    const bool open = decl.choices.empty() || decl.open_keys;
    if (!open && std::ranges::find(decl.choices, entry.key) == decl.choices.end()) {
      const std::string near = nearest(entry.key, decl.choices);
      error(entry.at, fmt::format("unknown key '{}' in '{}' of {}; {}", entry.key, decl.name, owner_,
                                  near.empty() ? fmt::format("it takes: {}", fmt::join(decl.choices, ", "))
                                               : fmt::format("did you mean '{}'?", near)));
    } else if (entry.value.kind != Node::Kind::scalar) {
      error(entry.value.at, fmt::format("'{}' in '{}' of {}: expected text, found {}{}", entry.key, decl.name, owner_,
                                        describe(entry.value), in_brackets(decl.help)));
    } else {
      pairs.emplace_back(entry.key, entry.value.text);
    }
  }
  return pairs;
}

Value Reader::group_list(const OptionDecl& decl, const Node& node, const Node& parent) {
  std::vector<Options> out;
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::map) {
      out.push_back(read_declared_group(decl, item, item.at, parent));
    } else {
      error(item.at, fmt::format("an entry of '{}': expected a map of options, found {}{}", decl.name, describe(item),
                                 in_brackets(decl.help)));
    }
  }
  return out;
}

Value Reader::group_map(const OptionDecl& decl, const Node& node, const Node& parent) {
  std::vector<Options> out;
  std::map<std::string_view, Mark> seen;
  for (const Node::Entry& entry : node.entries) {
    const auto [first, is_new] = seen.emplace(entry.key, entry.at);
    if (!is_new) {
      error(entry.at, fmt::format("'{}' stands twice under '{}'; first at {}", entry.key, decl.name,
                                  place(first->second, entry.at)));
    } else if (!is_name(entry.key)) {
      error(entry.at,
            fmt::format("'{}' is no name for '{}': use letters, digits, _ and - (at most 64)", entry.key, decl.name));
    } else if (entry.value.kind != Node::Kind::map) {
      error(entry.value.at, fmt::format("'{}' of {}: expected a map of options, found {}", entry.key, decl.name,
                                        describe(entry.value)));
    } else {
      const std::size_t errors_before = errors_.size();
      Options one = read_declared_group(decl, entry.value, entry.at, parent);
      if (errors_.size() != errors_before) flawed_.push_back(entry.at);
      one.set("name", entry.key);
      one.values["name"].at = entry.at;
      out.push_back(std::move(one));
    }
  }
  return out;
}

Value Reader::default_of(const OptionDecl& decl) const {
  if (!decl.default_value) return {};
  const std::string& text = *decl.default_value;
  if (decl.type == OptionType::path) return Value(below(setup_.base_dir, text));
  if (decl.type == OptionType::text_list) {
    std::vector<std::string> items;
    for (const std::string_view item : split(text, ',')) {
      if (!trim(item).empty()) items.emplace_back(trim(item));
    }
    return items;
  }
  auto value = read_scalar(decl, text);
  return value ? *std::move(value) : Value();
}

std::string Reader::unknown(const Node::Entry& entry, const Decls& decls) {
  const std::string near = nearest(entry.key, names(decls));
  const OptionDecl* meant = find(decls, near);
  error(entry.at, fmt::format("unknown option '{}' for {}; {}", entry.key, owner_,
                              meant != nullptr ? fmt::format("did you mean '{}'?{}", near, in_brackets(meant->help))
                                               : fmt::format("it takes: {}", fmt::join(names(decls), ", "))));
  return near;
}

void Reader::repeated(const Node::Entry& entry, const Mark& first, const std::string& owner) {
  error(entry.at, fmt::format("'{}' is given twice for {}; first at {}", entry.key, owner, place(first, entry.at)));
}

void Reader::mismatch(const OptionDecl& decl, const Node& found, const std::string& hint) {
  error(found.at, fmt::format("'{}' of {}: expected {}, found {}{}{}", decl.name, owner_, expected(decl),
                              describe(found), hint.empty() ? "" : "; " + hint, in_brackets(decl.help)));
}

void Reader::refused(const OptionDecl& decl, const Node& found, const Error& why) {
  if (why.code == "option") return mismatch(decl, found, why.detail);
  error(found.at, fmt::format("'{}' of {}: {}{}", decl.name, owner_, why.detail, in_brackets(decl.help)));
}

void Reader::error(const Mark& at, std::string message) { errors_.push_back({at, std::move(message)}); }

}  // namespace hw::settings
