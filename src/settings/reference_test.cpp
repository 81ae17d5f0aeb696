#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "settings/declarations.h"
#include "settings/scalars.h"
#include "settings/settings.h"
#include "settings/test_connectors.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using testing::HasSubstr;

TEST(Schema, IsOfDraft2020AndKnowsBothKindsOfFile) {
  const auto schema = nlohmann::json::parse(json_schema(test_registry()));
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["anyOf"][0]["$ref"], "#/$defs/main_file");
  EXPECT_EQ(schema["anyOf"][1]["$ref"], "#/$defs/connector_file");
}

TEST(Schema, RefusesUnknownOptionsEverywhere) {
  const auto schema = nlohmann::json::parse(json_schema(test_registry()));
  for (const char* name : {"main_file", "connector_files", "connector_ads_platform", "destination_ads_platform"}) {
    EXPECT_EQ(schema["$defs"][name]["additionalProperties"], false) << name;
  }
  EXPECT_FALSE(schema["$defs"].contains("destination_files")) << "files takes no conversions";
}

TEST(Schema, CarriesTypesRangesDefaultsAndHelp) {
  const auto options =
      nlohmann::json::parse(json_schema(test_registry()))["$defs"]["connector_ads_platform"]["properties"];
  EXPECT_EQ(options["rows"]["type"], "integer");
  EXPECT_EQ(options["rows"]["maximum"], 500);
  EXPECT_EQ(options["rows"]["default"], 1);
  EXPECT_EQ(options["source"]["enum"][1], "phone");
  EXPECT_EQ(options["account"]["description"], "The customer id, digits only.");
  EXPECT_EQ(options["type"]["const"], "ads_platform");
  EXPECT_THAT(options["signing_key"]["pattern"].get<std::string>(), HasSubstr("credential"));
}

TEST(ReferencePage, ShowsEveryOptionWithItsHelp) {
  const std::string page = reference_page(test_registry());
  const auto expect_all = [&](const auto& self, const std::vector<OptionDecl>& decls) -> void {
    for (const OptionDecl& d : decls) {
      EXPECT_THAT(page, HasSubstr(d.name + "` |"));
      self(self, d.children);
    }
  };
  for (const OptionDecl& section : main_sections()) expect_all(expect_all, section.children);
  expect_all(expect_all, files_type().options);
  expect_all(expect_all, ads_platform_type().options);
  EXPECT_THAT(page, HasSubstr("| `rows` | whole number | `1` | from 1 to 500 rows | Rows in one request. |"));
  EXPECT_THAT(page, HasSubstr("API version v3, which ends 2028-03-30."));
}

/// A default that its own declaration refuses would silently be none.
void expect_readable_defaults(const std::vector<OptionDecl>& decls) {
  for (const OptionDecl& d : decls) {
    EXPECT_FALSE(d.help.empty()) << d.name;
    if (d.default_value && d.type != connect::OptionType::text_list) {
      EXPECT_TRUE(read_scalar(d, *d.default_value).has_value()) << d.name;
    }
    expect_readable_defaults(d.children);
  }
}

TEST(Declarations, HaveHelpAndDefaultsThatTheyThemselvesTake) { expect_readable_defaults(main_sections()); }

struct Number {
  const char* name;
  connect::OptionType type;
  std::int64_t number;
  const char* shown;
};
class Shown : public testing::TestWithParam<Number> {};

TEST_P(Shown, AsAPersonWritesIt) { EXPECT_EQ(shown(GetParam().type, GetParam().number), GetParam().shown); }

INSTANTIATE_TEST_SUITE_P(Scalars, Shown,
                         testing::Values(Number{"Days", connect::OptionType::duration, 259'200, "3d"},
                                         Number{"OddSeconds", connect::OptionType::duration, 90, "90s"},
                                         Number{"Zero", connect::OptionType::duration, 0, "0s"},
                                         Number{"Size", connect::OptionType::size, 65'536, "64KiB"},
                                         Number{"Percent", connect::OptionType::percent, 50'000, "5%"},
                                         Number{"HalfPercent", connect::OptionType::percent, 25'000, "2.5%"},
                                         Number{"Integer", connect::OptionType::integer, 7, "7"}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace hw::settings
