#include "reconcile/adopt.h"

#include <algorithm>

#include "ledger/transitions.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

namespace rows = store::ledger_rows;
using store::StoredConversion;

bool sent_anywhere(store::Tx& tx, const StoredConversion& c) {
  for (const auto& s : rows::standings(tx, c.id))
    for (const auto& u : rows::uploads(tx, c.id, s.destination))
      if (u.mode == Mode::live && ledger::sent(u) && u.state != UploadState::rejected) return true;
  return false;
}

/// Gives each record the other's conversion. The odd occurrence keeps the rows apart while they change places.
void exchange(store::Tx& tx, const StoredConversion& a, const StoredConversion& b) {
  rows::repoint_conversion(tx, a.id, a.record_id, -a.id);
  rows::repoint_conversion(tx, b.id, a.record_id, a.occurrence);
  rows::repoint_conversion(tx, a.id, b.record_id, b.occurrence);
}

/// The loser is looked at again: its place in the accounts is another one now.
void adopt(store::Tx& tx, const StoredConversion& told, std::int64_t survivor) {
  std::vector<StoredConversion> mine = rows::conversions_of_record(tx, survivor);
  std::erase_if(mine, [&](const auto& c) { return c.goal != told.goal; });
  if (std::any_of(mine.begin(), mine.end(), [&](const auto& c) { return sent_anywhere(tx, c); })) return;
  if (mine.empty()) {
    rows::repoint_conversion(tx, told.id, survivor, told.occurrence);
  } else {
    exchange(tx, told, mine.front());
  }
  store::service_rows::mark_dirty(tx, told.record_id, "adopted");
}

}  // namespace

void adopt_from_merged(store::Tx& tx, const Subject& survivor) {
  if (survivor.record.state != "live") return;
  for (std::int64_t loser : store::records::merged_into(tx, survivor.record.id))
    for (const StoredConversion& c : rows::conversions_of_record(tx, loser))
      if (sent_anywhere(tx, c)) adopt(tx, c, survivor.record.id);
}

}  // namespace hw::reconcile
