#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conformance/words.h"
#include "connectors/ga4_bigquery/decode.h"

/// Every way in which BigQuery says no, as it says it, and what Headwater makes of it: web-analytics.md section 3.4,
/// the field's lessons, and cloud.google.com/bigquery/docs/error-messages, read 2026-11. What the network does is in
/// the conformance suite; jobs that are over without an answer are source_test.cpp's.
namespace hw::connectors::ga4_bigquery {
namespace {

using conformance::words;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr SystemTime kFaultsNow{std::chrono::seconds(1'795'176'000)};  // 2026-11-20T12:00:00Z

std::string refused(const char* reason, const char* message = "no") {
  return fmt::format(
      R"({{"error":{{"code":400,"message":"{}","errors":[{{"message":"{}","domain":"global","reason":"{}"}}],"status":"X"}}}})",
      message, message, reason);
}

struct Fault {
  const char* name;
  int status;
  std::string body;
  const char* expected;
  const char* says = "";
  const char* retry_after = "";
};

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all = {
      {"too many bytes", 400, refused("bytesBilledLimitExceeded"), "pause bytes_limit", "raise max_bytes_per_query"},
      {"no such column", 400, refused("invalidQuery", "Unrecognized name: x"), "pause invalid_query",
       "Unrecognized name: x"},
      {"too heavy", 400, refused("resourcesExceeded"), "pause resources_exceeded", "fewer"},
      {"too heavy for the price", 400, refused("billingTierLimitExceeded"), "pause resources_exceeded", "fewer"},
      {"too large an answer", 403, refused("responseTooLarge"), "pause response_too_large", "fewer"},
      {"another bad request", 400, refused("invalid", "Invalid page token"), "pause http_400",
       "Invalid page token (invalid)"},
      {"an address in the words", 400, refused("invalid", "Invalid value jane@example.com here"), "pause http_400",
       "Invalid value [...] here"},
      {"a stopped job", 400, refused("stopped"), "retry job_stopped", "stopped"},
      {"a job that took too long", 400, refused("timeout"), "retry job_timeout"},
      {"a job's internal trouble", 400, refused("jobInternalError"), "retry backend_error"},
      {"trouble behind a job", 400, refused("jobBackendError"), "retry backend_error"},
      {"a table that is not available", 400, refused("tableUnavailable"), "retry backend_error"},
      {"a table in use", 400, refused("resourceInUse"), "retry backend_error"},

      {"token expired, revoked or malformed", 401, refused("authError", "Invalid Credentials"), "pause http_401",
       "Invalid Credentials; sign in again"},
      {"no token", 401, refused("required", "Login Required"), "pause http_401", "Login Required"},
      {"token not accepted, gateway's page", 401, "<html>", "pause http_401", "sign in again"},
      {"a right is missing", 403, refused("accessDenied", "Access Denied: Table x"), "pause access_denied",
       "BigQuery Job User"},
      {"the scope is missing", 403, refused("insufficientPermissions"), "pause scope_missing", "auth/bigquery"},
      {"the API is off", 403, refused("accessNotConfigured"), "pause api_disabled", "switch the BigQuery API on"},
      {"no billing", 403, refused("billingNotEnabled"), "pause billing_not_enabled", "switch billing on"},
      {"blocked", 403, refused("blocked"), "pause http_403", "blocked"},
      {"another refusal", 403, refused("forbidden"), "pause http_403", "(forbidden); give the credential"},
      {"forbidden by a gateway's page", 403, "<html>blocked</html>", "retry no_json", "gateway"},
      {"too fast", 403, refused("rateLimitExceeded"), "retry rate_limited, after 10 s"},
      {"too many jobs", 403, refused("jobRateLimitExceeded"), "retry rate_limited, after 10 s"},
      {"too fast, Retry-After in seconds", 403, refused("rateLimitExceeded"), "retry rate_limited, after 4 s", "", "4"},
      {"the day's quota", 403, refused("quotaExceeded"), "retry quota_exceeded, after 3600 s", "quotaExceeded"},
      {"the day's quota, Retry-After as a date", 403, refused("quotaExceeded"), "retry quota_exceeded, after 30 s", "",
       "Fri, 20 Nov 2026 12:00:30 GMT"},

      {"no such data set, or another place", 404, refused("notFound", "Not found: Dataset a:b"), "pause not_found",
       "look at project, data_project, dataset and location"},
      {"wrong base_url", 404, "<html>", "pause http_404", "check base_url"},
      {"a request under way", 409, refused("duplicate"), "retry http_409"},
      {"waited too long", 408, "", "retry http_408"},
      {"too many requests", 429, refused("rateLimitExceeded"), "retry http_429", "429"},
      {"too many requests, with a wish", 429, "{}", "retry http_429, after 7 s", "", "7"},
      {"server error", 500, refused("backendError"), "retry http_500"},
      {"internal error", 500, refused("internalError"), "retry http_500"},
      {"what is not there", 501, refused("notImplemented"), "retry http_501"},
      {"a gateway", 502, "<html>", "retry http_502"},
      {"not available", 503, refused("backendError"), "retry http_503"},
      {"not available, with a wish", 503, "<html>", "retry http_503, after 9 s", "", "9"},
      {"a gateway that waited", 504, "<html>", "retry http_504"},

      {"HTML instead of JSON", 200, "<!doctype html>", "retry no_json", "HTTP 200"},
      {"nothing", 200, "", "retry no_json"},
      {"bad request, cut off", 400, R"({"error":{"code":400,"mess)", "retry no_json", "HTTP 400"},
      {"a redirect", 302, "", "pause http_404", "redirect"},
  };
  return all;
}

TEST(Ga4BigQueryFaults, EachIsClassifiedByTheTable) {
  for (const Fault& f : faults()) {
    http::Response r{f.status, {}, f.body};
    if (*f.retry_after != '\0') r.headers.emplace_back("retry-after", f.retry_after);
    EXPECT_FALSE(is_answer(r)) << f.name;
    const Error e = classify(r, kFaultsNow);
    EXPECT_EQ(words(e), f.expected) << f.name;
    EXPECT_THAT(e.detail, HasSubstr(f.says)) << f.name;
    EXPECT_THAT(e.detail, Not(HasSubstr("@"))) << f.name;
  }
}

TEST(Ga4BigQueryFaults, TwoHundredWithJsonIsAnAnswer) {
  EXPECT_TRUE(is_answer({200, {}, " {}"}));
  EXPECT_FALSE(is_answer({204, {}, "{}"}));
}

// ------------------------------------------------------------------------------------------- errors under 200

struct FailedQuery {
  const char* name;
  const char* errors;
  const char* expected;  ///< "" = an answer
};

TEST(Ga4BigQueryFaults, AQueryThatFailedUnderTwoHundredIsNeverAnEmptyDay) {
  const std::initializer_list<FailedQuery> rows = {
      {"none", "[]", ""},
      {"stopped", R"([{"reason":"stopped","message":"Job execution was cancelled: User requested cancellation"}])",
       "retry job_stopped"},
      {"too heavy", R"([{"reason":"resourcesExceeded","message":"too much"}])", "pause resources_exceeded"},
      {"internal trouble", R"([{"reason":"internalError","message":"no"}])", "retry backend_error"},
      {"the second of two", R"([{"reason":"somethingNew"},{"reason":"backendError"}])", "retry backend_error"},
      {"a warning beside whole rows", R"([{"reason":"somethingNew","message":"deprecated"}])", ""}};
  for (const FailedQuery& f : rows) {
    const auto got = decode_query(
        fmt::format(R"({{"jobComplete":true,"jobReference":{{"jobId":"j"}},"totalRows":"0","errors":{}}})", f.errors));
    EXPECT_EQ(got ? "" : words(got.error()), f.expected) << f.name;
  }
}

TEST(Ga4BigQueryFaults, WhatReadmePromisesIsShownHere) {
  std::vector<std::string> told = {"404 resourcesExceeded -> retry"};  // of a query that began: source_test.cpp
  for (const Fault& f : faults()) told.push_back(fmt::format("{} {} -> {}", f.status, f.body, f.expected));
  EXPECT_THAT(conformance::promised_untested("ga4_bigquery", "## When Google says no", told), IsEmpty());
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
