#pragma once
#include <cstdint>

#include "base/clock.h"

namespace hw {

/// UTC, microseconds.
using Timestamp = SystemTime;

inline std::int64_t to_micros(Timestamp t) { return t.time_since_epoch().count(); }
inline Timestamp from_micros(std::int64_t us) { return Timestamp{Duration{us}}; }

/// How a time or a fact came to be known.
enum class Basis : std::uint8_t {
  crm_history,  ///< the CRM's own record of when it happened
  observed,     ///< seen at a read: true no later than this
  inferred,     ///< placed by a rule (a date at noon, a stage skipped)
};
const char* to_string(Basis basis);
Basis basis_from(const char* text);  ///< aborts on anything else: only for what to_string() wrote

}  // namespace hw
