#include <algorithm>
#include <limits>
#include <map>

#include "store/backfills.h"
#include "store/ledger_rows.h"
#include "store/rows.h"

/// Uploads, their events and the requests that carried them.
namespace hw::store::ledger_rows {
namespace {

const std::string kColumns =
    "SELECT u.id, u.conversion_id, u.destination, u.revision, u.operation, u.mode, u.state, u.code, u.detail, "
    "u.value_micros, u.currency, u.item, u.dedup_key, u.consent, u.made_at, u.not_before, u.expires_at, u.next_at, "
    "u.attempts, u.first_attempt_at, u.last_attempt_at, u.received_at, u.processed_at, u.request_id, u.account, "
    "u.action, u.click_type, u.click_value, u.person, u.conversion_at, "
    "u.backfill, CASE WHEN u.state = 'received' AND u.request_id IS NOT NULL THEN "
    "(SELECT COUNT(*) FROM request r WHERE r.id = u.request_id AND r.next_poll_at IS NOT NULL) ELSE 0 END ";
const std::string kSelect = kColumns + "FROM upload u ";
const std::string kSelectRequest =
    "SELECT id, destination, receipt, verdict, row_count, sent_at, next_poll_at, polls FROM request ";

// Written as in the partial index upload_due, so that both engines use it. A row whose subject stands marked as changed
// waits: what it would say may be about to change.
const std::string kDue =
    "FROM upload u JOIN conversion c ON c.id = u.conversion_id WHERE u.destination = ? AND u.backfill = ? "
    "AND u.state IN ('pending', 'retrying') "
    "AND NOT EXISTS (SELECT 1 FROM dirty_subject d WHERE d.record_id = c.record_id) ";

StoredUpload read_upload(const Row& row) {
  StoredUpload out;
  out.id = row.integer(0);
  out.conversion_id = row.integer(1);
  out.destination = row.text(2);
  out.revision = static_cast<int>(row.integer(3));
  out.operation = enum_of<Operation>(row, 4);
  out.mode = enum_of<Mode>(row, 5);
  out.state = enum_of<UploadState>(row, 6);
  out.code = row.text(7);
  out.detail = row.text(8);
  out.value_micros = row.maybe_integer(9);
  out.currency = row.text(10);
  out.item = row.text(11);
  out.dedup_key = row.text(12);
  out.consent = row.text(13);
  out.made_at = row.time(14);
  out.not_before = row.time(15);
  out.expires_at = row.time(16);
  out.next_at = row.time(17);
  out.attempts = static_cast<int>(row.integer(18));
  out.first_attempt_at = row.maybe_time(19);
  out.last_attempt_at = row.maybe_time(20);
  out.received_at = row.maybe_time(21);
  out.processed_at = row.maybe_time(22);
  out.request_id = row.maybe_integer(23);
  out.account = row.text(24);
  out.action = row.text(25);
  out.click_type = row.text(26);
  out.click_value = row.text(27);
  out.person = row.maybe_integer(28);
  out.conversion_at = row.maybe_time(29);
  out.backfill = row.integer(30) != 0;
  out.is_awaited = row.integer(31) != 0;
  return out;
}

StoredRequest read_request(const Row& row) {
  return {.id = row.integer(0),
          .destination = row.text(1),
          .receipt = row.text(2),
          .verdict = row.text(3),
          .row_count = row.integer(4),
          .sent_at = row.time(5),
          .next_poll_at = row.maybe_time(6),
          .polls = static_cast<int>(row.integer(7))};
}

UploadEvent read_event(const Row& row) {
  return {row.integer(0), row.integer(1), row.time(2), row.text(3), row.text(4), row.text(5), row.text(6), row.text(7)};
}

std::vector<StoredUpload> select(Tx& tx, const std::string& tail, std::initializer_list<Value> params) {
  return all(tx, kSelect + tail, params, read_upload);
}

/// The index of due rows knows next_at alone: a minimum wait goes into it, lest each pass visit every waiting row.
Timestamp due_at(const StoredUpload& u) { return std::max(u.next_at, u.not_before); }

void add_event(Tx& tx, const StoredUpload& u, std::string_view from, std::string_view actor, Timestamp at) {
  tx.exec(
      "INSERT INTO upload_event(upload_id, at, from_state, to_state, code, detail, actor) VALUES(?, ?, ?, ?, ?, ?, ?)",
      {val(u.id), val(at), val(from), val(to_string(u.state)), val(u.code), val(u.detail), val(actor)});
}

std::string stored_code(Tx& tx, std::int64_t upload) {
  return tx.one_text("SELECT code FROM upload WHERE id = ?", {val(upload)}).value_or("");
}

/// What the first attempt freezes: from then on a row keeps what it said, whatever `u` holds. 0 rows: it was attempted.
std::int64_t write_unsent(Tx& tx, std::int64_t id, const StoredUpload& u) {
  return tx.exec(
      "UPDATE upload SET item = ?, account = ?, action = ?, dedup_key = ?, value_micros = ?, currency = ?, consent = "
      "?, "
      "click_type = ?, click_value = ?, person = ?, conversion_at = ? WHERE id = ? AND first_attempt_at IS NULL",
      {val(u.item), val(u.account), val(u.action), val(u.dedup_key), val(u.value_micros), val(u.currency),
       val(u.consent), val(u.click_type), val(u.click_value), val(u.person), val(u.conversion_at), val(id)});
}

/// The first attempt's time stays, until an answer proves that it was not applied and `u` takes it back. 0 rows: the
/// stored state is not `from`.
std::int64_t write_mutable(Tx& tx, const StoredUpload& u, UploadState from) {
  return tx.exec(
      "UPDATE upload SET state = ?, code = ?, detail = ?, expires_at = ?, not_before = ?, next_at = ?, attempts = ?, "
      "last_attempt_at = ?, received_at = ?, processed_at = ?, request_id = ?, "
      "first_attempt_at = CASE WHEN ? = 1 THEN COALESCE(first_attempt_at, ?) ELSE NULL END "
      "WHERE id = ? AND state = ?",
      {val(to_string(u.state)), val(u.code), val(u.detail), val(u.expires_at), val(u.not_before), val(due_at(u)),
       val(std::int64_t{u.attempts}), val(u.last_attempt_at), val(u.received_at), val(u.processed_at),
       val(u.request_id), val(std::int64_t{u.first_attempt_at.has_value()}), val(u.first_attempt_at), val(u.id),
       val(to_string(from))});
}

[[noreturn]] void refuse_move(Tx& tx, std::int64_t id, UploadState from) {
  const auto state = tx.one_text("SELECT state FROM upload WHERE id = ?", {val(id)});
  if (!state) throw store_constraint("there is no upload " + std::to_string(id));
  throw store_constraint("upload " + std::to_string(id) + " is " + *state + ", not " + to_string(from));
}

std::optional<Timestamp> maybe_time(std::optional<std::int64_t> micros) {
  return micros ? std::optional(from_micros(*micros)) : std::nullopt;
}

std::vector<StoredUpload> due(Tx& tx, std::string_view destination, std::int64_t backfill, Timestamp now,
                              std::int64_t limit) {
  static const std::string sql =
      kColumns + kDue + "AND u.next_at <= ? AND u.not_before <= ? ORDER BY u.next_at, u.id LIMIT ?";
  return all(tx, sql, {val(destination), val(backfill), val(now), val(now), val(limit)}, read_upload);
}

bool any_due(Tx& tx, std::string_view destination, std::int64_t backfill, Timestamp now) {
  static const std::string sql = "SELECT 1 " + kDue + "AND u.next_at <= ? AND u.not_before <= ? LIMIT 1";
  return tx.one_integer(sql, {val(destination), val(backfill), val(now), val(now)}).has_value();
}

std::optional<Timestamp> next_due(Tx& tx, std::string_view destination, std::int64_t backfill) {
  static const std::string sql = "SELECT u.next_at " + kDue + "ORDER BY u.next_at LIMIT 1";
  return maybe_time(tx.one_integer(sql, {val(destination), val(backfill)}));
}

}  // namespace

std::vector<StoredUpload> uploads(Tx& tx, std::int64_t conversion, std::string_view destination) {
  return select(tx, "WHERE u.conversion_id = ? AND u.destination = ? ORDER BY u.revision",
                {val(conversion), val(destination)});
}

std::optional<StoredUpload> upload(Tx& tx, std::int64_t id) {
  return one(tx, kSelect + "WHERE u.id = ?", {val(id)}, read_upload);
}

std::int64_t last_upload(Tx& tx) { return tx.one_integer("SELECT MAX(id) FROM upload").value_or(0); }

std::int64_t add_upload(Tx& tx, const StoredUpload& u, std::string_view actor, std::string_view why) {
  StoredUpload added = u;
  added.id = tx.insert(
      "INSERT INTO upload(conversion_id, destination, revision, operation, mode, state, code, detail, value_micros, "
      "currency, item, dedup_key, made_at, not_before, expires_at, next_at, attempts, first_attempt_at, "
      "last_attempt_at, "
      "received_at, processed_at, request_id, consent, account, action, click_type, click_value, person, "
      "conversion_at, backfill) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      {val(u.conversion_id),
       val(u.destination),
       val(std::int64_t{u.revision}),
       val(to_string(u.operation)),
       val(to_string(u.mode)),
       val(to_string(u.state)),
       val(u.code),
       val(u.detail),
       val(u.value_micros),
       val(u.currency),
       val(u.item),
       val(u.dedup_key),
       val(u.made_at),
       val(u.not_before),
       val(u.expires_at),
       val(due_at(u)),
       val(std::int64_t{u.attempts}),
       val(u.first_attempt_at),
       val(u.last_attempt_at),
       val(u.received_at),
       val(u.processed_at),
       val(u.request_id),
       val(u.consent),
       val(u.account),
       val(u.action),
       val(u.click_type),
       val(u.click_value),
       val(u.person),
       val(u.conversion_at),
       val(std::int64_t{u.backfill})});
  if (!why.empty()) added.detail = why;
  add_event(tx, added, "", actor, u.made_at);
  return added.id;
}

void replace_unsent(Tx& tx, std::int64_t id, const StoredUpload& u) {
  if (write_unsent(tx, id, u) == 0)
    throw store_constraint("upload " + std::to_string(id) + " was attempted: its item is frozen");
  tx.exec(
      "UPDATE upload SET not_before = ?, expires_at = ?, next_at = CASE WHEN next_at < ? THEN ? ELSE next_at END "
      "WHERE id = ?",
      {val(u.not_before), val(u.expires_at), val(u.not_before), val(u.not_before), val(id)});
}

void move(Tx& tx, const StoredUpload& u, UploadState from, std::string_view actor, Timestamp now) {
  const bool stays = from == u.state;
  if (!stays && !may_follow(from, u.state)) {
    throw store_constraint("upload " + std::to_string(u.id) + " is " + to_string(from) + " and cannot become " +
                           to_string(u.state));
  }
  const bool same_code = stays && stored_code(tx, u.id) == u.code;
  if (write_mutable(tx, u, from) == 0) refuse_move(tx, u.id, from);
  if (!stays || !same_code) add_event(tx, u, to_string(from), actor, now);
}

std::vector<StoredUpload> due_uploads(Tx& tx, std::string_view destination, Timestamp now, std::int64_t limit) {
  auto live = due(tx, destination, /*backfill=*/0, now, limit);
  if (!live.empty() || !any_due(tx, destination, /*backfill=*/1, now)) return live;
  const std::int64_t room = std::min(limit, backfills::room(tx, destination, now));
  return room > 0 ? due(tx, destination, /*backfill=*/1, now, room) : live;
}

bool any_due(Tx& tx, std::string_view destination, Timestamp now) {
  return any_due(tx, destination, /*backfill=*/0, now) ||
         (any_due(tx, destination, /*backfill=*/1, now) && backfills::room(tx, destination, now) > 0);
}

std::optional<Timestamp> next_due_upload(Tx& tx, std::string_view destination, Timestamp now) {
  const auto live = next_due(tx, destination, /*backfill=*/0);
  auto history = next_due(tx, destination, /*backfill=*/1);
  if (!history) return live;
  history = std::max(*history, backfills::room_at(tx, destination, now).value_or(*history));
  return live ? std::min(*live, *history) : *history;
}

std::vector<StoredUpload> in_flight(Tx& tx, std::string_view destination) {
  return select(tx, "WHERE u.destination = ? AND u.state = 'in_flight' ORDER BY u.id", {val(destination)});
}

std::vector<StoredUpload> uploads_of_request(Tx& tx, std::int64_t request) {
  return select(tx, "WHERE u.request_id = ? ORDER BY u.id", {val(request)});
}

std::optional<StoredUpload> first_of_request(Tx& tx, std::int64_t request) {
  auto first = select(tx, "WHERE u.request_id = ? ORDER BY u.id LIMIT 1", {val(request)});
  return first.empty() ? std::nullopt : std::optional(std::move(first.front()));
}

std::vector<StoredUpload> uploads_on_click(Tx& tx, std::string_view type, std::string_view value,
                                           std::string_view account, std::string_view action) {
  return select(
      tx,
      "WHERE u.click_value = ? AND u.click_value <> '' AND u.click_type = ? AND u.account = ? AND u.action = ? "
      "AND u.mode = 'live' ORDER BY u.id",
      {val(value), val(type), val(account), val(action)});
}

std::vector<StoredUpload> uploads_of_person(Tx& tx, std::int64_t person, std::string_view account,
                                            std::string_view action) {
  return select(tx, "WHERE u.person = ? AND u.account = ? AND u.action = ? AND u.mode = 'live' ORDER BY u.id",
                {val(person), val(account), val(action)});
}

std::vector<StoredUpload> uploads_of_key(Tx& tx, std::string_view destination, std::string_view dedup_key) {
  return select(tx,
                "WHERE u.dedup_key = ? AND u.destination = ? AND u.mode = 'live' AND u.first_attempt_at IS NOT NULL "
                "AND u.state NOT IN ('rejected', 'superseded') ORDER BY u.id",
                {val(dedup_key), val(destination)});
}

std::vector<StoredUpload> list_uploads(Tx& tx, const UploadFilter& filter) {
  constexpr auto kEver = std::numeric_limits<std::int64_t>::max();
  auto from = [](const std::optional<Timestamp>& t) { return val(t ? to_micros(*t) : -kEver); };
  auto until = [](const std::optional<Timestamp>& t) { return val(t ? to_micros(*t) : kEver); };
  return select(
      tx,
      "WHERE u.id > ? AND (? = '' OR u.destination = ?) AND (? = '' OR u.state = ?) AND (? = '' OR u.code = ?) "
      "AND u.made_at >= ? AND u.made_at < ? "
      "AND COALESCE(u.last_attempt_at, u.made_at) >= ? AND COALESCE(u.last_attempt_at, u.made_at) < ? "
      "AND (? = '' OR EXISTS (SELECT 1 FROM conversion c WHERE c.id = u.conversion_id AND c.goal = ?)) "
      "AND (? = '' OR u.code = ? OR EXISTS (SELECT 1 FROM standing s WHERE s.conversion_id = u.conversion_id "
      "AND s.destination = u.destination AND s.reason = ?)) ORDER BY u.id LIMIT ?",
      {val(filter.after_id), val(filter.destination), val(filter.destination), val(filter.state), val(filter.state),
       val(filter.code), val(filter.code), from(filter.made_after), until(filter.made_before), from(filter.tried_after),
       until(filter.tried_before), val(filter.goal), val(filter.goal), val(filter.reason), val(filter.reason),
       val(filter.reason), val(filter.limit)});
}

bool any_retrying(Tx& tx, std::string_view destination, Mode mode) {
  return tx
      .one_integer("SELECT 1 FROM upload WHERE destination = ? AND state = 'retrying' AND mode = ? LIMIT 1",
                   {val(destination), val(to_string(mode))})
      .has_value();
}

void let_go(Tx& tx, std::string_view destination, Timestamp now, Timestamp due_by) {
  tx.exec(
      "UPDATE upload SET next_at = CASE WHEN not_before > ? THEN not_before ELSE ? END WHERE destination = ? "
      "AND state IN ('pending', 'retrying') AND next_at > ? AND (state = 'pending' OR next_at <= ?)",
      {val(now), val(now), val(destination), val(now), val(due_by)});
}

std::vector<UploadEvent> events(Tx& tx, std::int64_t upload) {
  return all(
      tx,
      "SELECT id, upload_id, at, from_state, to_state, code, detail, actor FROM upload_event WHERE upload_id = ? "
      "ORDER BY id",
      {val(upload)}, read_event);
}

std::vector<StateCount> upload_states(Tx& tx) {
  return all<StateCount>(tx,
                         "SELECT destination, state, code, COUNT(*), mode FROM (SELECT u.destination, u.code, u.mode, "
                         "CASE WHEN u.state = 'uncertain' AND EXISTS (SELECT 1 FROM upload l WHERE "
                         "l.conversion_id = u.conversion_id AND l.destination = u.destination AND l.mode = u.mode "
                         "AND l.revision > u.revision AND l.state IN ('received', 'processed')) THEN 'settled' "
                         "ELSE u.state END AS state FROM upload u) counted "
                         "GROUP BY destination, mode, state, code ORDER BY destination, mode, state, code",
                         {}, [](const Row& row) {
                           return StateCount{row.text(0), row.text(1), row.text(2), row.integer(3), row.text(4)};
                         });
}

std::vector<StateCount> upload_details(Tx& tx, std::string_view state, std::string_view code) {
  const auto by_detail = all<StateCount>(
      tx, "SELECT destination, detail, COUNT(*) FROM upload WHERE state = ? AND code = ? GROUP BY destination, detail",
      {val(state), val(code)}, [](const Row& row) {
        const std::string detail = row.text(1);
        return StateCount{row.text(0), "", detail.substr(0, detail.find(": ")), row.integer(2)};
      });
  std::map<std::pair<std::string, std::string>, std::int64_t> by_word;
  for (const auto& c : by_detail) by_word[{c.destination, c.code}] += c.n;
  std::vector<StateCount> out;
  for (const auto& [what, n] : by_word) out.push_back({what.first, std::string(state), what.second, n});
  return out;
}

std::int64_t add_request(Tx& tx, const StoredRequest& r) {
  return tx.insert(
      "INSERT INTO request(destination, receipt, row_count, sent_at, next_poll_at, polls, verdict) "
      "VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING id",
      {val(r.destination), val(r.receipt), val(r.row_count), val(r.sent_at), val(r.next_poll_at),
       val(std::int64_t{r.polls}), val(r.verdict)});
}

void update_request(Tx& tx, const StoredRequest& r) {
  tx.exec(
      "UPDATE request SET destination = ?, receipt = ?, row_count = ?, sent_at = ?, next_poll_at = ?, polls = ?, "
      "verdict = ? WHERE id = ?",
      {val(r.destination), val(r.receipt), val(r.row_count), val(r.sent_at), val(r.next_poll_at),
       val(std::int64_t{r.polls}), val(r.verdict), val(r.id)});
}

std::vector<StoredRequest> due_requests(Tx& tx, std::string_view destination, Timestamp now, std::int64_t limit) {
  return all(
      tx,
      kSelectRequest +
          "WHERE destination = ? AND next_poll_at IS NOT NULL AND next_poll_at <= ? ORDER BY next_poll_at, id LIMIT ?",
      {val(destination), val(now), val(limit)}, read_request);
}

std::optional<Timestamp> next_poll(Tx& tx, std::string_view destination) {
  return maybe_time(tx.one_integer(
      "SELECT MIN(next_poll_at) FROM request WHERE destination = ? AND next_poll_at IS NOT NULL", {val(destination)}));
}

std::optional<StoredRequest> request(Tx& tx, std::int64_t id) {
  return one(tx, kSelectRequest + "WHERE id = ?", {val(id)}, read_request);
}

}  // namespace hw::store::ledger_rows
