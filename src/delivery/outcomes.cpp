#include "delivery/outcomes.h"

#include <algorithm>

#include "base/backoff.h"
#include "base/text.h"

namespace hw::delivery {
namespace {

using connect::Outcome;
using connect::Verdict;
using store::StoredUpload;

constexpr std::string_view kInPart = "its request was refused in part: ";

void turn(StoredUpload& row, UploadState state, const Outcome& o) {
  row.state = state;
  row.code = o.code;
  row.detail = o.detail;
}

/// The answer proves that this attempt changed nothing at the platform.
void unfreeze_if_first(StoredUpload& row) {
  if (row.first_attempt_at == row.last_attempt_at) row.first_attempt_at.reset();
}

/// A repeat of what may have been taken is counted once only when the platform knows its key.
void hold_repeat(StoredUpload& row, const Policy& policy, Timestamp now) {
  row.not_before = std::max(row.not_before, now + policy.contract.rules_of(row.operation).dedup.resend_after);
}

/// Again later, or never: attempts and the platform's window are the ends of every retry.
void again_later(StoredUpload& row, const Outcome& o, const Policy& policy, Timestamp now, Random& random) {
  if (o.maybe_applied)
    hold_repeat(row, policy, now);
  else
    unfreeze_if_first(row);
  if (o.spends_attempt) ++row.attempts;
  // What a person has sent anew is of any age.
  const bool too_old =
      row.code != ledger::kResent && ledger::sent(row) && now - *row.first_attempt_at >= policy.max_retry_age;
  if (row.attempts >= policy.max_attempts || too_old) {
    turn(row, ledger::sent(row) ? UploadState::uncertain : UploadState::rejected, o);
    row.detail = "gave up after " + std::to_string(row.attempts) + " attempts: " + o.detail;
    return;
  }
  // A person's word holds until an attempt may have been taken.
  if (row.code == ledger::kResent && o.maybe_applied) row.code.clear();
  if (!policy.resend_uncertain && !ledger::may_resend(row, policy.contract, now)) {
    turn(row, UploadState::uncertain, o);
    if (!o.maybe_applied) leave_unanswered(row);
    return;
  }
  const std::string code = row.code, detail = row.detail;
  turn(row, UploadState::retrying, o);
  if (code == ledger::kUnlocated || code == ledger::kResent) row.code = code;  // until its fate is known
  if (code == ledger::kUnlocated) row.detail = detail;
  row.next_at = now + wait_after(row.attempts, o, random);
}

/// A row that goes alone to be located, and is refused for what its whole request was: it is the one.
bool is_located(const StoredUpload& row, const std::string& code) {
  const std::string_view detail = row.detail;
  if (row.code != ledger::kUnlocated || !detail.starts_with(kInPart)) return false;
  const auto codes = split(detail.substr(kInPart.size()), ' ');
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// An earlier attempt was never answered, or not row by row, so that a refusal of this one does not prove that nothing
/// was taken.
bool may_have_been_taken_before(const StoredUpload& row, const std::string& code) {
  return ledger::sent(row) && row.first_attempt_at != row.last_attempt_at && !is_located(row, code);
}

/// The fate of a row, told in the answer or by its confirmation.
void apply_fate(StoredUpload& row, const Outcome& o, const Policy& policy, Timestamp now, Random& random) {
  switch (o.verdict) {
    case Verdict::accepted:
    case Verdict::already_received:
      turn(row, UploadState::processed, o);
      row.processed_at = now;
      return;
    case Verdict::retry:
      return again_later(row, o, policy, now, random);
    case Verdict::reject_row:
    case Verdict::reject_batch:
      // Nobody to credit: the same identifiers found nobody in any attempt.
      if (o.code == connect::kUnattributed || !may_have_been_taken_before(row, o.code))
        return turn(row, UploadState::rejected, o);
      turn(row, UploadState::uncertain, o);
      row.detail = "refused, but an earlier attempt was never answered and may have been taken: " + o.detail;
      return;
    case Verdict::pause: {
      Outcome wait = o;
      wait.spends_attempt = false;
      return again_later(row, wait, policy, now, random);
    }
  }
}

}  // namespace

void leave_unanswered(StoredUpload& row) {
  if (row.code == ledger::kAnswerLost) return;
  row.detail = "an earlier attempt was never answered and may have been taken; the last word was " + row.code +
               (row.detail.empty() ? "" : ": " + row.detail);
  row.code = ledger::kAnswerLost;
}

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
  const bool taken = o.verdict == Verdict::accepted || o.verdict == Verdict::already_received;
  if (taken) row.received_at = now;
  const connect::Receipt receipt = policy.contract.rules_of(row.operation).receipt;
  const bool by_request = receipt == connect::Receipt::none || receipt == connect::Receipt::request;
  const bool awaits = by_request || receipted;
  if (o.verdict != Verdict::accepted || policy.mode == Mode::test || !awaits) {
    apply_fate(row, o, policy, now, random);
    if (o.verdict == Verdict::accepted && policy.mode == Mode::test) row.code = "validated";
    return;
  }
  // Received once more is not yet located: an earlier attempt may have been taken, until the confirmation says.
  const bool alone = row.code == ledger::kUnlocated && !by_request;
  const std::string detail = row.detail;
  turn(row, UploadState::received, o);
  if (!alone) return;
  row.code = ledger::kUnlocated;
  row.detail = detail;
}

void apply_confirmed(StoredUpload& row, const Outcome& o, const Policy& policy, Timestamp now, Random& random) {
  // A retry: the platform processed the request and did not take the row. This attempt is known not to count; that says
  // nothing about an earlier one whose answer was lost.
  apply_fate(row, o, policy, now, random);
}

void apply_partly_refused(StoredUpload& row, const std::string& codes, const Policy& policy, Timestamp now) {
  row.code = ledger::kUnlocated;
  // Refused alone for the same, it may yet have been taken by an attempt before this one.
  const bool is_first = row.first_attempt_at == row.last_attempt_at;
  row.detail = (is_first ? "" : "an earlier attempt was never answered, and ") + std::string(kInPart) + codes;
  const bool again = policy.contract.rules_of(row.operation).resend_is_harmless || policy.resend_uncertain;
  row.state = again ? UploadState::retrying : UploadState::uncertain;
  row.next_at = now;
}

void apply_unconfirmed(StoredUpload& row, const Policy& policy, Timestamp now, Random& random) {
  const Outcome o{.verdict = Verdict::retry,
                  .scope = connect::Scope::request,
                  .code = "unconfirmed",
                  .detail = "the platform has not said within its time what became of the request",
                  .after = {},
                  .maybe_applied = true};
  if (policy.resend_uncertain) return again_later(row, o, policy, now, random);
  turn(row, UploadState::uncertain, o);
}

void recover(StoredUpload& row, const Policy& policy, Timestamp now) {
  if (row.code == ledger::kResent) row.code.clear();
  const bool open = policy.resend_uncertain || ledger::may_resend(row, policy.contract, now);
  row.state = open ? UploadState::retrying : UploadState::uncertain;
  row.next_at = now;
  if (open) hold_repeat(row, policy, now);
  if (row.code == ledger::kUnlocated && open) return;
  row.code = ledger::kAnswerLost;
  row.detail = open ? "stopped before the answer was recorded; the same item goes again"
                    : "stopped before the answer was recorded, and the platform's dedup window has closed";
}

}  // namespace hw::delivery
