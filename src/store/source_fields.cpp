#include "store/source_fields.h"

#include "base/hash.h"
#include "store/rows.h"

namespace hw::store::source_fields {
namespace {

const std::string kSelectWritten =
    "SELECT name, record_id, what, field, hash, intended, group_at, written_at FROM written_field ";
const std::string kSelectState =
    "SELECT name, record_id, state, code, detail, tries, next_at, updated_at FROM source_field_state ";

WrittenField read_written(const Row& row) {
  return {.name = row.text(0),
          .record = row.integer(1),
          .what = row.text(2),
          .field = row.text(3),
          .hash = row.maybe_integer(4),
          .intended = row.maybe_integer(5),
          .group_at = row.maybe_time(6),
          .written_at = row.time(7)};
}

SourceFieldState read_state(const Row& row) {
  return {.name = row.text(0),
          .record = row.integer(1),
          .state = row.text(2),
          .code = row.text(3),
          .detail = row.text(4),
          .tries = static_cast<int>(row.integer(5)),
          .next_at = row.maybe_time(6),
          .updated_at = row.time(7)};
}

}  // namespace

std::int64_t hash_of(std::string_view value) { return static_cast<std::int64_t>(hash64(value)); }

std::vector<WrittenField> written(Tx& tx, std::string_view name, std::int64_t record) {
  return all(tx, kSelectWritten + "WHERE name = ? AND record_id = ? ORDER BY what", {val(name), val(record)},
             read_written);
}

std::vector<WrittenField> written_to(Tx& tx, std::int64_t record) {
  return all(tx, kSelectWritten + "WHERE record_id = ? ORDER BY name, what", {val(record)}, read_written);
}

void put_written(Tx& tx, const WrittenField& w) {
  tx.exec(
      "INSERT INTO written_field(name, record_id, what, field, hash, intended, group_at, written_at) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name, record_id, what) DO UPDATE SET field = excluded.field, "
      "hash = excluded.hash, intended = excluded.intended, group_at = excluded.group_at, "
      "written_at = excluded.written_at",
      {val(w.name), val(w.record), val(w.what), val(w.field), val(w.hash), val(w.intended), val(w.group_at),
       val(w.written_at)});
}

void mark_due(Tx& tx, std::string_view name, std::int64_t record, Timestamp now) {
  put_state(tx, {.name = std::string(name),
                 .record = record,
                 .state = "due",
                 .code = "",
                 .detail = "",
                 .tries = 0,
                 .next_at = now,
                 .updated_at = now});
}

void put_state(Tx& tx, const SourceFieldState& s) {
  tx.exec(
      "INSERT INTO source_field_state(name, record_id, state, code, detail, tries, next_at, updated_at) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name, record_id) DO UPDATE SET state = excluded.state, "
      "code = excluded.code, detail = excluded.detail, tries = excluded.tries, next_at = excluded.next_at, "
      "updated_at = excluded.updated_at",
      {val(s.name), val(s.record), val(s.state), val(s.code), val(s.detail), val(std::int64_t{s.tries}), val(s.next_at),
       val(s.updated_at)});
}

std::optional<SourceFieldState> state(Tx& tx, std::string_view name, std::int64_t record) {
  return one(tx, kSelectState + "WHERE name = ? AND record_id = ?", {val(name), val(record)}, read_state);
}

std::vector<SourceFieldState> due(Tx& tx, std::string_view name, Timestamp now, std::int64_t limit) {
  return all(
      tx, kSelectState + "WHERE name = ? AND next_at IS NOT NULL AND next_at <= ? ORDER BY next_at, record_id LIMIT ?",
      {val(name), val(now), val(limit)}, read_state);
}

std::optional<Timestamp> next_due(Tx& tx, std::string_view name) {
  const auto at =
      tx.one_integer("SELECT MIN(next_at) FROM source_field_state WHERE name = ? AND next_at IS NOT NULL", {val(name)});
  return at ? std::optional(from_micros(*at)) : std::nullopt;
}

std::vector<StateTotal> totals(Tx& tx) {
  return all<StateTotal>(tx,
                         "SELECT name, state, code, COUNT(*) FROM source_field_state GROUP BY name, state, code "
                         "ORDER BY name, state, code",
                         {}, [](const Row& row) {
                           return StateTotal{row.text(0), row.text(1), row.text(2), row.integer(3)};
                         });
}

}  // namespace hw::store::source_fields
