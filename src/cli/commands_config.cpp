// Commands about the configuration and the program itself.
#include <iostream>

#include "cli/command.h"
#include "cli/version.h"
#include "service/check.h"

namespace hw::cli {

int check(const Common& common, bool online) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const service::CheckResult result =
      service::check(common.config, *common.registry, credentials != nullptr ? credentials : "", online);
  for (const auto& e : result.errors) std::cerr << connect::to_string(e) << "\n";
  for (const auto& w : result.warnings) std::cerr << connect::to_string(w) << " (warning)\n";
  for (const std::string& line : result.online) std::cout << line << "\n";
  if (!result.errors.empty()) {
    std::cerr << result.errors.size() << (result.errors.size() == 1 ? " error" : " errors") << "\n";
    return kConfig;
  }
  if (!result.online_ok) return kDifference;
  std::cout << common.config << ": ok\n";
  return kOk;
}

int schema(const Common& common) {
  std::cout << (common.format == "markdown" ? settings::reference_page(*common.registry)
                                            : settings::json_schema(*common.registry));
  return kOk;
}

int version(const Common& common) {
  report::Table t{
      .name = "version", .title = "", .columns = {{"what", "What"}, {"value", "Value"}}, .rows = {}, .note = {}};
  t.rows.push_back({"headwater", kVersion});
  t.rows.push_back({"store schema", std::to_string(store::schema_version())});
  for (const auto& c : common.registry->types())
    t.rows.push_back({"connector " + c.name,
                      c.api_version.empty() ? "-"
                                            : "API " + c.api_version +
                                                  (c.api_version_ends.empty() ? "" : ", ends " + c.api_version_ends)});
  std::cout << report::render({t}, common.output());
  return kOk;
}

}  // namespace hw::cli
