#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connect/identifiers.h"
#include "connect/options.h"
#include "connect/personal.h"
#include "http/client.h"
#include "model/conversion.h"
#include "model/record.h"
#include "model/touch.h"
#include "model/upload.h"

/// All that a connector sees of the core. A connector is one folder: it declares its options and identifiers as data
/// and gives role objects. A role takes plain values and returns plain values or a classified error; it owns no thread,
/// never sleeps, retries, keeps state between calls or touches the store. The core calls one role object from one
/// thread at a time; different roles of one connector may be called from different threads.
namespace hw::connect {

/// What a role may use. All outlive the connector.
struct Env {
  http::HttpClient& http;  ///< owns rate lanes, tokens and the one repeat after a 401
  const Clock& clock;
  const Normaliser& normaliser;
  const Vocabulary& vocabulary;
  std::string instance;  ///< name of this connector instance in the configuration
};

/// Limits of one call.
struct Context {
  std::stop_token stop;
  Duration timeout = std::chrono::seconds(60);  ///< connect and transfer together; real time
};

// ----------------------------------------------------------------------------------------------------------------
// sources

/// The source's own position: durable mark, open window, page token, whatever it needs to go on after a restart.
/// Empty = from the beginning. At most 64 KiB; the core never looks inside.
struct Cursor {
  std::string text;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// A row that could not be read. Set aside, counted, shown; never stops the rest.
struct RejectedRow {
  std::string where;   ///< "leads.csv:17", "contacts/123"; never the row's contents
  std::string code;    ///< closed set, [a-z0-9_]+
  std::string detail;  ///< for people, without personal data
};

template <class Row>
struct Page {
  std::vector<Row> rows;
  std::vector<RejectedRow> rejected;
  Cursor next;
  bool more = false;                 ///< pull again at once
  std::optional<Duration> again_in;  ///< a job still runs: look again then
  bool sweep_complete =
      false;  ///< with more == false: the stream has now been read through to the present at least once
  std::optional<std::string> partition;  ///< "2026-11-18": these pages are the whole truth of it; at partition_ends
  bool partition_ends = false;           ///< what the store holds of it and no page repeated is withdrawn
};

/// A source has streams, each with a cursor of its own.
template <class Row>
class Source {
 public:
  virtual ~Source() = default;
  /// The streams that exist now ("contacts", "deals", "file:leads.csv"). Called before every pass; order = reading
  /// order.
  virtual Result<std::vector<std::string>> streams(Context) = 0;
  /// The next page of at most about `limit` rows after `cursor`. Reading the same cursor twice gives the same rows or
  /// newer states of them. Errors: retry (network, 429, 5xx), pause (credentials, configuration).
  virtual Result<Page<Row>> pull(std::string_view stream, const Cursor& cursor, std::size_t limit, Context) = 0;
};
using RecordSource = Source<Record>;
using TouchSource = Source<Touch>;
using CostSource = Source<Spend>;

/// What a lookup may ask for.
struct LookupLimits {
  std::set<std::string> types;  ///< identifier types it answers for
  std::size_t max_ids = 1000;   ///< identifiers a call
  Duration every{};  ///< at most one round of calls in this time: stores billed by scan batch new identifiers
};

/// The history of identifiers that the CRM knows, asked for when they appear (`pull: lookup`). The core queues
/// identifiers durably, asks until none is unanswered, and asks again for those that the answers brought.
class TouchLookup {
 public:
  virtual ~TouchLookup() = default;
  virtual const LookupLimits& limits() const = 0;
  /// Every touch of these identifiers that the source still holds, page by page from an empty cursor. `next` with
  /// `more` == false ends it; `again_in`: a job still runs.
  virtual Result<Page<Touch>> lookup(std::span<const Identifier> ids, const Cursor& cursor, Context) = 0;
};

// -----------------------------------------------------------------------------------------------------------------
// source fields

/// Fields of one CRM record by the CRM's own names; "" = empty.
struct FieldValues {
  RecordRef ref;
  std::map<std::string, std::string> values;
};

// -----------------------------------------------------------------------------------------------------------------
// sinks

/// Whom the answer of one row is about.
enum class Scope : std::uint8_t { row, request, destination, connector };

enum class Verdict : std::uint8_t {
  accepted,
  already_received,
  retry,
  reject_row,
  reject_batch,
  pause,
};
const char* to_string(Verdict v);

/// The code of a final refusal that nobody has to mend: the platform finds no click or account of its own behind the
/// row, for the lead came by something else than its ads. `detail` begins with the platform's own reason.
inline constexpr const char* kUnattributed = "unattributed";

struct Outcome {
  Verdict verdict = Verdict::accepted;
  Scope scope = Scope::row;
  std::string code, detail;       ///< the platform's own code (lower-cased, [a-z0-9_]+) and message
  std::optional<Duration> after;  ///< retry: not before
  bool spends_attempt = true;     ///< false: waiting that is nobody's fault (too recent, new action)
  bool maybe_applied = false;     ///< the request left, the answer was lost
};

/// outcomes[i] is about items[i]; `receipt` is the request's ("" if the platform gives none).
struct Answer {
  std::vector<Outcome> outcomes;
  std::string receipt;
};

/// Writes first and last touch to CRM records. What may be overwritten is the core's decision; the writer only reads
/// and writes.
class SourceFieldWriter {
 public:
  virtual ~SourceFieldWriter() = default;
  virtual std::size_t max_records() const = 0;  ///< a call of current() or write()
  /// Values now. Records that the CRM does not show (deleted, merged, invisible) are left out of the answer.
  virtual Result<std::vector<FieldValues>> current(std::span<const RecordRef> records,
                                                   std::span<const std::string> fields, Context) = 0;
  /// outcomes[i] is about changes[i]. All records of a call are of one object. Refusals carry the CRM's own code and
  /// message; scope destination = the field itself (missing, read-only, wrong type), so that no record is asked again.
  virtual Result<Answer> write(std::span<const FieldValues> changes, Context) = 0;
};

/// How a platform counts conversions of one click or person.
enum class Counting : std::uint8_t { every, once_per_click, once_per_member };

/// A destination as its sink sees it.
struct Target {
  std::string account;  ///< "1234567890"
  std::string action;   ///< conversion action id
  /// The sink's own per-destination options, declared in ConnectorType::destination_options.
  const Options* options = nullptr;
  Counting counting = Counting::every;  ///< the destination's `counting`, else the contract's
};

/// Why a revision exists and when it was made. `at` is fixed when it is made, never when it is sent.
struct Revision {
  Operation operation = Operation::upload;
  int number = 0;  ///< 0 = the first
  Timestamp at;
};

/// One row's part of a request, frozen at first send: what is stored is what goes again. `body` is the connector's own
/// JSON text of the row; it holds no secret and no token.
struct Item {
  std::string body;
  std::string dedup_key;                      ///< what the platform dedups by
  std::string group;                          ///< items of one request share it (action, headers)
  Timestamp not_before;                       ///< minimum wait: send no sooner
  Timestamp expires_at;                       ///< the platform's age window ends
  std::string click_type, click_value;        ///< the click it carries, "" if none
  std::vector<std::string> identifier_types;  ///< what it identifies by: "gclid", "email_gmail_dots_removed", ...
  std::string form{};                         ///< Contract::form of the sink that made it; filled in by the core
};

/// Not sendable as it stands. The reason is one of the accounts' reasons (ledger/reasons.h): "no_identifier",
/// "expired", "consent", "too_recent", "no_value", ...
struct Refusal {
  std::string reason, detail;
  std::optional<Timestamp> look_again{};
};

/// How far a 2xx can be trusted.
enum class Receipt : std::uint8_t { none, request, count, row };
enum class ZeroRule : std::uint8_t { ordinary, final_retraction, refused };

/// Repeats of a dedup key. `window` counts from the first attempt; nullopt with `known` = unbounded.
struct DedupRule {
  bool exists = false;  ///< false: a repeat counts twice
  bool known = true;    ///< false: never relied upon
  std::optional<Duration> window;
  bool of_uploads_alone = false;   ///< true: a repeated restatement or retraction counts again
  bool repeat_overwrites = false;  ///< what a repeated upload does: true: its value replaces the one taken before;
                                   ///< false: it is ignored, and the first value stays
  Duration resend_after{};         ///< what may have been taken goes again so long after, and no sooner: until then the
                                   ///< platform may not know the key yet, and count the repeat too
};

/// How an operation's rows are answered, and what a repeat of one does.
struct RowRules {
  DedupRule dedup;
  Receipt receipt = Receipt::request;
  bool resend_is_harmless = false;  ///< an `unlocated` row may be sent alone under its key
  /// confirm(): first look, then every, at most until (receipt count and row).
  Duration first_poll{}, poll_every{}, poll_until{};
  std::optional<Duration> adjust_until;  ///< age of the original beyond which it cannot be adjusted
};

/// What a sink can do, as data. Vendor limits cite page and date where they are set.
struct Contract : RowRules {
  /// How its items' bodies are written: the name of its API and, where that changed, a space and a number. A row that
  /// was frozen in another form is never sent by this sink; one of the same API is asked after all the same.
  std::string form;
  std::set<Operation> operations;
  bool restate_up = false, restate_down = false;
  ZeroRule zero = ZeroRule::refused;
  std::size_t max_items = 1;  ///< items a request, after the destination's own `batch` option
  std::size_t max_bytes = 1 << 20;
  Counting counting = Counting::every;
  std::vector<std::string> click_types;  ///< identifier types it takes as click, best first
  Duration click_window{};               ///< age window of a click
  Duration user_data_window{};           ///< age window without click, from the lead's creation
  Duration conversion_window{};          ///< age window of the conversion itself; zero: its age does not count
  /// Client identifiers it takes: first the one that it cannot do without, then what only goes with it (a session).
  std::vector<std::string> client_types;
  std::vector<HashForm> hash_forms;  ///< forms it can send
  bool needs_consent = false;        ///< the platform drops rows without consent in regulated regions
  Duration smallest_time_step = std::chrono::seconds(1);
  /// Rules of the operations that another connector does (`restate_by`, `retract_by`); filled in by the core.
  std::map<Operation, RowRules> elsewhere;

  const RowRules& rules_of(Operation operation) const {
    const auto it = elsewhere.find(operation);
    return it == elsewhere.end() ? *this : it->second;
  }
};
/// A form without its number.
inline std::string_view api_of(std::string_view form) { return form.substr(0, form.find(' ')); }

/// The fate of one request: counts, or rows where the platform names them.
struct Confirmation {
  std::string receipt;
  bool is_final = false;
  std::size_t accepted = 0;
  std::vector<std::pair<Outcome, std::size_t>> refused;  ///< verdict and how many rows it befell
  std::vector<Outcome> rows;  ///< empty if counts only; else rows[i] about item i of the request
};

/// The revision that the platform took, as it went out.
struct Sent {
  Item item;
  Timestamp conversion_time;
  Timestamp accepted_at;
};

class ConversionSink {
 public:
  virtual ~ConversionSink() = default;
  virtual const Contract& contract() const = 0;
  /// The contract of one destination, where the platform treats its actions differently. Batch size and bytes are
  /// contract()'s.
  virtual Contract contract_for(const Target&) const { return contract(); }
  /// Pure: one row, or why not. `now` decides windows. `original` is set for restate and retract.
  virtual std::variant<Item, Refusal> prepare(const Conversion&, const Revision&, const Target&, const Sent* original,
                                              Timestamp now) const = 0;
  /// Pure: the request body of items of one group; what `preview` prints and `send` posts.
  virtual std::string body(std::span<const Item> items, const Target&, bool validate_only) const = 0;
  /// One request. An outer Error means that nothing is known about single rows: its action applies to all of them.
  virtual Result<Answer> send(std::span<const Item> items, const Target&, bool validate_only, Context) = 0;
  /// Looks after requests that were received. Unknown or not yet final: is_final = false. A receipt whose question got
  /// no answer is left out, and asked again as after an outage; an Error says that no question got one.
  virtual Result<std::vector<Confirmation>> confirm(std::span<const std::string> receipts, const Target&, Context) = 0;
};

// -------------------------------------------------------------------------------------------------------------
// connector

/// A result of check_online: what was found, and how to mend what is wrong.
struct Finding {
  enum class Severity : std::uint8_t { ok, warning, error } severity = Severity::ok;
  std::string subject;  ///< "sign-in", "field 'stage'", "action 700000001"
  std::string message;
};
/// Something that exists at the vendor and that a configuration may name.
struct RemoteObject {
  std::string kind, id, label;  ///< "stage", "presentationscheduled", "Presentation scheduled"
};
/// What the configuration refers to, for check_online.
struct References {
  std::vector<std::pair<Object, std::string>> fields;             ///< fields named by stages and goals
  std::vector<std::pair<std::string, std::string>> stage_values;  ///< field, value
  std::vector<Target> targets;
  std::vector<std::pair<Object, std::string>> written_fields{};  ///< the CRM's fields that source fields are written to
};

class Connector {
 public:
  virtual ~Connector() = default;
  virtual RecordSource* records() { return nullptr; }
  virtual TouchSource* touches() { return nullptr; }
  virtual TouchLookup* lookup() { return nullptr; }
  virtual CostSource* costs() { return nullptr; }
  virtual SourceFieldWriter* source_fields() { return nullptr; }
  virtual ConversionSink* conversions() { return nullptr; }
  /// Signs in and looks whether what the configuration names exists. Never changes anything.
  virtual Result<std::vector<Finding>> check_online(const References&, Context) = 0;
  virtual Result<std::vector<RemoteObject>> discover(Context) = 0;
};

enum class Maturity : std::uint8_t { wip, alpha, stable };

/// A connector as data, and how to make one.
struct ConnectorType {
  std::string name;   ///< "csv": the value of `type:` in a connector file
  std::string title;  ///< "CSV files"
  Maturity maturity = Maturity::alpha;
  std::set<std::string> roles;                ///< "records", "touches", "costs", "source_fields", "conversions"
  std::string api_version, api_version_ends;  ///< "2026-09", "2028-03-30"; "" where there is none
  std::vector<OptionDecl> options;
  std::vector<OptionDecl> destination_options;  ///< what a destination that uses this sink may also say
  Vocabulary vocabulary;                        ///< identifiers and cookies it declares
  /// Every error of the options is added to `errors`; nullptr then. `fields` are the CRM fields that stages and goals
  /// name.
  std::unique_ptr<Connector> (*make)(const Options&, const std::vector<std::pair<Object, std::string>>& fields, Env,
                                     std::vector<OptionError>& errors) = nullptr;
  /// Checks the options without making anything (no network, no files beyond what the options name).
  void (*check)(const Options&, std::vector<OptionError>& errors) = nullptr;
  /// Checks a destination's account, action and own options without network; what is wrong stands at `at`. May be
  /// absent.
  void (*check_target)(const Target&, const Mark& at, std::vector<OptionError>& errors) = nullptr;
  /// Its options hold a secret that belongs to one account: an instance serves destinations of one account alone.
  bool one_account = false;
  /// Where a person signs in with a browser (`headwater auth login`). Absent: there is no such page.
  http::LoginPlace (*login)(const Options&) = nullptr;
};

}  // namespace hw::connect
