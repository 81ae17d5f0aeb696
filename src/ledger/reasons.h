#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace hw::ledger {

/// Why a conversion's wanted value is not (or not exactly) what the platform believes. Exactly one per conversion and
/// destination: the first that holds, in this order (DESIGN section 10, Reasons).
enum class Reason : std::uint8_t {
  not_wanted,                ///< the goal no longer holds (lost, reopened, deleted, moved to a new occurrence)
  before_go_live,            ///< reached before the later go-live of goal and destination: `backfill` sends history
  excluded_by_goal,          ///< a `when:` or `route:` condition does not hold
  no_value,                  ///< the amount is missing and missing_value says withhold
  not_positive,              ///< below zero, or zero with zero_value: withhold
  merged,                    ///< the record lives on in another
  gone,                      ///< no longer visible to the API user; not stated as deleted
  consent,                   ///< denied, withdrawn, or unknown where it is needed
  expired,                   ///< outside the platform's age window
  no_identifier,             ///< no click id or user data that the platform takes
  history_pending,           ///< the analytics source has not answered for a new identifier yet
  too_recent,                ///< inside the platform's minimum wait
  settling,                  ///< a lowering waits `settle` after the CRM's change
  braked,                    ///< a mass lowering waits for `plan approve`
  waiting,                   ///< on its way: gathering, due, in flight, or not yet confirmed
  rejected,                  ///< refused, with the platform's message
  platform_counts_once,      ///< the action counts one per click (or member) and has that one
  lost_by_final_retraction,  ///< the platform's zero was final and a new occurrence would not count
  uncorrectable,             ///< the platform offers no (more) way to correct
};

const char* to_string(Reason reason);
std::optional<Reason> reason_from(std::string_view text);

/// Where a conversion stands: exactly one, what the count of the accounts counts.
enum class State : std::uint8_t {
  taken,      ///< the platform believes what is wanted
  missing,    ///< wants more than is believed
  excess,     ///< more is believed than wanted
  none,       ///< nothing wanted, nothing believed
  uncertain,  ///< a revision of unknown fate
  unlocated,  ///< one of a request's rows was refused and the platform does not say which
};
const char* to_string(State state);
std::optional<State> state_from(std::string_view text);

}  // namespace hw::ledger
