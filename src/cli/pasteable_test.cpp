#include "cli/pasteable.h"

#include <gmock/gmock.h>

#include "cli/command.h"
#include "cli/test_kit.h"

namespace hw::cli {
namespace {

using testing::HasSubstr;

TEST(Pasteable, ACommandInATextIsWrittenAsTheProgramWasCalled) {
  called_as("/opt/headwater -c 'my file.yaml'", {"status", "uploads"});
  EXPECT_EQ(pasteable("look: `headwater status`, then headwater uploads list"),
            "look: `/opt/headwater -c 'my file.yaml' status`, then /opt/headwater -c 'my file.yaml' uploads list");
}

TEST(Pasteable, WhatNamesNoCommandStays) {
  called_as("x", {"status"});
  for (const char* text :
       {"the running headwater statuses", "/var/lib/headwater status", "headwater: gone", "headwater "})
    EXPECT_EQ(pasteable(text), text);
}

TEST(Pasteable, AWordIsQuotedWhereAShellWouldBreakIt) {
  EXPECT_EQ(shell_word("/etc/headwater.yaml"), "/etc/headwater.yaml");
  EXPECT_EQ(shell_word("it's here"), "'it'\\''s here'");
  EXPECT_EQ(shell_word(""), "''");
}

class PastedCommands : public CommandFixture {};

TEST_F(PastedCommands, ACommandThatIsPrintedNamesTheConfigurationOfThisRun) {
  const Ran ran = run_line({"uploads", "show", "77", "-c", main_file()});
  EXPECT_EQ(ran.code, kUnavailable);
  EXPECT_THAT(ran.err, HasSubstr("headwater -c " + main_file() + " run"));
}

TEST_F(PastedCommands, TheConfigurationMayStandBeforeTheCommand) {
  { auto app = open(); }
  EXPECT_EQ(run_line({"-c", main_file(), "status"}).code, kOk);
  EXPECT_EQ(run_line({"-c", main_file(), "uploads", "list"}).code, kOk);
  EXPECT_EQ(run_line({"uploads", "-c", main_file(), "list"}).code, kOk);
  const Ran shown = run_line({"-c", main_file(), "uploads", "show", "77"});
  EXPECT_THAT(shown.err, HasSubstr("headwater -c " + main_file() + " uploads list"));
}

TEST_F(PastedCommands, ProgramsReadTheirTextAsItIs) {
  { auto app = open(); }
  ASSERT_EQ(run_line({"-c", main_file(), "pause", "ads"}).code, kOk);
  EXPECT_THAT(run_line({"-c", main_file(), "status"}).out, HasSubstr("headwater -c " + main_file() + " resume ads"));
  EXPECT_THAT(run_line({"-c", main_file(), "status", "--format", "json"}).out, HasSubstr(": headwater resume ads"));
}

TEST_F(PastedCommands, DataThatNamesACommandStaysAsItIs) {
  Common common;
  testing::internal::CaptureStdout();
  called_as("/opt/headwater", {"status"});
  print(common, {{.name = "t",
                  .title = "",
                  .columns = {{"campaign", "Campaign"}, {"detail", "Detail", report::Holds::advice}},
                  .rows = {{"headwater status 2026", "headwater status lists it"}},
                  .note = {}}});
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, HasSubstr("\nheadwater status 2026  "));
  EXPECT_THAT(out, HasSubstr("  /opt/headwater status lists it"));
}

}  // namespace
}  // namespace hw::cli
