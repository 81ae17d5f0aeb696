#include "reconcile/adopt.h"

#include <algorithm>
#include <map>
#include <set>

#include "ledger/transitions.h"
#include "reconcile/same_person.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

namespace rows = store::ledger_rows;
using store::StoredConversion;

bool sent_anywhere(store::Tx& tx, const StoredConversion& c) {
  for (const auto& s : rows::standings(tx, c.id))
    for (const auto& u : rows::uploads(tx, c.id, s.destination))
      if (u.mode == Mode::live && ledger::sent(u) && !ledger::is_void(u)) return true;
  return false;
}

/// The survivor takes `told`; the loser takes `mine` for it, if the survivor had one of the goal.
struct Adoption {
  StoredConversion told;
  std::optional<StoredConversion> mine;
};

std::vector<Adoption> adoptions(store::Tx& tx, std::int64_t survivor) {
  std::vector<Adoption> out;
  std::vector<StoredConversion> own = rows::conversions_of_record(tx, survivor);
  for (std::int64_t loser : losers_of(tx, survivor)) {
    // Of a goal's occurrences the last one that was told: a final zero may have ended those before it.
    std::map<std::string, StoredConversion> last_told;
    for (const StoredConversion& c : rows::conversions_of_record(tx, loser))
      if (const auto known = last_told.find(c.goal);
          (known == last_told.end() || known->second.occurrence < c.occurrence) && sent_anywhere(tx, c))
        last_told.insert_or_assign(c.goal, c);
    for (const auto& of_goal : last_told) {
      const StoredConversion& told = of_goal.second;
      const auto same_goal = [&](const auto& c) { return c.goal == told.goal; };
      if (std::any_of(own.begin(), own.end(), [&](const auto& c) { return same_goal(c) && sent_anywhere(tx, c); }))
        continue;
      auto first = std::find_if(own.begin(), own.end(), same_goal);
      out.push_back({told, first == own.end() ? std::nullopt : std::optional(*first)});
      // From here on the survivor has a told one.
      if (first == own.end())
        own.push_back(told);
      else
        *first = told;
    }
  }
  return out;
}

/// The odd occurrence keeps the rows apart while they change places.
void carry_out(store::Tx& tx, const Adoption& a, std::int64_t survivor) {
  if (!a.mine) return rows::repoint_conversion(tx, a.told.id, survivor, a.told.occurrence);
  rows::repoint_conversion(tx, a.told.id, a.told.record_id, -a.told.id);
  rows::repoint_conversion(tx, a.mine->id, a.told.record_id, a.told.occurrence);
  rows::repoint_conversion(tx, a.told.id, survivor, a.mine->occurrence);
}

/// Was it adopted from the record, which stands for itself again?
bool is_away(store::Tx& tx, const StoredConversion& c, const store::StoredRecord& record) {
  if (c.record_id == record.id) return false;
  const auto holder = store::records::get(tx, c.record_id);
  return holder && holder->ref.object == record.ref.object && holder->lineage != record.lineage;
}

StoredConversion at(StoredConversion c, std::int64_t record, std::int64_t occurrence) {
  c.record_id = record;
  c.occurrence = occurrence;
  return c;
}

}  // namespace

Timestamp last_merge(store::Tx& tx, std::int64_t survivor) {
  Timestamp last{};
  for (std::int64_t loser : losers_of(tx, survivor))
    for (const auto& f : store::records::effective_facts(tx, loser))
      if (f.name == "merged") last = std::max(last, f.true_from);
  return last;
}

std::vector<std::int64_t> losers_of(store::Tx& tx, std::int64_t survivor) {
  std::vector<std::int64_t> out;
  std::set<std::int64_t> seen{survivor};
  for (std::vector<std::int64_t> next{survivor}; !next.empty();) {
    const std::int64_t into = next.back();
    next.pop_back();
    for (std::int64_t loser : store::records::merged_into(tx, into)) {
      if (!seen.insert(loser).second) continue;
      out.push_back(loser);
      next.push_back(loser);
    }
  }
  return out;
}

void take_back_after_merge(store::Tx& tx, const Subject& subject) {
  // Another record of its lineage has no claim to what was adopted from one that stays merged.
  const bool parted = std::any_of(subject.facts.begin(), subject.facts.end(),
                                  [](const store::Fact& f) { return f.name == "unmerged"; });
  if (subject.record.state != "live" || !parted) return;
  for (const StoredConversion& told : rows::conversions_of_lineage(tx, subject.record.lineage)) {
    if (!is_away(tx, told, subject.record) || !sent_anywhere(tx, told)) continue;
    const auto own = rows::conversions_of_record(tx, subject.record.id);  // as those before left it
    const auto lent = std::find_if(own.begin(), own.end(), [&](const auto& c) { return c.goal == told.goal; });
    if (lent != own.end() && sent_anywhere(tx, *lent)) continue;
    carry_out(tx, {told, lent == own.end() ? std::nullopt : std::optional(*lent)}, subject.record.id);
    store::service_rows::mark_dirty(tx, told.record_id, "given back");
  }
}

void adopt_from_merged(store::Tx& tx, const Subject& survivor) {
  if (survivor.record.state != "live") return;
  for (const Adoption& a : adoptions(tx, survivor.record.id)) {
    carry_out(tx, a, survivor.record.id);
    store::service_rows::mark_dirty(tx, a.told.record_id, "adopted");
  }
}

std::vector<StoredConversion> conversions_after_merges(store::Tx& tx, const Subject& subject) {
  const std::int64_t self = subject.record.id;
  std::vector<StoredConversion> out = rows::conversions_of_record(tx, self);
  const bool lost = subject.record.state == "merged" && subject.record.merged_into;
  if (!lost && subject.record.state != "live") return out;
  const auto last = survivor(tx, self);
  if (!last || last->state != "live") return out;
  for (const Adoption& a : adoptions(tx, last->id)) {
    const std::int64_t leaves = lost ? a.told.id : a.mine ? a.mine->id : 0;
    if (lost && a.told.record_id != self) continue;
    std::erase_if(out, [&](const auto& c) { return c.id == leaves; });
    if (lost && a.mine) out.push_back(at(*a.mine, self, a.told.occurrence));
    if (!lost) out.push_back(at(a.told, self, a.mine ? a.mine->occurrence : a.told.occurrence));
  }
  return out;
}

}  // namespace hw::reconcile
