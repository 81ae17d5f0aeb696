#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conformance/fake_http.h"
#include "conformance/words.h"
#include "connectors/google_data_manager/decode.h"

/// Every way in which Google says no, as Google says it, and what Headwater makes of it: ad-platforms.md sections 1.10
/// and 11, googleapis google/ads/datamanager/v1/error.proto and processing_errors.proto (2026-08),
/// cloud.google.com/apis/ design/errors for the canonical codes. What the network does is in the conformance suite.
namespace hw::connectors::google_data_manager {
namespace {

using conformance::words;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SystemTime kFaultsNow{std::chrono::seconds(1'795'176'000)};  // 2026-11-20T12:00:00Z

/// Google's 400 with violations given as {field, reason}; "" leaves a member out, as proto3 JSON does.
std::string violated(const std::vector<std::pair<std::string, std::string>>& violations) {
  std::string list;
  for (const auto& [field, reason] : violations) {
    list += list.empty() ? "{" : ",{";
    if (!field.empty()) list += fmt::format(R"("field":"{}",)", field);
    if (!reason.empty()) list += fmt::format(R"("reason":"{}",)", reason);
    list += R"("description":"no good"})";
  }
  return fmt::format(
      R"({{"error":{{"code":400,"status":"INVALID_ARGUMENT","message":"There was a problem with the request.","details":[)"
      R"({{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_ARGUMENT","domain":"datamanager.googleapis.com"}},)"
      R"({{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{}]}}]}}}})",
      list);
}

/// Google's refusal of a request as a whole. "" leaves a part out.
std::string refused_whole(int code, const std::string& status, const std::string& reason = "",
                          const std::string& message = "no") {
  const std::string details =
      reason.empty()
          ? ""
          : fmt::format(R"(,"details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{}"}}])", reason);
  return fmt::format(R"({{"error":{{"code":{},"message":"{}","status":"{}"{}}}}})", code, message, status, details);
}

// ----------------------------------------------------------------------------------------------- whole answers

struct IngestFault {
  const char* name;
  int status;
  std::string body;
  const char* one;        ///< the outcome where one event was sent
  const char* says = "";  ///< part of what people are told
  const char* each = "";  ///< the outcome of each of three events, where it is another
  const char* retry_after = "";
};

const std::vector<IngestFault>& ingest_faults() {
  static const std::vector<IngestFault> all = {
      {"quota of the minute", 429, refused_whole(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"),
       "retry(request) rate_limit_exceeded, free"},
      {"quota, Retry-After in seconds", 429, refused_whole(429, "RESOURCE_EXHAUSTED"),
       "retry(request) resource_exhausted, after 17 s, free", "", "", "17"},
      {"quota, Retry-After as a date", 429, refused_whole(429, "RESOURCE_EXHAUSTED"),
       "retry(request) resource_exhausted, after 30 s, free", "", "", "Fri, 20 Nov 2026 12:00:30 GMT"},
      {"quota without a body", 429, "", "retry(request) http_429, free"},
      {"Google's own trouble", 500, refused_whole(500, "INTERNAL", "INTERNAL_ERROR"),
       "retry(request) internal_error, maybe applied"},
      {"trouble of an unknown kind", 500, refused_whole(500, "UNKNOWN"), "retry(request) http_500, maybe applied"},
      {"what is not there", 501, refused_whole(501, "UNIMPLEMENTED"), "retry(request) http_501, maybe applied"},
      {"a gateway's page", 502, "<html>Bad Gateway</html>", "retry(request) http_502, maybe applied"},
      {"not available", 503, refused_whole(503, "UNAVAILABLE"), "retry(request) unavailable, maybe applied"},
      {"not available, with a wish", 503, refused_whole(503, "UNAVAILABLE"),
       "retry(request) unavailable, after 9 s, maybe applied", "", "", "9"},
      {"Google's deadline", 504, refused_whole(504, "DEADLINE_EXCEEDED"),
       "retry(request) deadline_exceeded, maybe applied"},
      {"cancelled", 499, refused_whole(499, "CANCELLED"), "retry(request) cancelled, maybe applied"},
      {"a conflict of two calls", 409, refused_whole(409, "ABORTED"), "retry(request) aborted, maybe applied"},
      {"the body outranks the status", 400, refused_whole(400, "INTERNAL", "INTERNAL_ERROR"),
       "retry(request) internal_error"},

      {"token expired", 401, refused_whole(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
       "pause(connector) access_token_expired", "sign in again"},
      {"token revoked", 401, refused_whole(401, "UNAUTHENTICATED", "ACCOUNT_STATE_INVALID"),
       "pause(connector) account_state_invalid", "name another credential"},
      {"token malformed", 401, refused_whole(401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
       "pause(connector) access_token_type_unsupported", "sign in again"},
      {"no token", 401, refused_whole(401, "UNAUTHENTICATED", "CREDENTIALS_MISSING"),
       "pause(connector) credentials_missing", "name a credential"},
      {"signed out, nothing more said", 401, refused_whole(401, "UNAUTHENTICATED"), "pause(connector) unauthenticated",
       "sign in again"},
      {"signed out without a body", 401, "", "pause(connector) http_401", "sign in again"},
      {"scope missing", 403, refused_whole(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
       "pause(connector) access_token_scope_insufficient", "scope https://www.googleapis.com/auth/datamanager"},
      {"API off in the project", 403, refused_whole(403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
       "pause(connector) service_disabled", "switch the Data Manager API on"},
      {"no billing", 403, refused_whole(403, "PERMISSION_DENIED", "BILLING_DISABLED"),
       "pause(connector) billing_disabled", "switch billing on"},
      {"no such project", 403, refused_whole(403, "PERMISSION_DENIED", "CONSUMER_INVALID"),
       "pause(connector) consumer_invalid", "quota_project"},
      {"project of others", 403, refused_whole(403, "PERMISSION_DENIED", "USER_PROJECT_DENIED"),
       "pause(connector) user_project_denied", "Service Usage Consumer"},
      {"forbidden without a body", 403, "", "pause(connector) http_403", "give its account the right"},
      {"wrong address", 404, "<html>Error 404 (Not Found)!!1</html>", "pause(connector) http_404", "check base_url"},
      {"redirect", 302, "", "pause(connector) http_404", "redirect"},

      {"no rights on the account", 403,
       refused_whole(403, "PERMISSION_DENIED", "", "The caller does not have permission"),
       "pause(destination) permission_denied",
       "The caller does not have permission; give the credential's user access"},
      {"a new reason with a known status", 403, refused_whole(403, "PERMISSION_DENIED", "SOMETHING_NEW"),
       "pause(destination) permission_denied", "give the credential's user access"},
      {"no such account", 404, refused_whole(404, "NOT_FOUND"), "pause(destination) not_found", "account and action"},
      {"not allow-listed", 400, refused_whole(400, "INVALID_ARGUMENT", "NOT_ALLOWLISTED"),
       "pause(destination) not_allowlisted", "import, from clicks"},

      {"a wrong request, nothing more said", 400, refused_whole(400, "INVALID_ARGUMENT"), "reject_row invalid_argument",
       "no", "reject_batch(request) invalid_argument"},
      {"a value out of its range", 400, refused_whole(400, "OUT_OF_RANGE"), "reject_row out_of_range", "",
       "reject_batch(request) out_of_range"},
      {"too many events", 400, violated({{"events.events", "TOO_MANY_EVENTS"}}), "reject_row too_many_events", "",
       "reject_batch(request) invalid_argument"},
      {"too large a body", 413, "<html>413</html>", "reject_row http_413", "", "reject_batch(request) http_413"},
      {"a reason that is new", 400, refused_whole(400, "INVALID_ARGUMENT", "SOMETHING_NEW"),
       "reject_row invalid_argument", "", "reject_batch(request) invalid_argument"},
      {"a status that is not in the tables", 400, refused_whole(400, "FAILED_PRECONDITION"),
       "retry(request) failed_precondition, after 3600 s"},
      {"half an answer", 400, R"({"error":{"code":400,"sta)", "retry(request) no_json", "half an answer"},
      {"a proxy's page", 400, "<html>Bad Request</html>", "retry(request) no_json", "proxy"},
      {"a 400 without a body", 400, "", "retry(request) no_json"},
  };
  return all;
}

std::vector<std::string> ingested(int status, const std::string& body, std::size_t events,
                                  const std::string& retry_after = "") {
  conformance::Headers headers;
  if (!retry_after.empty()) headers.emplace_back("retry-after", retry_after);
  const auto got = ingest_answer(conformance::json(status, body, headers), events, false, kFaultsNow);
  return got ? words(Result<connect::Answer>(got->answer)) : std::vector{words(got.error())};
}

TEST(GoogleDataManagerFaults, EveryWholeAnswerOfIngestionHasItsClass) {
  for (const IngestFault& f : ingest_faults()) {
    EXPECT_THAT(ingested(f.status, f.body, 1, f.retry_after), ElementsAre(f.one)) << f.name;
    const std::string each = *f.each == '\0' ? f.one : f.each;
    EXPECT_EQ(ingested(f.status, f.body, 3, f.retry_after), std::vector<std::string>(3, each)) << f.name;
    const auto got = ingest_answer(conformance::json(f.status, f.body), 1, false, kFaultsNow);
    EXPECT_THAT(got->answer.outcomes[0].detail, HasSubstr(f.says)) << f.name;
    EXPECT_EQ(got->answer.receipt, "") << f.name;
  }
}

TEST(GoogleDataManagerFaults, TwoHundredThatCannotBeReadMayHaveBeenApplied) {
  for (const char* body : {"", "{}", R"({"requestId":)", R"({"requestId":"b6f1")", "[]", "null", R"({"requestId":7})",
                           "<html>Sign in</html>", "{\"requestId\":\"\xff\"}"})
    EXPECT_THAT(ingested(200, body, 2), ElementsAre("retry bad_answer, maybe applied")) << body;
}

TEST(GoogleDataManagerFaults, AnErrorUnderTwoHundredIsNoReceipt) {
  EXPECT_THAT(ingested(200, refused_whole(400, "INVALID_ARGUMENT"), 1), ElementsAre("retry bad_answer, maybe applied"));
}

// -------------------------------------------------------------------------------------------------- reasons

struct ReasonFault {
  const char* reason;
  const char* ingested;   ///< in a violation of the one event sent; "" = not one of ingestion's
  const char* processed;  ///< in the diagnostics of a request of one event; "" = not one of processing's
};

/// One line a reason. A wrong row stays wrong; what the account lacks pauses the destination, and its rows wait.
const ReasonFault kReasonFaults[] = {
    {"INTERNAL_ERROR", "retry(request) internal_error", "retry internal_error"},
    {"DEADLINE_EXCEEDED", "retry(request) deadline_exceeded", ""},
    {"RESOURCE_EXHAUSTED", "retry(request) resource_exhausted", ""},

    {"TOO_RECENT_CLICK", "", "retry too_recent_click, after 21600 s, free"},
    {"TOO_RECENT_CONVERSION_ACTION", "", "retry too_recent_conversion_action, after 21600 s, free"},
    {"TOO_RECENT_EVENT", "", "retry too_recent_event, after 21600 s, free"},

    {"DUPLICATE_TRANSACTION_ID", "", "already_received duplicate_transaction_id"},
    {"DUPLICATE_GCLID", "", "reject_row duplicate_gclid"},

    {"CLICK_NOT_FOUND", "", "reject_row unattributed"},
    {"INVALID_CLICK", "", "reject_row unattributed"},
    {"OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER", "", "reject_row unattributed"},
    {"INVALID_OPERATING_ACCOUNT_FOR_CLICK", "", "reject_row unattributed"},

    {"EVENT_TOO_OLD", "", "reject_row event_too_old"},
    {"EVENT_TIME_INVALID", "reject_row event_time_invalid", ""},
    {"CONVERSION_PRECEDES_CLICK", "", "reject_row conversion_precedes_click"},
    {"INVALID_GCLID", "", "reject_row invalid_gclid"},
    {"INVALID_GBRAID", "", "reject_row invalid_gbraid"},
    {"INVALID_WBRAID", "", "reject_row invalid_wbraid"},
    {"INVALID_EVENT", "", "reject_row invalid_event"},
    {"INVALID_FORMAT", "reject_row invalid_format", "reject_row invalid_format"},
    {"INVALID_CUSTOM_VARIABLE", "", "reject_row invalid_custom_variable"},
    {"INVALID_SHA256_FORMAT", "reject_row invalid_sha256_format", ""},
    {"INVALID_HEX_ENCODING", "reject_row invalid_hex_encoding", ""},
    {"INVALID_BASE64_ENCODING", "reject_row invalid_base64_encoding", ""},
    {"INVALID_CURRENCY_CODE", "reject_row invalid_currency_code", ""},
    {"INVALID_COUNTRY_CODE", "reject_row invalid_country_code", ""},
    {"INVALID_ENUM_VALUE", "reject_row invalid_enum_value", ""},
    {"INVALID_NUMBER_FORMAT", "reject_row invalid_number_format", ""},
    {"INVALID_POSTAL_CODE", "reject_row invalid_postal_code", ""},
    {"INVALID_REGION_CODE", "reject_row invalid_region_code", ""},
    {"FIELD_VALUE_TOO_LONG", "reject_row field_value_too_long", ""},
    {"TOO_MANY_USER_IDENTIFIERS", "reject_row too_many_user_identifiers", ""},
    {"REQUIRED_FIELD_MISSING", "reject_row required_field_missing", ""},
    {"NO_IDENTIFIERS_PROVIDED", "reject_row no_identifiers_provided", ""},
    {"ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID", "",
     "reject_row one_per_click_conversion_action_not_permitted_with_braid"},

    {"DENIED_CONSENT", "", "reject_row consent_denied"},
    {"NO_CONSENT", "", "reject_row consent_missing"},
    {"UNKNOWN_CONSENT", "", "reject_row consent_unknown"},

    {"PERMISSION_DENIED", "pause(destination) permission_denied", ""},
    {"INVALID_DESTINATION", "pause(destination) invalid_destination", ""},
    {"INVALID_CONVERSION_ACTION_ID", "pause(destination) invalid_conversion_action_id", ""},
    {"INVALID_CONVERSION_ACTION_TYPE", "pause(destination) invalid_conversion_action_type", ""},
    {"CUSTOM_VARIABLE_NOT_ENABLED", "pause(destination) custom_variable_not_enabled", ""},
    {"DESTINATION_ACCOUNT_TYPE_MISMATCH", "pause(destination) destination_account_type_mismatch", ""},
    {"MISMATCHED_ACCOUNT_TYPE", "pause(destination) mismatched_account_type", ""},
    {"EVENT_SOURCE_AND_DESTINATION_MISMATCH", "pause(destination) event_source_and_destination_mismatch", ""},
    {"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
     "pause(destination) destination_account_not_enabled_enhanced_conversions_for_leads", ""},
    {"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
     "pause(destination) destination_account_enhanced_conversions_terms_not_signed",
     "pause(destination) destination_account_enhanced_conversions_terms_not_signed"},
    {"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
     "pause(destination) destination_account_data_policy_prohibits_enhanced_conversions", ""},
    {"TERMS_AND_CONDITIONS_NOT_SIGNED", "pause(destination) terms_and_conditions_not_signed", ""},
    {"NOT_ALLOWLISTED", "pause(destination) not_allowlisted", ""},
    {"OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "pause(destination) operating_account_login_account_mismatch", ""},
    {"EXTERNAL_ATTRIBUTION_DATA_MISSING", "", "pause(destination) external_attribution_data_missing"},

    {"SOMETHING_NEW", "retry something_new, after 3600 s", "retry something_new, after 3600 s"},
};

connect::Outcome processed(const std::string& reason) {
  const std::string body = fmt::format(
      R"({{"requestStatusPerDestination":[{{"requestStatus":"FAILED","eventsIngestionStatus":{{"recordCount":"1"}},)"
      R"("errorInfo":{{"errorCounts":[{{"recordCount":"1","reason":"{}"}}]}}}}]}})",
      reason);
  const auto confirmed = status_answer(conformance::json(200, body), "r1", kFaultsNow);
  EXPECT_TRUE(confirmed && confirmed->is_final && confirmed->rows.size() == 1 && confirmed->accepted == 0) << reason;
  return confirmed && confirmed->rows.size() == 1 ? confirmed->rows[0] : connect::Outcome{};
}

TEST(GoogleDataManagerFaults, EveryReasonHasItsClassAtIngestionAndInDiagnostics) {
  for (const ReasonFault& f : kReasonFaults) {
    if (*f.ingested != '\0') {
      EXPECT_THAT(ingested(400, violated({{"events.events[0].transaction_id", f.reason}}), 1), ElementsAre(f.ingested));
    }
    if (*f.processed == '\0') continue;
    EXPECT_EQ(words(processed(std::string("PROCESSING_ERROR_REASON_") + f.reason)), f.processed);
    EXPECT_EQ(words(processed(std::string("PROCESSING_ERROR_") + f.reason)), f.processed)
        << "one of them is spelled so";
  }
}

TEST(GoogleDataManagerFaults, EveryReasonThatPausesSaysHowToMendIt) {
  for (const ReasonFault& f : kReasonFaults) {
    const ReasonClass cls = reason_class(f.reason);
    const bool pauses = cls == ReasonClass::configuration || cls == ReasonClass::access;
    EXPECT_NE(mend_of(f.reason).empty(), pauses) << f.reason;
    if (!pauses) continue;
    const auto got =
        ingest_answer(conformance::json(400, violated({{"events.events[0].transaction_id", f.reason}})), 1, false, {});
    EXPECT_EQ(got->answer.outcomes[0].detail, "no good (events.events[0].transaction_id); " + mend_of(f.reason));
  }
  EXPECT_THAT(mend_of("DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"), HasSubstr("user_data: false"));
  EXPECT_THAT(mend_of("INVALID_CONVERSION_ACTION_TYPE"), HasSubstr("UPLOAD_CLICKS"));
  EXPECT_THAT(mend_of("INVALID_CONVERSION_ACTION_ID"), HasSubstr("name the manager as account"));
}

// ------------------------------------------------------------------------------------------------- row truth

struct RowFault {
  const char* name;
  std::vector<std::pair<std::string, std::string>> violations;
  std::vector<std::string> expected;  ///< one an event
};

const std::vector<RowFault>& row_faults() {
  static const std::string again = "retry(request) batch_refused, after 0 s, free";
  static const std::string bad = "reject_row invalid_format";
  static const std::vector<RowFault> all = {
      {"the first row",
       {{"events.events[0].currency", "INVALID_CURRENCY_CODE"}},
       {"reject_row invalid_currency_code", again, again}},
      {"the last row",
       {{"events.events[2].currency", "INVALID_CURRENCY_CODE"}},
       {again, again, "reject_row invalid_currency_code"}},
      {"no index is the first row",
       {{"events.events.currency", "INVALID_CURRENCY_CODE"}},
       {"reject_row invalid_currency_code", again, again}},
      {"an empty index is the first row",
       {{"events.events[].currency", "INVALID_CURRENCY_CODE"}},
       {"reject_row invalid_currency_code", again, again}},
      {"all rows, the same error",
       {{"events.events[0].a", "INVALID_FORMAT"},
        {"events.events[1].a", "INVALID_FORMAT"},
        {"events.events[2].a", "INVALID_FORMAT"}},
       {bad, bad, bad}},
      {"all rows, the first without an index",
       {{"events.events.a", "INVALID_FORMAT"},
        {"events.events[1].a", "INVALID_FORMAT"},
        {"events.events[2].a", "INVALID_FORMAT"}},
       {bad, bad, bad}},
      {"all rows, each another",
       {{"events.events[2].a", "INVALID_FORMAT"},
        {"events.events[0].a", "NO_CONSENT"},
        {"events.events[1].a", "TOO_RECENT_EVENT"}},
       {"reject_row consent_missing", "retry too_recent_event, after 21600 s, free", bad}},
      {"two errors on one row",
       {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[1].b", "EVENT_TIME_INVALID"}},
       {again, bad, again}},
      {"the same error twice on one row",
       {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[1].a", "INVALID_FORMAT"}},
       {again, bad, again}},
      {"two on the first row, one without its index",
       {{"events.events.a", "INVALID_FORMAT"}, {"events.events[0].b", "EVENT_TIME_INVALID"}},
       {bad, again, again}},
      {"first without an index, and last",
       {{"events.events.a", "INVALID_FORMAT"}, {"events.events[2].a", "EVENT_TIME_INVALID"}},
       {bad, again, "reject_row event_time_invalid"}},
      {"a refusal outranks a new reason on the same row",
       {{"events.events[1].a", "SOMETHING_NEW"}, {"events.events[1].b", "INVALID_FORMAT"}},
       {again, bad, again}},
      {"a refusal outranks a duplicate on the same row",
       {{"events.events[1].a", "DUPLICATE_TRANSACTION_ID"}, {"events.events[1].b", "INVALID_FORMAT"}},
       {again, bad, again}},
      {"a duplicate after a refusal does not lift it",
       {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[1].b", "DUPLICATE_TRANSACTION_ID"}},
       {again, bad, again}},
      {"a row and an index beyond the request",
       {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[3].a", "INVALID_FORMAT"}},
       {again, bad, again}},
      {"a row and the request's own member",
       {{"events.events[1].a", "INVALID_FORMAT"}, {"events.encoding", "REQUIRED_FIELD_MISSING"}},
       {again, bad, again}},
      {"a row without a reason", {{"events.events[1].a", ""}}, {again, "reject_row invalid_argument", again}},
      {"a new reason on one row",
       {{"events.events[1].a", "SOMETHING_NEW"}},
       {again, "retry something_new, after 3600 s", again}},
      {"no row named",
       {{"events.encoding", "REQUIRED_FIELD_MISSING"}},
       std::vector<std::string>(3, "reject_batch(request) invalid_argument")},
      {"a violation without a field",
       {{"", "INVALID_FORMAT"}},
       std::vector<std::string>(3, "reject_batch(request) invalid_argument")},
      {"an index beyond the request names none",
       {{"events.events[3].a", "INVALID_FORMAT"}},
       std::vector<std::string>(3, "reject_batch(request) invalid_argument")},
      {"the destination outranks a row",
       {{"events.events[1].a", "INVALID_FORMAT"},
        {"events.destinations[0].product_destination_id", "REQUIRED_FIELD_MISSING"}},
       std::vector<std::string>(3, "pause(destination) required_field_missing")},
      {"a row that names the action's fault",
       {{"events.events[1].a", "INVALID_CONVERSION_ACTION_TYPE"}},
       std::vector<std::string>(3, "pause(destination) invalid_conversion_action_type")},
      {"trouble of Google's on one row is the request's",
       {{"events.events[1].a", "INTERNAL_ERROR"}},
       std::vector<std::string>(3, "retry(request) internal_error")},
  };
  return all;
}

TEST(GoogleDataManagerFaults, TheRowsNamedAreRefusedAndTheRestGoesAgain) {
  for (const RowFault& f : row_faults()) EXPECT_EQ(ingested(400, violated(f.violations), 3), f.expected) << f.name;
}

TEST(GoogleDataManagerFaults, ATimeThatIsToComeByGooglesClockIsWaitedForWhereOursIsAhead) {
  const auto answered = [](const std::string& reason, const char* theirs) {
    const auto response =
        conformance::json(400, violated({{"events.events[1].event_timestamp", reason}}), {{"date", theirs}});
    return words(Result<connect::Answer>(ingest_answer(response, 2, false, kFaultsNow)->answer));
  };
  static const std::string again = "retry(request) batch_refused, after 0 s, free";
  EXPECT_THAT(answered("EVENT_TIME_INVALID", "Fri, 20 Nov 2026 11:00:00 GMT"),
              ElementsAre(again, "retry event_time_invalid, after 3600 s"));
  EXPECT_THAT(answered("EVENT_TIME_INVALID", "Fri, 20 Nov 2026 11:59:59 GMT"),
              ElementsAre(again, "reject_row event_time_invalid"))
      << "the time itself is wrong";
  EXPECT_THAT(answered("INVALID_FORMAT", "Fri, 20 Nov 2026 11:00:00 GMT"),
              ElementsAre(again, "reject_row invalid_format"));
}

TEST(GoogleDataManagerFaults, ASingleRowIsRefusedEvenWhenNoneIsNamed) {
  EXPECT_THAT(ingested(400, violated({{"", "INVALID_FORMAT"}}), 1), ElementsAre("reject_row invalid_format"));
  EXPECT_THAT(ingested(400, violated({{"events.encoding", "REQUIRED_FIELD_MISSING"}}), 1),
              ElementsAre("reject_row required_field_missing"));
  EXPECT_THAT(ingested(400, violated({}), 1), ElementsAre("reject_row invalid_argument"));
}

TEST(GoogleDataManagerFaults, TwoFaultsOfOneRowAreBothTold) {
  const auto got =
      ingest_answer(conformance::json(400, violated({{"events.events[1].currency", "INVALID_CURRENCY_CODE"},
                                                     {"events.events[1].event_source", "REQUIRED_FIELD_MISSING"}})),
                    2, false, {});
  EXPECT_THAT(got->answer.outcomes[1].detail, HasSubstr("events.events[1].currency"));
  EXPECT_THAT(got->answer.outcomes[1].detail, HasSubstr("events.events[1].event_source"));
}

// ------------------------------------------------------------------------------------- questions after the fate

struct PollFault {
  const char* name;
  int status;
  std::string body;
  const char* expected;
};

const std::vector<PollFault>& poll_faults() {
  static const std::vector<PollFault> all = {
      {"quota", 429, refused_whole(429, "RESOURCE_EXHAUSTED"), "retry resource_exhausted"},
      {"quota without a body", 429, "", "retry http_429"},
      {"not available", 503, refused_whole(503, "UNAVAILABLE"), "retry unavailable"},
      {"a gateway's page", 502, "<html>", "retry http_502"},
      {"HTML instead of JSON", 200, "<html>", "retry bad_answer"},
      {"half an answer", 200, R"({"requestStatusPerDestination":[{"requestSta)", "retry bad_answer"},
      {"a proxy's page", 400, "<html>", "retry no_json"},
      {"signed out", 401, refused_whole(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), "pause access_token_expired"},
      {"signed out without a body", 401, "", "pause http_401"},
      {"wrong address", 404, "<html>", "pause http_404"},
      {"no rights", 403, refused_whole(403, "PERMISSION_DENIED"), "pause permission_denied"},
      {"API off", 403, refused_whole(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), "pause service_disabled"},
      {"redirect", 302, "", "pause http_404"},
  };
  return all;
}

TEST(GoogleDataManagerFaults, APollWithoutAnAnswerIsAnErrorAndNoFate) {
  for (const PollFault& f : poll_faults()) {
    const auto got = status_answer(conformance::json(f.status, f.body), "r1", kFaultsNow);
    ASSERT_FALSE(got) << f.name;
    EXPECT_EQ(words(got.error()), f.expected) << f.name;
  }
}

TEST(GoogleDataManagerFaults, ARequestIdThatGoogleForgotSendsItsRowsAgain) {
  const std::string body = refused_whole(400, "INVALID_ARGUMENT", "INVALID_REQUEST_ID");
  const auto got = status_answer(conformance::json(400, body), "r1", kFaultsNow);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->is_final);
  EXPECT_EQ(words(got->rows.at(0)), "retry(request) invalid_request_id, maybe applied");
  EXPECT_THAT(got->rows.at(0).detail, HasSubstr("under their transaction ids"));
}

TEST(GoogleDataManagerFaults, WhatReadmePromisesIsShownHere) {
  std::vector<std::string> told = {"200 INVALID_REQUEST_ID validateOnly", "EVENT_TIME_INVALID -> retry"};
  for (const IngestFault& f : ingest_faults()) told.push_back(fmt::format("{} {} -> {}", f.status, f.body, f.one));
  for (const ReasonFault& f : kReasonFaults)
    told.push_back(fmt::format("{} -> {} {}", f.reason, f.ingested, f.processed));
  EXPECT_THAT(conformance::promised_untested("google_data_manager", "## When Google says no", told), IsEmpty());
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
