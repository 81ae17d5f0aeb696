#include <gmock/gmock.h>

#include "connectors/hubspot/decode.h"
#include "connectors/hubspot/encode.h"

namespace hw::connectors::hubspot {
namespace {

using connect::FieldValues;
using connect::Outcome;
using connect::Scope;
using connect::Verdict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<FieldValues> changes(std::size_t n) {
  std::vector<FieldValues> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back({{"crm", Object::contact, std::to_string(101 + i)}, {{"first_source", "adwords"}}});
  return out;
}

/// "accepted"; "reject_row object_not_found"; "retry? no_answer" where it may have been applied; "pause(destination)
/// ..."
std::string words(const Outcome& o) {
  if (o.verdict == Verdict::accepted) return "accepted";
  std::string out = connect::to_string(o.verdict);
  if (o.scope == Scope::destination) out += "(destination)";
  if (o.scope == Scope::connector) out += "(connector)";
  if (o.scope == Scope::request) out += "(request)";
  return out + (o.maybe_applied ? "? " : " ") + o.code;
}

std::vector<std::string> words(int status, const std::string& body, std::size_t rows) {
  Result<connect::Answer> answer = decode_update({status, {}, body}, changes(rows));
  if (!answer) return {answer.error().code + (answer.error().maybe_applied ? "?" : "")};
  std::vector<std::string> out;
  for (const Outcome& o : answer->outcomes) out.push_back(words(o));
  return out;
}

struct UpdateAnswer {
  const char* name;
  int status;
  const char* body;
  std::vector<std::string> expected;  ///< as many rows were written
};

const std::vector<UpdateAnswer> kUpdateAnswers = {
    {"all written, in another order",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102","objectWriteTraceId":"1"},{"id":"101","objectWriteTraceId":"0"}]})",
     {"accepted", "accepted"}},
    {"all written, without trace ids",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102"},{"id":"101"}]})",
     {"accepted", "accepted"}},
    {"written under a merge's winner", 200, R"({"results":[{"id":"999","objectWriteTraceId":"0"}]})", {"accepted"}},
    {"a trace id of nobody", 200, R"({"results":[{"id":"101","objectWriteTraceId":"7"}]})", {"retry? no_answer"}},
    {"a row without an answer",
     200,
     R"({"status":"COMPLETE","results":[{"id":"102","objectWriteTraceId":"1"}]})",
     {"retry? no_answer", "accepted"}},
    {"no row at all", 200, R"({"status":"COMPLETE","results":[]})", {"retry? no_answer", "retry? no_answer"}},
    {"cut off", 200, R"({"status":"COMPLETE","results":[{"id")", {"bad_answer?"}},
    {"no results", 200, R"({"status":"PENDING"})", {"bad_answer?"}},
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
     {"retry? no_answer", "accepted", "retry? no_answer"}},
    {"one row too often for HubSpot",
     207,
     R"({"results":[{"id":"102"}],"errors":[{"category":"RATE_LIMITS","message":"slow","context":{"ids":["101"]}}]})",
     {"retry rate_limits", "accepted"}},
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
     {"retry other_row_refused", "reject_row required", "retry other_row_refused"}},
    {"a refusal without a category", 400, R"({"message":"no"})", {"reject_row refused"}},
};

TEST(HubspotUpdate, EveryAnswerOfTheReferenceIsReadRowByRow) {
  for (const UpdateAnswer& row : kUpdateAnswers)
    EXPECT_EQ(words(row.status, row.body, row.expected.size()), row.expected) << row.name;
}

std::string detail(const std::string& body, std::vector<FieldValues> sent = changes(1)) {
  Result<connect::Answer> answer = decode_update({400, {}, body}, sent);
  return answer ? answer->outcomes[0].detail : "";
}

TEST(HubspotUpdate, ARefusalKeepsCategoryPropertiesAndTheRulesOwnText) {
  EXPECT_EQ(
      detail(
          R"({"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"Close date is required once a deal is won",
                      "code":"REQUIRED","context":{"propertyName":["closedate"]}}]})"),
      "HubSpot refuses (VALIDATION_ERROR): 'closedate': Close date is required once a deal is won");
}

TEST(HubspotUpdate, ARefusalQuotesNoValueAddressOrNumber) {
  std::vector<FieldValues> sent = changes(1);
  sent[0].values = {{"click", "Cj0KCQ-Secret"}, {"channel", "Paid Search"}};
  const std::string said = detail(
      R"({"category":"VALIDATION_ERROR","message":"Cj0KCQ-Secret and Paid Search: jane@example.com, +1 (555) 010-0199 refused in 2 fields"})",
      sent);
  EXPECT_EQ(said, "HubSpot refuses (VALIDATION_ERROR): [value] and [value]: [...] +# refused in 2 fields");
}

TEST(HubspotUpdate, ALongRefusalIsShortened) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "word ";
  EXPECT_LT(detail(R"({"category":"VALIDATION_ERROR","message":")" + words + R"("})").size(), 260U);
}

TEST(HubspotUpdate, TheBodyTracesEachInputByItsIndex) {
  std::vector<FieldValues> sent = changes(2);
  sent[1].values = {{"campaign", "\"spring\"\n"}, {"count", "3"}};
  EXPECT_EQ(update_body(sent),
            R"({"inputs":[{"id":"101","properties":{"first_source":"adwords"},"objectWriteTraceId":"0"},)"
            R"({"id":"102","properties":{"campaign":"\"spring\"\n","count":"3"},"objectWriteTraceId":"1"}]})");
}

TEST(HubspotUpdate, ReadsExactlyWhatWasAskedFor) {
  const std::vector<RecordRef> records = {{"crm", Object::contact, "101"}, {"crm", Object::contact, "102"}};
  const std::vector<std::string> properties = {"first_at", "source"};
  EXPECT_EQ(values_body(records, properties),
            R"({"inputs":[{"id":"101"},{"id":"102"}],"properties":["first_at","source"],"propertiesWithHistory":[]})");
  auto got = decode_values(R"({"results":[
      {"id":"102","properties":{"source":" as typed ","first_at":"2026-09-21T14:13:20.000Z","email":"x"},"archived":false},
      {"id":"999","properties":{"source":"winner"}},
      {"id":"101","properties":{"source":null},"archived":true}]})",
                           records, properties);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), 1U);
  EXPECT_EQ((*got)[0].ref.id, "102");
  EXPECT_EQ((*got)[0].values,
            (std::map<std::string, std::string>{{"first_at", "2026-09-21T14:13:20Z"}, {"source", " as typed "}}));
  EXPECT_FALSE(decode_values(R"({"results":)", records, properties));
}

}  // namespace
}  // namespace hw::connectors::hubspot
