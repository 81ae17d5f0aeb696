#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conformance/words.h"
#include "connectors/hubspot/decode.h"

/// Every way in which HubSpot says no, as HubSpot says it, and what Headwater makes of it: crms.md sections 2.2, 2.9
/// and 2.10, the field's lessons, and developers.hubspot.com/docs/api-reference/error-handling (its list of statuses).
/// What the network does is in the conformance suite.
namespace hw::connectors::hubspot {
namespace {

using conformance::words;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr SystemTime kFaultsNow{std::chrono::seconds(1'795'176'000)};  // 2026-11-20T12:00:00Z

struct ReadFault {
  const char* name;
  int status;
  const char* body;
  const char* expected;
  const char* says = "";
  const char* retry_after = "";
};

const ReadFault kReadFaults[] = {
    {"token revoked or malformed", 401,
     R"({"status":"error","message":"Authentication credentials not found.","correlationId":"c-1","category":"INVALID_AUTHENTICATION"})",
     "pause http_401",
     "Authentication credentials not found. (correlation id c-1); put the app's present access token"},
    {"OAuth token expired, after its one refresh", 401,
     R"({"status":"error","message":"The OAuth token used to make this call expired 5 minute(s) ago.","category":"EXPIRED_AUTHENTICATION"})",
     "pause http_401",
     "expired 5 minute(s) ago.; put the app's present access token into the configuration, or sign in"},
    {"token not accepted, gateway's page", 401, "<html>", "pause http_401", "sign in again"},
    {"scope missing, named in the detail", 403,
     R"({"category":"MISSING_SCOPES","message":"no","errors":[{"message":"no","context":{"requiredGranularScopes":["crm.objects.deals.read","crm.objects.deals.read"]}}]})",
     "pause missing_scopes", "the scope crm.objects.deals.read; add it to the app"},
    {"scopes missing, named in the context", 403,
     R"({"category":"VALIDATION_ERROR","message":"no","context":{"missingScopes":["a.read","b.read"]}})",
     "pause missing_scopes", "a.read, b.read"},
    {"scope missing, unnamed", 403, R"({"category":"MISSING_SCOPES","message":"no"})", "pause missing_scopes",
     "does not name"},
    {"forbidden", 403, R"({"category":"BANNED","message":"account suspended","correlationId":"c-9"})", "pause http_403",
     "account suspended (correlation id c-9); look at the app"},
    {"forbidden by a gateway's page", 403, "<html>blocked</html>", "retry no_json", "gateway"},

    {"ten seconds' limit", 429,
     R"({"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"c-2","policyName":"TEN_SECONDLY_ROLLING","requestId":"r-2"})",
     "retry http_429, after 10 s", "TEN_SECONDLY_ROLLING"},
    {"search's limit, Retry-After in seconds", 429,
     R"({"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","policyName":"SECONDLY"})",
     "retry http_429, after 3 s", "SECONDLY", "3"},
    {"a limit, Retry-After as a date", 429, R"({"errorType":"RATE_LIMIT","policyName":"SECONDLY"})",
     "retry http_429, after 30 s", "", "Fri, 20 Nov 2026 12:00:30 GMT"},
    {"a limit without a body", 429, "", "retry http_429, after 10 s", "unnamed"},
    {"daily limit", 429,
     R"({"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"})",
     "retry daily_limit, after 3600 s", "midnight"},

    {"a property that is not there", 400,
     R"({"status":"error","message":"property x does not exist","category":"VALIDATION_ERROR"})", "pause http_400",
     "property x does not exist"},
    {"beyond 10,000 results", 400,
     R"({"status":"error","message":"Paging through more than 10000 results is not supported","category":"VALIDATION_ERROR"})",
     "pause http_400", "10000"},
    {"bad request echoing an address", 400, R"({"message":"Invalid value jane@example.com here"})", "pause http_400",
     "Invalid value [...] here"},
    {"bad request, page", 400, "<html>", "retry no_json", "HTTP 400"},
    {"bad request, cut off", 400, R"({"status":"error","mess)", "retry no_json", "HTTP 400"},
    {"an object type that is not there", 404,
     R"({"status":"error","message":"Unable to infer object type from: dealz","category":"OBJECT_NOT_FOUND"})",
     "pause http_404", "look at base_url and api_version"},
    {"wrong base_url", 404, "<html>", "pause http_404", "look at base_url"},
    {"a method that is not there", 405, R"({"message":"Method Not Allowed"})", "pause http_405", "Method Not Allowed"},
    {"a conflict", 409, R"({"status":"error","message":"busy","category":"CONFLICT"})", "pause http_409", "busy"},
    {"a version that is gone", 410, R"({"message":"Gone"})", "pause http_410", "Gone"},
    {"URI too long", 414, "", "pause http_414", "lower read_batch"},
    {"locked", 423, R"({"status":"error","message":"locked"})", "retry http_423, after 2 s", "locked"},
    {"the account moves", 477, R"({"status":"error","message":"migration in progress"})", "retry http_477, after 600 s",
     "data centre", "600"},
    {"the account moves, for nobody knows how long", 477, "{}", "retry http_477, after 3600 s"},
    {"waited too long", 408, "", "retry http_408"},

    {"server error", 500, R"({"status":"error","message":"internal error"})", "retry http_500, maybe applied", "500"},
    {"gateway", 502, "<html>", "retry http_502, maybe applied"},
    {"not available", 503, "", "retry http_503, maybe applied"},
    {"not available, with a wish", 503, "", "retry http_503, after 9 s, maybe applied", "", "9"},
    {"gateway time-out", 504, "<html>", "retry http_504, maybe applied", "504"},
    {"web server down", 521, "<html>", "retry http_521, maybe applied"},
    {"connection timed out behind the gateway", 522, "<html>", "retry http_522, maybe applied"},
    {"origin not reachable", 523, "<html>", "retry http_523, maybe applied"},
    {"the gateway gave up", 524, "<html>", "retry http_524, maybe applied"},
    {"TLS behind the gateway", 525, "<html>", "retry http_525, maybe applied"},

    {"HTML instead of JSON", 200, "<!doctype html>", "retry no_json", "HTTP 200"},
    {"nothing", 200, "", "retry no_json"},
    {"no content", 204, "", "retry no_json"},
    {"a list instead of an object", 200, "[]", "retry no_json"},
    {"a redirect", 302, "", "pause http_404", "redirect"},
};

http::Response hubspot_says(const ReadFault& f) {
  http::Response r{f.status, {}, f.body};
  if (*f.retry_after != '\0') r.headers.emplace_back("retry-after", f.retry_after);
  return r;
}

TEST(HubspotFaults, EachIsClassifiedByTheTable) {
  for (const ReadFault& f : kReadFaults) {
    const http::Response r = hubspot_says(f);
    EXPECT_FALSE(is_answer(r)) << f.name;
    const Error e = classify(r, kFaultsNow, std::chrono::hours(1));
    EXPECT_EQ(words(e), f.expected) << f.name;
    EXPECT_THAT(e.detail, HasSubstr(f.says)) << f.name;
    EXPECT_THAT(e.detail, Not(HasSubstr("@"))) << f.name;
  }
}

TEST(HubspotFaults, TwoHundredAndMultiStatusWithJsonAreAnswers) {
  EXPECT_TRUE(is_answer({200, {}, "{}"}));
  EXPECT_TRUE(is_answer({207, {}, "{}"}));
}

// ------------------------------------------------------------------------------------------------- writing

struct WriteFault {
  const char* name;
  int status;
  const char* body;
  std::vector<std::string> expected;  ///< one a record (101, 102, ...), or the one error of two
};

const std::vector<WriteFault> kWriteFaults = {
    {"all written, in another order",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102","objectWriteTraceId":"1"},{"id":"101","objectWriteTraceId":"0"}]})",
     {"accepted", "accepted"}},
    {"all written, without trace ids",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102"},{"id":"101"}]})",
     {"accepted", "accepted"}},
    {"written under a merge's winner", 200, R"({"results":[{"id":"999","objectWriteTraceId":"0"}]})", {"accepted"}},
    {"a trace id of nobody",
     200,
     R"({"results":[{"id":"101","objectWriteTraceId":"7"}]})",
     {"retry no_answer, maybe applied"}},
    {"a row without an answer",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102","objectWriteTraceId":"1"}]})",
     {"retry no_answer, maybe applied", "accepted"}},
    {"no row at all",
     200,
     R"({"status":"COMPLETE","results":[]})",
     {"retry no_answer, maybe applied", "retry no_answer, maybe applied"}},
    {"cut off", 200, R"({"status":"COMPLETE","results":[{"id")", {"retry bad_answer, maybe applied"}},
    {"no results", 200, R"({"status":"PENDING"})", {"retry bad_answer, maybe applied"}},
    {"the first named by its id",
     207,
     R"({"results":[{"id":"102","objectWriteTraceId":"1"}],"numErrors":1,"errors":[{"status":"error",
        "category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["101"]}}]})",
     {"reject_row object_not_found", "accepted"}},
    {"the last named by its trace id",
     207,
     R"({"results":[{"id":"101","objectWriteTraceId":"0"}],"errors":[{"category":"VALIDATION_ERROR","message":"no",
        "context":{"objectWriteTraceId":["1"]}}]})",
     {"accepted", "reject_row validation_error"}},
    {"named at the error itself",
     207,
     R"({"results":[{"id":"101"}],"errors":[{"category":"VALIDATION_ERROR","message":"no","objectWriteTraceId":"1"}]})",
     {"accepted", "reject_row validation_error"}},
    {"named by one text under another name",
     207,
     R"({"results":[{"id":"101"}],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"recordKey":"102"}}]})",
     {"accepted", "reject_row validation_error"}},
    {"named by an inner error, with its code",
     207,
     R"({"results":[{"id":"101"}],"errors":[{"category":"VALIDATION_ERROR","message":"no","errors":[
        {"message":"x","code":"INVALID_OPTION","context":{"ids":["102"],"propertyName":["first_source"]}}]}]})",
     {"accepted", "reject_row invalid_option"}},
    {"all of them, one error",
     207,
     R"({"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["101","102"]}}]})",
     {"reject_row object_not_found", "reject_row object_not_found"}},
    {"two errors on one row",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"VALIDATION_ERROR","message":"a","context":{"ids":["101"]}},
        {"category":"VALIDATION_ERROR","message":"b","context":{"ids":["101"]}}]})",
     {"reject_row validation_error", "accepted"}},
    {"nobody named and one row left",
     207,
     R"({"results":[{"id":"101"}],"errors":[{"category":"VALIDATION_ERROR","message":"no"}]})",
     {"accepted", "reject_row validation_error"}},
    {"nobody named and two rows left",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"VALIDATION_ERROR","message":"no"}]})",
     {"retry no_answer, maybe applied", "accepted", "retry no_answer, maybe applied"}},
    {"one row too often for HubSpot",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"RATE_LIMITS","message":"slow","context":{"ids":["101"]}}]})",
     {"retry rate_limits, after 10 s, free", "accepted"}},
    {"one row that HubSpot stumbles over",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"INTERNAL_ERROR","message":"oh","context":{"ids":["101"]}}]})",
     {"retry internal_error", "accepted"}},
    {"one row beyond the scopes",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"MISSING_SCOPES","message":"no","context":{"ids":["101"]}}]})",
     {"pause(connector) missing_scopes", "accepted"}},
    {"a missing property, as JSON in the message",
     400,
     R"({"category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"first_source\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"first_source\"}]"})",
     {"pause(destination) property_doesnt_exist", "pause(destination) property_doesnt_exist"}},
    {"a read-only property, as an inner error",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"read only","code":"READ_ONLY_VALUE","context":{"propertyName":["first_source"]}}]})",
     {"pause(destination) read_only_value"}},
    {"a property of another type",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"adwords was not a valid number.","code":"INVALID_FLOAT"}]})",
     {"pause(destination) invalid_float", "pause(destination) invalid_float"}},
    {"a property for whole numbers",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"1.5 was not a valid integer.","code":"INVALID_INTEGER"}]})",
     {"pause(destination) invalid_integer", "pause(destination) invalid_integer"}},
    {"a property for long numbers",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"1.5 was not a valid long.","code":"INVALID_LONG"}]})",
     {"pause(destination) invalid_long", "pause(destination) invalid_long"}},
    {"a property for dates",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"adwords was not a valid date.","code":"INVALID_DATE"}]})",
     {"pause(destination) invalid_date", "pause(destination) invalid_date"}},
    {"a rule broken by one of several",
     400,
     R"({"category":"VALIDATION_ERROR","message":"Close date is required"})",
     {"reject_batch(request) validation_error", "reject_batch(request) validation_error"}},
    {"a rule broken by the only one",
     400,
     R"({"category":"VALIDATION_ERROR","message":"Close date is required"})",
     {"reject_row validation_error"}},
    {"a rule broken by the one that is named",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"Close date is required","code":"REQUIRED","context":{"ids":["102"]}}]})",
     {"retry other_row_refused, free", "reject_row required", "retry other_row_refused, free"}},
    {"a refusal without a category", 400, R"({"message":"no"})", {"reject_row refused"}},

    {"an inner error of the first of two refused rows",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"x","code":"INVALID_OPTION","context":{"ids":["101"]}},{"message":"y","code":"REQUIRED","context":{"ids":["103"]}}]})",
     {"reject_row invalid_option", "retry other_row_refused, free", "reject_row required"}},
    {"all rows, each named, the same error",
     400,
     R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"x","code":"REQUIRED","context":{"ids":["101"]}},{"message":"x","code":"REQUIRED","context":{"ids":["102"]}}]})",
     {"reject_row required", "reject_row required"}},
    {"errors inside a 200",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102","objectWriteTraceId":"1"}],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["101"]}}]})",
     {"reject_row object_not_found", "accepted"}},
    {"a refusal and a limit on one row: the refusal stands",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"VALIDATION_ERROR","message":"a","context":{"ids":["101"]}},{"category":"RATE_LIMITS","message":"b","context":{"ids":["101"]}}]})",
     {"reject_row validation_error", "accepted"}},
    {"the same two the other way round",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"RATE_LIMITS","message":"b","context":{"ids":["101"]}},{"category":"VALIDATION_ERROR","message":"a","context":{"ids":["101"]}}]})",
     {"reject_row validation_error", "accepted"}},
    {"an id that stands for something else beside the record's own",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"ownerId":["102"],"ids":["101"]}}]})",
     {"reject_row validation_error", "accepted"}},
    {"a trace id outranks an id of something else",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"associatedId":["102"],"objectWriteTraceId":["0"]}}]})",
     {"reject_row validation_error", "accepted"}},
    {"the token ended in between",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"INVALID_AUTHENTICATION","message":"no","context":{"ids":["101"]}}]})",
     {"pause(connector) invalid_authentication", "accepted"}},
    {"a list instead of an object", 200, "[]", {"retry bad_answer, maybe applied"}},
};

std::vector<std::string> written(const WriteFault& f) {
  const bool is_whole = f.expected.size() == 1 && f.expected[0].find("bad_answer") != std::string::npos;
  std::vector<connect::FieldValues> changes;
  for (std::size_t i = 0; i < (is_whole ? 2 : f.expected.size()); ++i)
    changes.push_back({{"crm", Object::contact, std::to_string(101 + i)}, {{"first_source", "adwords"}}});
  return words(decode_update({f.status, {}, f.body}, changes));
}

TEST(HubspotFaults, EveryAnswerToAWriteIsReadRowByRow) {
  for (const WriteFault& f : kWriteFaults) EXPECT_EQ(written(f), f.expected) << f.name;
}

TEST(HubspotFaults, TwoErrorsOfOneRecordAreBothTold) {
  const std::vector<connect::FieldValues> one = {{{"crm", Object::contact, "101"}, {{"first_source", "adwords"}}}};
  const auto got = decode_update(
      {207, {}, R"({"results":[],"errors":[{"category":"RATE_LIMITS","message":"slow down","context":{"ids":["101"]}},
                  {"category":"VALIDATION_ERROR","message":"Close date is required","context":{"ids":["101"]}}]})"},
      one);
  EXPECT_THAT(got->outcomes[0].detail, HasSubstr("slow down"));
  EXPECT_THAT(got->outcomes[0].detail, HasSubstr("Close date is required"));
}

TEST(HubspotFaults, WhatReadmePromisesIsShownHere) {
  std::vector<std::string> told;
  for (const ReadFault& f : kReadFaults) told.push_back(fmt::format("{} {} -> {}", f.status, f.body, f.expected));
  for (const WriteFault& f : kWriteFaults)
    told.push_back(fmt::format("{} {} -> {}", f.status, f.body, fmt::join(f.expected, " ")));
  EXPECT_THAT(conformance::promised_untested("hubspot", "## When something fails", told), IsEmpty());
}

}  // namespace
}  // namespace hw::connectors::hubspot
