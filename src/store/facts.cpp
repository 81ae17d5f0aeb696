#include <algorithm>
#include <map>
#include <tuple>

#include "store/json_columns.h"
#include "store/records.h"
#include "store/rows.h"

namespace hw::store::records {
namespace {

Fact read_fact(const Row& row) {
  return {.seq = row.integer(0),
          .name = row.text(1),
          .value = row.text(2),
          .true_from = row.time(3),
          .learned = row.time(4),
          .basis = basis_of(row, 5)};
}

/// The last fact of that name up to then.
std::optional<Fact> last_fact(Tx& tx, std::int64_t record, std::string_view name, Timestamp until) {
  return one(tx,
             "SELECT seq, name, value, true_from, learned, basis FROM fact WHERE record_id = ? AND name = ? "
             "AND true_from <= ? ORDER BY true_from DESC, seq DESC LIMIT 1",
             {val(record), val(name), val(until)}, read_fact);
}

/// The CRM's own entry is added beside an observed or inferred one of the same moment: it is the better evidence. What
/// was observed may have changed there and back within one day where `modified` is a date.
bool stands(Tx& tx, std::int64_t record, const Fact& fact) {
  if (fact.basis == Basis::observed) {
    const auto last = last_fact(tx, record, fact.name, fact.true_from);
    return last && last->value == fact.value && last->true_from == fact.true_from;
  }
  const char* any = "SELECT seq FROM fact WHERE record_id = ? AND name = ? AND value = ? AND true_from = ? LIMIT 1";
  const char* history =
      "SELECT seq FROM fact WHERE record_id = ? AND name = ? AND value = ? AND true_from = ? "
      "AND basis = 'crm_history' LIMIT 1";
  return tx
      .one_integer(fact.basis == Basis::crm_history ? history : any,
                   {val(record), val(fact.name), val(fact.value), val(fact.true_from)})
      .has_value();
}

/// At the same moment the CRM's own entries come first: they explain the others.
std::vector<const Fact*> explaining_order(const std::vector<Fact>& facts) {
  std::vector<const Fact*> out;
  for (const Fact& fact : facts) out.push_back(&fact);
  std::stable_sort(out.begin(), out.end(), [](const Fact* a, const Fact* b) {
    if (a->true_from != b->true_from) return a->true_from < b->true_from;
    return a->basis == Basis::crm_history && b->basis != Basis::crm_history;
  });
  return out;
}

struct Shown {
  std::int64_t id = 0;
  Timestamp modified;
  std::map<std::string, std::string> fields;
};

/// Whether the record's facts lacked what it holds.
bool observe(Tx& tx, const Shown& record, const std::vector<std::string>& names, Timestamp now) {
  bool added = false;
  for (const std::string& name : names) {
    if (name == "created") continue;
    const auto field = record.fields.find(name);
    const std::string value = field == record.fields.end() ? "" : field->second;
    const auto last = last_fact(tx, record.id, name, Timestamp::max());
    if (value == (last ? last->value : "")) continue;
    // What the CRM's history alone has told is no field that was cleared.
    if (value.empty() && last->basis != Basis::observed) continue;
    added = add_fact(tx, record.id,
                     {.seq = 0,
                      .name = name,
                      .value = value,
                      .true_from = record.modified,
                      .learned = now,
                      .basis = Basis::observed}) ||
            added;
  }
  return added;
}

}  // namespace

std::int64_t observe_fields(Tx& tx, const std::vector<std::string>& names, std::int64_t after, std::int64_t limit,
                            Timestamp now, const std::function<void(std::int64_t)>& changed) {
  const auto chunk = all<Shown>(tx, "SELECT id, modified, fields FROM record WHERE id > ? ORDER BY id LIMIT ?",
                                {val(after), val(limit)}, [](const Row& row) {
                                  return Shown{row.integer(0), row.time(1), json_columns::read_fields(row.text(2))};
                                });
  for (const Shown& record : chunk)
    if (observe(tx, record, names, now)) changed(record.id);
  return chunk.empty() ? 0 : chunk.back().id;
}

bool add_fact(Tx& tx, std::int64_t record, const Fact& fact) {
  if (stands(tx, record, fact)) return false;
  tx.exec(
      "INSERT INTO fact(record_id, seq, name, value, true_from, learned, basis) "
      "VALUES(?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM fact WHERE record_id = ?), ?, ?, ?, ?, ?)",
      {val(record), val(record), val(fact.name), val(fact.value), val(fact.true_from), val(fact.learned),
       val(to_string(fact.basis))});
  return true;
}

std::vector<Fact> facts(Tx& tx, std::int64_t record) {
  return all(tx,
             "SELECT seq, name, value, true_from, learned, basis FROM fact WHERE record_id = ? ORDER BY true_from, seq",
             {val(record)}, read_fact);
}

std::vector<Fact> effective_facts(Tx& tx, std::int64_t record) {
  const std::vector<Fact> known = facts(tx, record);
  std::map<std::string_view, std::string_view> told;  // name -> what the CRM's history says from here on
  std::vector<Fact> out;
  for (const Fact* fact : explaining_order(known)) {
    const auto history = told.find(fact->name);
    const bool repeats = history != told.end() && history->second == fact->value;
    if (fact->basis == Basis::observed && repeats) continue;
    if (fact->basis == Basis::crm_history) told[fact->name] = fact->value;
    if (fact->basis != Basis::crm_history && history != told.end() && !repeats) told.erase(history);
    out.push_back(*fact);
  }
  std::stable_sort(out.begin(), out.end(), [](const Fact& a, const Fact& b) {
    return std::tie(a.true_from, a.seq) < std::tie(b.true_from, b.seq);
  });
  return out;
}

}  // namespace hw::store::records
