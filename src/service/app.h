#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "connect/registry.h"
#include "delivery/field_writer.h"
#include "delivery/sender.h"
#include "http/client.h"
#include "identity/resolve.h"
#include "ingest/puller.h"
#include "ingest/take.h"
#include "journey/channels.h"
#include "reconcile/reconciler.h"
#include "service/lock.h"
#include "service/state_store.h"
#include "service/vitals.h"
#include "service/watched.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::service {

/// What a command is given on the command line and by its surroundings.
struct AppOptions {
  std::string config;    ///< main file
  std::string state_of;  ///< main file whose state directory is used instead of config's: `plan --candidate`
  std::string credentials_directory;  ///< $CREDENTIALS_DIRECTORY
  std::string follow_clock;           ///< file of a sandbox's clock; refused unless every base_url is loopback
  /// look: beside a running daemon, read-only; secrets are not read, for it sends nothing. ask: beside it too, to leave
  /// a request row; never creates or migrates. hold: takes the state directory's lock before the store is opened, so
  /// that no newer program migrates it under a running one; without secrets. work: as hold, and talks to others. All
  /// but look act as the state directory's owner where root calls them (act_as_owner), once the files are read.
  enum class Access : std::uint8_t { look, ask, hold, work } access = Access::look;
};

/// Everything of one configuration, made once and wired together. The members' order is the order of their making; what
/// is above outlives what is below. What is shared outlives a reload.
class App {
 public:
  /// Errors of the configuration carry all their lines in `detail`, code "config"; the store's keep theirs.
  /// Where the files are refused, here or by a running daemon at its reload, and the daemon keeps the configuration
  /// from before, who looks or asks does too.
  static Result<std::unique_ptr<App>> make(const AppOptions& options, const connect::Registry& registry);
  /// The App of the same files as they are now, on the same clock, lock and store: for a reload. It may be made while
  /// this one works, and must not work before this one has ended and is gone, for each knows the use of its rate lanes
  /// and its tokens alone. Another state directory is refused: what is under way would be forgotten.
  [[nodiscard]] Result<std::unique_ptr<App>> successor(const connect::Registry& registry) const;

  AppOptions options;
  std::shared_ptr<Clock> clock;
  std::shared_ptr<Random> random;
  settings::Settings settings;
  std::shared_ptr<Lock> lock;
  std::vector<settings::OptionError> warnings;
  std::vector<settings::Document> documents;  ///< what the settings were read from
  std::string channels_text;                  ///< what the channel rules were read from
  /// Why the files are refused as they are now, where the settings are those that a running daemon keeps meanwhile.
  std::optional<Error> refused;
  std::shared_ptr<store::Db> db;
  std::shared_ptr<StoreState> state;
  std::shared_ptr<Vitals> vitals;
  std::unique_ptr<http::HttpClient> http;
  std::unique_ptr<connect::Normaliser> normaliser;
  std::optional<journey::ChannelRules> channels;
  std::optional<identity::Resolver> resolver;
  settings::Connectors connectors;
  std::unique_ptr<ingest::Take> take;
  std::vector<std::unique_ptr<ingest::Puller>> pullers;
  std::unique_ptr<reconcile::Reconciler> reconciler;
  std::vector<std::unique_ptr<WatchedSink>> watched_sinks;
  std::vector<std::unique_ptr<delivery::Sender>> senders;
  std::vector<std::unique_ptr<delivery::FieldWriter>> field_writers;  ///< as settings.source_fields, less the disabled
  std::vector<std::string> puller_names, sender_names, field_writer_names;
  std::vector<std::string> lookup_names;  ///< connectors that are asked for the history of identifiers
  /// How often a running daemon looks for what other commands ask of it (`plan approve`, ...). A person waits for it,
  /// so the machine's time counts, also beside a clock that stands.
  std::chrono::milliseconds command_poll{1000};
  /// How often its reconciler looks for what time alone brings: logins that are about to expire, held-back log lines.
  Duration look_every = std::chrono::seconds(5);
  /// How often a running daemon looks for damage in the store.
  Duration check_store_every = std::chrono::hours(24);

 private:
  App() = default;
  Status read_settings(const connect::Registry& registry);
  void read_settings_in_force(const connect::Registry& registry, Status& files);
  Status open_store();
  Status make_rooms(const connect::Registry& registry);
  void make_field_writers();
};

/// From now on events are logged as this configuration says.
void use_log_level(const settings::Settings& settings);

connect::KeepRules keep_rules(const settings::Settings& settings);
/// The text of the built-in channel rules, or of the configured file's.
Result<std::string> read_channels(const settings::Settings& settings);
/// Code "config" with a line an error.
Result<journey::ChannelRules> load_channels(const settings::Settings& settings, const std::string& text);

/// Changes when the rules, or the company's own domains, do.
std::string channels_fingerprint(const settings::Settings& settings, const std::string& text);

/// A followed clock is for sandboxes: code "follow_clock" where something would leave the machine under a time that is
/// not true.
Status only_loopback(const settings::Settings& settings);

/// All errors, a line each.
std::string lines(const std::vector<settings::OptionError>& errors);

}  // namespace hw::service
