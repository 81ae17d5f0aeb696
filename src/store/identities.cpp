#include "store/identities.h"

#include <algorithm>

#include "store/rows.h"

namespace hw::store::identities {
namespace {

const std::string kSelect = "SELECT id, type, value, person_id, quarantined FROM identifier ";
const std::string kSelectLinks = "SELECT a, b, evidence, learned, true_from, withdrawn FROM link ";

StoredIdentifier read_identifier(const Row& row) {
  return {row.integer(0), {row.text(1), row.text(2)}, row.integer(3), row.integer(4) != 0};
}

StoredLink read_link(const Row& row) {
  return {row.integer(0), row.integer(1), row.text(2), row.time(3), row.time(4), row.maybe_time(5)};
}

}  // namespace

std::optional<StoredIdentifier> find(Tx& tx, const Identifier& identifier) {
  return one(tx, kSelect + "WHERE type = ? AND value = ?", {val(identifier.type), val(identifier.value)},
             read_identifier);
}

std::optional<StoredIdentifier> get(Tx& tx, std::int64_t id) {
  return one(tx, kSelect + "WHERE id = ?", {val(id)}, read_identifier);
}

StoredIdentifier ensure(Tx& tx, const Identifier& identifier) {
  if (auto known = find(tx, identifier)) return *known;
  const std::int64_t id =
      tx.insert("INSERT INTO identifier(type, value, person_id, quarantined) VALUES(?, ?, 0, 0) RETURNING id",
                {val(identifier.type), val(identifier.value)});
  set_person(tx, id, id);
  return {id, identifier, id, false};
}

void set_person(Tx& tx, std::int64_t identifier, std::int64_t person) {
  tx.exec("UPDATE identifier SET person_id = ? WHERE id = ?", {val(person), val(identifier)});
}

void set_quarantined(Tx& tx, std::int64_t identifier, bool quarantined) {
  tx.exec("UPDATE identifier SET quarantined = ? WHERE id = ?", {val(std::int64_t{quarantined}), val(identifier)});
}

std::vector<StoredIdentifier> of_person(Tx& tx, std::int64_t person) {
  return all(tx, kSelect + "WHERE person_id = ? ORDER BY id", {val(person)}, read_identifier);
}

bool link(Tx& tx, std::int64_t a, std::int64_t b, std::string_view evidence, Timestamp true_from, Timestamp now) {
  if (a == b) return false;
  return tx.exec(
             "INSERT INTO link(a, b, evidence, learned, true_from, withdrawn) VALUES(?, ?, ?, ?, ?, NULL) "
             "ON CONFLICT(a, b, evidence) DO UPDATE SET learned = excluded.learned, true_from = excluded.true_from, "
             "withdrawn = NULL WHERE link.withdrawn IS NOT NULL",
             {val(std::min(a, b)), val(std::max(a, b)), val(evidence), val(now), val(true_from)}) > 0;
}

bool withdraw(Tx& tx, std::int64_t a, std::int64_t b, std::string_view evidence, Timestamp now) {
  return tx.exec("UPDATE link SET withdrawn = ? WHERE a = ? AND b = ? AND evidence = ? AND withdrawn IS NULL",
                 {val(now), val(std::min(a, b)), val(std::max(a, b)), val(evidence)}) > 0;
}

std::vector<StoredLink> links_of(Tx& tx, std::int64_t identifier) {
  return all(tx,
             kSelectLinks + "WHERE a = ? AND withdrawn IS NULL UNION ALL " + kSelectLinks +
                 "WHERE b = ? AND withdrawn IS NULL ORDER BY 1, 2, 3",
             {val(identifier), val(identifier)}, read_link);
}

std::vector<StoredLink> links_by_evidence(Tx& tx, std::string_view evidence) {
  return all(tx, kSelectLinks + "WHERE evidence = ? AND withdrawn IS NULL ORDER BY a, b", {val(evidence)}, read_link);
}

std::int64_t record_count(Tx& tx, std::int64_t identifier) {
  return tx
      .one_integer(
          "SELECT COUNT(*) FROM (SELECT evidence FROM link WHERE a = ? AND withdrawn IS NULL AND evidence LIKE "
          "'record:%' "
          "UNION SELECT evidence FROM link WHERE b = ? AND withdrawn IS NULL AND evidence LIKE 'record:%') AS e",
          {val(identifier), val(identifier)})
      .value_or(0);
}

void put_unfollowed(Tx& tx, const Unfollowed& u) {
  // Whoever begins anew has less behind it than who went on.
  tx.exec(
      "INSERT INTO unfollowed(identifier_id, after_touch) VALUES(?, ?) ON CONFLICT(identifier_id) DO UPDATE SET "
      "after_touch = excluded.after_touch WHERE excluded.after_touch < unfollowed.after_touch",
      {val(u.identifier), val(u.after)});
}

bool any_unfollowed(Tx& tx) { return tx.one_integer("SELECT identifier_id FROM unfollowed LIMIT 1").has_value(); }

std::vector<Unfollowed> take_unfollowed(Tx& tx, std::int64_t limit) {
  auto taken = all<Unfollowed>(tx, "SELECT identifier_id, after_touch FROM unfollowed ORDER BY identifier_id LIMIT ?",
                               {val(limit)}, [](const Row& row) {
                                 return Unfollowed{row.integer(0), row.integer(1)};
                               });
  for (const Unfollowed& u : taken) tx.exec("DELETE FROM unfollowed WHERE identifier_id = ?", {val(u.identifier)});
  return taken;
}

std::vector<StoredIdentifier> quarantined(Tx& tx, std::int64_t limit) {
  return all(tx, kSelect + "WHERE quarantined = 1 ORDER BY id LIMIT ?", {val(limit)}, read_identifier);
}

std::int64_t count_persons(Tx& tx) {
  return tx
      .one_integer(
          "SELECT COUNT(DISTINCT i.person_id) FROM record r JOIN identifier i ON i.type = 'crm_' || r.object || '_id' "
          "AND i.value = r.crm || ':' || r.ext_id WHERE r.state = 'live' AND r.object IN ('lead', 'contact')")
      .value_or(0);
}

}  // namespace hw::store::identities
