#pragma once
#include <variant>

#include "connectors/google_data_manager/config.h"

/// Pure: whether and how one conversion can be told to Google at `now`.
namespace hw::connectors::google_data_manager {

/// The first upload. By the best click that is inside its window, with hashed user data beside it if configured; by
/// user data alone where there is no such click and the lead is young enough. Refusals: consent (ad user data denied),
/// not_positive, too_recent (the click is younger than min_click_age), expired (what could identify it is out of its
/// window), no_identifier (nothing identifies it, and a click may still turn up).
std::variant<connect::Item, connect::Refusal> prepare_upload(const Conversion& conversion,
                                                             const connect::Revision& revision,
                                                             const connect::Target& target, const Config& config,
                                                             Timestamp now);

/// The new value of an accepted conversion, under its transaction id and with its own identifiers. Refusals: consent,
/// no_value, not_positive, uncorrectable (too old, zero where zero is refused, or an original that cannot be read).
std::variant<connect::Item, connect::Refusal> prepare_restate(const Conversion& conversion,
                                                              const connect::Revision& revision,
                                                              const connect::Sent& original, const Config& config,
                                                              Timestamp now);

}  // namespace hw::connectors::google_data_manager
