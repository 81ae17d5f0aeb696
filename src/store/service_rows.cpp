#include "store/service_rows.h"

#include <cstdlib>

#include "store/rows.h"

namespace hw::store::service_rows {
namespace {

constexpr const char* kLatestTime = "latest_time";
constexpr std::chrono::seconds kNotedEvery(30);
/// Each is given the time of now twice. What a platform or a CRM said of a time, and what is history, stays.
constexpr const char* kForgetLater[] = {
    "UPDATE cursor SET again_at = NULL WHERE again_at > ? AND updated_at > ?",
    "UPDATE cursor SET updated_at = ? WHERE updated_at > ?",
    "UPDATE request SET next_poll_at = ? WHERE next_poll_at > ?",
    "UPDATE request SET sent_at = ? WHERE sent_at > ? AND next_poll_at IS NOT NULL",
    "UPDATE pause SET retry_at = ? WHERE retry_at > ?",
    "UPDATE pause SET since = ? WHERE since > ?",
    "UPDATE source_field_state SET next_at = ? WHERE next_at > ?",
    "UPDATE lookup_queue SET ask_at = ? WHERE answered_at > ? AND ask_at IS NOT NULL",
    "UPDATE lookup_queue SET ask_at = ? WHERE ask_at > ? AND answered_at IS NULL",
    "UPDATE brake SET released_at = ? WHERE released_at > ?",
    "UPDATE lowering SET at = ? WHERE at > ?",
    "UPDATE go_live SET at = ? WHERE at > ?",
    "UPDATE record SET changed = ? WHERE changed > ?",
    "UPDATE fact SET learned = ? WHERE learned > ?",
    "UPDATE record SET learned = ? WHERE learned > ?",
    "UPDATE association SET learned = ? WHERE learned > ?",
    "UPDATE association SET since = ? WHERE since > ?",
    "UPDATE link SET learned = ? WHERE learned > ?",
    "UPDATE link SET true_from = ? WHERE true_from > ?"};
const std::string kSelectCursor = "SELECT connector, role, stream, text, swept_at, again_at, updated_at FROM cursor ";
const std::string kSelectCommand = "SELECT id, kind, args, actor, result, created_at, done_at FROM command ";
const std::string kSelectPause = "SELECT scope, name, code, detail, since, retry_at, retrying FROM pause ";

StoredCursor read_cursor(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.maybe_time(4), row.maybe_time(5), row.time(6)};
}

StoredRejection read_rejection(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3),   row.text(4),
          row.text(5), row.time(6), row.time(7), row.integer(8)};
}

StoredCommand read_command(const Row& row) {
  return {row.integer(0), row.text(1), row.text(2), row.text(3), row.text(4), row.time(5), row.maybe_time(6)};
}

StoredPause read_pause(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.time(4), row.maybe_time(5), row.integer(6) != 0};
}

std::string swept_key(std::string_view connector, std::string_view role) {
  return "swept:" + std::string(connector) + ":" + std::string(role);
}

}  // namespace

std::optional<StoredCursor> cursor(Tx& tx, std::string_view connector, std::string_view role, std::string_view stream) {
  return one(tx, kSelectCursor + "WHERE connector = ? AND role = ? AND stream = ?",
             {val(connector), val(role), val(stream)}, read_cursor);
}

std::vector<StoredCursor> cursors(Tx& tx) {
  return all(tx, kSelectCursor + "ORDER BY connector, role, stream", {}, read_cursor);
}

void put_cursor(Tx& tx, const StoredCursor& c) {
  tx.exec(
      "INSERT INTO cursor(connector, role, stream, text, swept_at, again_at, updated_at) VALUES(?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(connector, role, stream) DO UPDATE SET text = excluded.text, swept_at = excluded.swept_at, "
      "again_at = excluded.again_at, updated_at = excluded.updated_at",
      {val(c.connector), val(c.role), val(c.stream), val(c.text), val(c.swept_at), val(c.again_at), val(c.updated_at)});
}

void reject_row(Tx& tx, const StoredRejection& r) {
  tx.exec(
      "INSERT INTO rejected_row(connector, role, stream, place, code, detail, first_at, last_at, times) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT(connector, role, stream, place, code) DO UPDATE SET "
      "detail = excluded.detail, last_at = excluded.last_at, times = rejected_row.times + 1",
      {val(r.connector), val(r.role), val(r.stream), val(r.place), val(r.code), val(r.detail), val(r.first_at),
       val(r.last_at)});
}

std::vector<StoredRejection> rejections(Tx& tx, std::int64_t limit) {
  return all(tx,
             "SELECT connector, role, stream, place, code, detail, first_at, last_at, times FROM rejected_row "
             "ORDER BY last_at DESC, connector, role, stream, place, code LIMIT ?",
             {val(limit)}, read_rejection);
}

std::int64_t count_rejections(Tx& tx) { return tx.one_integer("SELECT COUNT(*) FROM rejected_row").value_or(0); }

std::int64_t add_command(Tx& tx, std::string_view kind, std::string_view args, std::string_view actor, Timestamp now) {
  return tx.insert("INSERT INTO command(kind, args, actor, created_at, result) VALUES(?, ?, ?, ?, '') RETURNING id",
                   {val(kind), val(args), val(actor), val(now)});
}

std::vector<StoredCommand> open_commands(Tx& tx) {
  return all(tx, kSelectCommand + "WHERE done_at IS NULL ORDER BY id", {}, read_command);
}

void note_progress(Tx& tx, std::int64_t id, std::string_view so_far) {
  tx.exec("UPDATE command SET result = ? WHERE id = ? AND done_at IS NULL", {val(so_far), val(id)});
}

void finish_command(Tx& tx, std::int64_t id, std::string_view result, Timestamp now) {
  tx.exec("UPDATE command SET result = ?, done_at = ? WHERE id = ? AND done_at IS NULL",
          {val(result), val(now), val(id)});
}

std::optional<StoredCommand> command(Tx& tx, std::int64_t id) {
  return one(tx, kSelectCommand + "WHERE id = ?", {val(id)}, read_command);
}

std::optional<StoredPause> pause(Tx& tx, std::string_view scope, std::string_view name) {
  return one(tx, kSelectPause + "WHERE scope = ? AND name = ?", {val(scope), val(name)}, read_pause);
}

std::vector<StoredPause> pauses(Tx& tx) { return all(tx, kSelectPause + "ORDER BY scope, name", {}, read_pause); }

void set_pause(Tx& tx, const StoredPause& p) {
  tx.exec(
      "INSERT INTO pause(scope, name, since, code, detail, retry_at, retrying) VALUES(?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(scope, name) DO UPDATE SET since = excluded.since, code = excluded.code, detail = excluded.detail, "
      "retry_at = excluded.retry_at, retrying = excluded.retrying",
      {val(p.scope), val(p.name), val(p.since), val(p.code), val(p.detail), val(p.retry_at),
       val(std::int64_t{p.retrying ? 1 : 0})});
}

void clear_pause(Tx& tx, std::string_view scope, std::string_view name) {
  tx.exec("DELETE FROM pause WHERE scope = ? AND name = ?", {val(scope), val(name)});
}

bool is_paused_by_person(Tx& tx, std::string_view connector) { return pause(tx, kByPerson, connector).has_value(); }

bool is_swept(Tx& tx, std::string_view connector, std::string_view role) {
  return meta(tx, swept_key(connector, role)).has_value();
}

void note_swept(Tx& tx, std::string_view connector, std::string_view role, Timestamp now) {
  set_meta(tx, swept_key(connector, role), std::to_string(to_micros(now)));
}

void forget_sweeps(Tx& tx, std::string_view role) {
  tx.exec("UPDATE cursor SET swept_at = NULL WHERE role = ?", {val(role)});
  tx.exec("DELETE FROM meta WHERE key LIKE ?", {val(swept_key("%", role))});
}

std::optional<Timestamp> latest_time(Tx& tx) {
  const auto latest = tx.one_integer(
      "SELECT MAX(at) FROM (SELECT MAX(updated_at) AS at FROM cursor UNION ALL "
      "SELECT CAST(value AS BIGINT) FROM meta WHERE key = ?) AS known",
      {val(kLatestTime)});
  return latest ? std::optional(from_micros(*latest)) : std::nullopt;
}

void note_time(Tx& tx, Timestamp now) {
  const auto noted = meta(tx, kLatestTime);
  if (noted &&
      std::strtoll(noted->c_str(), nullptr, 10) + std::chrono::microseconds(kNotedEvery).count() > to_micros(now))
    return;
  set_meta(tx, kLatestTime, std::to_string(to_micros(now)));
}

void forget_later_times(Tx& tx, Timestamp now) {
  // Observed under that clock; what the CRM dated stays.
  tx.exec("UPDATE fact SET true_from = ? WHERE true_from > ? AND basis = 'observed' AND learned > ?",
          {val(now), val(now), val(now)});
  for (const char* sql : kForgetLater) tx.exec(sql, {val(now), val(now)});
  // What may have been taken under that clock waits on as long as its platform wants before a repeat
  // (connect::DedupRule::resend_after).
  tx.exec(
      "UPDATE upload SET not_before = ? + not_before - last_attempt_at WHERE last_attempt_at > ? AND state = "
      "'retrying'",
      {val(now), val(now)});
  tx.exec(
      "UPDATE upload SET next_at = CASE WHEN not_before > ? THEN not_before ELSE ? END "
      "WHERE next_at > ? AND state IN ('pending', 'retrying')",
      {val(now), val(now), val(now)});
  set_meta(tx, kLatestTime, std::to_string(to_micros(now)));
}

std::optional<std::string> meta(Tx& tx, std::string_view key) {
  return tx.one_text("SELECT value FROM meta WHERE key = ?", {val(key)});
}

void set_meta(Tx& tx, std::string_view key, std::string_view value) {
  tx.exec("INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
          {val(key), val(value)});
}

std::optional<std::string> state(Tx& tx, std::string_view key) {
  return tx.one_text("SELECT value FROM state WHERE key = ?", {val(key)});
}

void set_state(Tx& tx, std::string_view key, std::string_view value) {
  tx.exec("INSERT INTO state(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
          {val(key), val(value)});
}

std::vector<std::pair<std::string, std::string>> states(Tx& tx, std::string_view prefix) {
  auto found = all<std::pair<std::string, std::string>>(
      tx, "SELECT key, value FROM state WHERE SUBSTR(key, 1, ?) = ? ORDER BY key",
      {val(static_cast<std::int64_t>(prefix.size())), val(prefix)},
      [](const Row& row) { return std::pair(row.text(0), row.text(1)); });
  for (auto& [key, value] : found) key.erase(0, prefix.size());
  return found;
}

}  // namespace hw::store::service_rows
