#include "store/lookups.h"

#include <algorithm>
#include <charconv>

#include "store/rows.h"
#include "store/service_rows.h"

namespace hw::store::lookups {
namespace {

const std::string kDue =
    "SELECT i.id, i.type, i.value, i.person_id, i.quarantined FROM lookup_queue q JOIN identifier i ON i.id = "
    "q.identifier_id ";

StoredIdentifier read_asked(const Row& row) {
  return {row.integer(0), {row.text(1), row.text(2)}, row.integer(3), row.integer(4) != 0};
}

/// How far the walk over all identifiers came, and for which types.
struct Walked {
  std::int64_t through = 0;
  std::string types;
};

std::string walked_key(std::string_view connector) { return "lookup_walked:" + std::string(connector); }

std::string joined(const std::set<std::string>& types) {
  std::string out;
  for (const std::string& type : types) out += (out.empty() ? "" : ",") + type;
  return out;
}

Walked walked(Tx& tx, std::string_view connector, const std::set<std::string>& types) {
  Walked none{.through = 0, .types = joined(types)};
  const auto text = service_rows::state(tx, walked_key(connector));
  if (!text) return none;
  const std::size_t space = text->find(' ');
  if (space == std::string::npos || text->substr(space + 1) != none.types) return none;
  Walked out = none;
  std::from_chars(text->data(), text->data() + space, out.through);
  return out;
}

void append_due(Tx& tx, std::string_view connector, std::string_view state, Timestamp moment, std::int64_t limit,
                std::vector<StoredIdentifier>& out) {
  const std::int64_t room = limit - static_cast<std::int64_t>(out.size());
  if (room <= 0) return;
  const auto more = all(tx,
                        kDue +
                            "WHERE q.connector = ? AND q.state = ? AND q.ask_at <= ? "
                            "ORDER BY q.ask_at, q.identifier_id LIMIT ?",
                        {val(connector), val(state), val(moment), val(room)}, read_asked);
  out.insert(out.end(), more.begin(), more.end());
}

std::optional<Timestamp> earliest(Tx& tx, std::string_view connector, std::string_view state) {
  return one<Timestamp>(tx,
                        "SELECT ask_at FROM lookup_queue WHERE connector = ? AND state = ? AND ask_at IS NOT NULL "
                        "ORDER BY ask_at LIMIT 1",
                        {val(connector), val(state)}, [](const Row& row) { return row.time(0); });
}

}  // namespace

bool any_unwalked(Tx& tx, std::string_view connector, const std::set<std::string>& types) {
  return tx
      .one_integer("SELECT id FROM identifier WHERE id > ? ORDER BY id LIMIT 1",
                   {val(walked(tx, connector, types).through)})
      .has_value();
}

bool queue_known(Tx& tx, std::string_view connector, const std::set<std::string>& types, std::int64_t limit,
                 Timestamp now) {
  Walked w = walked(tx, connector, types);
  std::vector<std::int64_t> found;
  std::int64_t seen = 0;
  tx.query("SELECT id, type FROM identifier WHERE id > ? ORDER BY id LIMIT ?", {val(w.through), val(limit)},
           [&](const Row& row) {
             ++seen;
             w.through = row.integer(0);
             if (types.contains(row.text(1))) found.push_back(row.integer(0));
           });
  for (const std::int64_t id : found)
    tx.exec(
        "INSERT INTO lookup_queue(connector, identifier_id, state, queued_at, ask_at) VALUES(?, ?, 'queued', ?, ?) "
        "ON CONFLICT DO NOTHING",
        {val(connector), val(id), val(now), val(now)});
  if (seen > 0) service_rows::set_state(tx, walked_key(connector), std::to_string(w.through) + " " + w.types);
  return seen == limit;
}

std::vector<StoredIdentifier> due(Tx& tx, std::string_view connector, Timestamp moment, std::int64_t limit) {
  std::vector<StoredIdentifier> out;
  for (const char* state : {"queued", "resting", "answered"}) append_due(tx, connector, state, moment, limit, out);
  return out;
}

std::optional<Timestamp> next_due(Tx& tx, std::string_view connector) {
  std::optional<Timestamp> next;
  for (const char* state : {"queued", "resting", "answered"}) {
    const auto at = earliest(tx, connector, state);
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

std::vector<StoredIdentifier> asked(Tx& tx, std::string_view connector) {
  return all(tx, kDue + "WHERE q.connector = ? AND q.state = 'asked' ORDER BY q.identifier_id", {val(connector)},
             read_asked);
}

std::optional<StoredLookup> find(Tx& tx, std::string_view connector, std::int64_t identifier) {
  return one<StoredLookup>(
      tx,
      "SELECT state, queued_at, asked_at, answered_at, ask_at FROM lookup_queue "
      "WHERE connector = ? AND identifier_id = ?",
      {val(connector), val(identifier)}, [](const Row& row) {
        return StoredLookup{row.text(0), row.time(1), row.maybe_time(2), row.maybe_time(3), row.maybe_time(4)};
      });
}

void ask(Tx& tx, std::string_view connector, std::int64_t identifier, Timestamp now) {
  tx.exec("UPDATE lookup_queue SET state = 'asked', asked_at = ? WHERE connector = ? AND identifier_id = ?",
          {val(now), val(connector), val(identifier)});
}

void answer(Tx& tx, std::string_view connector, std::int64_t identifier, Timestamp now,
            std::optional<Timestamp> ask_at) {
  tx.exec(
      "UPDATE lookup_queue SET state = 'answered', answered_at = ?, ask_at = ? "
      "WHERE connector = ? AND identifier_id = ?",
      {val(now), val(ask_at), val(connector), val(identifier)});
}

void rest(Tx& tx, std::string_view connector, std::int64_t identifier, Timestamp until) {
  tx.exec("UPDATE lookup_queue SET state = 'resting', ask_at = ? WHERE connector = ? AND identifier_id = ?",
          {val(until), val(connector), val(identifier)});
}

void drop(Tx& tx, std::string_view connector, std::int64_t identifier) {
  tx.exec("DELETE FROM lookup_queue WHERE connector = ? AND identifier_id = ?", {val(connector), val(identifier)});
}

void forget(Tx& tx, std::string_view connector) {
  tx.exec("DELETE FROM lookup_queue WHERE connector = ?", {val(connector)});
  tx.exec("DELETE FROM state WHERE key = ?", {val(walked_key(connector))});
}

void put_back(Tx& tx, std::string_view connector) {
  tx.exec(
      "UPDATE lookup_queue SET state = CASE WHEN answered_at IS NULL THEN 'queued' ELSE 'answered' END "
      "WHERE connector = ? AND state = 'asked'",
      {val(connector)});
}

std::vector<LookupCount> counts(Tx& tx) {
  return all<LookupCount>(
      tx,
      "SELECT connector, SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), "
      "SUM(CASE WHEN state = 'asked' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'answered' THEN 1 ELSE 0 END), "
      "SUM(CASE WHEN state = 'resting' THEN 1 ELSE 0 END), "
      "MIN(CASE WHEN answered_at IS NULL AND state <> 'resting' THEN queued_at END), MAX(answered_at) "
      "FROM lookup_queue GROUP BY connector ORDER BY connector",
      {}, [](const Row& row) {
        return LookupCount{row.text(0),    row.integer(1),    row.integer(2),   row.integer(3),
                           row.integer(4), row.maybe_time(5), row.maybe_time(6)};
      });
}

std::int64_t count_waiting(Tx& tx, std::string_view connector, std::int64_t limit) {
  return tx
      .one_integer(
          "SELECT COUNT(*) FROM (SELECT 1 FROM lookup_queue WHERE connector = ? AND state IN ('queued', 'asked') "
          "LIMIT ?) AS waiting",
          {val(connector), val(limit)})
      .value_or(0);
}

std::optional<Timestamp> oldest_waiting(Tx& tx, std::string_view connector) {
  std::optional<Timestamp> out;
  for (const char* state : {"queued", "asked"}) {
    const auto at = earliest(tx, connector, state);
    if (at && (!out || *at < *out)) out = at;
  }
  return out;
}

std::vector<std::string> connectors(Tx& tx) {
  return all<std::string>(tx, "SELECT key FROM state WHERE key LIKE 'lookup_walked:%' ORDER BY key", {},
                          [](const Row& row) { return row.text(0).substr(std::string("lookup_walked:").size()); });
}

}  // namespace hw::store::lookups
