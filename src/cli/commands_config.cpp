// Commands about the configuration and the program itself.
#include <iostream>

#include "cli/command.h"
#include "cli/pasteable.h"
#include "cli/version.h"
#include "service/check.h"

namespace hw::cli {

namespace {

report::Table table_of(const std::string& name, const std::vector<settings::OptionError>& errors) {
  report::Table t{.name = name,
                  .title = "",
                  .columns = {{"file", "File"},
                              {"line", "Line", report::Holds::id},
                              {"column", "Column", report::Holds::id},
                              {"message", "Message", report::Holds::advice}},
                  .rows = {},
                  .note = {}};
  for (const auto& e : errors)
    t.rows.push_back({e.at.file, std::to_string(e.at.line), std::to_string(e.at.column), e.message});
  return t;
}

report::Table table_of(const std::vector<service::OnlineFinding>& online) {
  report::Table t{.name = "findings",
                  .title = "",
                  .columns = {{"severity", "Severity"},
                              {"connector", "Connector"},
                              {"subject", "Subject"},
                              {"message", "Message", report::Holds::advice}},
                  .rows = {},
                  .note = {}};
  for (const auto& [connector, f] : online)
    t.rows.push_back({service::to_string(f.severity), connector, f.subject, f.message});
  return t;
}

/// Errors as editors and compilers write them, one a line.
void print_lines(const std::string& config, const service::CheckResult& result, bool online) {
  for (const auto& e : result.errors) std::cerr << pasteable(connect::to_string(e)) << "\n";
  for (const auto& w : result.warnings) std::cerr << pasteable(connect::to_string(w)) << " (warning)\n";
  for (const auto& [connector, f] : result.online)
    std::cout << service::to_string(f.severity) << " " << (connector.empty() ? "" : connector + ": ") << f.subject
              << (f.message.empty() ? "" : ": " + pasteable(f.message)) << "\n";
  if (!result.errors.empty())
    std::cerr << result.errors.size() << (result.errors.size() == 1 ? " error" : " errors") << "\n";
  else if (result.online_ok)
    std::cout << config << ": ok"
              << (online
                      ? "\n"
                      : " (offline: nobody signed in, and whether accounts, actions, fields and stages exist was not "
                        "asked; --online does)\n");
}

}  // namespace

int check(const Common& common, bool online) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  auto followed = followed_clock(common);
  if (!followed) return fail(followed.error());
  const service::CheckResult result =
      service::check({.config = common.config,
                      .credentials_directory = credentials != nullptr ? credentials : "",
                      .online = online,
                      .followed = followed->get()},
                     *common.registry);
  if (common.output() == report::Format::text) {
    print_lines(common.config, result, online);
  } else {
    print(common, {table_of("errors", result.errors), table_of("warnings", result.warnings), table_of(result.online)});
  }
  if (!result.errors.empty()) return kConfig;
  return result.online_ok ? kOk : kDifference;
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
  print(common, {t});
  return kOk;
}

}  // namespace hw::cli
