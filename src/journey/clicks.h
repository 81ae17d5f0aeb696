#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/conversion.h"
#include "store/records.h"

/// Which click a conversion is credited to (DESIGN section 5, Which click).
namespace hw::journey {

/// A click of one of the subject's people.
struct Candidate {
  Click click;
  std::int64_t record = 0;            ///< whose it is: the lead, contact or deal
  bool primary = false;               ///< of the primary contact, or of the subject itself
  bool captured = false;              ///< stands on the record itself; else a touch carries it
  std::optional<std::int64_t> touch;  ///< the touch that carries it
};

/// All clicks of these types (best first) that a lineage has, in the order of preference: what the lead itself captured
/// (without a lead: the primary contact, then the deal's own fields); then those not after the lead's creation, primary
/// contact first, latest first; then later ones, latest first. Each (type, value) once.
///
/// The time of a captured click is its click_times entry, else that of the earliest touch with the same click id, else
/// the record's creation (inferred: the true click is not later).
std::vector<Candidate> clicks(store::Tx& tx, const store::StoredRecord& subject,
                              std::span<const std::string> click_types, Timestamp lead_created);

enum class ClickRule : std::uint8_t { lead, first, last };

struct PassedOver {
  Candidate candidate;
  std::string reason;  ///< "too_old", "after_conversion", "not_first_choice"
};
struct Choice {
  std::optional<Candidate> chosen;  ///< click.after_first: it is not the first choice, which was out of its window
  std::vector<PassedOver> passed_over;
};

/// Pure. The first choice is the click chosen before, if the lineage still has it; else by rule the first candidate,
/// the earliest or the latest (`last` is not bound by what was chosen before). If it is too old or after the
/// conversion, the latest eligible click takes its place, flagged.
/// @param window           age a click may have at the conversion; zero or less = any
/// @param conversion_time  for a placed time (a date at noon) the end of the span it may lie in. A click whose own time
/// is inferred
///                         is never "after_conversion".
Choice choose(std::span<const Candidate> candidates, ClickRule rule, Duration window, Timestamp conversion_time,
              const std::optional<Click>& previously_chosen);

}  // namespace hw::journey
