#include <fmt/format.h>
#include <gmock/gmock.h>

#include "conformance/fake_http.h"
#include "conformance/words.h"
#include "connectors/ga4_measurement_protocol/decode.h"

/// Every way in which GA4 says no, as it says it, and what Headwater makes of it: ad-platforms.md sections 3.1, 3.9 and
/// 11; developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events, read 2026-11. GA4 itself
/// answers 2xx to anything: every other status is somebody's in between. What the network does is in the conformance
/// suite; what is never sent (older than 72 hours, no client id) is prepare_test.cpp's.
namespace hw::connectors::ga4_measurement_protocol {
namespace {

using conformance::words;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SystemTime kFaultsNow{std::chrono::seconds(1'795'176'000)};  // 2026-11-20T12:00:00Z

struct CollectFault {
  const char* name;
  int status;
  const char* body;
  const char* expected;       ///< of one event
  const char* of_three = "";  ///< of three, where it is another; of a taken request one a row
  const char* says = "";
  const char* retry_after = "";
};

const CollectFault kCollectFaults[] = {
    {"taken", 204, "", "accepted"},
    {"any 2xx without a body", 200, "\n", "accepted"},
    {"HTML instead of nothing", 200, "<html>", "retry bad_answer, maybe applied", "", "something else answered"},
    {"JSON instead of nothing", 200, R"({"error":"no"})", "retry bad_answer, maybe applied"},
    {"a redirect", 302, "", "pause http_404", "", "correct base_url"},
    {"signed out, by a proxy", 401, "", "pause http_401", "", "put a new one into the configuration"},
    {"forbidden, by a proxy", 403, "<html>", "pause http_403", "", "give its account the right"},
    {"nobody there", 404, "<html>", "pause http_404", "", "check base_url"},
    {"the proxy wants a password", 407, "", "pause http_407", "", "HTTPS_PROXY"},
    {"waited too long", 408, "", "retry http_408"},
    {"too early", 425, "", "retry http_425"},
    {"too many", 429, "", "retry http_429"},
    {"too many, Retry-After in seconds", 429, "", "retry http_429, after 17 s", "", "", "17"},
    {"too many, Retry-After as a date", 429, "", "retry http_429, after 30 s", "", "", "Fri, 20 Nov 2026 12:00:30 GMT"},
    {"an outage", 500, "", "retry http_500, maybe applied"},
    {"a gateway", 502, "<html>", "retry http_502, maybe applied"},
    {"not available", 503, "", "retry http_503, maybe applied"},
    {"not available, with a wish", 503, "", "retry http_503, after 9 s, maybe applied", "", "", "9"},
    {"a gateway that waited", 504, "<html>", "retry http_504, maybe applied"},
    {"a request too large", 413, "", "reject_row http_413", "reject_batch http_413"},
    {"a bad request", 400, "", "reject_row http_400", "reject_batch http_400"},
};

conformance::Headers wish(const char* retry_after) {
  return *retry_after == '\0' ? conformance::Headers{} : conformance::Headers{{"retry-after", retry_after}};
}

TEST(Ga4MeasurementProtocolFaults, EveryAnswerOfCollectHasItsClass) {
  for (const CollectFault& f : kCollectFaults) {
    const http::Response response = conformance::json(f.status, f.body, wish(f.retry_after));
    const auto one = collect_answer(response, 1, kFaultsNow);
    EXPECT_EQ(words(one), std::vector<std::string>{f.expected}) << f.name;
    const auto three = collect_answer(response, 3, kFaultsNow);
    const std::string each = *f.of_three == '\0' ? f.expected : f.of_three;
    EXPECT_EQ(words(three), std::vector<std::string>(three ? 3 : 1, each)) << f.name;
    EXPECT_THAT(one ? "" : one.error().detail, HasSubstr(f.says)) << f.name;
  }
}

// ------------------------------------------------------------------------------------------------- validation

std::string message(const std::string& path, const std::string& code, const std::string& description = "It is wrong.") {
  return fmt::format(R"({{"fieldPath":"{}","description":"{}","validationCode":"{}"}})", path, description, code);
}

std::string messages(const std::vector<std::string>& all) {
  return fmt::format(R"({{"validationMessages":[{}]}})", fmt::join(all, ","));
}

struct ValidationFault {
  const char* name;
  int status;
  std::string body;
  std::vector<std::string> expected;  ///< one an event, or the one error of all
  std::size_t events = 0;             ///< 0: as many as are expected
};

const std::vector<ValidationFault>& validation_faults() {
  static const std::string again = "retry(request) batch_refused, after 0 s, free";
  static const std::string unread = "retry bad_answer, maybe applied";
  static const std::vector<ValidationFault> all = {
      {"good", 200, messages({}), {"accepted"}},
      {"all are good", 200, messages({}), {"accepted", "accepted"}},
      // One a validation code.
      {"a wrong value",
       200,
       messages({message("events[0].params.value", "VALUE_INVALID")}),
       {"reject_row value_invalid"}},
      {"a missing value",
       200,
       messages({message("events[0].params.currency", "VALUE_REQUIRED")}),
       {"reject_row value_required"}},
      {"a wrong name", 200, messages({message("events", "NAME_INVALID")}), {"reject_row name_invalid"}},
      {"a reserved name", 200, messages({message("events", "NAME_RESERVED")}), {"reject_row name_reserved"}},
      {"a value too long",
       200,
       messages({message("events[0].params.note", "VALUE_OUT_OF_BOUNDS")}),
       {"reject_row value_out_of_bounds"}},
      {"too many of them",
       200,
       messages({message("events[0].params", "EXCEEDED_MAX_ENTITIES")}),
       {"reject_row exceeded_max_entities"}},
      {"a name twice", 200, messages({message("events[0].params", "NAME_DUPLICATED")}), {"reject_row name_duplicated"}},
      {"Google's own error is a wrong row",
       200,
       messages({message("", "INTERNAL_ERROR")}),
       {"reject_row internal_error"}},
      {"a code that is new", 200, messages({message("events[0]", "SOMETHING_NEW")}), {"reject_row something_new"}},
      {"a message without anything", 200, R"({"validationMessages":[{}]})", {"reject_row invalid"}},
      {"a message that is none", 200, R"({"validationMessages":[7]})", {"reject_row invalid"}},
      // Row truth.
      {"an index is of no interest for one row",
       200,
       messages({message("events[7].name", "NAME_INVALID")}),
       {"reject_row name_invalid"}},
      {"the first of three",
       200,
       messages({message("events[0].name", "NAME_RESERVED")}),
       {"reject_row name_reserved", again, again}},
      {"the middle one",
       200,
       messages({message("events[1].params.value", "VALUE_INVALID")}),
       {again, "reject_row value_invalid", again}},
      {"the last one",
       200,
       messages({message("events[2]", "EXCEEDED_MAX_ENTITIES")}),
       {again, again, "reject_row exceeded_max_entities"}},
      {"the first, named in Google's words",
       200,
       messages({message("events", "NAME_INVALID",
                         "Event at index: [0] has invalid name [_badEventName]. Names must start with an alphabetic "
                         "character.")}),
       {"reject_row name_invalid", again, again}},
      {"the last, named in Google's words",
       200,
       messages(
           {message("events", "NAME_RESERVED", "Event at index: [2] has name [session_start] which is reserved.")}),
       {again, again, "reject_row name_reserved"}},
      {"an index within a name blames nobody",
       200,
       messages({message("events", "NAME_INVALID", "The name [Event at index: [1]] is wrong.")}),
       {"reject_batch(request) name_invalid", "reject_batch(request) name_invalid"}},
      {"all of them, the same",
       200,
       messages({message("events[0]", "NAME_INVALID"), message("events[1]", "NAME_INVALID"),
                 message("events[2]", "NAME_INVALID")}),
       {"reject_row name_invalid", "reject_row name_invalid", "reject_row name_invalid"}},
      {"all of them, each another",
       200,
       messages({message("events[1].name", "NAME_INVALID"), message("events[0].name", "VALUE_REQUIRED")}),
       {"reject_row value_required", "reject_row name_invalid"}},
      {"two on one row: the first gives the code",
       200,
       messages({message("events[1]", "VALUE_REQUIRED"), message("events[1]", "VALUE_INVALID")}),
       {again, "reject_row value_required"}},
      {"no index: any of them",
       200,
       messages({message("events.name", "NAME_INVALID")}),
       {"reject_batch(request) name_invalid", "reject_batch(request) name_invalid"}},
      {"the request itself",
       200,
       messages({message("client_id", "VALUE_REQUIRED")}),
       {"reject_batch(request) value_required", "reject_batch(request) value_required"}},
      {"an event that was not sent",
       200,
       messages({message("events[2].name", "NAME_INVALID")}),
       {"reject_batch(request) name_invalid", "reject_batch(request) name_invalid"}},
      {"the request and one row",
       200,
       messages({message("client_id", "VALUE_REQUIRED"), message("events[1]", "VALUE_INVALID")}),
       {again, "reject_row value_invalid"}},
      // What cannot be read, and what others say.
      {"no list", 200, "{}", {unread}, 1},
      {"a list that is none", 200, R"({"validationMessages":7})", {unread}, 1},
      {"half an answer", 200, R"({"validationMessages":[{"fieldPa)", {unread}, 2},
      {"HTML instead of JSON", 200, "<html>", {unread}, 1},
      {"nothing", 204, "", {unread}, 1},
      {"an outage", 500, "", {"retry http_500, maybe applied"}, 1},
      {"too many", 429, "", {"retry http_429"}, 2},
      {"forbidden", 403, "", {"pause http_403"}, 1},
      {"a redirect", 307, "", {"pause http_404"}, 1},
  };
  return all;
}

TEST(Ga4MeasurementProtocolFaults, EveryAnswerOfValidationHasItsClassRowByRow) {
  for (const ValidationFault& f : validation_faults()) {
    const std::size_t events = f.events == 0 ? f.expected.size() : f.events;
    EXPECT_EQ(words(validation_answer(conformance::json(f.status, f.body), events, kFaultsNow)), f.expected) << f.name;
  }
}

TEST(Ga4MeasurementProtocolFaults, WhatReadmePromisesIsShownHere) {
  std::vector<std::string> told = {"events[2].params", "mode test"};
  for (const CollectFault& f : kCollectFaults) told.push_back(fmt::format("{} -> {}", f.status, f.expected));
  for (const ValidationFault& f : validation_faults())
    told.push_back(fmt::format("{} -> {}", f.body, fmt::join(f.expected, " ")));
  EXPECT_THAT(conformance::promised_untested("ga4_measurement_protocol", "## When Google says no", told), IsEmpty());
}

}  // namespace
}  // namespace hw::connectors::ga4_measurement_protocol
