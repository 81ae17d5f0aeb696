#include <gmock/gmock.h>

#include "connectors/hubspot/decode.h"

namespace hw::connectors::hubspot {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct RefusalRow {
  const char* name;
  int status;
  const char* body;
  const char* retry_after;
  Action action;
  const char* code;
  std::optional<Duration> wait;
  const char* says;
};

// One row per line of the failure table in README.md.
const std::vector<RefusalRow> kRefusalRows = {
    {"token not accepted",
     401,
     R"({"category":"INVALID_AUTHENTICATION","message":"Authentication credentials not found"})",
     "",
     Action::pause,
     "http_401",
     {},
     "credentials not found"},
    {"token not accepted, gateway's page", 401, "<html>", "", Action::pause, "http_401", {}, "credential"},
    {"scope missing, detail",
     403,
     R"({"category":"MISSING_SCOPES","message":"no","errors":[{"message":"no","context":{"requiredGranularScopes":["crm.objects.deals.read","crm.objects.deals.read"]}}]})",
     "",
     Action::pause,
     "missing_scopes",
     {},
     "the scope crm.objects.deals.read; add"},
    {"scope missing, context",
     403,
     R"({"category":"VALIDATION_ERROR","message":"no","context":{"missingScopes":["a.read","b.read"]}})",
     "",
     Action::pause,
     "missing_scopes",
     {},
     "a.read, b.read"},
    {"scope missing, unnamed",
     403,
     R"({"category":"MISSING_SCOPES","message":"no"})",
     "",
     Action::pause,
     "missing_scopes",
     {},
     "does not name"},
    {"forbidden",
     403,
     R"({"category":"BANNED","message":"account suspended","correlationId":"c-9"})",
     "",
     Action::pause,
     "http_403",
     {},
     "account suspended (correlation id c-9)"},
    {"forbidden by a gateway's page", 403, "<html>blocked</html>", "", Action::retry, "no_json", {}, "gateway"},
    {"ten seconds' limit", 429, R"({"errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"})", "", Action::retry,
     "http_429", seconds(10), "TEN_SECONDLY_ROLLING"},
    {"ten seconds' limit with a wish", 429, R"({"errorType":"RATE_LIMIT","policyName":"SECONDLY"})", "3", Action::retry,
     "http_429", seconds(3), "SECONDLY"},
    {"limit without a body", 429, "", "", Action::retry, "http_429", seconds(10), "unnamed"},
    {"daily limit", 429, R"({"errorType":"RATE_LIMIT","policyName":"DAILY"})", "", Action::retry, "daily_limit",
     hours(1), "midnight"},
    {"bad request",
     400,
     R"({"category":"VALIDATION_ERROR","message":"property x does not exist"})",
     "",
     Action::pause,
     "http_400",
     {},
     "property x does not exist"},
    {"bad request echoing an address",
     400,
     R"({"message":"Invalid value jane@example.com here"})",
     "",
     Action::pause,
     "http_400",
     {},
     "Invalid value [...] here"},
    {"bad request, page", 400, "<html>", "", Action::retry, "no_json", {}, "HTTP 400"},
    {"wrong base_url", 404, "<html>", "", Action::pause, "http_404", {}, "HubSpot"},
    {"URI too long", 414, "", "", Action::pause, "http_414", {}, "HubSpot"},
    {"locked", 423, "{}", "", Action::retry, "http_423", seconds(2), "locked"},
    {"migration", 477, "{}", "600", Action::retry, "http_477", seconds(600), "data centre"},
    {"server error", 500, "{}", "", Action::retry, "http_500", {}, "500"},
    {"gateway time-out", 504, "<html>", "", Action::retry, "http_504", {}, "504"},
    {"a page instead of JSON", 200, "<!doctype html>", "", Action::retry, "no_json", {}, "HTTP 200"},
    {"a redirect", 302, "", "", Action::pause, "http_404", {}, "redirect"},
};

TEST(HubspotRefusal, EachIsClassifiedByTheTable) {
  for (const RefusalRow& row : kRefusalRows) {
    http::Response r{row.status, {}, row.body};
    if (*row.retry_after != '\0') r.headers.emplace_back("retry-after", row.retry_after);
    EXPECT_FALSE(is_answer(r)) << row.name;
    const Error e = classify(r, SystemTime{}, hours(1));
    EXPECT_EQ(e.action, row.action) << row.name;
    EXPECT_EQ(e.code, row.code) << row.name;
    EXPECT_EQ(e.retry_after, row.wait) << row.name;
    EXPECT_THAT(e.detail, ::testing::HasSubstr(row.says)) << row.name;
    EXPECT_THAT(e.detail, ::testing::Not(::testing::HasSubstr("@"))) << row.name;
  }
}

TEST(HubspotRefusal, TwoHundredAndMultiStatusWithJsonAreAnswers) {
  EXPECT_TRUE(is_answer({200, {}, "{}"}));
  EXPECT_TRUE(is_answer({207, {}, "{}"}));
  EXPECT_FALSE(is_answer({204, {}, "{}"}));
}

}  // namespace
}  // namespace hw::connectors::hubspot
