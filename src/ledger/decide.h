#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connect/connector.h"
#include "ledger/reasons.h"
#include "ledger/transitions.h"
#include "store/ledger_rows.h"

/// desired - ledger = work, for one conversion at one destination. Pure: no clock, no store, no connector; the same
/// inputs give the same answer (invariant 11).
namespace hw::ledger {

/// What should be believed now.
struct Desired {
  bool wanted = false;
  Reason not_wanted_because = Reason::not_wanted;  ///< when !wanted
  std::string detail;
  std::optional<std::int64_t> micros;  ///< absent: the goal has no value
  std::string currency;
  bool gone = false;     ///< out of the CRM user's sight: what was told stays, whatever else is said of it
  Timestamp changed_at;  ///< the CRM's change that gave this: `settle` counts from it
  bool hold = false;     ///< gathering or first sweep unfinished: nothing new may start
  std::optional<Timestamp> hold_until;
};

/// What the destination allows. From the sink's contract and the destination's settings.
struct Rules {
  connect::Contract contract;
  Mode mode = Mode::live;
  Duration settle{};
  bool brake_closed = false;  ///< lowerings wait for a person
};

/// A revision to make.
struct NewRevision {
  Operation operation = Operation::upload;
  std::optional<std::int64_t> micros;
  std::string currency;
  bool lowering = false;
};

/// What to do, and how the conversion stands meanwhile.
struct Decision {
  State state = State::none;
  std::optional<Reason> reason;  ///< empty when taken or uncertain
  std::string detail;
  std::int64_t t_micros = 0, b_micros = 0, b_low = 0, b_high = 0;
  std::string t_currency, b_currency;
  std::string range_currency;       ///< of b_low and b_high
  std::optional<NewRevision> make;  ///< the caller has the sink prepare it
  bool supersede_open = false;      ///< the open row was never sent and is no longer right
  bool replace_open = false;        ///< the open row was never sent: its item may be refreshed
  std::optional<Timestamp> look_again;
};

/// The operation that takes a conversion back, if the platform has one. One without value has nothing to be lowered.
std::optional<Operation> taking_back(const connect::Contract& contract, const Belief& belief);

/// Step 1: without asking the sink.
Decision decide(const Desired& desired, const std::vector<store::StoredUpload>& rows, const Rules& rules,
                Timestamp now);

/// Step 2: the sink could not prepare the revision that step 1 asked for.
void apply_refusal(Decision& decision, const connect::Refusal& refusal);
/// Step 2, where the prepared item equals the one that was refused: it is not made again.
void apply_same_as_rejected(Decision& decision, const store::StoredUpload& rejected);

/// The lines of the accounts that a standing adds (DESIGN section 5, The accounts). Lines: "wanted", "told", "matched",
/// "missing" and "excess" and "none" by reason, "uncertain", "uncertain_low", "uncertain_high", "unlocated", "crm",
/// "crm_gap" by reason. `n` is counted on exactly one of taken ("matched"), "missing", "excess", "none", "uncertain",
/// "unlocated".
std::vector<store::Contribution> contributions(const store::Standing& standing);

/// "correction_waiting" or "uncorrectable": the split of what is believed beyond what is wanted.
const char* excess_class(Reason reason);

}  // namespace hw::ledger
