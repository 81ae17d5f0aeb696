// The files that admins read and edit, against the program that reads them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "conformance/paths.h"
#include "connectors/registry.h"
#include "settings/settings.h"

namespace hw {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Config, TheReferencePageIsWhatTheProgramPrints) {
  EXPECT_EQ(text_of(conformance::source_dir() + "/config/README.md"), settings::reference_page(connectors::all()))
      << "headwater schema --format markdown > config/README.md";
}

TEST(Config, TheSchemaIsWhatTheProgramPrints) {
  EXPECT_EQ(text_of(conformance::source_dir() + "/config/schema.json"), settings::json_schema(connectors::all()))
      << "headwater schema > config/schema.json";
}

TEST(Config, EveryExampleIsGood) {
  std::size_t seen = 0;
  const auto check = [&](const std::string& path) {
    auto loaded = settings::load(path, connectors::all(), {.credentials_directory = "", .resolve_secrets = false});
    if (auto* errors = std::get_if<std::vector<connect::OptionError>>(&loaded))
      for (const auto& e : *errors) ADD_FAILURE() << connect::to_string(e);
    ++seen;
  };
  check(conformance::source_dir() + "/config/headwater.yaml");
  for (const auto& entry : std::filesystem::directory_iterator(conformance::source_dir() + "/config/examples"))
    check(entry.path());
  EXPECT_GE(seen, 3U);
}

}  // namespace
}  // namespace hw
