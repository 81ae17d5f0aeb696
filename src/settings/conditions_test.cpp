#include "settings/conditions.h"

#include <gmock/gmock.h>

namespace hw::settings {
namespace {

using Fields = std::map<std::string, std::string>;

/// Conditions as a file has them under `when:`.
std::vector<Condition> conditions(const std::string& yaml) {
  std::vector<OptionError> errors;
  std::vector<Condition> out;
  for (const connect::Options& o : read_conditions(parse_yaml("test.yaml", yaml, errors), errors))
    out.push_back(condition(o));
  for (const OptionError& e : errors) ADD_FAILURE() << connect::to_string(e);
  return out;
}

struct Case {
  const char* name;
  const char* written;
  Fields fields;
  bool holds;
};

class Holds : public testing::TestWithParam<Case> {};

TEST_P(Holds, AsWritten) { EXPECT_EQ(holds(conditions(GetParam().written), GetParam().fields), GetParam().holds); }

INSTANTIATE_TEST_SUITE_P(
    Conditions, Holds,
    testing::Values(
        Case{"NoConditionAlwaysHolds", "{}", {}, true}, Case{"EqualText", "{a: new}", {{"a", "new"}}, true},
        Case{"TextIsComparedByteByByte", "{a: new}", {{"a", "New"}}, false},
        Case{"EqualNumbersWrittenApart", "{a: 10}", {{"a", "10.00"}}, true},
        Case{"UnequalNumbers", "{a: 10}", {{"a", "10.01"}}, false},
        Case{"EqualInstants", "{a: 2026-01-01T12:00:00Z}", {{"a", "2026-01-01T13:00:00+01:00"}}, true},
        Case{"EqualNeedsTheField", "{a: new}", {}, false}, Case{"InList", "{a: [x, y]}", {{"a", "y"}}, true},
        Case{"NotInList", "{a: [x, y]}", {{"a", "z"}}, false}, Case{"Present", "{a: present}", {{"a", "0"}}, true},
        Case{"EmptyIsNotPresent", "{a: present}", {{"a", ""}}, false}, Case{"Absent", "{a: absent}", {}, true},
        Case{"NotPresentIsAbsent", "{a: not present}", {{"a", "x"}}, false},
        Case{"Greater", "{a: '> 0'}", {{"a", "0.01"}}, true},
        Case{"GreaterIsStrict", "{a: '> 0'}", {{"a", "0.00"}}, false},
        Case{"NotLessTakesTheBound", "{a: '>= 5'}", {{"a", "5"}}, true},
        Case{"NotLessNeedsTheField", "{a: '>= 5'}", {}, false},
        Case{"LessByDecimalsNotByText", "{a: '< 9'}", {{"a", "10"}}, false},
        Case{"NotGreater", "{a: '<=5'}", {{"a", "5.0"}}, true},
        Case{"NotGreaterNeedsTheField", "{a: '<= 5'}", {}, false},
        Case{"TextIsNeitherLessNorGreater", "{a: '<= 5'}", {{"a", "few"}}, false},
        Case{"BetweenTwoBounds", "{a: '>= 1 and < 5'}", {{"a", "4.99"}}, true},
        Case{"OutsideTwoBounds", "{a: '>= 1 and < 5'}", {{"a", "5"}}, false},
        Case{"AfterADate", "{a: '> 2026-01-31'}", {{"a", "2026-01-31T00:00:01Z"}}, true},
        Case{"BeforeATime", "{a: '< 2026-01-31T08:00:00Z'}", {{"a", "2026-01-31T09:30:00+02:00"}}, true},
        Case{"NotEqual", "{a: not Partner}", {{"a", "Direct"}}, true},
        Case{"NotEqualRefuses", "{a: not Partner}", {{"a", "Partner"}}, false},
        Case{"NotEqualHoldsWithoutValue", "{a: not Partner}", {}, true},
        Case{"NotIn", "{a: {not: [x, y]}}", {{"a", "z"}}, true},
        Case{"NotInRefuses", "{a: {not: [x, y]}}", {{"a", "y"}}, false},
        Case{"LiteralPresent", "{a: {is: present}}", {{"a", "present"}}, true},
        Case{"LiteralPresentRefusesOthers", "{a: {is: present}}", {{"a", "x"}}, false},
        Case{"AllMustHold", "{a: x, b: y}", {{"a", "x"}, {"b", "z"}}, false},
        Case{"ValueThatBeginsWithNot", "{a: nothing}", {{"a", "nothing"}}, true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Conditions, TheOneThatDoesNotHoldIsNamedWithoutTheRecordsValue) {
  const std::map<std::string, std::string> fields{{"currency", "CHF"}, {"region", "DE"}, {"amount", "5"}};
  auto said = [&](const char* written) { return unmet(conditions(written), fields); };
  EXPECT_EQ(said("{currency: CHF, region: DE}"), "");
  EXPECT_EQ(said("{region: DE, currency: EUR}"), "currency = EUR");
  EXPECT_EQ(said("{currency: not CHF}"), "currency not CHF");
  EXPECT_EQ(said("{region: [AT, FR]}"), "region in AT, FR");
  EXPECT_EQ(said("{region: {not: [DE, FR]}}"), "region not in DE, FR");
  EXPECT_EQ(said("{owner: present}"), "owner present");
  EXPECT_EQ(said("{amount: '> 5'}"), "amount > 5");
}

TEST(Conditions, BoundsThatAreDatesBeginAtMidnightOfTheZone) {
  const Condition c = placed_in({.op = Condition::Op::less, .field = "closed", .values = {"2026-07-01"}},
                                Zone::find("Europe/Berlin").value());
  EXPECT_THAT(c.values, testing::ElementsAre("2026-06-30T22:00:00Z"));
}

}  // namespace
}  // namespace hw::settings
