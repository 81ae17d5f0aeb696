// The files that admins read and edit, against the program that reads them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "conformance/paths.h"
#include "connectors/registry.h"
#include "service/check.h"
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

/// The first ```yaml block of README.md.
std::string first_configuration() {
  const std::string readme = text_of(conformance::source_dir() + "/README.md"), fence = "```yaml\n";
  const auto begin = readme.find(fence) + fence.size();
  return readme.substr(begin, readme.find("```", begin) - begin);
}

void write_secret(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(Config, TheFirstConfigurationOfTheReadmePassesCheckAsItIsWritten) {
  std::string dir = std::filesystem::temp_directory_path() / "hw_readme_XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  std::ofstream(dir + "/headwater.yaml", std::ios::binary) << first_configuration();
  // As README.md says: the folder without visits.yaml, and the two secrets.
  std::filesystem::copy(conformance::source_dir() + "/config/connectors.d", dir + "/connectors.d");
  std::filesystem::remove(dir + "/connectors.d/visits.yaml");
  std::filesystem::create_directory(dir + "/secrets");
  write_secret(dir + "/secrets/hubspot-token", "placeholder");
  write_secret(dir + "/secrets/google-key.json",
               R"({"type": "service_account", "client_email": "headwater@example.com", "private_key": "placeholder"})");
  const auto checked =
      service::check({.config = dir + "/headwater.yaml", .credentials_directory = ""}, connectors::all());
  for (const auto& e : checked.errors) ADD_FAILURE() << connect::to_string(e);
  for (const auto& w : checked.warnings) ADD_FAILURE() << connect::to_string(w);
  EXPECT_TRUE(checked.online_ok);
  std::filesystem::remove_all(dir);
}

/// The file with its commented options in force: those lines begin with "#source_fields:" or "#  ".
std::string with_both_ways_back(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::string out;
  bool back = false;
  for (std::string line; std::getline(lines, line);) {
    back = back || line.starts_with("# Two ways back");
    const bool is_option = back && (line.starts_with("#  ") || line.starts_with("#source_fields:"));
    out += (is_option ? line.substr(1) : line) + "\n";
  }
  return out;
}

TEST(Config, TheWaysBackThatAreCommentedAreGoodAsWell) {
  std::string dir = std::filesystem::temp_directory_path() / "hw_back_XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  const std::string yaml = with_both_ways_back(text_of(conformance::source_dir() + "/config/headwater.yaml"));
  std::ofstream(dir + "/headwater.yaml", std::ios::binary) << yaml;
  std::filesystem::copy(conformance::source_dir() + "/config/connectors.d", dir + "/connectors.d");
  std::filesystem::rename(dir + "/connectors.d/ga4.yaml.example", dir + "/connectors.d/ga4.yaml");
  auto loaded = settings::load(dir + "/headwater.yaml", connectors::all(),
                               {.credentials_directory = "", .resolve_secrets = false});
  if (auto* errors = std::get_if<std::vector<connect::OptionError>>(&loaded)) {
    for (const auto& e : *errors) ADD_FAILURE() << connect::to_string(e);
  } else {
    const settings::Settings& good = std::get<settings::Loaded>(loaded).settings;
    EXPECT_EQ(good.source_fields.size(), 1U);
    EXPECT_NE(good.destination("ga4_closed_won"), nullptr);
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace hw
