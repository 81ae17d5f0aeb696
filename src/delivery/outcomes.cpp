#include "delivery/outcomes.h"

#include <algorithm>

#include "base/backoff.h"

namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::StoredUpload;

void turn(StoredUpload& row, UploadState state, const Outcome& o) {
  row.state = state;
  row.code = o.code;
  row.detail = o.detail;
}

/// The answer proves that this attempt changed nothing at the platform.
void unfreeze_if_first(StoredUpload& row) {
  if (row.first_attempt_at == row.last_attempt_at) row.first_attempt_at.reset();
}

/// Again later, or never: attempts and the platform's window are the ends of every retry.
void again_later(StoredUpload& row, const Outcome& o, const Policy& policy, Timestamp now, Random& random) {
  if (!o.maybe_applied) unfreeze_if_first(row);
  if (o.spends_attempt) ++row.attempts;
  const bool too_old = ledger::sent(row) && now - *row.first_attempt_at >= policy.max_retry_age;
  if (row.attempts >= policy.max_attempts || too_old) {
    turn(row, ledger::sent(row) ? UploadState::uncertain : UploadState::rejected, o);
    row.detail = "gave up after " + std::to_string(row.attempts) + " attempts: " + o.detail;
    return;
  }
  if (!policy.resend_uncertain && !ledger::may_resend(row, policy.contract.dedup, now))
    return turn(row, UploadState::uncertain, o);
  const bool alone = row.code == ledger::kUnlocated;  // until its own fate is known
  turn(row, UploadState::retrying, o);
  if (alone) row.code = ledger::kUnlocated;
  row.next_at = now + wait_after(row.attempts, o, random);
}

}  // namespace

Duration wait_after(int attempts, const Outcome& o, Random& random) {
  // Our own rate lane knows when there is room again; everything else is spread out.
  if (o.code == http::kLaneFull && o.after) return *o.after;
  return backoff(attempts, o.after, random);
}

Outcome outcome_of(const Error& error) {
  Outcome o;
  o.code = error.code;
  o.detail = error.detail;
  o.after = error.retry_after;
  o.maybe_applied = error.maybe_applied;
  o.scope = connect::Scope::request;
  switch (error.action) {
    case Action::retry:
      o.verdict = Verdict::retry;
      o.spends_attempt = false;  // an outage is no row's fault
      break;
    case Action::reject_row:
      o.verdict = Verdict::reject_row;
      break;
    case Action::reject_batch:
      o.verdict = Verdict::reject_batch;
      break;
    case Action::pause:
      o.verdict = Verdict::pause;
      o.scope = connect::Scope::connector;
      break;
  }
  return o;
}

void apply_answer(StoredUpload& row, const Outcome& o, bool receipted, const Policy& policy, Timestamp now,
                  Random& random) {
  switch (o.verdict) {
    case Verdict::accepted:
      turn(row, receipted && policy.mode == Mode::live ? UploadState::received : UploadState::processed, o);
      if (policy.contract.receipt == connect::Receipt::none || policy.contract.receipt == connect::Receipt::request)
        row.state = UploadState::received;
      if (policy.mode == Mode::test) {
        row.state = UploadState::processed;
        row.code = "validated";
      }
      row.received_at = now;
      if (row.state == UploadState::processed) row.processed_at = now;
      return;
    case Verdict::already_received:
      turn(row, UploadState::processed, o);
      row.received_at = row.processed_at = now;
      return;
    case Verdict::retry:
      return again_later(row, o, policy, now, random);
    case Verdict::reject_row:
    case Verdict::reject_batch:
      return turn(row, UploadState::rejected, o);
    case Verdict::pause: {
      Outcome wait = o;
      wait.spends_attempt = false;
      return again_later(row, wait, policy, now, random);
    }
  }
}

void apply_confirmed(StoredUpload& row, const Outcome& o, const Policy& policy, Timestamp now, Random& random) {
  switch (o.verdict) {
    case Verdict::accepted:
    case Verdict::already_received:
      turn(row, UploadState::processed, o);
      row.processed_at = now;
      return;
    case Verdict::retry:
      // The platform processed the request and did not take the row: this attempt is known not to count. It says
      // nothing about an earlier one whose answer was lost.
      return again_later(row, o, policy, now, random);
    case Verdict::reject_row:
    case Verdict::reject_batch:
      return turn(row, UploadState::rejected, o);
    case Verdict::pause: {
      Outcome wait = o;
      wait.spends_attempt = false;
      return again_later(row, wait, policy, now, random);
    }
  }
}

void recover(StoredUpload& row, const Policy& policy, Timestamp now) {
  const bool open = policy.resend_uncertain || ledger::may_resend(row, policy.contract.dedup, now);
  row.state = open ? UploadState::retrying : UploadState::uncertain;
  row.code = "answer_lost";
  row.detail = open ? "stopped before the answer was recorded; the same item goes again"
                    : "stopped before the answer was recorded, and the platform's dedup window has closed";
  row.next_at = now;
}

}  // namespace hw::delivery
