#include "connectors/google_data_manager/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "conformance/paths.h"

namespace hw::connectors::google_data_manager {
namespace {

using connect::Outcome;
using connect::Verdict;
using testing::ElementsAre;

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

// ---------------------------------------------------------------------------------------------------- row locations

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
  EXPECT_EQ(c.refused[0].first.code, "unattributed");
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

TEST(GoogleDataManagerDecode, CountsBeyondTheRecordsAreCappedAndWhatWasTakenInPartWasTakenInPart) {
  const auto c = confirmed("PARTIAL_SUCCESS", "\"2\"",
                           error_count("\"5\"", "CLICK_NOT_FOUND") + "," + error_count("\"5\"", "INVALID_GCLID"));
  EXPECT_EQ(c.accepted, 1U) << "which of the two is found row by row";
  ASSERT_EQ(c.refused.size(), 1U);
  EXPECT_EQ(c.refused[0].second, 1U);
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

}  // namespace
}  // namespace hw::connectors::google_data_manager
