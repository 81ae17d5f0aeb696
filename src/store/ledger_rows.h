#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/conversion.h"
#include "model/upload.h"
#include "store/engine/db.h"

/// The ledger's rows. What may follow what is decided in src/ledger; every change of an upload's state goes through
/// move(), which writes the audit event, and every change of a standing through put_standing(), which keeps the totals,
/// in the caller's transaction.
namespace hw::store {

struct StoredConversion {
  std::int64_t id = 0;
  std::string dedup_id, goal, lineage;
  std::int64_t record_id = 0, occurrence = 1;
  Timestamp entered_at, at, created_at;
  Basis at_basis = Basis::crm_history;
};

/// Where one conversion stands at one destination: exactly one reason, the value wanted (t) and told (b).
struct Standing {
  std::int64_t conversion_id = 0;
  std::string destination, goal;
  std::string state;   ///< "taken", "missing", "excess", "uncertain", "unlocated", "none"
  std::string reason;  ///< ledger/reasons.h; "" when taken
  std::string detail;
  std::int64_t t_micros = 0, b_micros = 0, b_low = 0, b_high = 0, crm_micros = 0;
  std::string t_currency, b_currency, crm_currency;
  std::string range_currency;  ///< of b_low and b_high, which uncertain and unlocated ones have
  Timestamp changed_at;
  std::optional<Timestamp> look_again_at;
  std::string flags;  ///< space separated: "identity_changed_after_upload", "click_after_first", "time_inferred",
                      ///< "told_in_gap", ...
  std::string story;  ///< JSON for explain: the click chosen and those passed over
  /// The conversion whose place at the platform this one cannot take: looked at again when that one's standing changes.
  std::optional<std::int64_t> held_by;
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct StoredUpload {
  std::int64_t id = 0, conversion_id = 0;
  std::string destination;
  int revision = 0;
  Operation operation = Operation::upload;
  Mode mode = Mode::live;
  UploadState state = UploadState::pending;
  std::string code, detail;
  std::optional<std::int64_t> value_micros;
  std::string currency;
  // Frozen once first_attempt_at is set: what is said, where and of whom. A row goes to the account and action it was
  // made for, whatever the configuration says later.
  std::string item;  ///< JSON of connect::Item
  std::string account, action, dedup_key, consent;
  std::string click_type, click_value;     ///< the click it carries, "" if none
  std::optional<std::int64_t> person;      ///< record whose data it carries
  std::optional<Timestamp> conversion_at;  ///< the conversion's time as told
  Timestamp made_at, not_before, expires_at, next_at;
  int attempts = 0;
  std::optional<Timestamp> first_attempt_at, last_attempt_at, received_at, processed_at;
  std::optional<std::int64_t> request_id;
  bool is_awaited = false;  ///< received, and its request is still asked after: read only, by the request
  bool backfill = false;    ///< history: claimed after every live row, and no faster than its backfill says
};

struct StoredRequest {
  std::int64_t id = 0;
  std::string destination, receipt, verdict;
  std::int64_t row_count = 0;
  Timestamp sent_at;
  std::optional<Timestamp> next_poll_at;
  int polls = 0;
};

struct UploadEvent {
  std::int64_t id = 0, upload_id = 0;
  Timestamp at;
  std::string from_state, to_state, code, detail, actor;
};

/// One line of the accounts of one standing, as added to ledger_total.
struct Contribution {
  std::string currency, line, reason;
  std::int64_t n = 0, micros = 0;
};
struct Total {
  std::string destination, goal, currency, line, reason;
  std::int64_t n = 0, micros = 0;
};

namespace ledger_rows {

std::optional<StoredConversion> conversion(Tx&, std::int64_t id);
std::optional<StoredConversion> conversion_by_dedup(Tx&, std::string_view dedup_id);
std::vector<StoredConversion> conversions_of_record(Tx&, std::int64_t record);
std::vector<StoredConversion> conversions_of_lineage(Tx&, std::string_view lineage);
std::int64_t add_conversion(Tx&, const StoredConversion&);
/// Only while nothing was sent for it: entered_at, at and at_basis may still move.
void set_conversion_time(Tx&, std::int64_t id, Timestamp entered_at, Timestamp at, Basis basis);

std::optional<Standing> standing(Tx&, std::int64_t conversion, std::string_view destination);
std::vector<Standing> standings(Tx&, std::int64_t conversion);
/// Writes the standing when it differs (in more than changed_at) and moves the totals by contributions(new) -
/// contributions(old). `contributions` is ledger::contributions.
bool put_standing(Tx&, const Standing&, const std::function<std::vector<Contribution>(const Standing&)>& contributions);
/// Records whose standing is due to be looked at again, by time.
struct Due {
  std::int64_t record_id = 0;
  Timestamp at;
};
std::vector<Due> due_standings(Tx&, Timestamp now, std::int64_t limit);
std::optional<Timestamp> next_due_standing(Tx&);
std::vector<Total> totals(Tx&);
/// The standings under missing and excess of one destination, goal, reason and pair of currencies together.
struct OpenSum {
  std::string destination, goal, state, reason, t_currency, b_currency;
  std::int64_t n = 0;
  std::int64_t both_micros = 0;  ///< the sum of min(t, b): wanted and told
  std::int64_t over_micros = 0;  ///< told and not wanted: the sum of b less that
};
/// Reads every standing, in one statement.
std::vector<OpenSum> open_sums(Tx&);
/// Standings behind a reason, with their conversions, by conversion id: the first `limit` conversions above
/// `after_conversion`, each with all its standings that match. "" matches everything.
struct Listed {
  Standing standing;
  StoredConversion conversion;
};
std::vector<Listed> list_standings(Tx&, std::string_view destination /* "" = all */, std::string_view goal,
                                   std::string_view reason, std::int64_t after_conversion, std::int64_t limit);

bool any_standing(Tx&, std::string_view destination, std::string_view reason);
/// Marks the records of a destination's standings under a reason as changed, in one statement.
void mark_standings(Tx&, std::string_view destination, std::string_view reason, std::string_view cause);

std::vector<StoredUpload> uploads(Tx&, std::int64_t conversion, std::string_view destination);  ///< by revision
std::optional<StoredUpload> upload(Tx&, std::int64_t id);
std::int64_t last_upload(Tx&);  ///< the highest id; ids grow, whatever the clock does; 0: none was made
/// With its first event, whose detail is `why`, or the row's own. Here and in move(), next_at is stored no earlier than
/// not_before.
std::int64_t add_upload(Tx&, const StoredUpload&, std::string_view actor, std::string_view why = {});
/// Gives a row that was never attempted what `u` says (everything that the first attempt freezes, and its windows);
/// throws "store_constraint" for one that was.
void replace_unsent(Tx&, std::int64_t id, const StoredUpload& u);
/// The one way to change an upload: writes every mutable column of `u` and an event when state or code changed. Throws
/// "store_constraint" when the stored state is not `from` or u's may not follow it (model/upload.h). What the row says
/// (item, dedup_key, value, currency, consent, click and the like) stays, whatever `u` holds: replace_unsent() alone
/// writes it. first_attempt_at, once stored, stays too; only a `u` without it takes it back.
void move(Tx&, const StoredUpload& u, UploadState from, std::string_view actor, Timestamp now);
/// Due rows (pending or retrying, next_at <= now and not_before <= now) whose subject is not waiting in dirty_subject,
/// by next_at. Rows of a backfill only when no other is due, and only as many as its rate has room for.
std::vector<StoredUpload> due_uploads(Tx&, std::string_view destination, Timestamp now, std::int64_t limit);
bool any_due(Tx&, std::string_view destination, Timestamp now);  ///< whether due_uploads() has a row
/// When due_uploads() next has a row: those that wait in dirty_subject do not count, their reconcile pass wakes
/// delivery.
std::optional<Timestamp> next_due_upload(Tx&, std::string_view destination, Timestamp now);
std::vector<StoredUpload> in_flight(Tx&, std::string_view destination);
std::vector<StoredUpload> uploads_of_request(Tx&, std::int64_t request);  ///< by id, as they were sent
std::optional<StoredUpload> first_of_request(Tx&, std::int64_t request);
struct UploadFilter {
  std::string destination, state, code;
  std::optional<Timestamp> made_before, made_after;
  std::int64_t after_id = 0, limit = 100;
  std::string reason{};  ///< the row's code, or the reason of its conversion's standing
  std::string goal{};
  std::optional<Timestamp> tried_before{}, tried_after{};  ///< last attempt, or made if there was none
};
std::vector<StoredUpload> list_uploads(Tx&, const UploadFilter&);
/// Is a row to be sent again by itself? What was sent in another mode than the destination's waits for that.
bool any_retrying(Tx&, std::string_view destination, Mode mode);
/// Unsent rows, and those that are due by then, are due now: what held them ended before its time.
void let_go(Tx&, std::string_view destination, Timestamp now, Timestamp due_by);
std::vector<UploadEvent> events(Tx&, std::int64_t upload);
struct StateCount {
  std::string destination, state, code;
  std::int64_t n = 0;
  std::string mode{};
};
/// Counts by scan: for reports, never for the loop. An uncertain row after which the platform received a later one is
/// "settled": what it believes is known.
std::vector<StateCount> upload_states(Tx&);
/// `code` is the platform's own word, with which the details of the rows in this state under this code begin (what
/// stands before ": "). By scan, too.
std::vector<StateCount> upload_details(Tx&, std::string_view state, std::string_view code);

std::int64_t add_request(Tx&, const StoredRequest&);
void update_request(Tx&, const StoredRequest&);
std::vector<StoredRequest> due_requests(Tx&, std::string_view destination, Timestamp now, std::int64_t limit);
std::optional<Timestamp> next_poll(Tx&, std::string_view destination);
std::optional<StoredRequest> request(Tx&, std::int64_t id);

/// `platform` names who is told: a click is chosen once per lineage and platform account.
std::optional<Click> chosen_click(Tx&, std::string_view lineage, std::string_view platform);
void choose_click(Tx&, std::string_view lineage, std::string_view platform, const Click&, Timestamp now);

/// Live rows that carry this click at this account and action, by id: all revisions of every conversion.
std::vector<StoredUpload> uploads_on_click(Tx&, std::string_view type, std::string_view value, std::string_view account,
                                           std::string_view action);
/// Live rows that carry this record's data at this account and action, by id.
std::vector<StoredUpload> uploads_of_person(Tx&, std::int64_t person, std::string_view account,
                                            std::string_view action);
/// Live rows of the destination that may have reached it under this key, by id.
std::vector<StoredUpload> uploads_of_key(Tx&, std::string_view destination, std::string_view dedup_key);
/// Records of conversions whose standing is held by this conversion.
std::vector<std::int64_t> records_held_by(Tx&, std::int64_t conversion);
/// Gives a conversion to another record (a merge's survivor); its key stays.
void repoint_conversion(Tx&, std::int64_t id, std::int64_t record, std::int64_t occurrence);

void add_lowering(Tx&, std::string_view destination, Timestamp at, std::int64_t conversion, std::int64_t micros,
                  std::string_view currency);
struct Lowerings {
  std::string currency;
  std::int64_t n = 0, micros = 0;
};
std::vector<Lowerings> lowerings_since(Tx&, std::string_view destination, Timestamp since);  ///< sent; by currency
/// Lowerings that are wanted and wait for `settle` (until at most `until`) or behind the brake; by currency.
std::vector<Lowerings> lowering_candidates(Tx&, std::string_view destination, std::string_view goal, Timestamp until);
struct Brake {
  std::int64_t id = 0;
  std::string destination, approved_by;
  Timestamp braked_at;
  std::optional<Timestamp> approved_at, released_at;
};
std::optional<Brake> open_brake(Tx&, std::string_view destination);  ///< not released
std::vector<Brake> brakes(Tx&);
std::int64_t set_brake(Tx&, std::string_view destination, Timestamp now);  ///< the open one's id, if there is one
void approve_brake(Tx&, std::int64_t id, std::string_view actor, Timestamp now);
void release_brake(Tx&, std::int64_t id, Timestamp now);

std::optional<Timestamp> go_live(Tx&, std::string_view scope /* "goal", "destination" */, std::string_view name);
void set_go_live(Tx&, std::string_view scope, std::string_view name, Timestamp at);

}  // namespace ledger_rows
}  // namespace hw::store
