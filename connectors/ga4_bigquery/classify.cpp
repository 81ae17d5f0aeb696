#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "connectors/ga4_bigquery/decode.h"

/// What a refusal means: the failure table of README.md as code.
namespace hw::connectors::ga4_bigquery {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

/// What an answer of 400 or 403 means by its reason (web-analytics reference 3.4; cloud.google.com/bigquery/docs/
/// error-messages).
struct Meaning {
  std::string_view reason;
  Action action;
  const char* code;
  std::optional<Duration> wait;
  std::string_view mend;
};
const std::array kMeanings = {
    Meaning{
        "bytesBilledLimitExceeded", Action::pause, "bytes_limit", {}, "raise max_bytes_per_query, or read fewer days"},
    Meaning{"invalidQuery", Action::pause, "invalid_query", {}, "is this data set GA4's own export?"},
    Meaning{"resourcesExceeded", Action::pause, "resources_exceeded", {}, "look up fewer identifiers or days at once"},
    Meaning{"responseTooLarge", Action::pause, "response_too_large", {}, "look up fewer identifiers or days at once"},
    Meaning{"accessNotConfigured", Action::pause, "api_disabled", {}, "switch the BigQuery API on in the project"},
    Meaning{"billingNotEnabled", Action::pause, "billing_not_enabled", {}, "switch billing on in the project"},
    Meaning{"accessDenied",
            Action::pause,
            "access_denied",
            {},
            "give the credential BigQuery Job User on the project and BigQuery Data Viewer on the data set"},
    Meaning{"rateLimitExceeded", Action::retry, "rate_limited", seconds(10), ""},
    Meaning{"jobRateLimitExceeded", Action::retry, "rate_limited", seconds(10), ""},
    Meaning{"quotaExceeded", Action::retry, "quota_exceeded", hours(1), ""},
    Meaning{"backendError", Action::retry, "backend_error", {}, ""},
    Meaning{"internalError", Action::retry, "backend_error", {}, ""},
    Meaning{"jobBackendError", Action::retry, "backend_error", {}, ""},
    Meaning{"jobInternalError", Action::retry, "backend_error", {}, ""},
    Meaning{"tableUnavailable", Action::retry, "backend_error", {}, ""},
    Meaning{"resourceInUse", Action::retry, "backend_error", {}, ""},
    Meaning{"insufficientPermissions",
            Action::pause,
            "scope_missing",
            {},
            "grant the credential the scope https://www.googleapis.com/auth/bigquery"},
    Meaning{"billingTierLimitExceeded",
            Action::pause,
            "resources_exceeded",
            {},
            "look up fewer identifiers or days at once"},
    Meaning{"stopped", Action::retry, "job_stopped", {}, ""},
    Meaning{"timeout", Action::retry, "job_timeout", {}, ""},
    Meaning{"notFound", Action::pause, "not_found", {}, "look at project, data_project, dataset and location"},
};

const Meaning* meaning_of(std::string_view reason) {
  const auto* m =
      std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& k) { return k.reason == reason; });
  return m == kMeanings.end() ? nullptr : m;
}

const json* error_of(const json& body) { return member(body, "error"); }

std::string reason_in(const json& body) {
  const json* error = error_of(body);
  if (error == nullptr) return "";
  const json& errors = list(*error, "errors");
  return errors.empty() ? "" : text(errors[0], "reason");
}

/// Google's own words, shortened; words that may be somebody's address are left out.
std::string masked(const std::string& message) {
  std::string out;
  for (std::string_view word : split(message, ' ')) {
    if (out.size() + word.size() > 300) break;
    if (!out.empty()) out += ' ';
    out += word.find('@') == std::string_view::npos ? word : "[...]";
  }
  return out.empty() ? "without a message" : out;
}

std::string message_of(const json& body) {
  const json* error = error_of(body);
  return masked(error == nullptr ? std::string() : text(*error, "message"));
}

Error error(Action action, std::string code, std::string detail, std::optional<Duration> wait = {}) {
  return Error{action, std::move(code), "BigQuery: " + std::move(detail), wait, false};
}

Error by_meaning(const Meaning& m, const std::string& message, std::optional<Duration> wish) {
  std::string detail = fmt::format("{} ({})", message, m.reason);
  if (!m.mend.empty()) detail += fmt::format("; {}", m.mend);
  return error(m.action, m.code, std::move(detail), wish ? wish : m.wait);
}

/// What a person can do about it.
std::string mend_of(int status) {
  switch (status) {
    case 401:
      return "; sign in again (headwater auth login), or put a new key into the configuration";
    case 403:
      return "; give the credential BigQuery Job User on the project and BigQuery Data Viewer on the data set";
    default:
      return "";
  }
}

}  // namespace

std::optional<Error> job_failure(const json& answer) {
  for (const json& one : list(answer, "errors"))
    if (const Meaning* m = meaning_of(text(one, "reason"))) return by_meaning(*m, masked(text(one, "message")), {});
  return std::nullopt;
}

std::string reason_of(const http::Response& r) { return reason_in(parse_json(r.body)); }

Error classify(const http::Response& r, SystemTime now) {
  const json body = parse_json(r.body);
  if (r.status == 401)
    return error(Action::pause, "http_401", "the credential is refused: " + message_of(body) + mend_of(401));
  const bool is_plain = r.status == 408 || r.status == 425 || r.status == 429 || r.status >= 500;
  if (!is_plain && r.status >= 400) {
    const std::string reason = reason_in(body);
    if (const Meaning* m = meaning_of(reason)) return by_meaning(*m, message_of(body), r.retry_after(now));
    if (r.status == 409) return error(Action::retry, "http_409", message_of(body), r.retry_after(now));
    if (body.is_object())
      return error(Action::pause, fmt::format("http_{}", r.status),
                   fmt::format("{} ({}){}", message_of(body), reason, mend_of(r.status)));
    if (r.status != 404)
      return error(Action::retry, "no_json",
                   fmt::format("HTTP {} without a JSON body, such as a gateway's page", r.status));
  }
  if (r.status >= 200 && r.status < 300)
    return error(Action::retry, "no_json",
                 fmt::format("HTTP {} without a JSON body, such as a gateway's page", r.status), r.retry_after(now));
  Error e = http::classify_status(r, now);
  e.maybe_applied = false;
  return e;
}

}  // namespace hw::connectors::ga4_bigquery
