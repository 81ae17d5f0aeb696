#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "conformance/rig.h"

namespace hw::conformance {
namespace {

using connect::OptionDecl;
using connect::OptionError;
using connect::Options;
using connect::OptionType;

bool is_snake_case(const std::string& name) {
  return is_code(name) && name.front() >= 'a' && name.front() <= 'z' && name.back() != '_' &&
         name.find("__") == std::string::npos;
}

/// "_ms" or "_secs" at the end of a name: units are written in full (STYLE.md section 9).
bool has_short_unit(const std::string& name) {
  static const std::set<std::string> kShort = {"ms",   "us",  "ns",  "sec", "secs", "s",      "min",
                                               "mins", "m",   "hr",  "hrs", "h",    "kb",     "mb",
                                               "gb",   "kib", "mib", "pct", "perc", "config", "conf"};
  const std::size_t last = name.rfind('_');
  return last != std::string::npos && kShort.contains(name.substr(last + 1));
}

bool has_children(OptionType type) {
  return type == OptionType::group || type == OptionType::group_list || type == OptionType::group_map;
}

bool has_whole_range(const OptionDecl& d) { return !d.min || !d.max || *d.min <= *d.max; }

void check_default(const OptionDecl& d) {
  if (!d.default_value) return;
  EXPECT_FALSE(d.required) << "is required and has a default: one of them is never used";
  EXPECT_NE(d.type, OptionType::secret) << "a secret has no default";
  EXPECT_NO_THROW(fill_defaults({d}));
  if (d.type == OptionType::choice) {
    EXPECT_NE(std::count(d.choices.begin(), d.choices.end(), *d.default_value), 0)
        << "its default is none of its choices";
  }
}

void check_declared(const std::vector<OptionDecl>& declarations) {
  std::set<std::string> names;
  for (const OptionDecl& d : declarations) {
    SCOPED_TRACE("option '" + d.name + "'");
    EXPECT_TRUE(names.insert(d.name).second) << "is declared twice";
    EXPECT_TRUE(is_snake_case(d.name)) << "is not snake_case";
    EXPECT_FALSE(has_short_unit(d.name)) << "carries a shortened unit or a needless suffix";
    EXPECT_GE(d.help.size(), 10U) << "has no help";
    EXPECT_EQ(d.help.find('\n'), std::string::npos) << "its help is more than one line";
    EXPECT_TRUE(has_whole_range(d)) << "min is above max";
    EXPECT_EQ(d.type == OptionType::choice && d.choices.empty(), false) << "is a choice of nothing";
    EXPECT_EQ(has_children(d.type), !d.children.empty()) << "groups, and they alone, have children";
    check_default(d);
    check_declared(d.children);
  }
}

void check_type(const connect::ConnectorType& type) {
  EXPECT_TRUE(is_snake_case(type.name));
  EXPECT_FALSE(type.title.empty());
  EXPECT_FALSE(type.roles.empty());
  for (const std::string& role : type.roles) {
    EXPECT_TRUE((std::set<std::string>{"records", "touches", "costs", "source_fields", "conversions"}.contains(role)))
        << role;
  }
  EXPECT_EQ(type.api_version.empty(), type.api_version_ends.empty()) << "a version without its end";
  for (const connect::IdentifierDecl& d : type.vocabulary.identifiers) EXPECT_FALSE(d.help.empty()) << d.type;
  ASSERT_NE(type.make, nullptr);
  ASSERT_NE(type.check, nullptr);
}

void check_errors(const std::vector<OptionError>& errors, const Watch& watch) {
  for (const OptionError& e : errors) {
    EXPECT_GE(e.message.size(), 10U) << "an error tells people nothing";
    EXPECT_GT(e.at.line, 0) << "an error without a place: " << e.message;
    watch.expect_clean(to_string(e), "an option's error");
  }
}

std::vector<OptionError> checked(const Case& c, const Options& options) {
  std::vector<OptionError> errors;
  c.type.check(options, errors);
  return errors;
}

using Value = decltype(connect::OptionValue::value);

/// Values that pass the declaration and that the connector alone can judge.
std::vector<Value> odd_values(OptionType type) {
  switch (type) {
    case OptionType::text:
    case OptionType::path:
    case OptionType::url:
      return {std::string("???"), std::string("http://plain.example.com/x"), std::string(5000, 'x')};
    case OptionType::text_list:
      return {std::vector<std::string>{}, std::vector<std::string>{"???", "???"}};
    case OptionType::text_map:
      return {std::vector<std::pair<std::string, std::string>>{},
              std::vector<std::pair<std::string, std::string>>{{"???", "???"}}};
    case OptionType::integer:
    case OptionType::boolean:
    case OptionType::duration:
    case OptionType::size:
    case OptionType::secret:
    case OptionType::time_zone:
    case OptionType::currency:
    case OptionType::choice:
    case OptionType::credential:
    case OptionType::group:
    case OptionType::group_list:
    case OptionType::percent:
    case OptionType::group_map:
    case OptionType::conditions:
      return {};
  }
  return {};
}

/// check() neither crashes nor gives anything away, whatever it is given.
void check_odd_options(const Case& c, const Watch& watch) {
  for (const OptionDecl& d : c.type.options) {
    for (const Value& odd : odd_values(d.type)) {
      SCOPED_TRACE("an odd value in '" + d.name + "'");
      Options options = c.options();
      options.set(d.name, odd);
      check_errors(checked(c, options), watch);
    }
  }
}

}  // namespace

void check_declarations(const Case& c) {
  check_type(c.type);
  if (testing::Test::HasFatalFailure()) return;
  check_declared(c.type.options);
  check_declared(c.type.destination_options);
  const Watch watch(c);
  for (const OptionError& e : checked(c, c.options())) ADD_FAILURE() << "good options are refused: " << to_string(e);
  check_odd_options(c, watch);
}

}  // namespace hw::conformance
