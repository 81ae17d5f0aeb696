#include <fmt/format.h>

#include "base/text.h"
#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/json_access.h"

/// What a refusal means: the failure table of README.md as code.
namespace hw::connectors::hubspot {

namespace {

void collect(const json& context, std::string& out) {
  for (const char* key : {"requiredGranularScopes", "missingScopes", "requiredScopes"})
    for (const json& scope : list(context, key))
      if (scope.is_string() && out.find(scope.get<std::string>()) == std::string::npos)
        out += (out.empty() ? "" : ", ") + scope.get<std::string>();
}

std::string missing_scopes(const json& body) {
  std::string scopes;
  if (const json* context = member(body, "context")) collect(*context, scopes);
  for (const json& error : list(body, "errors"))
    if (const json* context = member(error, "context")) collect(*context, scopes);
  return scopes;
}

/// HubSpot's own words, shortened; words that hold an "@" are left out since messages may echo what was sent.
std::string message_of(const json& body) {
  std::string out;
  const std::string message = text(body, "message");
  for (std::string_view word : split(message, ' ')) {
    if (out.size() + word.size() > 300) break;
    if (!out.empty()) out += ' ';
    out += word.find('@') == std::string_view::npos ? word : "[...]";
  }
  const std::string id = text(body, "correlationId");
  if (!id.empty()) out += fmt::format(" (correlation id {})", id);
  return out.empty() ? "without a message" : out;
}

Error retry_after(std::string code, std::string detail, const http::Response& r, SystemTime now,
                  std::optional<Duration> otherwise) {
  std::optional<Duration> wait = r.retry_after(now);
  return Error{Action::retry, std::move(code), std::move(detail), wait ? wait : otherwise, false};
}

Error rate_limited(const http::Response& r, const json& body, SystemTime now, Duration daily_limit_wait) {
  const std::string policy = text(body, "policyName");
  if (policy == "DAILY") {
    return retry_after(
        "daily_limit",
        "HubSpot: the day's requests of this account are used up (they return at midnight of the account's time zone)",
        r, now, daily_limit_wait);
  }
  return retry_after("http_429",
                     "HubSpot: too many requests, policy " + (policy.empty() ? std::string("unnamed") : policy), r, now,
                     std::chrono::seconds(10));
}

/// What a person can do about it.
std::string mend_of(int status) {
  switch (status) {
    case 401:
      return "; put the app's present access token into the configuration, or sign in again (headwater auth login)";
    case 403:
      return "; look at the app and its user's rights in HubSpot";
    case 404:
      return "; look at base_url and api_version";
    case 414:
      return "; lower read_batch";
    default:
      return "";
  }
}

Error pause(int status, const json& body) {
  return Error{
      Action::pause, fmt::format("http_{}", status), "HubSpot: " + message_of(body) + mend_of(status), {}, false};
}

Error forbidden(const json& body) {
  const std::string scopes = missing_scopes(body);
  if (!scopes.empty() || text(body, "category") == "MISSING_SCOPES") {
    return Error{
        Action::pause,
        "missing_scopes",
        fmt::format("HubSpot refuses: the credential lacks the scope {}; add it to the app and install it again",
                    scopes.empty() ? "that its answer does not name" : scopes),
        {},
        false};
  }
  return pause(403, body);
}

}  // namespace

bool is_answer(const http::Response& r) {
  return (r.status == 200 || r.status == 207) && trim(r.body).starts_with('{');
}

bool is_refusal_of_rows(const http::Response& r) { return r.status == 400 && parse_json(r.body).is_object(); }

Error classify(const http::Response& r, SystemTime now, Duration daily_limit_wait) {
  const json body = parse_json(r.body);
  const bool has_body = body.is_object();
  if (r.status == 401)
    return Error{
        Action::pause, "http_401", "HubSpot refuses the credential: " + message_of(body) + mend_of(401), {}, false};
  if (r.status == 429) return rate_limited(r, body, now, daily_limit_wait);
  if (r.status == 423)
    return retry_after("http_423", "HubSpot: locked by another operation", r, now, std::chrono::seconds(2));
  if (r.status == 477)
    return retry_after("http_477", "HubSpot moves this account to another data centre", r, now, std::chrono::hours(1));
  if (r.status == 404) return pause(404, body);
  if (r.status == 403 && has_body) return forbidden(body);
  if (r.status >= 400 && r.status < 500 && r.status != 408 && r.status != 425 && (has_body || r.status == 414))
    return pause(r.status, body);
  if (r.status >= 200 && r.status < 500 && (r.status < 300 || r.status >= 400) && r.status != 408 && r.status != 425)
    return retry_after("no_json", fmt::format("HTTP {} without a JSON body, such as a gateway's page", r.status), r,
                       now, {});
  return http::classify_status(r, now);
}

}  // namespace hw::connectors::hubspot
