#pragma once
#include <memory>

#include "sandbox/peer.h"

namespace hw::sandbox {

/// GA4's Measurement Protocol as its documentation has it:
///   POST /mp/collect        204 whatever the content; what is wrong is not counted, and nobody is told
///   POST /debug/mp/collect  validationMessages; records nothing, looks at neither secret nor stream
/// Events older than 72 hours are moved to 72 hours ago, or dropped under ENFORCE_RECOMMENDATIONS. A value without
/// currency is no revenue. Purchases count once per transaction id and user (the user id, else the client id); all
/// other events count as often as they come. A refund subtracts its value from the purchase of its transaction id, as
/// often as it comes.
///
/// Beliefs: account = stream, action = the event's name, key = transaction_id of purchases, else the parameter hw_id
/// ("" where an event has none); refunds stand under action "purchase". micros = revenue less refunds, count = events
/// counted (0 once refunds have taken all of the revenue), state "counted" or
/// "refunded", with "_72h_ago" where a time was moved, the event's own or a refund's. Events that GA4 does not count
/// leave no belief.
std::unique_ptr<Peer> make_ga4_measurement_protocol_peer(World& world);

}  // namespace hw::sandbox
