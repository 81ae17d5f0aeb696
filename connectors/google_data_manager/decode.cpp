#include "connectors/google_data_manager/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace hw::connectors::google_data_manager {

using connect::Answer;
using connect::Confirmation;
using connect::Outcome;
using connect::Scope;
using connect::Verdict;
using nlohmann::json;

namespace {

constexpr Duration kTooRecentWait = std::chrono::hours(6);  // stated for the Google Ads API's sibling of the reason
constexpr Duration kUnknownWait = std::chrono::hours(1);
constexpr Duration kClockTolerated = std::chrono::minutes(1);

struct Violation {
  std::string field, reason, description;
};

/// Google's error body, as far as it could be read.
struct Fault {
  std::string status, reason, message;  ///< error.status, ErrorInfo.reason, error.message
  std::vector<Violation> violations;
};

/// Vendor text for people: one short line of printable ASCII.
std::string tidy(std::string_view text) {
  constexpr std::size_t kMaxDetail = 300;
  std::string out(text.substr(0, kMaxDetail));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

const json* find(const json& j, const char* name) {
  if (!j.is_object()) return nullptr;
  auto it = j.find(name);
  return it == j.end() ? nullptr : &*it;
}

std::string text(const json& j, const char* name) {
  const json* v = find(j, name);
  return v && v->is_string() ? v->get<std::string>() : "";
}

/// proto3 JSON writes int64 as a string; a number is taken too. nullopt when absent or not a count.
std::optional<std::size_t> count(const json& j, const char* name) {
  const json* v = find(j, name);
  if (!v) return std::nullopt;
  if (v->is_number_unsigned()) return v->get<std::size_t>();
  if (!v->is_string()) return std::nullopt;
  const std::string s = v->get<std::string>();
  std::size_t n = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return n;
}

void read_detail(const json& detail, Fault& fault) {
  if (fault.reason.empty()) fault.reason = text(detail, "reason");
  const json* list = find(detail, "fieldViolations");
  if (!list || !list->is_array()) return;
  for (const json& v : *list)
    if (v.is_object()) fault.violations.push_back({text(v, "field"), text(v, "reason"), text(v, "description")});
}

Fault read_fault(const std::string& body) {
  Fault fault;
  const json j = json::parse(body, nullptr, false);
  const json* error = find(j, "error");
  if (!error) return fault;
  fault.status = text(*error, "status");
  fault.message = text(*error, "message");
  if (const json* details = find(*error, "details"); details && details->is_array())
    for (const json& d : *details) read_detail(d, fault);
  return fault;
}

std::string consent_code(std::string_view reason) {
  const std::string code = code_of(reason);
  if (code == "denied_consent") return "consent_denied";
  return code == "no_consent" ? "consent_missing" : "consent_unknown";
}

Outcome rejected(std::string code, std::string detail) {
  return {.verdict = Verdict::reject_row, .code = std::move(code), .detail = std::move(detail), .after = {}};
}

Outcome paused(Scope scope, std::string_view reason, const std::string& detail) {
  const std::string mend = mend_of(reason);
  return {.verdict = Verdict::pause,
          .scope = scope,
          .code = code_of(reason),
          .detail = detail + (detail.empty() || mend.empty() ? "" : "; ") + mend,
          .after = {}};
}

/// One row's fate by a reason that is about this row alone.
Outcome row_outcome(std::string_view reason, ReasonClass cls, const std::string& detail) {
  std::string code = code_of(reason);
  switch (cls) {
    case ReasonClass::retry:
      return {.verdict = Verdict::retry, .code = code, .detail = detail, .after = {}};
    case ReasonClass::hold:
      return {
          .verdict = Verdict::retry, .code = code, .detail = detail, .after = kTooRecentWait, .spends_attempt = false};
    case ReasonClass::duplicate:
      return {.verdict = Verdict::already_received, .code = code, .detail = detail, .after = {}};
    case ReasonClass::consent:
      return rejected(consent_code(reason), detail);
    case ReasonClass::unattributed:
      return rejected(connect::kUnattributed, code + (detail.empty() || detail == reason ? "" : ": " + detail));
    case ReasonClass::row:
      return rejected(code, detail);
    case ReasonClass::configuration:
      return paused(Scope::destination, reason, detail);
    case ReasonClass::access:
      return paused(Scope::connector, reason, detail);
    case ReasonClass::unknown:
      return {.verdict = Verdict::retry, .code = code, .detail = detail, .after = kUnknownWait};
  }
  return {};
}

Verdict verdict_of(Action action) {
  switch (action) {
    case Action::retry:
      return Verdict::retry;
    case Action::reject_row:
      return Verdict::reject_row;
    case Action::reject_batch:
      return Verdict::reject_batch;
    case Action::pause:
      return Verdict::pause;
  }
  return Verdict::retry;
}

/// What the HTTP status alone says.
Outcome status_outcome(const http::Response& response, SystemTime now) {
  const Error e = http::classify_status(response, now);
  return {.verdict = verdict_of(e.action),
          .scope = e.action == Action::pause ? Scope::connector : Scope::request,
          .code = e.code,
          .detail = tidy(e.detail),
          .after = e.retry_after};
}

/// The reason of the whole request: ErrorInfo's if it is known, else the canonical status, else what there is.
std::string whole_reason(const Fault& fault) {
  if (reason_class(fault.reason) != ReasonClass::unknown) return fault.reason;
  if (reason_class(fault.status) != ReasonClass::unknown || fault.reason.empty()) return fault.status;
  return fault.reason;
}

/// A 400 that Google did not write, or that was cut off: it says nothing about rows.
Outcome unexplained(const http::Response& response, SystemTime now) {
  return {.verdict = Verdict::retry,
          .scope = Scope::request,
          .code = "no_json",
          .detail = "HTTP 400 without Google's error, such as a proxy's page or half an answer",
          .after = response.retry_after(now)};
}

/// What the answer says of the request as a whole, rows not looked at.
Outcome whole_outcome(const http::Response& response, const Fault& fault, SystemTime now) {
  const std::string reason = whole_reason(fault);
  const ReasonClass cls = reason_class(reason);
  if (response.status == 400 && reason.empty()) return unexplained(response, now);
  const bool named = cls != ReasonClass::unknown || response.status == 400;
  Outcome o = named ? row_outcome(reason, cls, tidy(fault.message)) : status_outcome(response, now);
  if (o.scope == Scope::row) o.scope = Scope::request;
  if (o.verdict != Verdict::retry) return o;
  if (auto wish = response.retry_after(now)) o.after = wish;
  o.maybe_applied = response.status >= 500 || reason == "ABORTED" || reason == "CANCELLED";
  if (response.status == 429) o.spends_attempt = false;
  return o;
}

/// True for a path to the request's destinations: a fault there is the configuration's.
bool names_destination(std::string_view field) {
  return field.starts_with("destinations") || field.starts_with("events.destinations");
}

ReasonClass violation_class(const Violation& v, ReasonClass whole) {
  ReasonClass cls = v.reason.empty() ? whole : reason_class(v.reason);
  if (v.reason.empty() && cls == ReasonClass::unknown) cls = ReasonClass::row;
  return cls == ReasonClass::row && names_destination(v.field) ? ReasonClass::configuration : cls;
}

Outcome violation_outcome(const Violation& v, ReasonClass cls, const std::string& whole) {
  std::string detail = v.description;
  if (!v.field.empty()) detail += fmt::format(" ({})", v.field);
  return row_outcome(v.reason.empty() ? whole : v.reason, cls, tidy(detail));
}

/// Several violations of one row: a refusal outranks all else, else the first decides; the text of all is kept.
void merge(Outcome& known, Outcome other) {
  const std::string detail = tidy(known.detail + "; " + other.detail);
  if (known.verdict != Verdict::reject_row && other.verdict == Verdict::reject_row) known = std::move(other);
  known.detail = detail;
}

/// Rows that violations name.
std::vector<std::optional<Outcome>> named_rows(const Fault& fault, ReasonClass whole, std::size_t items) {
  std::vector<std::optional<Outcome>> rows(items);
  for (const Violation& v : fault.violations) {
    const std::optional<std::size_t> row = items == 1 ? std::size_t{0} : row_of(v.field);
    if (!row || *row >= items) continue;
    Outcome o = violation_outcome(v, violation_class(v, whole), whole_reason(fault));
    if (rows[*row])
      merge(*rows[*row], std::move(o));
    else
      rows[*row] = std::move(o);
  }
  return rows;
}

/// The violation that decides over the whole request: a pause first, then "again later".
std::optional<Outcome> deciding_violation(const Fault& fault, ReasonClass whole) {
  for (ReasonClass wanted : {ReasonClass::access, ReasonClass::configuration, ReasonClass::retry})
    for (const Violation& v : fault.violations)
      if (violation_class(v, whole) == wanted) {
        Outcome o = violation_outcome(v, wanted, whole_reason(fault));
        if (o.scope == Scope::row) o.scope = Scope::request;
        return o;
      }
  return std::nullopt;
}

/// Nothing is wrong with this row: it goes again without those that were named.
Outcome bystander() {
  return {.verdict = Verdict::retry,
          .scope = Scope::request,
          .code = "batch_refused",
          .detail = "another row of the request was refused, and with it all",
          .after = Duration::zero(),
          .spends_attempt = false};
}

std::vector<Outcome> refused_rows(const http::Response& response, std::size_t items, SystemTime now) {
  const Fault fault = read_fault(response.body);
  const ReasonClass whole = reason_class(whole_reason(fault));
  if (auto decided = deciding_violation(fault, whole)) return {items, *decided};
  const auto named = named_rows(fault, whole, items);
  if (std::any_of(named.begin(), named.end(), [](const auto& r) { return r.has_value(); })) {
    std::vector<Outcome> out;
    for (const auto& row : named) out.push_back(row ? *row : bystander());
    return out;
  }
  Outcome all = whole_outcome(response, fault, now);
  if (all.verdict == Verdict::reject_row && items > 1) all.verdict = Verdict::reject_batch;
  if (items == 1 && all.verdict == Verdict::reject_row) all.scope = Scope::row;
  return {items, all};
}

/// A row whose time is refused while this machine's clock is ahead of Google's: it is told again once that time has
/// come by Google's clock.
void wait_for_the_time(Outcome& o, const http::Response& response, SystemTime now) {
  const std::optional<SystemTime> theirs = response.date();
  if (o.verdict != Verdict::reject_row || o.code != "event_time_invalid" || !theirs || now - *theirs < kClockTolerated)
    return;
  o.verdict = Verdict::retry;
  o.after = now - *theirs;
  o.detail = tidy(fmt::format("{}; this machine's clock is {} s ahead of Google's", o.detail,
                              std::chrono::duration_cast<std::chrono::seconds>(now - *theirs).count()));
}

Result<IngestAnswer> taken(const http::Response& response, std::size_t items, bool validate_only) {
  const json j = json::parse(response.body, nullptr, false);
  const std::string id = text(j, "requestId");
  if (!j.is_object() || (id.empty() && !validate_only))
    return Error{.action = Action::retry,
                 .code = "bad_answer",
                 .detail = "the request was taken, but its answer holds no requestId",
                 .maybe_applied = true};
  IngestAnswer out;
  out.answer.outcomes.assign(items, Outcome{});
  if (!validate_only) out.answer.receipt = id;
  const json* warnings = find(j, "fieldWarnings");
  out.warnings = warnings && warnings->is_array() ? warnings->size() : 0;
  return out;
}

// -----------------------------------------------------------------------------------------------------------
// diagnostics

std::vector<std::pair<Outcome, std::size_t>> refused_counts(const json& destination) {
  std::vector<std::pair<Outcome, std::size_t>> out;
  const json* info = find(destination, "errorInfo");
  const json* counts = info ? find(*info, "errorCounts") : nullptr;
  if (!counts || !counts->is_array()) return out;
  for (const json& c : *counts) {
    const std::string reason = text(c, "reason");
    const std::size_t rows = count(c, "recordCount").value_or(0);
    if (rows > 0) out.emplace_back(row_outcome(reason, reason_class(reason), tidy(reason)), rows);
  }
  return out;
}

/// Brings the counts to `records`: errorCounts "may not be populated in all cases" (processing_errors.proto).
void complete(Confirmation& c, const std::string& status, std::size_t records) {
  std::size_t refused = 0;
  for (auto& [outcome, rows] : c.refused) {
    rows = std::min(rows, records - refused);
    refused += rows;
  }
  // A row with two errors is counted twice: one was taken all the same.
  if (status == "PARTIAL_SUCCESS" && records > 1 && refused == records) {
    --c.refused.front().second;
    --refused;
  }
  const bool some_taken = status == "SUCCESS" || (status == "PARTIAL_SUCCESS" && refused > 0);
  if (some_taken) {
    c.accepted = records - refused;
  } else if (refused < records) {
    Outcome o = row_outcome("", ReasonClass::unknown, tidy(status + " without a reason"));
    c.refused.emplace_back(o, records - refused);
  }
  std::erase_if(c.refused, [](const auto& r) { return r.second == 0; });
}

bool is_done(const std::string& status) {
  return status == "SUCCESS" || status == "FAILED" || status == "FAILURE" || status == "PARTIAL_SUCCESS";
}

Confirmation confirmation(const json& destination, const std::string& receipt) {
  Confirmation c;
  c.receipt = receipt;
  const std::string status = text(destination, "requestStatus");
  const json* ingestion = find(destination, "eventsIngestionStatus");
  const std::optional<std::size_t> records = ingestion ? count(*ingestion, "recordCount") : std::nullopt;
  if (!is_done(status) || !records || *records == 0) return c;
  c.is_final = true;
  if (status != "SUCCESS") c.refused = refused_counts(destination);
  complete(c, status, *records);
  // The count of a request with one row locates it.
  if (*records == 1) c.rows = {c.refused.empty() ? Outcome{} : c.refused.front().first};
  return c;
}

Confirmation forgotten(const std::string& receipt) {
  Outcome o{.verdict = Verdict::retry,
            .scope = Scope::request,
            .code = "invalid_request_id",
            .detail = "Google knows nothing of this request id; its rows go again under their transaction ids",
            .after = {},
            .maybe_applied = true};
  Confirmation c;
  c.receipt = receipt;
  c.is_final = true;
  c.refused = {{o, 1}};
  c.rows = {o};
  return c;
}

/// A poll that was not answered. The receipt itself is judged by status_answer().
Error poll_error(const Outcome& o) {
  const Action action = o.verdict == Verdict::pause ? Action::pause : Action::retry;
  return {.action = action, .code = o.code, .detail = o.detail, .retry_after = o.after};
}

bool is_unknown_id(const http::Response& response, const Fault& fault) {
  if (response.status != 400 && response.status != 404) return false;
  const bool unknown =
      fault.reason == "INVALID_REQUEST_ID" || fault.status == "NOT_FOUND" || fault.status == "INVALID_ARGUMENT";
  return unknown && reason_class(whole_reason(fault)) != ReasonClass::access;
}

}  // namespace

std::optional<std::size_t> row_of(std::string_view field) {
  constexpr std::string_view kList = "events";
  const bool in_list = field.starts_with("events.events");
  if (in_list) field.remove_prefix(kList.size() + 1);
  if (!field.starts_with(kList)) return std::nullopt;
  field.remove_prefix(kList.size());
  if (field.starts_with("[]")) return 0;
  if (field.starts_with("[")) {
    std::size_t n = 0;
    auto [end, ec] = std::from_chars(field.data() + 1, field.data() + field.size(), n);
    if (ec != std::errc{} || end == field.data() + field.size() || *end != ']') return std::nullopt;
    return n;
  }
  // "events.destinations...", "events.encoding", "events.validate_only" and "events.consent" are the request's own
  // members.
  if (!field.starts_with(".")) return std::nullopt;
  if (in_list) return 0;
  for (std::string_view own : {".destinations", ".encoding", ".validate_only", ".consent"})
    if (field.starts_with(own)) return std::nullopt;
  return 0;
}

Result<IngestAnswer> ingest_answer(const http::Response& response, std::size_t items, bool validate_only,
                                   SystemTime now) {
  if (response.status >= 200 && response.status < 300) return taken(response, items, validate_only);
  IngestAnswer out{.answer = {.outcomes = refused_rows(response, items, now), .receipt = ""}, .warnings = 0};
  for (Outcome& o : out.answer.outcomes) wait_for_the_time(o, response, now);
  return out;
}

Result<Confirmation> status_answer(const http::Response& response, const std::string& receipt, SystemTime now) {
  if (response.status < 200 || response.status >= 300) {
    const Fault fault = read_fault(response.body);
    if (is_unknown_id(response, fault)) return forgotten(receipt);
    return poll_error(whole_outcome(response, fault, now));
  }
  const json j = json::parse(response.body, nullptr, false);
  if (!j.is_object())
    return Error{.action = Action::retry, .code = "bad_answer", .detail = "the status answer is not JSON"};
  const json* list = find(j, "requestStatusPerDestination");
  const bool empty = !list || !list->is_array() || list->empty();
  return confirmation(empty ? json::object() : list->front(), receipt);
}

}  // namespace hw::connectors::google_data_manager
