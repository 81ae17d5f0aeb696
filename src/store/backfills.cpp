#include "store/backfills.h"

#include <algorithm>

#include "store/rows.h"

namespace hw::store::backfills {
namespace {

constexpr std::chrono::hours kHour(1);
/// Of a backfill that was stopped: what was under way already goes on.
constexpr std::int64_t kLeftOverPerHour = 500;

constexpr const char* kColumns =
    "SELECT id, goal, destination, actor, from_at, to_at, per_hour, created_at, mode FROM backfill ";

StoredBackfill read_backfill(const Row& row) {
  return {.id = row.integer(0),
          .goal = row.text(1),
          .destination = row.text(2),
          .actor = row.text(3),
          .from = row.time(4),
          .to = row.time(5),
          .per_hour = row.integer(6),
          .created_at = row.time(7),
          .mode = enum_of<Mode>(row, 8)};
}

std::int64_t per_hour(Tx& tx, std::string_view destination) {
  return tx
      .one_integer("SELECT per_hour FROM backfill WHERE destination = ? ORDER BY created_at DESC, id DESC LIMIT 1",
                   {val(destination)})
      .value_or(kLeftOverPerHour);
}

}  // namespace

void add(Tx& tx, const StoredBackfill& b) {
  tx.exec(
      "INSERT INTO backfill(goal, destination, from_at, to_at, per_hour, actor, created_at, mode) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(goal, destination, mode, from_at, to_at) DO UPDATE SET per_hour = excluded.per_hour, "
      "actor = excluded.actor, created_at = excluded.created_at",
      {val(b.goal), val(b.destination), val(b.from), val(b.to), val(b.per_hour), val(b.actor), val(b.created_at),
       val(to_string(b.mode))});
}

std::vector<StoredBackfill> list(Tx& tx) { return all(tx, std::string(kColumns) + "ORDER BY id", {}, read_backfill); }

std::vector<StoredBackfill> remove(Tx& tx, std::string_view goal, std::string_view destination) {
  auto known = all(tx, std::string(kColumns) + "WHERE goal = ? AND destination = ? ORDER BY id",
                   {val(goal), val(destination)}, read_backfill);
  tx.exec("DELETE FROM backfill WHERE goal = ? AND destination = ?", {val(goal), val(destination)});
  return known;
}

Progress progress(Tx& tx, const StoredBackfill& b) {
  Progress out;
  tx.query(
      "SELECT u.state, COUNT(*) FROM upload u JOIN conversion c ON c.id = u.conversion_id "
      "WHERE u.destination = ? AND u.backfill = 1 AND u.mode = ? AND c.goal = ? AND c.entered_at >= ? "
      "AND c.entered_at < ? AND u.state <> 'superseded' GROUP BY u.state",
      {val(b.destination), val(to_string(b.mode)), val(b.goal), val(b.from), val(b.to)}, [&](const Row& row) {
        const auto state = enum_of<UploadState>(row, 0);
        const bool waits = state == UploadState::pending || state == UploadState::retrying;
        (waits ? out.left : out.done) += row.integer(1);
      });
  return out;
}

std::int64_t mark(Tx& tx, std::string_view goal, Timestamp from, Timestamp to, std::string_view cause) {
  return tx.exec(
      "INSERT INTO dirty_subject(record_id, seq, cause) "
      "SELECT c.record_id, (SELECT COALESCE(MAX(seq), 0) FROM dirty_subject) + ROW_NUMBER() OVER (ORDER BY "
      "c.record_id), "
      "CAST(? AS TEXT) FROM (SELECT DISTINCT record_id FROM conversion WHERE goal = ? AND entered_at >= ? AND "
      "entered_at < ?) c "
      "WHERE true ON CONFLICT(record_id) DO UPDATE SET seq = excluded.seq, cause = excluded.cause",
      {val(cause), val(goal), val(from), val(to)});
}

std::int64_t room(Tx& tx, std::string_view destination, Timestamp now) {
  const auto sent = tx.one_integer(
      "SELECT COUNT(*) FROM upload WHERE destination = ? AND backfill = 1 AND last_attempt_at > ? "
      "AND last_attempt_at <= ?",
      {val(destination), val(now - kHour), val(now)});
  return std::max<std::int64_t>(0, per_hour(tx, destination) - sent.value_or(0));
}

std::optional<Timestamp> room_at(Tx& tx, std::string_view destination, Timestamp now) {
  const std::int64_t rate = per_hour(tx, destination);
  if (rate <= 0) return std::nullopt;
  const auto last = tx.one_integer(
      "SELECT last_attempt_at FROM upload WHERE destination = ? AND backfill = 1 AND last_attempt_at <= ? "
      "ORDER BY last_attempt_at DESC LIMIT 1 OFFSET ?",
      {val(destination), val(now), val(rate - 1)});
  return last ? std::optional(from_micros(*last) + kHour) : std::nullopt;
}

}  // namespace hw::store::backfills
