#include "connectors/ga4_measurement_protocol/decode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "conformance/fake_http.h"
#include "conformance/paths.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using connect::Answer;
using connect::Outcome;
using testing::HasSubstr;

/// "accepted", "reject_row name_invalid", ..., one per row; an outer error as "error retry bad_answer maybe".
std::string told(const Result<Answer>& answer) {
  if (!answer) {
    const Error& e = answer.error();
    return std::string("error ") + to_string(e.action) + " " + e.code + (e.maybe_applied ? " maybe" : "");
  }
  std::string out;
  for (const Outcome& o : answer->outcomes)
    out +=
        (out.empty() ? "" : ", ") + std::string(connect::to_string(o.verdict)) + (o.code.empty() ? "" : " " + o.code);
  return out;
}

std::string message(const std::string& path, const std::string& code) {
  return R"({"fieldPath":")" + path + R"(","description":"It is wrong.","validationCode":")" + code + R"("})";
}

std::string messages(const std::vector<std::string>& all) {
  std::string list;
  for (const std::string& m : all) list += (list.empty() ? "" : ",") + m;
  return R"({"validationMessages":[)" + list + "]}";
}

TEST(Ga4MeasurementProtocolDecode, TheAnswersOfCollect) {
  struct Case {
    const char* name;
    int status;
    const char* body;
    std::size_t items;
    const char* expected;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"taken", 204, "", 1, "accepted"},
                                   {"all are taken", 204, "", 3, "accepted, accepted, accepted"},
                                   {"any 2xx without a body", 200, "\n", 1, "accepted"},
                                   {"somebody else's page", 200, "<html>", 1, "error retry bad_answer maybe"},
                                   {"an outage", 503, "", 2, "error retry http_503 maybe"},
                                   {"too many", 429, "", 1, "error retry http_429"},
                                   {"moved", 302, "", 1, "error pause http_404"},
                                   {"nobody there", 404, "", 1, "error pause http_404"},
                                   {"forbidden", 403, "", 1, "error pause http_403"},
                                   {"signed out", 401, "", 1, "error pause http_401"},
                                   {"one row is too large", 413, "", 1, "error reject_row http_413"},
                                   {"a request is too large", 413, "", 2, "error reject_batch http_413"},
                                   {"a bad request of one", 400, "", 1, "error reject_row http_400"},
                                   {"a bad request of several", 400, "", 2, "error reject_batch http_400"}})
    EXPECT_EQ(told(collect_answer(conformance::json(c.status, c.body), c.items, {})), c.expected) << c.name;
}

TEST(Ga4MeasurementProtocolDecode, TheAnswersOfValidation) {
  struct Case {
    const char* name;
    int status;
    std::string body;
    std::size_t items;
    const char* expected;
  };
  const std::string again = "retry batch_refused";
  for (const Case& c : std::initializer_list<Case>{
           {"good", 200, messages({}), 1, "accepted"},
           {"all are good", 200, messages({}), 2, "accepted, accepted"},
           {"the only row is wrong", 200, messages({message("events", "NAME_INVALID")}), 1, "reject_row name_invalid"},
           {"an index is of no interest for one row", 200, messages({message("events[7].name", "NAME_INVALID")}), 1,
            "reject_row name_invalid"},
           {"the first of three", 200, messages({message("events[0].name", "NAME_RESERVED")}), 3,
            "reject_row name_reserved, retry batch_refused, retry batch_refused"},
           {"the middle one", 200, messages({message("events[1].params.value", "VALUE_INVALID")}), 3,
            "retry batch_refused, reject_row value_invalid, retry batch_refused"},
           {"the last one", 200, messages({message("events[2]", "EXCEEDED_MAX_ENTITIES")}), 3,
            "retry batch_refused, retry batch_refused, reject_row exceeded_max_entities"},
           {"all of them", 200,
            messages({message("events[1].name", "NAME_INVALID"), message("events[0].name", "VALUE_REQUIRED")}), 2,
            "reject_row value_required, reject_row name_invalid"},
           {"the request itself", 200, messages({message("client_id", "VALUE_REQUIRED")}), 2,
            "reject_batch value_required, reject_batch value_required"},
           {"an event that was not sent", 200, messages({message("events[2].name", "NAME_INVALID")}), 2,
            "reject_batch name_invalid, reject_batch name_invalid"},
           {"the request and one row", 200,
            messages({message("client_id", "VALUE_REQUIRED"), message("events[1]", "VALUE_INVALID")}), 2,
            "retry batch_refused, reject_row value_invalid"},
           {"an error of Google's own is a wrong row", 200, messages({message("", "INTERNAL_ERROR")}), 1,
            "reject_row internal_error"},
           {"a message without a code", 200, R"({"validationMessages":[{}]})", 1, "reject_row invalid"},
           {"a message that is none", 200, R"({"validationMessages":[7]})", 1, "reject_row invalid"},
           {"no list", 200, "{}", 1, "error retry bad_answer maybe"},
           {"a list that is none", 200, R"({"validationMessages":7})", 1, "error retry bad_answer maybe"},
           {"not JSON", 200, "<html>", 1, "error retry bad_answer maybe"},
           {"nothing", 204, "", 1, "error retry bad_answer maybe"},
           {"an outage", 500, "", 1, "error retry http_500 maybe"},
           {"forbidden", 403, "", 1, "error pause http_403"}})
    EXPECT_EQ(told(validation_answer(conformance::json(c.status, c.body), c.items, {})), c.expected) << c.name;
}

TEST(Ga4MeasurementProtocolDecode, ARecordedAnswerNamesItsRowsWithAllThatIsWrong) {
  std::ifstream in(conformance::source_dir() +
                   "/connectors/ga4_measurement_protocol/testdata/validation_two_wrong.json");
  const std::string body{std::istreambuf_iterator<char>(in), {}};
  const auto answer = validation_answer(conformance::json(200, body), 3, {});
  EXPECT_EQ(told(answer), "reject_row name_reserved, retry batch_refused, reject_row value_invalid");
  EXPECT_EQ(answer->outcomes[0].detail, "Event has a reserved name. (events[0].name)");
  EXPECT_EQ(answer->outcomes[2].detail,
            "value must be a number. (events[2].params.value); A value needs a currency. (events[2].params.currency)");
  EXPECT_FALSE(answer->outcomes[1].spends_attempt);
  EXPECT_EQ(answer->outcomes[1].after, Duration::zero());
}

TEST(Ga4MeasurementProtocolDecode, VendorTextIsOneShortLine) {
  const auto answer = validation_answer(
      conformance::json(200, R"({"validationMessages":[{"description":"a\nb)" + std::string(400, 'c') + R"("}]})"), 1,
      {});
  EXPECT_THAT(answer->outcomes.at(0).detail, HasSubstr("a?bccc"));
  EXPECT_EQ(answer->outcomes.at(0).detail.size(), 300U);
}

TEST(Ga4MeasurementProtocolDecode, TheServersWishIsKept) {
  const auto answer = collect_answer(conformance::json(503, "", {{"retry-after", "17"}}), 1, {});
  EXPECT_EQ(answer.error().retry_after, Duration(std::chrono::seconds(17)));
}

TEST(Ga4MeasurementProtocolDecode, PathsNameEvents) {
  struct Case {
    const char* path;
    std::optional<std::size_t> expected;
  };
  for (const Case& c : std::initializer_list<Case>{{"events[0]", 0},
                                                   {"events[2].params.value", 2},
                                                   {"events[24].name", 24},
                                                   {"events", std::nullopt},
                                                   {"events.name", std::nullopt},
                                                   {"events[]", std::nullopt},
                                                   {"events[1", std::nullopt},
                                                   {"events[-1]", std::nullopt},
                                                   {"events[1a]", std::nullopt},
                                                   {"events[99999999999999999999]", std::nullopt},
                                                   {"user_properties[1]", std::nullopt},
                                                   {"", std::nullopt}})
    EXPECT_EQ(event_of(c.path), c.expected) << c.path;
}

TEST(Ga4MeasurementProtocolDecode, CodesAreFitForLabels) {
  EXPECT_EQ(code_of("VALUE_OUT_OF_BOUNDS"), "value_out_of_bounds");
  EXPECT_EQ(code_of("Odd-Code 7!"), "odd_code_7_");
  EXPECT_EQ(code_of(""), "invalid");
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
