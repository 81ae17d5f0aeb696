#include "connectors/google_data_manager/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "conformance/paths.h"

namespace hw::connectors::google_data_manager {
namespace {

using connect::Outcome;
using connect::Scope;
using connect::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Duration kSixHours = std::chrono::hours(6);

http::Response response(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  http::Response r;
  r.status = status;
  r.body = std::move(body);
  r.headers = std::move(headers);
  return r;
}

std::string recorded(const char* name) {
  std::ifstream in((conformance::source_dir() + "/connectors/google_data_manager/testdata/") + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Google's 400 with violations given as {field, reason}.
std::string refusal(const std::vector<std::pair<std::string, std::string>>& violations) {
  std::string list;
  for (const auto& [field, reason] : violations)
    list += fmt::format(R"({}{{"field":"{}","description":"no good",)"
                        R"("reason":"{}"}})",
                        list.empty() ? "" : ",", field, reason);
  return fmt::format(
      R"({{"error":{{"code":400,"status":"INVALID_ARGUMENT","message":"There was a problem with the request.","details":[)"
      R"({{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_ARGUMENT"}},)"
      R"({{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{}]}}]}}}})",
      list);
}

std::vector<Outcome> outcomes(const http::Response& r, std::size_t items) {
  auto answer = ingest_answer(r, items, false, {});
  EXPECT_TRUE(answer);
  return answer ? answer->answer.outcomes : std::vector<Outcome>{};
}

/// "reject_row invalid_format", one per row.
std::vector<std::string> verdicts(const http::Response& r, std::size_t items) {
  std::vector<std::string> out;
  for (const Outcome& o : outcomes(r, items))
    out.push_back(std::string(connect::to_string(o.verdict)) + (o.code.empty() ? "" : " ") + o.code);
  return out;
}

// ----------------------------------------------------------------------------------------------------------------
// reasons

struct ReasonCase {
  const char* reason;
  Verdict verdict;
  const char* code;
  Scope scope = Scope::row;
  bool spends_attempt = true;
};

/// One line per reason of ad-platforms.md 1.10 as diagnostics name it.
const ReasonCase kDiagnostics[] = {
    {"PROCESSING_ERROR_REASON_INTERNAL_ERROR", Verdict::retry, "internal_error"},
    {"PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", Verdict::retry, "too_recent_click", Scope::row, false},
    {"PROCESSING_ERROR_REASON_TOO_RECENT_CONVERSION_ACTION", Verdict::retry, "too_recent_conversion_action", Scope::row,
     false},
    {"PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID", Verdict::already_received, "duplicate_transaction_id"},
    {"PROCESSING_ERROR_REASON_DUPLICATE_GCLID", Verdict::reject_row, "duplicate_gclid"},
    {"PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", Verdict::reject_row, "click_not_found"},
    {"PROCESSING_ERROR_REASON_INVALID_CLICK", Verdict::reject_row, "invalid_click"},
    {"PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER", Verdict::reject_row,
     "operating_account_mismatch_for_ad_identifier"},
    {"PROCESSING_ERROR_REASON_INVALID_OPERATING_ACCOUNT_FOR_CLICK", Verdict::reject_row,
     "invalid_operating_account_for_click"},
    {"PROCESSING_ERROR_REASON_EVENT_TOO_OLD", Verdict::reject_row, "event_too_old"},
    {"PROCESSING_ERROR_REASON_CONVERSION_PRECEDES_CLICK", Verdict::reject_row, "conversion_precedes_click"},
    {"PROCESSING_ERROR_REASON_INVALID_GCLID", Verdict::reject_row, "invalid_gclid"},
    {"PROCESSING_ERROR_REASON_INVALID_GBRAID", Verdict::reject_row, "invalid_gbraid"},
    {"PROCESSING_ERROR_REASON_INVALID_WBRAID", Verdict::reject_row, "invalid_wbraid"},
    {"PROCESSING_ERROR_REASON_INVALID_EVENT", Verdict::reject_row, "invalid_event"},
    {"PROCESSING_ERROR_REASON_INVALID_FORMAT", Verdict::reject_row, "invalid_format"},
    {"PROCESSING_ERROR_REASON_INVALID_CUSTOM_VARIABLE", Verdict::reject_row, "invalid_custom_variable"},
    {"PROCESSING_ERROR_REASON_ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID", Verdict::reject_row,
     "one_per_click_conversion_action_not_permitted_with_braid"},
    {"PROCESSING_ERROR_REASON_DENIED_CONSENT", Verdict::reject_row, "consent_denied"},
    {"PROCESSING_ERROR_REASON_NO_CONSENT", Verdict::reject_row, "consent_missing"},
    {"PROCESSING_ERROR_REASON_UNKNOWN_CONSENT", Verdict::reject_row, "consent_unknown"},
    {"PROCESSING_ERROR_REASON_DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", Verdict::pause,
     "destination_account_enhanced_conversions_terms_not_signed", Scope::destination},
    {"PROCESSING_ERROR_REASON_EXTERNAL_ATTRIBUTION_DATA_MISSING", Verdict::pause, "external_attribution_data_missing",
     Scope::destination},
    {"PROCESSING_ERROR_REASON_SOMETHING_NEW", Verdict::retry, "something_new"},
};

/// And as ingestion names it, in a violation of the one event sent.
const ReasonCase kIngestion[] = {
    {"INTERNAL_ERROR", Verdict::retry, "internal_error", Scope::request},
    {"DEADLINE_EXCEEDED", Verdict::retry, "deadline_exceeded", Scope::request},
    {"RESOURCE_EXHAUSTED", Verdict::retry, "resource_exhausted", Scope::request},
    {"INVALID_SHA256_FORMAT", Verdict::reject_row, "invalid_sha256_format"},
    {"INVALID_HEX_ENCODING", Verdict::reject_row, "invalid_hex_encoding"},
    {"TOO_MANY_USER_IDENTIFIERS", Verdict::reject_row, "too_many_user_identifiers"},
    {"REQUIRED_FIELD_MISSING", Verdict::reject_row, "required_field_missing"},
    {"NO_IDENTIFIERS_PROVIDED", Verdict::reject_row, "no_identifiers_provided"},
    {"EVENT_TIME_INVALID", Verdict::reject_row, "event_time_invalid"},
    {"INVALID_CURRENCY_CODE", Verdict::reject_row, "invalid_currency_code"},
    {"INVALID_FORMAT", Verdict::reject_row, "invalid_format"},
    {"PERMISSION_DENIED", Verdict::pause, "permission_denied", Scope::destination},
    {"INVALID_DESTINATION", Verdict::pause, "invalid_destination", Scope::destination},
    {"INVALID_CONVERSION_ACTION_ID", Verdict::pause, "invalid_conversion_action_id", Scope::destination},
    {"INVALID_CONVERSION_ACTION_TYPE", Verdict::pause, "invalid_conversion_action_type", Scope::destination},
    {"DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS", Verdict::pause,
     "destination_account_not_enabled_enhanced_conversions_for_leads", Scope::destination},
    {"DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED", Verdict::pause,
     "destination_account_enhanced_conversions_terms_not_signed", Scope::destination},
    {"DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS", Verdict::pause,
     "destination_account_data_policy_prohibits_enhanced_conversions", Scope::destination},
    {"TERMS_AND_CONDITIONS_NOT_SIGNED", Verdict::pause, "terms_and_conditions_not_signed", Scope::destination},
    {"NOT_ALLOWLISTED", Verdict::pause, "not_allowlisted", Scope::destination},
    {"OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", Verdict::pause, "operating_account_login_account_mismatch",
     Scope::destination},
    {"SOMETHING_NEW", Verdict::retry, "something_new"},
};

void expect(const ReasonCase& c, const Outcome& o) {
  EXPECT_EQ(o.verdict, c.verdict) << c.reason;
  EXPECT_EQ(o.code, c.code) << c.reason;
  EXPECT_EQ(o.scope, c.scope) << c.reason;
  EXPECT_EQ(o.spends_attempt, c.spends_attempt) << c.reason;
}

TEST(GoogleDataManagerDecode, EveryReasonOfDiagnosticsHasItsVerdict) {
  for (const ReasonCase& c : kDiagnostics) {
    const std::string body = fmt::format(
        R"({{"requestStatusPerDestination":[{{"requestStatus":"FAILED","eventsIngestionStatus":{{"recordCount":"1"}},)"
        R"("errorInfo":{{"errorCounts":[{{"recordCount":"1","reason":"{}"}}]}}}}]}})",
        c.reason);
    auto confirmed = status_answer(response(200, body), "r1", {});
    ASSERT_TRUE(confirmed) << c.reason;
    ASSERT_TRUE(confirmed->is_final) << c.reason;
    ASSERT_EQ(confirmed->rows.size(), 1U) << c.reason;
    expect(c, confirmed->rows[0]);
    EXPECT_EQ(confirmed->accepted, 0U) << c.reason;
  }
}

TEST(GoogleDataManagerDecode, EveryReasonOfIngestionHasItsVerdict) {
  for (const ReasonCase& c : kIngestion) {
    const auto got = outcomes(response(400, refusal({{"events.events[0].transaction_id", c.reason}})), 1);
    ASSERT_EQ(got.size(), 1U) << c.reason;
    expect(c, got[0]);
  }
}

TEST(GoogleDataManagerDecode, ATooRecentClickWaitsSixHours) {
  const std::string body = recorded("status_too_recent.json");
  const auto confirmed = *status_answer(response(200, body), "r1", {});
  EXPECT_EQ(confirmed.rows.at(0).after, kSixHours);
}

// --------------------------------------------------------------------------------------------------------- row
// locations

TEST(GoogleDataManagerDecode, FieldPathsNameRows) {
  struct Case {
    const char* field;
    std::optional<std::size_t> row;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"events.events[0].event_source", 0},
                                   {"events.events[17].user_data.user_identifiers[3].email_address", 17},
                                   {"events[2]", 2},
                                   {"events[2].currency", 2},
                                   {"events.events[5]", 5},
                                   {"events.events.event_source", 0},
                                   {"events.events.consent.ad_user_data", 0},
                                   {"events.events[].event_source", 0},
                                   {"events[].event_source", 0},
                                   {"events.event_source", 0},
                                   {"events.events", std::nullopt},
                                   {"events", std::nullopt},
                                   {"", std::nullopt},
                                   {"events.encoding", std::nullopt},
                                   {"events.consent.ad_user_data", std::nullopt},
                                   {"events.destinations[1].reference", std::nullopt},
                                   {"destinations[0]", std::nullopt},
                                   {"events[x].currency", std::nullopt},
                                   {"events[99999999999999999999].currency", std::nullopt},
                                   {"events[1", std::nullopt},
                                   {"eventsource", std::nullopt}})
    EXPECT_EQ(row_of(c.field), c.row) << c.field;
}

TEST(GoogleDataManagerDecode, TheRowsNamedAreRefusedAndTheRestGoesAgain) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, std::string>> violations;
    std::vector<std::string> expected;
  };
  const std::string again = "retry batch_refused";
  for (const Case& c : std::initializer_list<Case>{
           {"first row",
            {{"events.events[0].currency", "INVALID_CURRENCY_CODE"}},
            {"reject_row invalid_currency_code", again, again}},
           {"last row",
            {{"events.events[2].currency", "INVALID_CURRENCY_CODE"}},
            {again, again, "reject_row invalid_currency_code"}},
           {"no index is the first row",
            {{"events.events.currency", "INVALID_CURRENCY_CODE"}},
            {"reject_row invalid_currency_code", again, again}},
           {"all rows, the same",
            {{"events.events[0].a", "INVALID_FORMAT"},
             {"events.events[1].a", "INVALID_FORMAT"},
             {"events.events[2].a", "INVALID_FORMAT"}},
            {"reject_row invalid_format", "reject_row invalid_format", "reject_row invalid_format"}},
           {"two on one row",
            {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[1].b", "EVENT_TIME_INVALID"}},
            {again, "reject_row invalid_format", again}},
           {"two on the first row, one without its index",
            {{"events.events.a", "INVALID_FORMAT"}, {"events.events[0].b", "EVENT_TIME_INVALID"}},
            {"reject_row invalid_format", again, again}},
           {"first without an index, and last",
            {{"events.events.a", "INVALID_FORMAT"}, {"events.events[2].a", "EVENT_TIME_INVALID"}},
            {"reject_row invalid_format", again, "reject_row event_time_invalid"}},
           {"all rows, the first without an index",
            {{"events.events.a", "INVALID_FORMAT"},
             {"events.events[1].a", "INVALID_FORMAT"},
             {"events.events[2].a", "INVALID_FORMAT"}},
            {"reject_row invalid_format", "reject_row invalid_format", "reject_row invalid_format"}},
           {"all rows, each another",
            {{"events.events[2].a", "INVALID_FORMAT"},
             {"events.events[0].a", "NO_CONSENT"},
             {"events.events[1].a", "TOO_RECENT_EVENT"}},
            {"reject_row consent_missing", "retry too_recent_event", "reject_row invalid_format"}},
           {"a refusal outranks a new reason on the same row",
            {{"events.events[1].a", "SOMETHING_NEW"}, {"events.events[1].b", "INVALID_FORMAT"}},
            {again, "reject_row invalid_format", again}},
           {"a row and an index beyond the request",
            {{"events.events[1].a", "INVALID_FORMAT"}, {"events.events[3].a", "INVALID_FORMAT"}},
            {again, "reject_row invalid_format", again}},
           {"a row and the request's own member",
            {{"events.events[1].a", "INVALID_FORMAT"}, {"events.encoding", "REQUIRED_FIELD_MISSING"}},
            {again, "reject_row invalid_format", again}},
           {"none named",
            {{"events.events", "TOO_MANY_EVENTS"}},
            {"reject_batch invalid_argument", "reject_batch invalid_argument", "reject_batch invalid_argument"}},
           {"an index beyond the request names none",
            {{"events.events[3].a", "INVALID_FORMAT"}},
            {"reject_batch invalid_argument", "reject_batch invalid_argument", "reject_batch invalid_argument"}},
           {"a new reason on one row",
            {{"events.events[1].a", "SOMETHING_NEW"}},
            {again, "retry something_new", again}},
           {"the destination outranks a row",
            {{"events.events[1].a", "INVALID_FORMAT"},
             {"events.destinations[0].product_destination_id", "REQUIRED_FIELD_MISSING"}},
            {"pause required_field_missing", "pause required_field_missing", "pause required_field_missing"}}})
    EXPECT_EQ(verdicts(response(400, refusal(c.violations)), 3), c.expected) << c.name;
}

TEST(GoogleDataManagerDecode, ASingleRowIsRefusedEvenWhenNoneIsNamed) {
  EXPECT_THAT(verdicts(response(400, refusal({{"", "INVALID_FORMAT"}})), 1), ElementsAre("reject_row invalid_format"));
  EXPECT_THAT(verdicts(response(400, refusal({{"events.encoding", "REQUIRED_FIELD_MISSING"}})), 1),
              ElementsAre("reject_row required_field_missing"));
  EXPECT_THAT(verdicts(response(400, refusal({})), 1), ElementsAre("reject_row invalid_argument"));
}

TEST(GoogleDataManagerDecode, BystandersSpendNoAttemptAndGoAtOnce) {
  const auto got = outcomes(response(400, refusal({{"events.events[1].a", "INVALID_FORMAT"}})), 2);
  EXPECT_FALSE(got[0].spends_attempt);
  EXPECT_EQ(got[0].after, Duration::zero());
  EXPECT_FALSE(got[0].maybe_applied);
}

TEST(GoogleDataManagerDecode, TwoFaultsOfOneRowAreBothTold) {
  const auto got = outcomes(response(400, refusal({{"events.events[1].currency", "INVALID_CURRENCY_CODE"},
                                                   {"events.events[1].event_source", "REQUIRED_FIELD_MISSING"}})),
                            2);
  EXPECT_THAT(got[1].detail, HasSubstr("events.events[1].currency"));
  EXPECT_THAT(got[1].detail, HasSubstr("events.events[1].event_source"));
}

TEST(GoogleDataManagerDecode, TheAnswerOfTheFieldIsUnderstood) {
  const auto got = outcomes(response(400, recorded("ingest_missing_event_source.json")), 1);
  EXPECT_EQ(got[0].verdict, Verdict::reject_row);
  EXPECT_EQ(got[0].code, "required_field_missing");
  EXPECT_EQ(got[0].detail, "Required field is missing. (events.events[0].event_source)");
}

TEST(GoogleDataManagerDecode, AnUnknownMemberIsTheRowsFaultWithoutAReason) {
  EXPECT_THAT(verdicts(response(400, recorded("ingest_unknown_name.json")), 2),
              ElementsAre("retry batch_refused", "reject_row invalid_argument"));
}

// ------------------------------------------------------------------------------------------------------- whole
// requests

TEST(GoogleDataManagerDecode, WholeAnswersAreClassified) {
  struct Case {
    const char* name;
    int status;
    const char* body;
    Verdict verdict;
    const char* code;
    Scope scope;
    bool spends_attempt, maybe_applied;
  };
  const Case cases[] = {
      {"quota", 429,
       R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}})",
       Verdict::retry, "rate_limit_exceeded", Scope::request, false, false},
      {"quota without a body", 429, "", Verdict::retry, "http_429", Scope::request, false, false},
      {"server error", 500, R"({"error":{"code":500,"status":"INTERNAL","details":[{"reason":"INTERNAL_ERROR"}]}})",
       Verdict::retry, "internal_error", Scope::request, true, true},
      {"server error in words", 502, "<html>Bad Gateway</html>", Verdict::retry, "http_502", Scope::request, true,
       true},
      {"unavailable", 503, R"({"error":{"status":"UNAVAILABLE"}})", Verdict::retry, "unavailable", Scope::request, true,
       true},
      {"deadline", 504, R"({"error":{"status":"DEADLINE_EXCEEDED"}})", Verdict::retry, "deadline_exceeded",
       Scope::request, true, true},
      {"half an answer", 400, R"({"error":{"code":400,"sta)", Verdict::reject_row, "http_400", Scope::row, true, false},
      {"signed out", 401, R"({"error":{"status":"UNAUTHENTICATED","details":[{"reason":"ACCESS_TOKEN_EXPIRED"}]}})",
       Verdict::pause, "access_token_expired", Scope::connector, true, false},
      {"signed out without a body", 401, "", Verdict::pause, "http_401", Scope::connector, true, false},
      {"scope missing", 403,
       R"({"error":{"status":"PERMISSION_DENIED","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}})",
       Verdict::pause, "access_token_scope_insufficient", Scope::connector, true, false},
      {"API off in the project", 403,
       R"({"error":{"status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}})", Verdict::pause,
       "service_disabled", Scope::connector, true, false},
      {"no rights on the account", 403, R"({"error":{"status":"PERMISSION_DENIED","message":"no"}})", Verdict::pause,
       "permission_denied", Scope::destination, true, false},
      {"a new reason with a known status", 403,
       R"({"error":{"status":"PERMISSION_DENIED","details":[{"reason":"SOMETHING_NEW"}]}})", Verdict::pause,
       "permission_denied", Scope::destination, true, false},
      {"wrong address", 404, "<html>Not Found</html>", Verdict::pause, "http_404", Scope::connector, true, false},
      {"redirect", 302, "", Verdict::pause, "http_404", Scope::connector, true, false},
      {"body outranks the status", 400, R"({"error":{"status":"INTERNAL","details":[{"reason":"INTERNAL_ERROR"}]}})",
       Verdict::retry, "internal_error", Scope::request, true, false},
  };
  for (const Case& c : cases) {
    const auto got = outcomes(response(c.status, c.body), 1);
    ASSERT_EQ(got.size(), 1U) << c.name;
    EXPECT_EQ(got[0].verdict, c.verdict) << c.name;
    EXPECT_EQ(got[0].code, c.code) << c.name;
    EXPECT_EQ(got[0].scope, c.scope) << c.name;
    EXPECT_EQ(got[0].spends_attempt, c.spends_attempt) << c.name;
    EXPECT_EQ(got[0].maybe_applied, c.maybe_applied) << c.name;
  }
}

TEST(GoogleDataManagerDecode, TheServersWishIsKept) {
  EXPECT_EQ(outcomes(response(429, "", {{"retry-after", "17"}}), 2)[1].after, Duration(std::chrono::seconds(17)));
  EXPECT_EQ(outcomes(response(503, R"({"error":{"status":"UNAVAILABLE"}})", {{"retry-after", "9"}}), 1)[0].after,
            Duration(std::chrono::seconds(9)));
}

TEST(GoogleDataManagerDecode, ATakenRequestHasAReceipt) {
  const auto answer = ingest_answer(response(200, R"({"requestId":"b6f1"})"), 2, false, {});
  EXPECT_EQ(answer->answer.receipt, "b6f1");
  EXPECT_THAT(verdicts(response(200, R"({"requestId":"b6f1"})"), 2), ElementsAre("accepted", "accepted"));
}

TEST(GoogleDataManagerDecode, WarningsRejectNothing) {
  const auto answer = ingest_answer(response(200, recorded("ingest_ok_with_warning.json")), 1, false, {});
  EXPECT_EQ(answer->warnings, 1U);
  EXPECT_EQ(answer->answer.outcomes[0].verdict, Verdict::accepted);
}

TEST(GoogleDataManagerDecode, AValidatedRequestHasNoReceipt) {
  const auto answer = ingest_answer(response(200, R"({"requestId":"b6f1"})"), 1, /*validate_only=*/true, {});
  EXPECT_EQ(answer->answer.receipt, "");
  EXPECT_EQ(answer->answer.outcomes[0].verdict, Verdict::accepted);
  EXPECT_TRUE(ingest_answer(response(200, "{}"), 1, /*validate_only=*/true, {}));
}

TEST(GoogleDataManagerDecode, ALostReceiptMayHaveBeenApplied) {
  for (const char* body : {"", "{}", R"({"requestId":)", "[]", R"({"requestId":7})"}) {
    const auto answer = ingest_answer(response(200, body), 1, false, {});
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().action, Action::retry) << body;
    EXPECT_TRUE(answer.error().maybe_applied) << body;
  }
}

TEST(GoogleDataManagerDecode, VendorTextIsCutAndCleaned) {
  std::string loud = R"({"error":{"status":"INVALID_ARGUMENT","message":")" + std::string(2'000, 'x') + R"(\u0007ä"}})";
  EXPECT_EQ(outcomes(response(400, loud), 1)[0].detail, std::string(300, 'x'));
  EXPECT_EQ(outcomes(response(400, R"({"error":{"status":"INVALID_ARGUMENT","message":"a\u0007b"}})"), 1)[0].detail,
            "a?b");
  EXPECT_EQ(code_of("WEIRD reason/é"), "weird_reason___");
  EXPECT_EQ(code_of(""), "unnamed");
}

// ------------------------------------------------------------------------------------------------------------
// diagnostics

connect::Confirmation confirmed(const std::string& status, const std::string& count, const std::string& errors) {
  const std::string body = fmt::format(
      R"({{"requestStatusPerDestination":[{{"requestStatus":"{}","eventsIngestionStatus":{{"recordCount":{}}},"errorInfo":{{"errorCounts":[{}]}}}}]}})",
      status, count, errors);
  auto c = status_answer(response(200, body), "r1", {});
  EXPECT_TRUE(c) << body;
  return c ? *c : connect::Confirmation{};
}

std::string error_count(const std::string& count, const std::string& reason) {
  return fmt::format(R"({{"recordCount":{},"reason":"PROCESSING_ERROR_REASON_{}"}})", count, reason);
}

TEST(GoogleDataManagerDecode, SuccessConfirmsEveryRecord) {
  const auto many = confirmed("SUCCESS", "\"3\"", "");
  EXPECT_TRUE(many.is_final);
  EXPECT_EQ(many.accepted, 3U);
  EXPECT_TRUE(many.refused.empty());
  EXPECT_TRUE(many.rows.empty());
  const auto one = confirmed("SUCCESS", "1", "");
  ASSERT_EQ(one.rows.size(), 1U);
  EXPECT_EQ(one.rows[0].verdict, Verdict::accepted);
}

TEST(GoogleDataManagerDecode, WhatStillRunsIsNotFinal) {
  for (const char* status : {"PROCESSING", "REQUEST_STATUS_UNKNOWN", "SOMETHING_NEW", ""})
    EXPECT_FALSE(confirmed(status, "\"1\"", "").is_final) << status;
  for (
      const char* body :
      {"{}", R"({"requestStatusPerDestination":[]})",
       R"({"requestStatusPerDestination":[{"requestStatus":"SUCCESS"}]})",
       R"({"requestStatusPerDestination":[{"requestStatus":"SUCCESS","eventsIngestionStatus":{"recordCount":"x"}}]})"}) {
    const auto c = status_answer(response(200, body), "r1", {});
    ASSERT_TRUE(c) << body;
    EXPECT_FALSE(c->is_final) << body;
    EXPECT_EQ(c->receipt, "r1") << body;
  }
}

TEST(GoogleDataManagerDecode, PartialSuccessGivesCountsAndNoRows) {
  const auto c = *status_answer(response(200, recorded("status_partial.json")), "r1", {});
  EXPECT_TRUE(c.is_final);
  EXPECT_EQ(c.accepted, 2U);
  ASSERT_EQ(c.refused.size(), 2U);
  EXPECT_EQ(c.refused[0].first.code, "click_not_found");
  EXPECT_EQ(c.refused[0].second, 2U);
  EXPECT_EQ(c.refused[1].first.verdict, Verdict::already_received);
  EXPECT_EQ(c.refused[1].second, 1U);
  EXPECT_TRUE(c.rows.empty());
}

TEST(GoogleDataManagerDecode, FailureIsSpelledInTwoWays) {
  for (const char* status : {"FAILED", "FAILURE"}) {
    const auto c = confirmed(status, "\"2\"", error_count("2", "CLICK_NOT_FOUND"));
    EXPECT_TRUE(c.is_final) << status;
    EXPECT_EQ(c.accepted, 0U) << status;
    EXPECT_EQ(c.refused.at(0).second, 2U) << status;
  }
}

TEST(GoogleDataManagerDecode, FailuresWithoutAReasonAreTriedAgain) {
  struct Case {
    const char *name, *status, *errors;
    std::size_t accepted, unnamed;
  };
  const std::string one = error_count("\"1\"", "CLICK_NOT_FOUND");
  for (const Case& c : std::initializer_list<Case>{{"failed, none named", "FAILED", "", 0, 3},
                                                   {"failed, one named", "FAILED", one.c_str(), 0, 2},
                                                   {"partial, none named", "PARTIAL_SUCCESS", "", 0, 3},
                                                   {"partial, one named", "PARTIAL_SUCCESS", one.c_str(), 2, 0}}) {
    const auto got = confirmed(c.status, "\"3\"", c.errors);
    std::size_t unnamed = 0;
    for (const auto& [o, n] : got.refused)
      if (o.code == "unnamed" && o.verdict == Verdict::retry) unnamed += n;
    EXPECT_EQ(got.accepted, c.accepted) << c.name;
    EXPECT_EQ(unnamed, c.unnamed) << c.name;
  }
}

TEST(GoogleDataManagerDecode, CountsBeyondTheRecordsAreCapped) {
  const auto c = confirmed("PARTIAL_SUCCESS", "\"2\"",
                           error_count("\"5\"", "CLICK_NOT_FOUND") + "," + error_count("\"5\"", "INVALID_GCLID"));
  EXPECT_EQ(c.accepted, 0U);
  ASSERT_EQ(c.refused.size(), 1U);
  EXPECT_EQ(c.refused[0].second, 2U);
}

TEST(GoogleDataManagerDecode, AForgottenRequestIsFinalAndOfUnknownFate) {
  for (const char* body :
       {R"({"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"INVALID_REQUEST_ID"}]}})",
        R"({"error":{"code":404,"status":"NOT_FOUND"}})"}) {
    const auto c = status_answer(
        response(std::string_view(body).find("NOT_FOUND") == std::string_view::npos ? 400 : 404, body), "r1", {});
    ASSERT_TRUE(c) << body;
    EXPECT_TRUE(c->is_final) << body;
    EXPECT_EQ(c->accepted, 0U) << body;
    EXPECT_EQ(c->rows.at(0).verdict, Verdict::retry) << body;
    EXPECT_TRUE(c->rows.at(0).maybe_applied) << body;
  }
}

TEST(GoogleDataManagerDecode, UnansweredPollsAreErrors) {
  struct Case {
    int status;
    const char* body;
    Action action;
    const char* code;
  };
  for (const Case& c : std::initializer_list<Case>{
           {429, "", Action::retry, "http_429"},
           {503, "", Action::retry, "http_503"},
           {200, "<html>", Action::retry, "bad_answer"},
           {401, "", Action::pause, "http_401"},
           {404, "<html>", Action::pause, "http_404"},
           {403, R"({"error":{"status":"PERMISSION_DENIED"}})", Action::pause, "permission_denied"}}) {
    const auto got = status_answer(response(c.status, c.body), "r1", {});
    ASSERT_FALSE(got) << c.status;
    EXPECT_EQ(got.error().action, c.action) << c.status;
    EXPECT_EQ(got.error().code, c.code) << c.status;
  }
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
