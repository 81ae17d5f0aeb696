#include <fmt/format.h>
#include <gmock/gmock.h>

#include "connectors/ga4_bigquery/decode.h"

namespace hw::connectors::ga4_bigquery {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

std::string body(const char* reason, const char* message = "no") {
  return fmt::format(R"({{"error":{{"code":400,"message":"{}","errors":[{{"reason":"{}","message":"{}"}}]}}}})",
                     message, reason, message);
}

struct Row {
  const char* name;
  int status;
  std::string body;
  const char* retry_after;
  Action action;
  const char* code;
  std::optional<Duration> wait;
  const char* says;
};

// One row per line of the failure table in README.md.
const std::vector<Row> kRows = {
    {"too many bytes",
     400,
     body("bytesBilledLimitExceeded"),
     "",
     Action::pause,
     "bytes_limit",
     {},
     "max_bytes_per_query"},
    {"no such column",
     400,
     body("invalidQuery", "Unrecognized name: x"),
     "",
     Action::pause,
     "invalid_query",
     {},
     "Unrecognized name: x"},
    {"too heavy", 400, body("resourcesExceeded"), "", Action::pause, "resources_exceeded", {}, "fewer"},
    {"too large an answer", 403, body("responseTooLarge"), "", Action::pause, "response_too_large", {}, "fewer"},
    {"another bad request",
     400,
     body("invalid", "Invalid page token"),
     "",
     Action::pause,
     "http_400",
     {},
     "Invalid page token (invalid)"},
    {"a stopped job", 400, body("stopped"), "", Action::retry, "job_stopped", {}, "stopped"},
    {"a job's internal trouble", 400, body("jobInternalError"), "", Action::retry, "backend_error", {}, "no"},
    {"token not accepted",
     401,
     body("authError", "Invalid Credentials"),
     "",
     Action::pause,
     "http_401",
     {},
     "Invalid Credentials"},
    {"token not accepted, gateway's page", 401, "<html>", "", Action::pause, "http_401", {}, "credential"},
    {"a right is missing",
     403,
     body("accessDenied", "Access Denied: Table x"),
     "",
     Action::pause,
     "access_denied",
     {},
     "BigQuery Job User"},
    {"too fast", 403, body("rateLimitExceeded"), "", Action::retry, "rate_limited", seconds(10), "rateLimitExceeded"},
    {"too fast, with a wish", 403, body("jobRateLimitExceeded"), "4", Action::retry, "rate_limited", seconds(4), "no"},
    {"the day's quota", 403, body("quotaExceeded"), "", Action::retry, "quota_exceeded", hours(1), "quotaExceeded"},
    {"the API is off",
     403,
     body("accessNotConfigured"),
     "",
     Action::pause,
     "api_disabled",
     {},
     "switch the BigQuery API on"},
    {"no billing", 403, body("billingNotEnabled"), "", Action::pause, "billing_not_enabled", {}, "billing"},
    {"another refusal", 403, body("forbidden"), "", Action::pause, "http_403", {}, "forbidden"},
    {"forbidden by a gateway's page", 403, "<html>blocked</html>", "", Action::retry, "no_json", {}, "gateway"},
    {"no such data set, or another place",
     404,
     body("notFound", "Not found: Dataset a:b"),
     "",
     Action::pause,
     "not_found",
     {},
     "location"},
    {"wrong base_url", 404, "<html>", "", Action::pause, "http_404", {}, "404"},
    {"a request under way", 409, body("duplicate"), "", Action::retry, "http_409", {}, "no"},
    {"too many requests", 429, "{}", "7", Action::retry, "http_429", seconds(7), "429"},
    {"server error", 500, body("backendError"), "", Action::retry, "http_500", {}, "500"},
    {"not available", 503, "<html>", "", Action::retry, "http_503", {}, "503"},
    {"a page instead of JSON", 200, "<!doctype html>", "", Action::retry, "no_json", {}, "HTTP 200"},
    {"an address in the words",
     400,
     body("invalid", "Invalid value jane@example.com here"),
     "",
     Action::pause,
     "http_400",
     {},
     "Invalid value [...] here"},
};

TEST(Ga4BigQueryRefusal, EachIsClassifiedByTheTable) {
  for (const Row& row : kRows) {
    http::Response r{row.status, {}, row.body};
    if (*row.retry_after != '\0') r.headers.emplace_back("retry-after", row.retry_after);
    EXPECT_FALSE(is_answer(r)) << row.name;
    const Error e = classify(r, SystemTime{});
    EXPECT_EQ(e.action, row.action) << row.name;
    EXPECT_EQ(e.code, row.code) << row.name;
    EXPECT_EQ(e.retry_after, row.wait) << row.name;
    EXPECT_FALSE(e.maybe_applied) << row.name;
    EXPECT_THAT(e.detail, ::testing::HasSubstr(row.says)) << row.name;
    EXPECT_THAT(e.detail, ::testing::Not(::testing::HasSubstr("@"))) << row.name;
  }
}

TEST(Ga4BigQueryRefusal, TwoHundredWithJsonIsAnAnswer) {
  EXPECT_TRUE(is_answer({200, {}, " {}"}));
  EXPECT_FALSE(is_answer({204, {}, "{}"}));
}

}  // namespace
}  // namespace hw::connectors::ga4_bigquery
