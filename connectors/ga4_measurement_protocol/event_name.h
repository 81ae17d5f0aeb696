#pragma once
#include <string>
#include <string_view>

/// Which names an event may bear.
namespace hw::connectors::ga4_measurement_protocol {

inline constexpr const char* kPurchase = "purchase";
inline constexpr const char* kRefund = "refund";

/// "" when a destination may name this event: purchase, a recommended lead event or one of your own; else what is wrong
/// and how to mend it.
std::string event_name_fault(std::string_view name);

}  // namespace hw::connectors::ga4_measurement_protocol
