#pragma once
#include <functional>
#include <string>
#include <vector>

#include "sandbox/peer.h"
#include "sandbox/script.h"

namespace hw::sandbox {

/// What Headwater says of one conversion at one destination (`headwater report reconciliation --conversions --format
/// json`).
struct ClaimRow {
  std::string destination, goal, object, id, dedup_id, state, reason, wanted_currency, told_currency;
  std::int64_t occurrence = 1, wanted = 0, told = 0, told_low = 0, told_high = 0;
};
std::vector<ClaimRow> read_claims(const std::string& json);

/// Which destination an account and action is.
struct Place {
  std::string account, action, destination;
  bool counts_repeats = false;  ///< an event whose answer was lost can neither be repeated nor asked about
  bool counts_refunds = false;  ///< so it is with what takes one back
};

/// What was done to the daemon, and so which rows may stand as uncertain.
struct Allowed {
  bool killed = false;  ///< or an answer of the platform got lost
  using AboutRecord = std::function<bool(const std::string& object, const std::string& id)>;
  /// After a restore: something of the record happened so that it may have been told between backup and restore.
  AboutRecord may_have_been_told{};
  /// After a restore: in that time the record went, or went into another one, and the CRM shows no more of it than
  /// that. What was told of it then and not taken back yet no store can know.
  AboutRecord vanished{};
};

struct Comparison {
  std::size_t conversions = 0, destinations = 0, uncertain = 0;
  std::size_t unanswered = 0;  ///< those of them that stand so for a lost answer alone
  std::size_t vanished = 0;    ///< keys that a platform still counts of records that `vanished`
  std::size_t lost = 0;        ///< rows that should be taken or told of and are not, or that nobody claims to know
  std::size_t doubled = 0;     ///< keys that a platform counts more than once, or counts and nobody claims
  std::int64_t difference_micros = 0;   ///< sum of absolute differences of money outside uncertain rows
  std::vector<std::string> complaints;  ///< every row whose reason, state or amounts differ, a line each
  [[nodiscard]] bool equal() const { return difference_micros == 0 && complaints.empty(); }
};

/// Key by key: the script's truth (state, reason, wanted) against Headwater's claim, and the claim's told against what
/// the platform believes by its own rules. Keys that only one side knows are differences. A claim may stand as
/// uncertain only where `allowed`, and what the platform believes under all keys of its record and goal that no other
/// claim is about must lie in its range; a later occurrence of the same goal may then be not wanted yet at that
/// destination, or not be made at all.
Comparison compare(const std::vector<TruthRow>& truth, const std::vector<ClaimRow>& claims,
                   const std::vector<Belief>& beliefs, const std::vector<Place>& places, const Allowed& allowed);

}  // namespace hw::sandbox
