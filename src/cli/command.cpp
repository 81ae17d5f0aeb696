#include "cli/command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "base/text.h"
#include "cli/pasteable.h"

namespace hw::cli {

report::Format Common::output() const {
  return format == "json" ? report::Format::json : format == "csv" ? report::Format::csv : report::Format::text;
}

namespace {

/// "3d", "12h", "30m": how long ago.
std::optional<Duration> age(const std::string& text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t n = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9' || n > 1'000'000) return std::nullopt;
    n = n * 10 + (c - '0');
  }
  switch (text.back()) {
    case 'm':
      return std::chrono::minutes(n);
    case 'h':
      return std::chrono::hours(n);
    case 'd':
      return std::chrono::hours(24 * n);
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::unique_ptr<Clock>> followed_clock(const Common& common) {
  if (common.follow_clock.empty()) return std::unique_ptr<Clock>();
  return make_followed_clock(common.follow_clock);
}

Result<std::optional<Timestamp>> before(Timestamp now, const std::string& text) {
  if (text.empty()) return std::optional<Timestamp>();
  const auto d = age(text);
  if (!d) return bad_argument("'" + text + "' is no age: write 30m, 12h or 3d");
  return std::optional(now - *d);
}

namespace {

/// "there is no goal 'wno'; did you mean 'won'? The configuration has: won, lead".
template <class Named>
Error unknown_name(const char* what, const std::string& name, const std::vector<Named>& all) {
  std::vector<std::string> known;
  std::string listed;
  for (const Named& one : all) {
    known.push_back(one.name);
    listed += (listed.empty() ? "" : ", ") + one.name;
  }
  const std::string near = nearest(name, known);
  return bad_argument("there is no " + std::string(what) + " '" + name + "'" +
                      (near.empty() ? ". " : "; did you mean '" + near + "'? ") + "The configuration has: " + listed);
}

}  // namespace

Status check_names(const settings::Settings& settings, const std::string& destination, const std::string& goal) {
  if (!destination.empty() && settings.destination(destination) == nullptr)
    return unknown_name("destination", destination, settings.destinations);
  if (!goal.empty() && settings.goal(goal) == nullptr) return unknown_name("goal", goal, settings.goals);
  return {};
}

Error bad_argument(std::string text) { return {Action::reject_row, "usage", std::move(text), {}, false}; }

int fail(const Error& error) {
  static const std::map<std::string, int> codes{{"config", kConfig},
                                                {"locked", kUnavailable},
                                                {"listen", kUnavailable},
                                                {"file_exists", kCannotCreate},
                                                {"cannot_create", kCannotCreate},
                                                {"no_backup", kNoInput},
                                                {"no_file", kNoInput},
                                                {"not_a_backup", kDataError},
                                                {"import", kDataError},
                                                {"store_outdated", kConfig},
                                                {"not_yet", kTempFail},
                                                {"store_missing", kUnavailable},
                                                {"store_newer", kConfig},
                                                {"store_corrupt", kDataError},
                                                {"store_full", kIoError},
                                                {"store_io", kIoError},
                                                {"store_readonly", kIoError},
                                                {"store_busy", kTempFail},
                                                {"clock_file", kUsage},
                                                {"usage", kUsage},
                                                {"not_found", kDifference},
                                                {"lock", kCannotCreate},
                                                {"state_owner", kNoPermission},
                                                {"token_file", kIoError},
                                                {"store_older", kTempFail},
                                                {"access_denied", kNoPermission},
                                                {"credential", kNoPermission},
                                                {"login_refused", kNoPermission},
                                                {"no_refresh_token", kNoPermission},
                                                {"wrong_state", kDataError},
                                                {"no_code", kDataError},
                                                {"timed_out", kTempFail},
                                                {"token_busy", kTempFail},
                                                {"url", kConfig},
                                                {"http_404", kConfig},
                                                {"follow_clock", kConfig}};
  const bool whole = error.code == "config";
  std::cerr << (whole ? "" : "headwater: ") << pasteable(error.detail) << (whole ? "" : " (" + error.code + ")\n");
  auto it = codes.find(error.code);
  if (it != codes.end()) return it->second;
  return error.action == Action::retry ? kUnavailable : kSoftware;
}

void tell_of_refused_files() {
  std::cerr << pasteable(
      "headwater: the configuration is refused as it is now (`headwater check` or `headwater status` shows why); this "
      "is by the one from before, with which the daemon works on\n");
}

std::unique_ptr<service::App> open(const Common& common, service::AppOptions::Access access, int& exit_code,
                                   const std::string& candidate) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  auto app = service::App::make({.config = candidate.empty() ? common.config : candidate,
                                 .state_of = candidate.empty() ? "" : common.config,
                                 .credentials_directory = credentials != nullptr ? credentials : "",
                                 .follow_clock = common.follow_clock,
                                 .access = access},
                                *common.registry);
  if (!app) {
    exit_code = fail(app.error());
    return nullptr;
  }
  if ((*app)->refused) tell_of_refused_files();
  return std::move(*app);
}

namespace {

/// Headwater's own words name commands as this process was called; data stays as it is.
void make_pasteable(report::Table& t) {
  t.note = pasteable(t.note);
  for (std::size_t c = 0; c < t.columns.size(); ++c)
    if (t.columns[c].holds == report::Holds::advice)
      for (auto& row : t.rows) row[c] = pasteable(row[c]);
}

/// Characters on a line of the terminal that reads the output; 0 where none does.
std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

void print(const Common& common, std::vector<report::Table> tables) {
  if (common.output() == report::Format::text)
    for (report::Table& t : tables) make_pasteable(t);
  std::cout << report::render(tables, common.output(), terminal_width());
}

int show(const Common& common,
         const std::function<Result<std::vector<report::Table>>(service::App&, store::Tx&)>& body) {
  int code = kOk;
  auto app = open(common, service::AppOptions::Access::look, code);
  if (!app) return code;
  auto tables = app->db->read([&](store::Tx& tx) { return body(*app, tx); });
  if (!tables) return fail(tables.error());
  print(common, std::move(*tables));
  return kOk;
}

}  // namespace hw::cli
