#pragma once
#include <string>
#include <vector>

#include "connect/connector.h"

/// Classifications in one line each, so that a table names all of what is expected of a fault and a test fails when any
/// part of it changes.
namespace hw::conformance {

/// Verdict, scope if not the row, code, and what else the core acts on: "accepted", "reject_row event_too_old",
/// "retry(request) http_503, after 17 s, maybe applied", "retry too_recent_click, after 21600 s, free" (spends no
/// attempt), "pause(destination) not_allowlisted".
std::string words(const connect::Outcome& outcome);
/// The same of an error, which has no scope: "pause http_401".
std::string words(const Error& error);
/// One a row, or the one error of all.
std::vector<std::string> words(const Result<connect::Answer>& answer);

/// What a table of README.md promises about answers and nothing in `told` shows: the statuses ("429") and the vendor's
/// own words (in backticks) of the first column of the tables under the headings that begin with `heading`. Names of
/// options (`base_url`) are none of the vendor's words. Where `told` says what comes of the answer ("429 {...} -> retry
/// http_429"), that must be what the second column says of it ("pauses", "again", "rejected", "counts").
std::vector<std::string> promised_untested(const std::string& connector, const std::string& heading,
                                           const std::vector<std::string>& told);

}  // namespace hw::conformance
