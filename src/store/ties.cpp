#include <algorithm>
#include <set>

#include "store/records.h"
#include "store/rows.h"

/// What ties records together: associations, aliases of merged ids; and rates.
namespace hw::store::records {
namespace {

Tie read_tie(const Row& row) {
  return {.other = row.integer(0),
          .role = row.text(1),
          .primary = row.integer(2) != 0,
          .since = row.time(3),
          .learned = row.time(4)};
}

const Tie* tie_to(const std::vector<Tie>& ties, std::int64_t other) {
  const auto found = std::find_if(ties.begin(), ties.end(), [&](const Tie& tie) { return tie.other == other; });
  return found == ties.end() ? nullptr : &*found;
}

/// A tie that stood before keeps its `since` when only its role changes.
void put_tie(Tx& tx, std::int64_t from, const Tie& tie) {
  tx.exec(
      "INSERT INTO association(from_id, to_id, role, is_primary, since, learned, withdrawn) "
      "VALUES(?, ?, ?, ?, ?, ?, NULL) ON CONFLICT(from_id, to_id) DO UPDATE SET role = excluded.role, "
      "is_primary = excluded.is_primary, since = excluded.since, learned = excluded.learned, withdrawn = NULL",
      {val(from), val(tie.other), val(tie.role), val(std::int64_t{tie.primary}), val(tie.since), val(tie.learned)});
}

bool is_older_list(Tx& tx, std::int64_t from, const Association& told) {
  return told.complete && told.at &&
         tx.one_integer("SELECT id FROM record WHERE id = ? AND modified > ?", {val(from), val(*told.at)}).has_value();
}

}  // namespace

std::vector<std::int64_t> set_associations(Tx& tx, std::int64_t from, const Association& told,
                                           std::string_view connector, Timestamp now) {
  if (is_older_list(tx, from, told)) return {};
  const std::vector<Tie> before = ties_from(tx, from, told.to_object);
  std::vector<std::int64_t> changed;
  std::set<std::int64_t> repeated;
  for (const Association::To& to : told.to) {
    const std::int64_t other = ensure(tx, {told.from.crm, told.to_object, to.id}, connector, now);
    repeated.insert(other);
    const Tie* standing = tie_to(before, other);
    if (standing != nullptr && standing->role == to.role && standing->primary == to.primary) continue;
    const Timestamp since = standing != nullptr ? standing->since : told.at.value_or(now);
    put_tie(tx, from, {.other = other, .role = to.role, .primary = to.primary, .since = since, .learned = now});
    changed.push_back(other);
  }
  if (!told.complete) return changed;
  for (const Tie& tie : before) {
    if (repeated.count(tie.other) != 0) continue;
    tx.exec("UPDATE association SET withdrawn = ? WHERE from_id = ? AND to_id = ?",
            {val(now), val(from), val(tie.other)});
    changed.push_back(tie.other);
  }
  return changed;
}

std::vector<Tie> ties_from(Tx& tx, std::int64_t from, Object to) {
  return all(
      tx,
      "SELECT a.to_id, a.role, a.is_primary, a.since, a.learned FROM association a JOIN record r ON r.id = a.to_id "
      "WHERE a.from_id = ? AND a.withdrawn IS NULL AND r.object = ? ORDER BY a.is_primary DESC, a.since, a.to_id",
      {val(from), val(to_string(to))}, read_tie);
}

std::vector<Tie> ties_to(Tx& tx, std::int64_t to, Object from) {
  return all(tx,
             "SELECT a.from_id, a.role, a.is_primary, a.since, a.learned FROM association a "
             "JOIN record r ON r.id = a.from_id WHERE a.to_id = ? AND a.withdrawn IS NULL AND r.object = ? "
             "ORDER BY a.is_primary DESC, a.since, a.from_id",
             {val(to), val(to_string(from))}, read_tie);
}

void add_alias(Tx& tx, std::string_view crm, Object object, std::string_view loser, std::string_view winner,
               Timestamp since, Timestamp now) {
  withdraw_alias(tx, crm, object, winner, loser, now);  // merged the other way round later: no ring
  tx.exec(
      "INSERT INTO id_alias(crm, object, loser_id, winner_id, since, learned, withdrawn) VALUES(?, ?, ?, ?, ?, ?, "
      "NULL) "
      "ON CONFLICT(crm, object, loser_id, winner_id) DO UPDATE SET since = excluded.since, learned = excluded.learned, "
      "withdrawn = NULL WHERE id_alias.withdrawn IS NOT NULL",
      {val(crm), val(to_string(object)), val(loser), val(winner), val(since), val(now)});
}

void withdraw_alias(Tx& tx, std::string_view crm, Object object, std::string_view loser, std::string_view winner,
                    Timestamp now) {
  tx.exec(
      "UPDATE id_alias SET withdrawn = ? WHERE crm = ? AND object = ? AND loser_id = ? AND winner_id = ? "
      "AND withdrawn IS NULL",
      {val(now), val(crm), val(to_string(object)), val(loser), val(winner)});
}

std::string follow_alias(Tx& tx, std::string_view crm, Object object, std::string_view id) {
  std::string at(id);
  std::set<std::string> passed;
  while (passed.insert(at).second) {
    const auto next = tx.one_text(
        "SELECT winner_id FROM id_alias WHERE crm = ? AND object = ? AND loser_id = ? AND withdrawn IS NULL "
        "ORDER BY since DESC, learned DESC, winner_id LIMIT 1",
        {val(crm), val(to_string(object)), val(at)});
    if (!next) return at;
    at = *next;
  }
  return at;
}

void add_rate(Tx& tx, const Rate& rate, Timestamp now) {
  tx.exec(
      "INSERT INTO rate(from_currency, to_currency, true_from, micros, learned) VALUES(?, ?, ?, ?, ?) "
      "ON CONFLICT(from_currency, to_currency, true_from) DO UPDATE SET micros = excluded.micros, "
      "learned = excluded.learned WHERE rate.micros <> excluded.micros",
      {val(rate.from), val(rate.to), val(rate.true_from), val(rate.micros), val(now)});
}

}  // namespace hw::store::records
