#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connect/options.h"
#include "settings/scalars.h"
#include "settings/secrets.h"
#include "settings/yaml_tree.h"

/// The one generic reader: walks a YAML tree against declarations and gives Options with places, and every error.
namespace hw::settings {

/// Options that a group has beyond its declared children, decided by its contents: a connector's by its `type:`.
struct Extension {
  std::string owner;  ///< how messages call the group: the connector's type, such as "csv"
  const std::vector<connect::OptionDecl>* options = nullptr;
  bool undecided =
      false;  ///< what it is could not be told, and an error says so elsewhere: unknown keys are not judged
};

struct ReaderSetup {
  const SecretSource& secrets;
  /// Told of secrets that only another may see; nullptr: they are errors.
  std::vector<connect::OptionError>* unseen_secrets = nullptr;
  bool excuse_all_secrets = false;
  std::string base_dir;  ///< relative paths begin here
  /// Asked once for every group; `parent` is the map in which the group stands. nullopt: nothing beyond the children.
  std::function<std::optional<Extension>(const connect::OptionDecl& group, const Node& map, const Node& parent)> extend;
};

/// A use of a named credential, to be looked up when all sections are read.
struct CredentialUse {
  connect::Mark at;
  std::string name;
};

class Reader {
 public:
  Reader(ReaderSetup setup, std::vector<connect::OptionError>& errors);
  /// The document's root. Every declared option is in the result: given, defaulted, or empty.
  connect::Options read_root(const Node& root, const std::vector<connect::OptionDecl>& sections);
  [[nodiscard]] const std::vector<CredentialUse>& credential_uses() const { return credential_uses_; }
  /// The places of named groups in which an error was found.
  [[nodiscard]] const std::vector<connect::Mark>& flawed() const { return flawed_; }

 private:
  using Decls = std::vector<const connect::OptionDecl*>;

  connect::Options read_group(const Node& map, const connect::Mark& at, const Decls& decls, const std::string& owner,
                              bool judge_unknown);
  connect::Options read_declared_group(const connect::OptionDecl& decl, const Node& map, const connect::Mark& at,
                                       const Node& parent);
  void read_entry(const Node::Entry& entry, const connect::OptionDecl& decl, const Node& parent, connect::Options& out);
  /// `misspelt`: options that an unknown key of the map was taken for, which is said already.
  void fill_absent(const Decls& decls, const Node& map, const std::set<std::string>& misspelt, connect::Options& out);
  Value read_value(const connect::OptionDecl& decl, const Node::Entry& entry, const Node& parent,
                   connect::OptionValue& out);
  Value scalar(const connect::OptionDecl& decl, const Node& node);
  Value secret(const connect::OptionDecl& decl, const Node& node);
  Value text_list(const connect::OptionDecl& decl, const Node& node);
  Value text_map(const connect::OptionDecl& decl, const Node& node, connect::OptionValue& out);
  Value group_list(const connect::OptionDecl& decl, const Node& node, const Node& parent);
  Value group_map(const connect::OptionDecl& decl, const Node& node, const Node& parent);
  Value default_of(const connect::OptionDecl& decl) const;

  /// Returns the option that was meant, "" if none is near.
  std::string unknown(const Node::Entry& entry, const Decls& decls);
  void repeated(const Node::Entry& entry, const connect::Mark& first, const std::string& owner);
  /// Tells of a secret reference where no secret belongs.
  bool misplaced_reference(const connect::OptionDecl& decl, const Node& node);
  void refused(const connect::OptionDecl& decl, const Node& found, const Error& why);
  void mismatch(const connect::OptionDecl& decl, const Node& found, const std::string& hint = {});
  void error(const connect::Mark& at, std::string message);

  ReaderSetup setup_;
  std::vector<connect::OptionError>& errors_;
  std::vector<CredentialUse> credential_uses_;
  std::vector<connect::Mark> flawed_;
  std::string owner_;  ///< of the group being read, for messages
};

/// True for names of credentials, connectors, stages, goals and destinations: letters, digits, '_' and '-'.
bool is_name(std::string_view text);

}  // namespace hw::settings
