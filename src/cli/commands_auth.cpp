// Signing in with a browser, and what is known of the credentials. No secret is printed.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cli/command.h"
#include "report/credentials.h"
#include "service/in_force.h"
#include "service/login.h"

namespace hw::cli {
namespace {

std::optional<service::InForce> in_force_instead(
    const Common& common, const std::variant<settings::Loaded, std::vector<settings::OptionError>>& read) {
  const auto* good = std::get_if<settings::Loaded>(&read);
  const auto channels = good == nullptr ? Result<std::string>(std::string()) : service::read_channels(good->settings);
  const std::string files = good == nullptr ? "" : service::files_fingerprint(good->documents, channels.value_or(""));
  return service::in_force(common.config, *common.registry, files);
}

std::variant<settings::Loaded, std::vector<settings::OptionError>> read_files(const Common& common, bool with_secrets) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  return settings::load(common.config, *common.registry,
                        {.credentials_directory = credentials != nullptr ? credentials : "",
                         .resolve_secrets = with_secrets,
                         .excuse_all_secrets = with_secrets});
}

Error config_error(const std::vector<settings::OptionError>& errors) {
  return Error{Action::pause, "config", service::lines(errors), {}, false};
}

Result<settings::Settings> loaded(const Common& common) {
  auto read = read_files(common, /*with_secrets=*/false);
  if (auto kept = in_force_instead(common, read)) {
    tell_of_refused_files();
    return std::move(kept->loaded.settings);
  }
  if (const auto* errors = std::get_if<std::vector<settings::OptionError>>(&read)) return config_error(*errors);
  return std::get<settings::Loaded>(std::move(read)).settings;
}

/// Who sets up one connector after another has not all their secrets yet: only this one's are needed.
Result<settings::Settings> loaded_for_login(const Common& common, const std::string& connector) {
  auto read = read_files(common, /*with_secrets=*/true);
  if (const auto* errors = std::get_if<std::vector<settings::OptionError>>(&read)) return config_error(*errors);
  auto& good = std::get<settings::Loaded>(read);
  const auto target = service::login_target(good.settings, *common.registry, connector);
  if (target && target->credential.client_secret.reveal().empty() && !good.warnings.empty())
    return config_error(good.warnings);
  return std::move(good.settings);
}

std::optional<std::string> typed_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

/// Before the first run there is no store, and nothing is known.
Result<std::vector<report::CredentialState>> known_states(const settings::Settings& settings) {
  store::DbOptions options;
  options.path = settings.state_dir + "/headwater.db";
  options.read_only = true;
  auto db = store::Db::open(options);
  if (!db && db.error().code == "store_missing") return report::credential_states(nullptr, settings);
  if (!db) return db.error();
  return (*db)->read([&](store::Tx& tx) -> Result<std::vector<report::CredentialState>> {
    return report::credential_states(&tx, settings);
  });
}

}  // namespace

int auth_login(const Common& common, const LoginArgs& args) {
  auto settings = loaded_for_login(common, args.connector);
  if (!settings) return fail(settings.error());
  auto followed = followed_clock(common);
  if (!followed) return fail(followed.error());
  if (const auto fits = *followed ? service::only_loopback(*settings) : Status(); !fits) return fail(fits.error());
  service::LoginOptions options{.connector = args.connector, .paste = args.paste, .port = args.port};
  options.followed = followed->get();
  const service::LoginTalk talk{.say = [](const std::string& text) { std::cerr << text << std::flush; },
                                .read_line = typed_line};
  const auto clock = make_system_clock();
  auto done = service::log_in(*settings, *common.registry, options, talk, *clock, {});
  if (!done) return fail(done.error());
  std::cout << *done;
  return kOk;
}

int auth_status(const Common& common, const std::string& connector) {
  auto settings = loaded(common);
  if (!settings) return fail(settings.error());
  if (!connector.empty() && settings->connector(connector) == nullptr)
    return fail(service::unknown_connector(*settings, connector));
  auto states = known_states(*settings);
  if (!states) return fail(states.error());
  if (!connector.empty())
    std::erase_if(*states, [&](const report::CredentialState& s) {
      return std::find(s.connectors.begin(), s.connectors.end(), connector) == s.connectors.end();
    });
  print(common, {report::credentials(*states, settings->zone)});
  const bool all = std::none_of(states->begin(), states->end(), [](const auto& s) { return s.is_signed_out(); });
  return all ? kOk : kDifference;
}

}  // namespace hw::cli
