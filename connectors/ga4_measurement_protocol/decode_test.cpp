#include "connectors/ga4_measurement_protocol/decode.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "conformance/fake_http.h"
#include "conformance/paths.h"
#include "conformance/words.h"

namespace hw::connectors::ga4_measurement_protocol {
namespace {

using testing::HasSubstr;

TEST(Ga4MeasurementProtocolDecode, ARecordedAnswerNamesItsRowsWithAllThatIsWrong) {
  std::ifstream in(conformance::source_dir() +
                   "/connectors/ga4_measurement_protocol/testdata/validation_two_wrong.json");
  const std::string body{std::istreambuf_iterator<char>(in), {}};
  const auto answer = validation_answer(conformance::json(200, body), 3, {});
  const std::string again = "retry(request) batch_refused, after 0 s, free";
  EXPECT_THAT(conformance::words(answer),
              testing::ElementsAre("reject_row name_reserved", again, "reject_row value_invalid"));
  EXPECT_EQ(answer->outcomes[0].detail, "Event has a reserved name. (events[0].name)");
  EXPECT_EQ(answer->outcomes[2].detail,
            "value must be a number. (events[2].params.value); A value needs a currency. (events[2].params.currency)");
}

TEST(Ga4MeasurementProtocolDecode, VendorTextIsOneShortLine) {
  const auto answer = validation_answer(
      conformance::json(200, R"({"validationMessages":[{"description":"a\nb)" + std::string(400, 'c') + R"("}]})"), 1,
      {});
  EXPECT_THAT(answer->outcomes.at(0).detail, HasSubstr("a?bccc"));
  EXPECT_EQ(answer->outcomes.at(0).detail.size(), 300U);
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
