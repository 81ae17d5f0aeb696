#include "reconcile/restored.h"

#include <algorithm>

#include "ledger/transitions.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using store::StoredUpload;
namespace rows = store::ledger_rows;

constexpr std::int64_t kAtOnce = 1000;
constexpr std::chrono::hours kFirstReading(24);

bool unknown_since_restore(const std::vector<DestinationPlan>& plans, const StoredUpload& row) {
  if (row.mode != Mode::live) return false;
  const auto plan =
      std::find_if(plans.begin(), plans.end(), [&](const auto& p) { return p.destination->name == row.destination; });
  return plan == plans.end() || !may_repeat(*plan, row);
}

}  // namespace

bool may_repeat(const DestinationPlan& plan, const StoredUpload& row) {
  const connect::DedupRule& dedup = plan.contract.dedup;
  if (plan.destination->resend_uncertain) return true;
  if (!ledger::repeat_counts_once(row.operation, dedup)) return false;
  if (row.operation != Operation::upload) return true;
  if (!dedup.known || dedup.window) return false;
  return dedup.repeat_overwrites || ledger::sent(row);
}

void doubt(StoredUpload& row, Timestamp since) {
  row.state = UploadState::uncertain;
  row.code = kRestored;
  row.detail = "may have been sent between the backup and its restore";
  if (!row.first_attempt_at) row.first_attempt_at = row.last_attempt_at = since;
}

void doubt_unanswered(store::Tx& tx, const std::vector<DestinationPlan>& plans, Timestamp now) {
  const auto gap = store::backups::gap(tx);
  if (!gap || !store::backups::unmarked(tx)) return;
  for (const char* state : {"pending", "retrying", "in_flight"}) {
    std::int64_t after = 0;
    for (bool more = true; more;) {
      auto some = rows::list_uploads(tx, {.destination = {},
                                          .state = state,
                                          .code = {},
                                          .made_before = {},
                                          .made_after = {},
                                          .after_id = after,
                                          .limit = kAtOnce});
      more = !some.empty();
      for (StoredUpload& row : some) {
        after = row.id;
        if (!unknown_since_restore(plans, row)) continue;
        const UploadState from = row.state;
        doubt(row, gap->from);
        rows::move(tx, row, from, "restore", now);
        if (auto c = rows::conversion(tx, row.conversion_id))
          store::service_rows::mark_dirty(tx, c->record_id, "restored");
      }
    }
  }
  store::backups::set_marked(tx);
}

Timestamp due_since(const DestinationPlan& plan, const Subject& subject, const Reached& reached) {
  if (!plan.gap || reached.at_basis == Basis::crm_history || reached.entered_at >= plan.gap->to + kFirstReading)
    return reached.entered_at;
  return std::min(reached.entered_at, subject.record.created.value_or(plan.gap->from));
}

bool doubted(const DestinationPlan& plan, const StoredUpload& row, Timestamp known) {
  return plan.gap && row.mode == Mode::live && known < plan.gap->to && !may_repeat(plan, row);
}

}  // namespace hw::reconcile
