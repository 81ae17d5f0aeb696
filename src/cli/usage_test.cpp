#include <gmock/gmock.h>

#include "cli/command.h"
#include "cli/test_kit.h"

namespace hw::cli {
namespace {

struct UsageCase {
  const char* name;
  std::vector<std::string> words;
  std::vector<const char*> says;
};

class UsageErrors : public CommandFixture, public testing::WithParamInterface<UsageCase> {};

TEST_P(UsageErrors, SayWhatIsWrongAndWhatWasMeant) {
  const Ran ran = run_line(GetParam().words);
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, testing::StartsWith("headwater: "));
  for (const char* part : GetParam().says) EXPECT_THAT(ran.err, testing::HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    All, UsageErrors,
    testing::Values(
        UsageCase{"NoCommand", {}, {"'headwater' needs one of its commands", "\n  explain ", "\n  status "}},
        UsageCase{"AMistypedCommand", {"statsu"}, {"'headwater' has no command 'statsu'; did you mean 'status'?"}},
        UsageCase{"NoCommandOfAGroup",
                  {"report"},
                  {"'headwater report' needs one of its commands\n", "\n  channels ", "\n  reconciliation "}},
        UsageCase{"AnUnknownCommandOfAGroup",
                  {"uploads", "foo"},
                  {"'headwater uploads' has no command 'foo'\n", "\n  retry "}},
        UsageCase{"AMistypedCommandOfAGroup", {"uploads", "lits"}, {"did you mean 'list'?"}},
        UsageCase{"NoArgument",
                  {"explain"},
                  {"'headwater explain' needs object (lead, contact, account or deal) and id (",
                   "it is written: headwater explain object id [options]"}},
        UsageCase{"HalfOfTheArguments", {"explain", "deal"}, {"'headwater explain' needs id ("}},
        UsageCase{"AMistypedArgument",
                  {"explain", "dael", "7"},
                  {"'dael' is none of lead, contact, account, deal; did you mean 'deal'?"}},
        UsageCase{"AMistypedOption",
                  {"status", "--formt", "json"},
                  {"'headwater status' has no option '--formt'; did you mean '--format'?"}},
        UsageCase{"AnOptionThatBelongsAfterTheCommand",
                  {"--format", "json", "status"},
                  {"'headwater' has no option '--format'"}},
        UsageCase{"AMistypedCommandWhereNoneIsNeeded",
                  {"plan", "aprove", "3"},
                  {"'headwater plan' has no command 'aprove'; did you mean 'approve'?"}},
        UsageCase{"AnOptionWithoutItsValue", {"uploads", "-c"}, {"--config", "required"}},
        UsageCase{"ALimitOfNothing",
                  {"sync", "--limit", "0"},
                  {"--limit: '0' is no number from 1", "it is written: headwater sync [options]"}},
        UsageCase{"DaysBelowZero", {"report", "windows", "--days", "-3"}, {"--days: '-3' is no number from 1"}},
        UsageCase{"ALimitThatIsNoNumber", {"preview", "--limit", "ten"}, {"--limit: 'ten' is no number from 1"}},
        UsageCase{
            "ALimitThatIsNotWhole", {"uploads", "list", "--limit", "1.5"}, {"--limit: '1.5' is no number from 1"}},
        UsageCase{"ARateBeyondAllNumbers",
                  {"backfill", "--goal", "w", "--destination", "d", "--per-hour", "99999999999999999999"},
                  {"--per-hour: '99999999999999999999' is no number from 1"}},
        UsageCase{"TooMuch", {"status", "now"}, {"'headwater status' takes nothing more: 'now' is too much"}},
        UsageCase{"AMissingOption",
                  {"backfill", "--goal", "won"},
                  {"'headwater backfill' needs --destination",
                   "it is written: headwater backfill --goal ... --destination ..."}},
        UsageCase{
            "TwoThatExclude", {"backfill", "--goal", "w", "--destination", "d", "--stop", "--dry-run"}, {"--dry-run"}}),
    [](const auto& one) { return one.param.name; });

class Help : public CommandFixture {};

TEST_F(Help, IsNoError) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--help"}, {"uploads", "--help"}, {"explain", "--help"}}) {
    const Ran ran = run_line(words);
    EXPECT_EQ(ran.code, kOk);
    EXPECT_THAT(ran.out, testing::HasSubstr("Usage:"));
  }
}

}  // namespace
}  // namespace hw::cli
