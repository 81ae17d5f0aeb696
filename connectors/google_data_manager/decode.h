#pragma once
#include <string>
#include <string_view>

#include "connect/connector.h"
#include "http/client.h"

/// Pure: what the API's answers mean. The body's reason outranks the HTTP status. Reasons and their classes: README.md
/// and ad-platforms.md section 1.10 (googleapis google/ads/datamanager/v1/error.proto and processing_errors.proto,
/// 2026-08).
namespace hw::connectors::google_data_manager {

/// What is to be done about one of Google's reasons, at ingest and in diagnostics alike.
enum class ReasonClass : std::uint8_t {
  retry,          ///< the same again
  hold,           ///< too recent: the same again after six hours, nobody's fault
  duplicate,      ///< taken before: success
  unattributed,   ///< the lead did not come from this account's ads: final, no alarm
  row,            ///< this row is wrong and stays wrong
  consent,        ///< dropped for consent
  configuration,  ///< account, action, terms or rights: the destination pauses
  access,         ///< sign-in or project: the connector pauses
  unknown,        ///< not in the tables: again, with a cap
};

/// `reason` with or without its PROCESSING_ERROR_REASON_ prefix.
ReasonClass reason_class(std::string_view reason);

/// What a person does about a reason that pauses; "" for all others.
std::string mend_of(std::string_view reason);

/// A reason as a code: without prefix, lower case, [a-z0-9_], "unnamed" for "".
std::string code_of(std::string_view reason);

/// The row that a field path names: "events.events[3].currency" is 3; a path that goes below the list without an index
/// ("events.events.currency", "events[].currency") is 0, since proto3 leaves zeros out. nullopt: it names no row.
std::optional<std::size_t> row_of(std::string_view field);

struct IngestAnswer {
  connect::Answer answer;
  std::size_t warnings = 0;  ///< fieldWarnings: they reject nothing
};

/// The answer to events:ingest with `items` events (at least 1). Error: a 2xx that cannot be read (retry,
/// maybe_applied).
Result<IngestAnswer> ingest_answer(const http::Response& response, std::size_t items, bool validate_only,
                                   SystemTime now);

/// The answer to requestStatus:retrieve. An id that Google no longer knows is final and of unknown fate: its rows go
/// again under the same transaction ids. Errors: retry (5xx, 429, unreadable), pause (access).
Result<connect::Confirmation> status_answer(const http::Response& response, const std::string& receipt, SystemTime now);

}  // namespace hw::connectors::google_data_manager
