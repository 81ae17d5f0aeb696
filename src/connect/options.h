#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

/// Options are declared once, as data. From the declaration come parsing, errors, the JSON Schema, the reference page
/// and editor completion (src/settings). A connector reads the parsed values; what only it can judge it reports by
/// OptionErrors with the place of the value, so that every error of a file appears in one run.
namespace hw::connect {

enum class OptionType : std::uint8_t {
  text,
  integer,
  boolean,
  duration /* "30s", "5m", "1h", "7d" */,
  size /* "64KiB" */,
  url,
  path,
  secret,
  time_zone,
  currency,
  choice /* one of `choices` */,
  credential /* name of an entry under credentials: */,
  text_list,
  text_map /* key -> text; keys limited
to `choices` when given */
  ,
  group /* nested options `children` */,
  group_list,
  percent /* "20%" or 0.2, kept in millionths */,
  group_map /* name -> nested options; read like a group_list, each with its name under "name" */,
  conditions /* field -> comparison; read like a group_list of {field, op, values}: src/settings/conditions.h */,
};

/// One option. Everything a person needs to know about it.
struct OptionDecl {
  std::string name{};
  OptionType type = OptionType::text;
  std::string help{};  ///< one line: what it is, units, an example
  bool required = false;
  std::optional<std::string> default_value{};  ///< as a person would write it
  std::optional<std::int64_t> min{}, max{};    ///< integer; duration in seconds; size in bytes; percent in millionths
  std::vector<std::string> choices{};
  std::vector<OptionDecl> children{};  ///< group, group_list
  std::string unit{};                  ///< shown in the reference: "rows", "bytes"
  bool open_keys = false;              ///< text_map: keys beyond `choices` are allowed too
};

/// A place in a file, 1-based.
struct Mark {
  std::string file;
  int line = 0, column = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

struct OptionError {
  Mark at;
  std::string message;  ///< what was expected and how to mend
};
/// "connectors.d/ads.yaml:7:3: unknown option 'acount' ..."
std::string to_string(const OptionError& e);

class Options;

struct OptionValue {
  Mark at;
  std::variant<std::monostate, std::string, std::int64_t, bool, Secret, std::vector<std::string>,
               std::vector<std::pair<std::string, std::string>>, std::vector<Options>>
      value;
  std::map<std::string, Mark> key_marks;  ///< text_map: place of each key
};

/// Parsed options of one connector (or one nested group), defaults filled in. Values are checked against the
/// declaration before a connector sees them, so the getters do not fail: asking for an option that was not declared
/// aborts. Every declared option has an entry; one that is neither given nor defaulted holds std::monostate.
class Options {
 public:
  Mark at;  ///< of the group
  std::map<std::string, OptionValue> values;

  [[nodiscard]] bool has(std::string_view name) const;  ///< given or defaulted
  [[nodiscard]] const std::string& text(
      std::string_view name) const;  ///< text, url, path, choice, zone, currency, credential; "" if absent
  [[nodiscard]] std::int64_t integer(std::string_view name) const;  ///< integer, size, percent; 0 if absent
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] Duration duration(std::string_view name) const;
  [[nodiscard]] Secret secret(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> map(std::string_view name) const;  ///< in file order
  [[nodiscard]] const std::vector<Options>& groups(std::string_view name) const;  ///< group (0 or 1), group_list
  [[nodiscard]] Mark mark(std::string_view name) const;  ///< of the value, or of the group if absent
  [[nodiscard]] Mark mark(std::string_view name, std::string_view key) const;  ///< of a text_map's key

  /// For tests: {"account", "123"}, ...; integers, booleans and durations in micros by their C++ type.
  void set(std::string name, decltype(OptionValue::value) value);
};

}  // namespace hw::connect
