#pragma once
#include <variant>

#include "connectors/ga4_measurement_protocol/config.h"

/// Pure: whether and how one conversion can be told to GA4 at `now`.
namespace hw::connectors::ga4_measurement_protocol {

/// The event. Refusals: not_positive, no_value (a purchase without one), too_recent (a time to come), expired (older
/// than GA4 backdates), no_identifier (no client id; an invented one would make a new user).
std::variant<connect::Item, connect::Refusal> prepare_event(const Conversion& conversion, const connect::Target& target,
                                                            const Config& config, Timestamp now);

/// The refund of a whole purchase, under its transaction id, client and amount, at the time at which the revision was
/// made. Refusals: uncorrectable (the original is no purchase of ours), expired.
std::variant<connect::Item, connect::Refusal> prepare_refund(const Conversion& conversion,
                                                             const connect::Revision& revision,
                                                             const connect::Sent& original, const Config& config,
                                                             Timestamp now);

}  // namespace hw::connectors::ga4_measurement_protocol
