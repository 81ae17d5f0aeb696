#pragma once
#include "base/random.h"
#include "connect/connector.h"
#include "ledger/transitions.h"
#include "settings/settings.h"
#include "store/ledger_rows.h"

/// What an answer makes of a row. Pure but for the jitter.
namespace hw::delivery {

/// How long a pause whose end nobody named is waited for before it is looked at again.
inline constexpr Duration kRetryOfPause = std::chrono::hours(1);

/// The destination's part of the rules.
struct Policy {
  connect::Contract contract;
  bool resend_uncertain = false;
  int max_attempts = 20;
  Duration max_retry_age = std::chrono::hours(24 * 14);  ///< since the first attempt that may have been applied
  Mode mode = Mode::live;
};

/// Applies the answer to a request to one row that was in flight. `receipted`: the request has a receipt to be
/// confirmed later. The row's next state, code, detail, times and attempts are set; nothing else is.
void apply_answer(store::StoredUpload& row, const connect::Outcome& outcome, bool receipted, const Policy& policy,
                  Timestamp now, Random& random);

/// Applies a located outcome of a confirmation to a row that was received.
void apply_confirmed(store::StoredUpload& row, const connect::Outcome& outcome, const Policy& policy, Timestamp now,
                     Random& random);

/// Its request was refused in part, and the platform does not say which rows: each is sent alone where that is harmless
/// (or wanted: on_uncertain: resend), else its fate is unknown.
void apply_partly_refused(store::StoredUpload& row, const std::string& codes, const Policy& policy, Timestamp now);

/// The time that the platform has to confirm its request has passed. on_uncertain decides.
void apply_unconfirmed(store::StoredUpload& row, const Policy& policy, Timestamp now, Random& random);

/// A row that stays without answer: an attempt before the last one may have been taken, whatever that one's word is.
void leave_unanswered(store::StoredUpload& row);

/// A row found in flight at the start of a round: its answer was never recorded.
void recover(store::StoredUpload& row, const Policy& policy, Timestamp now);

/// How long to wait before the next attempt.
Duration wait_after(int attempts, const connect::Outcome& outcome, Random& random);

/// An outer error speaks for all rows of its request.
connect::Outcome outcome_of(const Error& error);

}  // namespace hw::delivery
