#include <algorithm>

#include "delivery/sender.h"
#include "ledger/item_json.h"

/// Which rows leave next.
namespace hw::delivery {
namespace {

using store::Durability;
using store::StoredUpload;
using store::Tx;
namespace rows = store::ledger_rows;

constexpr Duration kLookForItsMode = std::chrono::hours(1);

}  // namespace

Result<Sender::Claim> Sender::claim(std::int64_t limit) {
  const Timestamp now = clock_.system_now();
  auto any = db_.read([&](Tx& tx) -> Result<bool> { return rows::any_due(tx, destination_.name, now); });
  if (!any) return any.error();
  if (!*any) return Claim{};
  limit = std::min(limit, std::max(kClaimedAtOnce, static_cast<std::int64_t>(policy_.contract.max_items)));
  return db_.transact(Durability::ledger, [&](Tx& tx) -> Result<Claim> { return claim_due(tx, limit, now); });
}

Sender::Claim Sender::claim_due(Tx& tx, std::int64_t limit, Timestamp now) {
  Claim claim;
  std::vector<Ready> ready;
  for (StoredUpload& u : rows::due_uploads(tx, destination_.name, now, limit)) {
    auto item = ledger::item_from_json(u.item);
    const bool gone = give_up_unsent(tx, u, item, now);
    if (gone) ++claim.given_up;
    if (gone || put_off(tx, u, now))
      ++claim.rows;
    else
      ready.push_back({std::move(u), std::move(*item)});
  }
  claim.requests = grouped(std::move(ready), destination_, sinks_);
  // Without a dedup key a lost answer leaves rows of unknown fate: then no more than one request is at stake.
  const auto at_stake = std::find_if(claim.requests.begin(), claim.requests.end(), [this](const Request& r) {
    const connect::Contract& contract = policy_of(r.rows.front()).contract;
    return !contract.rules_of(r.operation).dedup.known || !ledger::repeat_counts_once(r.operation, contract);
  });
  const auto harmless = static_cast<std::size_t>(at_stake - claim.requests.begin());
  if (at_stake != claim.requests.end()) claim.requests.resize(std::max<std::size_t>(harmless, 1));
  for (Request& request : claim.requests) {
    for (StoredUpload& u : request.rows) freeze(tx, u, now);
    claim.rows += static_cast<std::int64_t>(request.rows.size());
  }
  return claim;
}

/// A row whose operation is held waits for the end of that, and stands in no other's way. So does one of another mode
/// that may have been taken: it may go again once the destination has that mode back.
bool Sender::put_off(Tx& tx, StoredUpload& row, Timestamp now) {
  auto until = held_until(row.operation);
  if (row.mode != destination_.mode) until = std::max(until.value_or(now), now + kLookForItsMode);
  if (!until) return false;
  row.next_at = *until;
  rows::move(tx, row, row.state, kActor, now);
  return true;
}

/// A due row that may not be sent any more. One that may have been taken is uncertain; one that never left is judged
/// anew by the reconciler.
bool Sender::give_up_unsent(Tx& tx, StoredUpload& row, const Result<connect::Item>& item, Timestamp now) {
  const UploadState from = row.state;
  if (!item) {
    row.code = item.error().code;
    row.detail = item.error().detail;
  } else if (row.mode != destination_.mode && !ledger::sent(row)) {
    row.code = "mode_changed";
    row.detail = std::string("was made in mode ") + to_string(row.mode);
  } else if (!item->form.empty() && item->form != sinks_.of(row.operation)->contract().form) {
    row.code = ledger::kOtherConnector;
    row.detail = "was made for a connector of another kind than the destination has now";
  } else if (!policy_of(row).contract.operations.contains(row.operation)) {
    row.code = ledger::kOtherConnector;
    row.detail = std::string("the connector that the destination has now knows no ") + to_string(row.operation);
  } else if (now >= row.expires_at) {
    row.code = "expired";
    row.detail = "the platform's window closed before the row could be sent";
  } else if (policy_.resend_uncertain || ledger::may_resend(row, policy_of(row).contract, now)) {
    return false;
  } else {
    leave_unanswered(row);
  }
  row.state = ledger::sent(row) ? UploadState::uncertain : UploadState::superseded;
  settle(tx, row, from, now);
  return true;
}

void Sender::freeze(Tx& tx, StoredUpload& row, Timestamp now) {
  const UploadState from = row.state;
  row.state = UploadState::in_flight;
  // Never the first attempt's instant: that says whether a later one may be taken for it.
  row.last_attempt_at = row.first_attempt_at ? std::max(now, *row.first_attempt_at + Duration(1)) : now;
  if (!row.first_attempt_at) row.first_attempt_at = now;
  rows::move(tx, row, from, kActor, now);
}

}  // namespace hw::delivery
