#pragma once
#include <optional>
#include <string_view>

#include "connect/connector.h"
#include "http/client.h"

/// Pure: what the API's answers mean. README.md has the table.
namespace hw::connectors::ga4_measurement_protocol {

/// The answer to /mp/collect with `items` events (at least 1). An empty 2xx takes all of them, whatever they hold.
/// Errors, about all rows: retry (5xx, 429, a 2xx with a body, which is not GA4's), pause (401, 403, 404, redirects),
/// reject_row or, of several rows, reject_batch (other 4xx).
Result<connect::Answer> collect_answer(const http::Response& response, std::size_t items, SystemTime now);

/// The answer to /debug/mp/collect: every message is a wrong row. Rows that are named are rejected and the others go
/// again; where none is named the only row is rejected, or the request is to be halved. Errors as above.
Result<connect::Answer> validation_answer(const http::Response& response, std::size_t items, SystemTime now);

/// The event that a field path names: "events[3].params.value" is 3; nullopt: it names none. A path without an index
/// ("events", "events.name") blames nobody: Google writes it of any event.
std::optional<std::size_t> event_of(std::string_view field_path);

/// A validation code as a code of ours: lower case, [a-z0-9_], "invalid" for "".
std::string code_of(std::string_view validation_code);

}  // namespace hw::connectors::ga4_measurement_protocol
