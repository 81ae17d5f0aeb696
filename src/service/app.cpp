#include "service/app.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "base/log.h"
#include "identity/normalise.h"
#include "service/act_as_owner.h"
#include "service/in_force.h"
#include "store/backup.h"
#include "store/service_rows.h"
#include "store/touches.h"

namespace hw::service {
namespace {

/// A command that leaves a request (`backfill`, `plan approve`) lets go of the lock sooner.

Error config_error(std::string text) { return {Action::pause, "config", std::move(text), {}, false}; }

/// Only who talks to others reads secrets: a person who may read the store looks at it without the service's secrets.
Result<settings::Loaded> load_settings(const std::string& file, const AppOptions& options,
                                       const connect::Registry& registry) {
  auto loaded = settings::load(file, registry,
                               {.credentials_directory = options.credentials_directory,
                                .resolve_secrets = options.access == AppOptions::Access::work});
  if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded)) return config_error(lines(*errors));
  return std::get<settings::Loaded>(std::move(loaded));
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{
      Action::pause, "store_io", "cannot make the state directory " + path + ": " + std::strerror(errno), {}, false};
}

}  // namespace

Status only_loopback(const settings::Settings& s) {
  for (const auto& c : s.connectors)
    for (const char* name : {"base_url", "token_url"})
      if (c.options.values.contains(name) && c.options.has(name) && !http::is_loopback_url(c.options.text(name)))
        return Error{Action::pause,
                     "follow_clock",
                     "--follow-clock is for sandboxes, and " + std::string(name) + " of connector " + c.name +
                         " is not on loopback",
                     {},
                     false};
  return {};
}

std::string lines(const std::vector<settings::OptionError>& errors) {
  std::string out;
  for (const auto& e : errors) out += connect::to_string(e) + "\n";
  return out;
}

connect::KeepRules keep_rules(const settings::Settings& s) {
  return {.names = s.identity.names,
          .masked_email = s.identity.masked_email,
          .default_country = s.identity.default_country,
          .role_mailboxes = s.identity.role_mailboxes,
          .free_mail = s.identity.free_mail};
}

std::string channels_fingerprint(const settings::Settings& s, const std::string& text) {
  std::string all = text;
  for (const std::string& domain : s.own_domains) all += "\n" + domain;
  return sha256_hex(all);
}

Result<std::string> read_channels(const settings::Settings& s) {
  if (s.channels_file.empty()) return std::string(journey::ChannelRules::built_in_text());
  std::ifstream file(s.channels_file, std::ios::binary);
  if (!file) return config_error(s.channels_file + ": cannot be read: " + std::strerror(errno) + "\n");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<journey::ChannelRules> load_channels(const settings::Settings& s, const std::string& text) {
  if (s.channels_file.empty()) return journey::ChannelRules::built_in();
  auto rules = journey::ChannelRules::load(text, s.channels_file);
  if (auto* errors = std::get_if<journey::ChannelRules::Errors>(&rules)) return config_error(lines(*errors));
  return std::get<journey::ChannelRules>(std::move(rules));
}

void use_log_level(const settings::Settings& s) {
  const std::string& level = s.service.log_level;
  set_log_level(level == "debug"   ? Level::debug
                : level == "warn"  ? Level::warn
                : level == "error" ? Level::error
                                   : Level::info);
}

Result<std::unique_ptr<App>> App::make(const AppOptions& options, const connect::Registry& registry) {
  std::unique_ptr<App> app(new App());
  app->options = options;
  if (options.follow_clock.empty()) {
    app->clock = make_system_clock();
  } else {
    auto clock = make_followed_clock(options.follow_clock);
    if (!clock) return clock.error();
    app->clock = std::move(*clock);
    app->command_poll = std::chrono::milliseconds(20);
    app->look_every = std::chrono::hours(24);
    app->check_store_every = std::chrono::hours(24 * 7);
  }
  app->random = make_system_random();
  Status files = app->read_settings(registry);
  app->read_settings_in_force(registry, files);
  if (!files) return files.error();
  use_log_level(app->settings);
  if (auto s = app->open_store(); !s) return s.error();
  app->vitals = std::make_shared<Vitals>(*app->clock);
  if (auto s = app->make_rooms(registry); !s) return s.error();
  return app;
}

Result<std::unique_ptr<App>> App::successor(const connect::Registry& registry) const {
  std::unique_ptr<App> app(new App());
  app->options = options;
  app->clock = clock;
  app->random = random;
  app->lock = lock;
  app->db = db;
  app->state = state;
  app->vitals = vitals;
  app->command_poll = command_poll;
  app->look_every = look_every;
  app->check_store_every = check_store_every;
  if (auto s = app->read_settings(registry); !s) return s.error();
  if (app->settings.state_dir != settings.state_dir)
    return config_error(options.config +
                        ": state: it cannot change while the daemon runs: set it back, or restart the daemon\n");
  if (auto s = app->make_rooms(registry); !s) return s.error();
  return app;
}

Status App::read_settings(const connect::Registry& registry) {
  auto loaded = load_settings(options.config, options, registry);
  if (!loaded) return loaded.error();
  settings = std::move(loaded->settings);
  warnings = std::move(loaded->warnings);
  documents = std::move(loaded->documents);
  if (!options.state_of.empty()) {
    auto present = load_settings(options.state_of, options, registry);
    settings.state_dir =
        present ? std::move(present->settings.state_dir) : settings::state_directory_of(options.state_of);
  }
  if (const auto fits = options.follow_clock.empty() ? Status() : only_loopback(settings); !fits) return fits;
  auto text = read_channels(settings);
  if (!text) return text.error();
  channels_text = std::move(*text);
  auto rules = load_channels(settings, channels_text);
  if (!rules) return rules.error();
  channels.emplace(std::move(*rules));
  return {};
}

/// In place of files that are refused, if a daemon goes on with others. `files`: why they are, or good.
void App::read_settings_in_force(const connect::Registry& registry, Status& files) {
  if (options.access > AppOptions::Access::ask || !options.state_of.empty()) return;
  if (!files && files.error().code != "config") return;
  auto kept = in_force(options.config, registry, files ? files_fingerprint(documents, channels_text) : "");
  if (!kept) return;
  auto rules = load_channels(kept->loaded.settings, kept->channels);
  if (!rules) return;
  refused =
      files ? config_error("the daemon refused them at its reload: `headwater status` shows why\n") : files.error();
  settings = std::move(kept->loaded.settings);
  documents = std::move(kept->loaded.documents);
  warnings.clear();
  channels_text = std::move(kept->channels);
  channels.emplace(std::move(*rules));
  files = {};
}

Status App::open_store() {
  const bool works = options.access >= AppOptions::Access::hold;
  if (works) {
    if (auto s = make_directory(settings.state_dir); !s) return s;
  }
  // Who asks may find nobody at work, and carries it out.
  if (options.access >= AppOptions::Access::ask)
    if (auto s = act_as_owner(settings.state_dir); !s) return s;
  if (works) {
    auto taken = Lock::take(settings.state_dir, Lock::kPatience);
    if (!taken) return taken.error();
    lock = std::move(*taken);
  }
  auto opened = store::Db::open({.path = settings.state_dir + "/headwater.db",
                                 .postgres = {},
                                 .create = works,
                                 .read_only = options.access == AppOptions::Access::look});
  if (!opened) return opened.error();
  db = std::move(*opened);
  // Who asks for something would write it into a copy that nobody works on.
  if (options.access >= AppOptions::Access::ask)
    if (auto s = store::check_generation(*db, settings.state_dir); !s) return s;
  state = std::make_unique<StoreState>(*db, settings.state_dir);
  return {};
}

Status App::make_rooms(const connect::Registry& registry) {
  http = std::make_unique<WatchedHttp>(
      http::make_client({.credentials = settings.credentials,
                         .ca_file = settings.service.ca_file,
                         .user_agent = "headwater",
                         .state = options.access == AppOptions::Access::work ? state.get() : nullptr,
                         .may_sleep = options.follow_clock.empty()},
                        *clock, *random));
  normaliser = identity::make_normaliser(keep_rules(settings), registry.vocabulary());
  resolver.emplace(identity::ResolverOptions{.limits = settings.identity.limits});
  std::vector<settings::OptionError> errors;
  connectors = settings::make_connectors(settings, registry, *http, *clock, *normaliser, errors);
  if (!errors.empty()) return config_error(lines(errors));
  take = std::make_unique<ingest::Take>(settings, *resolver, [this, &vocabulary = registry.vocabulary()](Touch& touch) {
    channels->normalise_source(touch, vocabulary, settings.own_domains);
    return channels->channel(touch);
  });
  for (const auto& c : settings.connectors) {
    auto made = connectors.find(c.name);
    if (made == connectors.end()) continue;
    connect::Connector& connector = *made->second;
    const bool is_source = connector.records() != nullptr || connector.touches() != nullptr ||
                           connector.lookup() != nullptr || connector.costs() != nullptr;
    if (!is_source) continue;
    pullers.push_back(std::make_unique<ingest::Puller>(c, connector, *take, *db, *clock, *random));
    puller_names.push_back(c.name);
    if (connector.lookup() != nullptr) lookup_names.push_back(c.name);
  }
  reconciler = std::make_unique<reconcile::Reconciler>(settings, connectors, *db, *clock);
  for (const auto& d : settings.destinations) {
    auto sinks = settings::sinks_of(d, connectors);
    if (!sinks.complete() || d.mode == Mode::shadow) continue;
    watch(sinks, d.name, *vitals, *clock, watched_sinks);
    senders.push_back(std::make_unique<delivery::Sender>(d, std::move(sinks), *db, *clock, *random));
    sender_names.push_back(d.name);
  }
  make_field_writers();
  return {};
}

void App::make_field_writers() {
  for (const auto& f : settings.source_fields) {
    auto made = connectors.find(f.connector);
    if (made == connectors.end() || made->second->source_fields() == nullptr) continue;
    const auto name = std::find(puller_names.begin(), puller_names.end(), f.connector);
    const ingest::Puller* reader =
        name == puller_names.end() ? nullptr : pullers[static_cast<std::size_t>(name - puller_names.begin())].get();
    field_writers.push_back(
        std::make_unique<delivery::FieldWriter>(f, *made->second->source_fields(), settings.zone, *db, *clock, *random,
                                                [reader] { return reader != nullptr && reader->is_reading(); }));
    field_writer_names.push_back(f.name);
  }
}

}  // namespace hw::service
