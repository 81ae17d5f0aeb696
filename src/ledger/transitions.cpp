#include "ledger/transitions.h"

#include <algorithm>

namespace hw::ledger {
namespace {

/// Clocks differ and requests take time: a dedup window is trusted up to two hours before its end.
constexpr Duration kDedupMargin = std::chrono::hours(2);
/// Clocks are set by so much all the time.
constexpr Duration kClockSlack = std::chrono::minutes(1);

std::int64_t value_of(const store::StoredUpload& u) {
  return u.operation == Operation::retract ? 0 : u.value_micros.value_or(0);
}

/// What the platform may believe, in the row's currency: what it believed before in another one, or may have, is not of
/// that range and stays as what may stand beside it.
/// An upload after one that was taken may have been told under another key, with the first one taken back before.
/// A doubt after another widens it.
void doubt(Belief& b, const store::StoredUpload& u) {
  const std::int64_t before = b.currency == u.currency ? b.micros : 0;
  const bool doubted_before = b.uncertain || b.unlocated;
  const bool doubted = doubted_before && b.uncertain_currency == u.currency;
  const bool another = doubted_before && !doubted;
  if (another) {
    b.micros = b.currency == b.uncertain_currency ? std::max(b.micros, b.high) : b.high;
    b.currency = b.uncertain_currency;
  }
  const std::int64_t least = another || u.operation == Operation::upload ? 0 : before;
  const std::int64_t low = std::min({before, value_of(u), least}), high = std::max(before, value_of(u));
  b.low = doubted ? std::min(b.low, low) : low;
  b.high = doubted ? std::max(b.high, high) : high;
  b.uncertain_currency = u.currency;
}

}  // namespace

bool unsettled(const store::StoredUpload& u) {
  switch (u.state) {
    case UploadState::pending:
    case UploadState::in_flight:
    case UploadState::retrying:
      return true;
    case UploadState::received:
      return u.is_awaited;
    case UploadState::processed:
    case UploadState::rejected:
    case UploadState::uncertain:
    case UploadState::superseded:
      return false;
  }
  return false;
}

bool taken(const store::StoredUpload& u) {
  return u.state == UploadState::processed || (u.state == UploadState::received && !u.is_awaited);
}

bool repeat_counts_once(Operation operation, const connect::Contract& contract) {
  const connect::DedupRule& dedup = contract.rules_of(operation).dedup;
  return dedup.exists && (operation == Operation::upload || !dedup.of_uploads_alone);
}

std::optional<Timestamp> resend_until(const store::StoredUpload& u, const connect::Contract& contract) {
  const connect::DedupRule& dedup = contract.rules_of(u.operation).dedup;
  if (!repeat_counts_once(u.operation, contract) || !dedup.known) return u.first_attempt_at;
  if (!dedup.window) return std::nullopt;
  return *u.first_attempt_at + *dedup.window - kDedupMargin;
}

bool may_resend(const store::StoredUpload& u, const connect::Contract& contract, Timestamp now) {
  if (!sent(u) || u.code == kResent) return true;
  const connect::DedupRule& dedup = contract.rules_of(u.operation).dedup;
  if (!repeat_counts_once(u.operation, contract) || !dedup.known) return false;
  // By a clock that was ahead: how old the first attempt is nobody knows, nor what of the window is left.
  if (dedup.window && *u.first_attempt_at > now + kClockSlack) return false;
  auto until = resend_until(u, contract);
  return !until || now < *until;
}

bool may_have_been_taken(const store::StoredUpload& u, const connect::Contract& contract) {
  if (u.state != UploadState::rejected || !sent(u) || u.first_attempt_at == u.last_attempt_at) return false;
  const connect::DedupRule& dedup = contract.rules_of(u.operation).dedup;
  return !repeat_counts_once(u.operation, contract) || !dedup.known || dedup.window.has_value();
}

const store::StoredUpload* refused_last(const std::vector<store::StoredUpload>& rows, Mode mode) {
  for (auto it = rows.rbegin(); it != rows.rend(); ++it) {
    if (it->state == UploadState::superseded || it->mode != mode) continue;
    return it->state == UploadState::rejected ? &*it : nullptr;
  }
  return nullptr;
}

Belief believe(const std::vector<store::StoredUpload>& rows) {
  Belief b;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const store::StoredUpload& u = rows[i];
    if (u.mode != Mode::live) continue;
    if (taken(u)) {
      b.told = true;
      b.micros = value_of(u);
      b.currency = u.currency;
      b.last_taken = i;
      if (!b.first_taken) b.first_taken = i;
      b.retracted = u.operation == Operation::retract;
      b.stands = b.micros != 0 || (i == *b.first_taken && u.operation == Operation::upload);
      b.uncertain = b.unlocated = false;
    } else if (u.state == UploadState::uncertain) {
      doubt(b, u);
      b.uncertain = true;
    } else if (unsettled(u)) {
      b.open = i;
      if (u.code == kUnlocated) {
        doubt(b, u);
        b.unlocated = true;
      }
    }
  }
  return b;
}

Belief believe(const std::vector<store::StoredUpload>& rows, Mode mode) {
  Belief b = believe(rows);
  for (std::size_t i = 0; mode == Mode::test && i < rows.size(); ++i)
    if (rows[i].mode == Mode::test && unsettled(rows[i])) b.open = i;
  return b;
}

bool final_zero(const std::vector<store::StoredUpload>& rows, const connect::Contract& contract) {
  const Belief b = believe(rows);
  const bool spent = b.retracted || contract.zero == connect::ZeroRule::final_retraction;
  return spent && b.told && !b.stands && !b.open && !b.uncertain;
}

}  // namespace hw::ledger
