#include "reconcile/restored.h"

#include <algorithm>

#include "base/text.h"
#include "ledger/transitions.h"
#include "reconcile/plan.h"
#include "store/service_rows.h"

namespace hw::reconcile {
namespace {

using store::StoredUpload;
namespace rows = store::ledger_rows;

constexpr std::int64_t kAtOnce = 1000;
constexpr const char* kNamedSince = "named_since_restore";  // destinations, a name a line

/// What of the backup's unanswered row may have been sent since: it is doubted, or waits before it goes again.
void note_unknown(StoredUpload& row, const std::vector<DestinationPlan>& plans, const store::Gap& gap) {
  const auto plan =
      std::find_if(plans.begin(), plans.end(), [&](const auto& p) { return p.destination->name == row.destination; });
  if (plan == plans.end() || !may_repeat(*plan, row))
    doubt(row, gap.from);
  else
    row.not_before = std::max(row.not_before, repeatable_from(*plan, row, gap));
}

}  // namespace

bool may_repeat(const DestinationPlan& plan, const StoredUpload& row) {
  const connect::Contract contract = plan.contract_of(row);
  const connect::DedupRule& dedup = contract.rules_of(row.operation).dedup;
  if (plan.destination->resend_uncertain) return true;
  if (!ledger::repeat_counts_once(row.operation, contract)) return false;
  if (row.operation != Operation::upload) return true;
  if (!dedup.known || dedup.window) return false;
  if (plan.moved_in_gap && !ledger::sent(row)) return false;  // a key is known where it was told
  return dedup.repeat_overwrites || ledger::sent(row);
}

Timestamp repeatable_from(const DestinationPlan& plan, const StoredUpload& row, const store::Gap& gap) {
  return gap.to + plan.contract_of(row).rules_of(row.operation).dedup.resend_after;
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
        // Marked, it waits to be judged: the CRM may say otherwise by now.
        store::service_rows::mark_subject_of(tx, row.conversion_id, "restored");
        if (row.mode != Mode::live) continue;
        const UploadState from = row.state;
        note_unknown(row, plans, *gap);
        rows::move(tx, row, from, "restore", now);
      }
    }
  }
  for (const DestinationPlan& p : plans) rows::mark_standings(tx, p.destination->name, "rejected", "restored");
  // What a subject looks like in the backup is no ground to tell anything.
  store::service_rows::forget_sweeps(tx, "records");
  store::service_rows::set_meta(tx, kNamedSince, "");
  store::backups::set_marked(tx);
}

void note_named_since(store::Tx& tx, const std::string& destination) {
  const std::string names = store::service_rows::meta(tx, kNamedSince).value_or("");
  store::service_rows::set_meta(tx, kNamedSince, names + destination + "\n");
}

bool is_doubtful(store::Tx& tx, const std::string& destination) {
  if (store::backups::unmarked(tx)) return true;
  if (!store::service_rows::meta(tx, fingerprint_key(destination))) return false;  // a candidate's, never started
  const std::string names = store::service_rows::meta(tx, kNamedSince).value_or("");
  const auto all = split(names, '\n');
  return std::find(all.begin(), all.end(), destination) == all.end();
}

}  // namespace hw::reconcile
