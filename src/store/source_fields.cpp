#include "store/source_fields.h"

#include "base/hash.h"
#include "store/rows.h"

namespace hw::store::source_fields {
namespace {

const std::string kSelectWritten =
    "SELECT record_id, what, field, hash, intended, group_at, written_at FROM written_field ";
const std::string kSelectState =
    "SELECT name, record_id, state, code, detail, tries, next_at, updated_at, marks FROM source_field_state ";

WrittenField read_written(const Row& row) {
  return {.record = row.integer(0),
          .what = row.text(1),
          .field = row.text(2),
          .hash = row.maybe_integer(3),
          .intended = row.maybe_integer(4),
          .group_at = row.maybe_time(5),
          .written_at = row.time(6)};
}

SourceFieldState read_state(const Row& row) {
  return {.name = row.text(0),
          .record = row.integer(1),
          .state = row.text(2),
          .code = row.text(3),
          .detail = row.text(4),
          .tries = static_cast<int>(row.integer(5)),
          .next_at = row.maybe_time(6),
          .updated_at = row.time(7),
          .marks = row.integer(8)};
}

void put_own_value(Tx& tx, const WrittenField& w, std::int64_t hash) {
  tx.exec(
      "INSERT INTO written_value(record_id, field, hash, what, written_at) VALUES(?, ?, ?, ?, ?) "
      "ON CONFLICT(record_id, field, hash) DO UPDATE SET what = excluded.what, written_at = excluded.written_at",
      {val(w.record), val(w.field), val(hash), val(w.what), val(w.written_at)});
  tx.exec(
      "DELETE FROM written_value WHERE record_id = ? AND field = ? AND hash NOT IN (SELECT hash FROM written_value "
      "WHERE record_id = ? AND field = ? ORDER BY written_at DESC, hash LIMIT ?)",
      {val(w.record), val(w.field), val(w.record), val(w.field), val(kOwnValuesKept)});
}

}  // namespace

std::int64_t hash_of(std::string_view value) { return static_cast<std::int64_t>(hash64(value)); }

std::vector<WrittenField> written(Tx& tx, std::int64_t record) {
  return all(tx, kSelectWritten + "WHERE record_id = ? ORDER BY what, field", {val(record)}, read_written);
}

void put_written(Tx& tx, const WrittenField& w) {
  tx.exec(
      "INSERT INTO written_field(record_id, field, what, hash, intended, group_at, written_at) "
      "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(record_id, field) DO UPDATE SET what = excluded.what, "
      "hash = excluded.hash, intended = excluded.intended, group_at = excluded.group_at, "
      "written_at = excluded.written_at",
      {val(w.record), val(w.field), val(w.what), val(w.hash), val(w.intended), val(w.group_at), val(w.written_at)});
  if (w.hash) put_own_value(tx, w, *w.hash);
  if (w.intended) put_own_value(tx, w, *w.intended);
}

std::vector<OwnValue> own_values(Tx& tx, std::int64_t record) {
  return all<OwnValue>(tx,
                       "WITH RECURSIVE one(id) AS (SELECT CAST(? AS BIGINT) UNION "
                       "SELECT r.id FROM record r JOIN one ON r.merged_into = one.id) "
                       "SELECT w.what, w.field, w.hash FROM one JOIN written_value w ON w.record_id = one.id",
                       {val(record)}, [](const Row& row) {
                         return OwnValue{row.text(0), row.text(1), row.integer(2)};
                       });
}

void mark_due(Tx& tx, std::string_view name, std::int64_t record, Timestamp now) {
  tx.exec(
      "INSERT INTO source_field_state(name, record_id, state, code, detail, tries, next_at, updated_at, marks) "
      "VALUES(?, ?, 'due', '', '', 0, ?, ?, 1) ON CONFLICT(name, record_id) DO UPDATE SET state = excluded.state, "
      "code = '', detail = '', tries = 0, next_at = excluded.next_at, updated_at = excluded.updated_at, "
      "marks = source_field_state.marks + 1",
      {val(name), val(record), val(now), val(now)});
}

void put_state(Tx& tx, const SourceFieldState& s) {
  tx.exec(
      "INSERT INTO source_field_state(name, record_id, state, code, detail, tries, next_at, updated_at, marks) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT(name, record_id) DO UPDATE SET state = excluded.state, "
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

void let_go(Tx& tx, std::string_view name, Timestamp now, Timestamp due_by) {
  tx.exec("UPDATE source_field_state SET next_at = ? WHERE name = ? AND code <> '' AND next_at > ? AND next_at <= ?",
          {val(now), val(name), val(now), val(due_by)});
}

bool any_retrying(Tx& tx, std::string_view name) {
  return tx
      .one_integer(
          "SELECT record_id FROM source_field_state WHERE name = ? AND next_at IS NOT NULL AND code <> '' LIMIT 1",
          {val(name)})
      .has_value();
}

std::int64_t count(Tx& tx, std::string_view name, std::string_view state, std::int64_t limit) {
  return tx
      .one_integer(
          "SELECT COUNT(*) FROM (SELECT 1 AS one FROM source_field_state WHERE name = ? AND state = ? LIMIT ?) s",
          {val(name), val(state), val(limit)})
      .value_or(0);
}

std::vector<Refused> refused(Tx& tx, std::string_view name) {
  auto out = all<Refused>(tx,
                          "SELECT code, COUNT(*) FROM source_field_state WHERE name = ? AND state = 'rejected' "
                          "GROUP BY code ORDER BY code",
                          {val(name)}, [](const Row& row) {
                            return Refused{row.text(0), row.integer(1), {}};
                          });
  for (Refused& r : out)
    if (auto last =
            one(tx,
                kSelectState +
                    "WHERE name = ? AND state = 'rejected' AND code = ? ORDER BY updated_at DESC, record_id LIMIT 1",
                {val(name), val(r.code)}, read_state))
      r.example = std::move(*last);
  return out;
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
