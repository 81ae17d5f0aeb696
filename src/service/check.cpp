#include "service/check.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "identity/normalise.h"
#include "service/app.h"
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

/// Where signing in may replace a refresh token, the new one must be kept, and a daemon may be using the old one.
Result<StateBeside> tokens_of(const settings::Settings& s) {
  const bool rotates = std::any_of(s.credentials.begin(), s.credentials.end(),
                                   [](const auto& c) { return c.type == http::CredentialType::refresh_token; });
  return rotates ? StateBeside::open(s.state_dir) : Result<StateBeside>(StateBeside());
}

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

CheckResult check(const CheckOptions& options, const connect::Registry& registry) {
  CheckResult result;
  auto loaded = settings::load(options.config, registry,
                               {.credentials_directory = options.credentials_directory,
                                .resolve_secrets = true,
                                .excuse_unseen_secrets = !options.online});
  if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded)) {
    result.errors = std::move(*errors);
    return result;
  }
  const settings::Settings s = std::move(std::get<settings::Loaded>(loaded).settings);
  result.warnings = std::move(std::get<settings::Loaded>(loaded).warnings);
  const auto own_clock = make_system_clock();
  const Clock& clock = options.followed != nullptr ? *options.followed : *own_clock;
  if (const auto fits = options.followed != nullptr ? only_loopback(s) : Status(); !fits)
    result.errors.push_back({{options.config, 0, 0}, fits.error().detail});
  if (!result.errors.empty()) return result;
  const auto channels = read_channels(s);
  const auto rules = channels ? load_channels(s, *channels) : Result<journey::ChannelRules>(channels.error());
  if (!rules) result.errors.push_back({{s.channels_file, 0, 0}, rules.error().detail});
  look_at_store(s, result);
  auto random = make_system_random();
  auto beside = options.online ? tokens_of(s) : Result<StateBeside>(StateBeside());
  if (!beside) {
    add(result, "", {Severity::error, "sign-in", beside.error().detail});
    return result;
  }
  auto http = http::make_client({.credentials = s.credentials,
                                 .ca_file = s.service.ca_file,
                                 .user_agent = "headwater",
                                 .state = beside->tokens.get(),
                                 .keeps_lanes = false,
                                 .may_sleep = options.followed == nullptr},
                                clock, *random);
  auto normaliser = identity::make_normaliser(keep_rules(s), registry.vocabulary());
  auto connectors = settings::make_connectors(s, registry, *http, clock, *normaliser, result.errors);
  if (!result.errors.empty() || !options.online) return result;
  for (auto& [name, connector] : connectors) ask(name, *connector, s, result);
  return result;
}

}  // namespace hw::service
