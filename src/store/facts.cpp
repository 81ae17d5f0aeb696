#include <algorithm>
#include <map>
#include <tuple>

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

/// The CRM's own entry is added beside an observed or inferred one of the same moment: it is the better evidence.
bool stands(Tx& tx, std::int64_t record, const Fact& fact) {
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

}  // namespace

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
