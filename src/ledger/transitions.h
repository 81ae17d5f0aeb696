#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connect/connector.h"
#include "model/upload.h"
#include "store/ledger_rows.h"

/// What the states of uploads mean (DESIGN section 5): which rows are settled, taken, may go again, and what a platform
/// believes of them. Pure; the one place that says so. What may follow what stands in model/upload.h.
namespace hw::ledger {

/// A row is unsettled while its fate may still change by itself.
bool unsettled(const store::StoredUpload& u);
/// A row counts as told: at `processed`, and at `received` where the platform is not asked what became of it. That is
/// said when it is answered, by the connector that sent it: another one that sends for its destination later changes
/// nothing of it.
bool taken(const store::StoredUpload& u);
/// When the platform took such a row, as far as it was said: what its limit for corrections counts from.
inline Timestamp taken_at(const store::StoredUpload& u) {
  return u.processed_at.value_or(u.received_at.value_or(u.made_at));
}
/// Code of a row that is being sent alone because its request was refused in part and the platform does not say which
/// row.
inline constexpr const char* kUnlocated = "unlocated";
/// Code of a refused row that a person has tried again: superseded, so that a new revision may take its place.
inline constexpr const char* kRetried = "retried";
/// Code of a row whose answer, or whose attempt's before it, was never recorded.
inline constexpr const char* kAnswerLost = "answer_lost";
/// Code of an uncertain row whose destination left the configuration before the platform had said what became of it: it
/// is heard when the destination is back.
inline constexpr const char* kDestinationRemoved = "destination_removed";
/// Code of a row that the connector which sends for its destination now cannot send, or ask after: another kind of
/// connector has, or was to.
inline constexpr const char* kOtherConnector = "other_connector";
/// Code of an uncertain row that a person has sent again, whatever the dedup window says; until an attempt of it may
/// have been taken.
inline constexpr const char* kResent = "resent";
/// May have reached the platform: its item, identifiers and time are frozen. (first_attempt_at is set by the claim and
/// taken back only when an answer proves that this first attempt was not applied.)
inline bool sent(const store::StoredUpload& u) { return u.first_attempt_at.has_value(); }

/// Left nothing behind: it was refused, or something else took its place before it was applied.
inline bool is_void(const store::StoredUpload& u) {
  return u.state == UploadState::rejected || u.state == UploadState::superseded;
}

/// Does the platform count a repeat of such a row once?
bool repeat_counts_once(Operation operation, const connect::Contract& contract);
/// May the frozen item of a row whose answer is unknown be sent again at `now`? Only while the platform's declared
/// dedup window, less two hours, counted from the first attempt, is open. A row that was certainly not applied may
/// always go, and so does one that a person has sent again (kResent).
bool may_resend(const store::StoredUpload& u, const connect::Contract& contract, Timestamp now);
/// Refused in the end, but an earlier attempt was never answered: may it have been taken, so that a later row that says
/// it anew counts twice? Not under a key that the platform knows for ever; any other may be forgotten by the time that
/// row leaves.
bool may_have_been_taken(const store::StoredUpload& u, const connect::Contract& contract);
/// The instant after which may_resend() is false; nullopt = never (unbounded) .
std::optional<Timestamp> resend_until(const store::StoredUpload& u, const connect::Contract& contract);

/// The last row of that mode that was said, where it was refused; nullptr where it was not.
const store::StoredUpload* refused_last(const std::vector<store::StoredUpload>& rows, Mode mode);

/// What the platform believes of one conversion, from its rows in order of revision, live rows only.
struct Belief {
  bool told = false;       ///< it took at least one revision
  bool stands = false;     ///< told, and not brought to zero by a correction since: the platform counts it
  bool retracted = false;  ///< the last word that it took was a retraction
  std::int64_t micros = 0;
  std::string currency;
  bool uncertain = false;          ///< a revision of unknown fate follows the last taken one
  std::int64_t low = 0, high = 0;  ///< lowest and highest possible belief, in `uncertain_currency`
  std::string uncertain_currency;
  bool unlocated = false;
  std::optional<std::size_t> last_taken;   ///< index of the row whose value is believed
  std::optional<std::size_t> first_taken;  ///< index of the accepted original
  std::optional<std::size_t> open;         ///< index of the unsettled row
};
Belief believe(const std::vector<store::StoredUpload>& rows);
/// The same for a destination of that mode. Of test rows nothing is believed, but the one that is unsettled is open.
Belief believe(const std::vector<store::StoredUpload>& rows, Mode mode);

/// The last word the platform took was a retraction, or a zero that it never moves again: this key is spent.
bool final_zero(const std::vector<store::StoredUpload>& rows, const connect::Contract& contract);

}  // namespace hw::ledger
