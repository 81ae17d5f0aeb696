#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "connectors/google_data_manager/peer_answers.h"

namespace hw::sandbox::data_manager {

/// What Google's JSON reader refuses before any rule is looked at: members that the message IngestEventsRequest (proto
/// of 2026-08) does not have, at any depth, and values of another type. Names are taken in lowerCamelCase alone, as the
/// REST reference writes them. encryptionInfo is refused: the sandbox holds no keys.
std::vector<Violation> shape_faults(const nlohmann::json& request);

/// Microseconds of an RFC 3339 time with Z or offset and up to nine fractional digits.
std::optional<Timestamp> read_rfc3339(std::string_view text);

}  // namespace hw::sandbox::data_manager
