#include <charconv>
#include <set>

#include "store/rows.h"
#include "store/service_rows.h"

/// Which records must be looked at again.
namespace hw::store::service_rows {
namespace {

constexpr std::string_view kRecordEvidence = "record:";

std::vector<std::int64_t> persons_of(Tx& tx, std::int64_t record) {
  return all(tx,
             "SELECT DISTINCT i.person_id FROM link l JOIN identifier i ON i.id IN (l.a, l.b) "
             "WHERE l.evidence = ? AND l.withdrawn IS NULL AND i.quarantined = 0 ORDER BY i.person_id",
             {val(std::string(kRecordEvidence) + std::to_string(record))}, first_integer);
}

std::optional<std::int64_t> record_of(std::string_view evidence) {
  std::int64_t id = 0;
  const char* end = evidence.data() + evidence.size();
  const auto [stop, error] = std::from_chars(evidence.data() + kRecordEvidence.size(), end, id);
  return error == std::errc() && stop == end ? std::optional(id) : std::nullopt;
}

std::vector<std::string> evidence_of_person(Tx& tx, std::int64_t person) {
  return all<std::string>(
      tx,
      "SELECT l.evidence FROM identifier i JOIN link l ON l.a = i.id WHERE i.person_id = ? AND l.withdrawn IS NULL "
      "AND l.evidence LIKE 'record:%' UNION "
      "SELECT l.evidence FROM identifier i JOIN link l ON l.b = i.id WHERE i.person_id = ? AND l.withdrawn IS NULL "
      "AND l.evidence LIKE 'record:%'",
      {val(person), val(person)}, [](const Row& row) { return row.text(0); });
}

bool is_live_lead_or_contact(Tx& tx, std::int64_t record) {
  return tx
      .one_integer("SELECT id FROM record WHERE id = ? AND state = 'live' AND object IN ('lead', 'contact')",
                   {val(record)})
      .has_value();
}

/// Through the links that records gave as evidence. A quarantined identifier joins nobody.
std::set<std::int64_t> of_same_persons(Tx& tx, std::int64_t record) {
  std::set<std::int64_t> out;
  for (const std::int64_t person : persons_of(tx, record)) {
    for (const std::string& evidence : evidence_of_person(tx, person)) {
      const auto other = record_of(evidence);
      if (other && is_live_lead_or_contact(tx, *other)) out.insert(*other);
    }
  }
  return out;
}

/// The deals tied to a contact, what was converted from a record, what it was merged into and what was merged into it
/// (whose ties stay its own), and the subjects of rows that carry its data, whoever is tied to them by now.
std::vector<std::int64_t> follow_ups(Tx& tx, std::int64_t record) {
  return all(tx,
             "SELECT a.from_id FROM association a JOIN record d ON d.id = a.from_id JOIN record c ON c.id = a.to_id "
             "WHERE a.to_id = ? AND a.withdrawn IS NULL AND d.object = 'deal' AND c.object = 'contact' "
             "UNION SELECT id FROM record WHERE converted_from = ? "
             "UNION SELECT merged_into FROM record WHERE id = ? AND merged_into IS NOT NULL "
             "UNION SELECT id FROM record WHERE merged_into = ? "
             "UNION SELECT v.record_id FROM upload u JOIN conversion v ON v.id = u.conversion_id WHERE u.person = ? "
             "ORDER BY 1",
             {val(record), val(record), val(record), val(record), val(record)}, first_integer);
}

Dirty read_dirty(const Row& row) { return {row.integer(0), row.integer(1), row.text(2)}; }

}  // namespace

void mark_dirty(Tx& tx, std::int64_t record, std::string_view cause) {
  tx.exec(
      "INSERT INTO dirty_subject(record_id, seq, cause) "
      "VALUES(?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM dirty_subject), ?) "
      "ON CONFLICT(record_id) DO UPDATE SET seq = excluded.seq, cause = excluded.cause",
      {val(record), val(cause)});
}

void mark_subject_of(Tx& tx, std::int64_t conversion, std::string_view cause) {
  if (auto record = tx.one_integer("SELECT record_id FROM conversion WHERE id = ?", {val(conversion)}))
    mark_dirty(tx, *record, cause);
}

void mark_with_dependents(Tx& tx, std::int64_t record, std::string_view cause) {
  std::set<std::int64_t> marked = of_same_persons(tx, record);
  marked.insert(record);
  std::vector<std::int64_t> waiting(marked.begin(), marked.end());
  while (!waiting.empty()) {
    const std::int64_t next = waiting.back();
    waiting.pop_back();
    for (const std::int64_t other : follow_ups(tx, next)) {
      if (marked.insert(other).second) waiting.push_back(other);
    }
  }
  for (const std::int64_t each : marked) mark_dirty(tx, each, cause);
}

void mark_all(Tx& tx, std::string_view object, std::string_view cause) {
  tx.exec(
      "INSERT INTO dirty_subject(record_id, seq, cause) "
      "SELECT id, (SELECT COALESCE(MAX(seq), 0) FROM dirty_subject) + ROW_NUMBER() OVER (ORDER BY id), CAST(? AS TEXT) "
      "FROM record WHERE object = ? ON CONFLICT(record_id) DO UPDATE SET seq = excluded.seq, cause = excluded.cause",
      {val(cause), val(object)});
}

std::vector<Dirty> dirty(Tx& tx, std::int64_t limit) {
  return all(tx, "SELECT record_id, seq, cause FROM dirty_subject ORDER BY seq LIMIT ?", {val(limit)}, read_dirty);
}

std::optional<Dirty> dirty_of(Tx& tx, std::int64_t record) {
  return one<Dirty>(tx, "SELECT record_id, seq, cause FROM dirty_subject WHERE record_id = ?", {val(record)},
                    read_dirty);
}

void clear_dirty(Tx& tx, std::int64_t record, std::int64_t seq) {
  tx.exec("DELETE FROM dirty_subject WHERE record_id = ? AND seq = ?", {val(record), val(seq)});
}

std::int64_t count_dirty(Tx& tx) { return tx.one_integer("SELECT COUNT(*) FROM dirty_subject").value_or(0); }

}  // namespace hw::store::service_rows
