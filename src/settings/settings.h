#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/zone.h"
#include "connect/registry.h"
#include "http/client.h"
#include "model/money.h"
#include "model/record.h"
#include "model/upload.h"

/// The typed configuration. Loaded from YAML by load(): one main file and the files its `include:` names. Every error
/// of all files is found in one run, each with file:line:column, what was expected, and the nearest valid key.
namespace hw::settings {

using connect::Mark;
using connect::OptionError;

/// One comparison on a CRM field. `when:` is a conjunction of these.
struct Condition {
  enum class Op : std::uint8_t {
    equals,
    not_equals,
    in,
    not_in,
    present,
    absent,
    less,
    greater,
    not_less,
    not_greater
  } op = Op::equals;
  std::string field;
  std::vector<std::string> values;  ///< one for equals, less, ...; several for in
};

/// One stage of a subject kind. Stages are ordered as written.
struct Stage {
  std::string name;
  Object subject = Object::deal;
  std::string field;                                    ///< trigger: this CRM field ...
  std::vector<std::string> values;                      ///< ... takes one of these values; empty = is present
  std::string pipeline;                                 ///< only deals of this pipeline; "" = all
  bool in_pipeline = false, won = false, lost = false;  ///< flags `pipeline`, `won`, `lost`
  int order = 0;
  Mark at;
};

struct ValueRule {
  enum class Kind : std::uint8_t { none, amount, field, fixed, share } kind = Kind::none;
  std::string field;                 ///< field
  std::int64_t micros = 0;           ///< fixed
  std::int64_t millionths = 0;       ///< share of the amount
  std::optional<Currency> currency;  ///< fixed; else the record's, else the reporting currency
};

struct Goal {
  std::string name;
  Object subject = Object::deal;
  std::string stage;
  std::vector<Condition> when;
  ValueRule value;
  std::optional<std::int64_t> missing_value_micros;  ///< `fixed N`; absent = withhold
  bool send_zero = false;                            ///< zero_value: send
  enum class Time : std::uint8_t { stage_entered, recorded, close_date } time = Time::stage_entered;
  enum class ClickRule : std::uint8_t { lead, first, last } click = ClickRule::lead;
  enum class Count : std::uint8_t { once_per_lineage, once_per_person, each } count = Count::once_per_lineage;
  Duration per_person_within{};  ///< once_per_person
  bool revenue = false;
  std::optional<Timestamp> go_live;  ///< absent = first start in live mode, stored
  Mark at;
};

struct Destination {
  std::string name;
  std::string goal;
  std::string upload_by, restate_by,
      retract_by;  ///< connector instances; restate_by and retract_by default to upload_by
  std::string account, action;
  connect::Options options;  ///< the sink's own per-destination options
  std::vector<Condition> route;
  Mode mode = Mode::shadow;
  std::optional<Timestamp> go_live;
  bool resend_uncertain = false;              ///< on_uncertain: resend
  std::optional<connect::Counting> counting;  ///< overrides the contract's
  Duration settle = std::chrono::hours(72);
  std::int64_t max_lowering_count = 20;
  std::int64_t max_lowering_millionths = 50'000;  ///< of told value, from 5 conversions on
  std::size_t batch = 1;                          ///< rows a request, at most the contract's
  int max_attempts = 20;
  Duration max_retry_age = std::chrono::hours(24 * 14);
  Mark at;
};

/// First and last touch written to the records of one CRM object.
struct SourceFields {
  std::string name, connector;
  Object object = Object::contact;
  std::vector<std::pair<std::string, std::string>> fields;  ///< what is written ("first_source") -> the CRM's field
  enum class Overwrite : std::uint8_t { ours, always } overwrite = Overwrite::ours;
  std::int64_t daily_limit = 5000;   ///< records written a day of the reporting zone
  std::optional<Timestamp> go_live;  ///< records created before are left alone; absent = first start, stored
  bool history = false;              ///< older records too
  Mark at;
};

struct ConnectorInstance {
  std::string name, type;
  connect::Options options;
  Duration pull_every = std::chrono::minutes(15);
  bool enabled = true;
  Mark at;
};

struct Settings {
  std::string main_file;
  Zone zone = Zone::utc();
  Currency currency = Currency::parse("EUR").value();  ///< reporting currency
  std::string state_dir;                               ///< the store's directory
  struct Service {
    std::string log_level = "info";
    Duration stop_deadline = std::chrono::seconds(30);
    std::string ca_file;
    /// Where /healthz, /readyz and /metrics answer: a loopback address without brackets; "" = nowhere. Port 0: any.
    std::string listen_host;
    int listen_port = 0;
  } service;
  struct ConsentRule {
    std::set<std::string> regions;  ///< alpha-2 where consent is needed; default EEA, UK, CH
    bool send_unknown = false;      ///< unknown: withhold | send
    ConsentState unknown_region =
        ConsentState::granted;  ///< how a record without country is treated: as regulated (unknown) or not (granted)
  } consent;
  struct Identity {
    bool names = false, masked_email = true;
    std::string default_country;
    std::map<std::string, int> limits;     ///< per identifier type: more records than this share it -> quarantined
    std::set<std::string> role_mailboxes;  ///< local parts that never join persons ("info", "sales"); empty = none
    std::set<std::string> free_mail;       ///< domains that are never an account
  } identity;
  std::string channels_file;          ///< "" = the embedded config/channels.yaml
  std::set<std::string> own_domains;  ///< the company's: a referrer among them is no source
  Duration gather = std::chrono::hours(1);
  std::vector<http::Credential> credentials;
  std::vector<Stage> stages;
  std::vector<Goal> goals;
  std::vector<Destination> destinations;
  std::vector<SourceFields> source_fields;
  std::vector<ConnectorInstance> connectors;

  [[nodiscard]] const Goal* goal(std::string_view name) const;
  [[nodiscard]] const Destination* destination(std::string_view name) const;
  [[nodiscard]] const ConnectorInstance* connector(std::string_view name) const;
  [[nodiscard]] std::vector<const Stage*> stages_of(Object subject) const;  ///< in order
  /// The CRM fields whose history matters: triggers, conditions, values, and amount, currency, pipeline, closed.
  [[nodiscard]] std::vector<std::string> tracked_fields() const;
  /// (subject, field) pairs that stages, goals and routes name.
  [[nodiscard]] std::vector<std::pair<Object, std::string>> referenced_fields() const;
};

/// Where ${credential:NAME} is read from; the environment and files are the process's own.
struct LoadOptions {
  std::string credentials_directory;  ///< $CREDENTIALS_DIRECTORY, given by main
  bool resolve_secrets = true;        ///< false: only the references' form is judged, and every secret is empty
  /// A secret that another user or the service may well see is a warning, and empty.
  bool excuse_unseen_secrets = false;
  bool excuse_all_secrets = false;  ///< so is every other one that cannot be read
};

/// One file as read: `name` is what marks and messages show.
struct Document {
  std::string name, text;
};

struct Loaded {
  Settings settings;
  std::vector<OptionError> warnings;
  std::vector<Document> documents{};  ///< what was read, the main file first
};
/// All errors, sorted by file and line; or the settings.
std::variant<Loaded, std::vector<OptionError>> load(const std::string& path, const connect::Registry&,
                                                    const LoadOptions&);

/// The same from documents that were read before, whatever the files say now; `path` is still where relative paths
/// begin.
std::variant<Loaded, std::vector<OptionError>> load_again(const std::string& path, std::vector<Document> documents,
                                                          const connect::Registry&, const LoadOptions&);

/// The state directory of a main file that may be full of errors, by what stands before the first of them; the default
/// where nothing is said of it there.
std::string state_directory_of(const std::string& path);

/// JSON Schema (draft 2020-12) of the main file and of connector files: for editors and CI.
std::string json_schema(const connect::Registry&);
/// The reference page config/README.md.
std::string reference_page(const connect::Registry&);

/// True when all conditions hold for the fields; numbers compare as decimals, times as instants, else text byte by
/// byte.
bool holds(const std::vector<Condition>&, const std::map<std::string, std::string>& fields);

}  // namespace hw::settings
