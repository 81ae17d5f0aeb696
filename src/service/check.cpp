#include "service/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "identity/normalise.h"
#include "service/app.h"
#include "service/lock.h"
#include "service/state_store.h"
#include "settings/instances.h"

namespace hw::service {
namespace {

using Severity = connect::Finding::Severity;

/// What one connector is asked about: the fields and stage values of every source, the targets of its own destinations.
connect::References references(const settings::Settings& s, const std::string& connector) {
  connect::References r;
  r.fields = s.referenced_fields();
  for (const settings::Stage& stage : s.stages)
    for (const std::string& v : stage.values) r.stage_values.emplace_back(stage.field, v);
  for (const settings::SourceFields& f : s.source_fields)
    if (f.connector == connector)
      for (const auto& [what, field] : f.fields) r.written_fields.emplace_back(f.object, field);
  for (const settings::Destination& d : s.destinations)
    if (d.upload_by == connector)
      r.targets.push_back({.account = d.account,
                           .action = d.action,
                           .options = &d.options,
                           .counting = d.counting.value_or(connect::Counting::every)});
  return r;
}

void add(CheckResult& result, const std::string& connector, connect::Finding finding) {
  if (finding.severity == Severity::error) result.online_ok = false;
  result.online.push_back({connector, std::move(finding)});
}

void ask(const std::string& name, connect::Connector& connector, const settings::Settings& s, CheckResult& result) {
  auto findings = connector.check_online(references(s, name), {.stop = {}, .timeout = std::chrono::seconds(30)});
  if (!findings) {
    add(result, name, {Severity::error, findings.error().code, findings.error().detail});
    return;
  }
  for (const auto& f : *findings) add(result, name, f);
}

/// What keeps it from being looked at is told; only damage, and what no start can mend, makes the check fail.
void look_at_store(const settings::Settings& s, CheckResult& result) {
  const std::string path = s.state_dir + "/headwater.db";
  if (::access(path.c_str(), F_OK) != 0) return;
  auto opened = store::Db::open({.path = path, .postgres = {}, .create = false, .read_only = true});
  const Status whole = opened ? (*opened)->quick_check({}) : Status(opened.error());
  if (whole) return add(result, "", {Severity::ok, "store", "no damage found"});
  const std::string& code = whole.error().code;
  const bool is_lost = code == "store_corrupt" || code == "store_newer";
  add(result, "", {is_lost ? Severity::error : Severity::warning, "store", whole.error().detail + " (" + code + ")"});
}

/// Signing in with a refresh token may replace it: the new one must be kept, and nobody else may be using the old one
/// meanwhile.
struct Rotation {
  std::unique_ptr<Lock> lock;
  std::unique_ptr<store::Db> db;
  std::unique_ptr<StoreState> state;

  Status open(const settings::Settings& s) {
    const bool rotates = std::any_of(s.credentials.begin(), s.credentials.end(),
                                     [](const auto& c) { return c.type == http::CredentialType::refresh_token; });
    if (!rotates) return {};
    ::mkdir(s.state_dir.c_str(), 0700);
    auto taken = Lock::take(s.state_dir);
    if (!taken) return taken.error();
    lock = std::move(*taken);
    auto opened = store::Db::open({.path = s.state_dir + "/headwater.db", .postgres = {}});
    if (!opened) return opened.error();
    db = std::move(*opened);
    state = std::make_unique<StoreState>(*db, s.state_dir);
    return {};
  }
};

}  // namespace

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

CheckResult check(const std::string& config, const connect::Registry& registry,
                  const std::string& credentials_directory, bool online) {
  CheckResult result;
  auto loaded =
      settings::load(config, registry, {.credentials_directory = credentials_directory, .resolve_secrets = true});
  if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded)) {
    result.errors = std::move(*errors);
    return result;
  }
  const settings::Settings s = std::move(std::get<settings::Loaded>(loaded).settings);
  result.warnings = std::move(std::get<settings::Loaded>(loaded).warnings);
  auto clock = make_system_clock();
  auto random = make_system_random();
  Rotation rotation;
  if (online)
    if (auto kept = rotation.open(s); !kept) {
      add(result, "", {Severity::error, "sign-in", kept.error().detail});
      return result;
    }
  auto http = http::make_client({.credentials = s.credentials,
                                 .ca_file = s.service.ca_file,
                                 .user_agent = "headwater",
                                 .state = rotation.state.get()},
                                *clock, *random);
  auto normaliser = identity::make_normaliser(keep_rules(s), registry.vocabulary());
  auto connectors = settings::make_connectors(s, registry, *http, *clock, *normaliser, result.errors);
  if (auto channels = load_channels(s); !channels)
    result.errors.push_back({{s.channels_file, 0, 0}, channels.error().detail});
  if (!result.errors.empty()) return result;
  look_at_store(s, result);
  if (!online) return result;
  for (auto& [name, connector] : connectors) ask(name, *connector, s, result);
  return result;
}

}  // namespace hw::service
