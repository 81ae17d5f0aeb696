#include "base/log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "base/log_limiter.h"
#include "base/secret.h"

namespace hw {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(Streamable<std::string>);
static_assert(!Streamable<Secret>, "a secret must have no operator<<");
static_assert(!fmt::is_formattable<Secret>::value, "a secret must have no formatter");
static_assert(!std::is_constructible_v<Field, std::string_view, Secret>, "a secret must not be a log field");
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);

std::vector<std::string>& lines() {
  static std::vector<std::string> collected;
  return collected;
}

class Log : public testing::Test {
 protected:
  void SetUp() override {
    lines().clear();
    set_log_sink_for_test([](std::string_view line) { lines().emplace_back(line); });
  }
  void TearDown() override {
    set_log_sink_for_test(nullptr);
    set_log_level(Level::info);
  }
};

TEST_F(Log, WritesOneLogfmtLinePerEvent) {
  log_event(Level::warn, "batch_refused",
            {{"destination", "won_deals"},
             {"code", std::string("http_429")},
             {"rows", 12},
             {"age_seconds", 1.5},
             {"final", false}});
  EXPECT_EQ(lines(),
            (std::vector<std::string>{"level=warn event=batch_refused destination=won_deals code=http_429 rows=12 "
                                      "age_seconds=1.5 final=false"}));
}

struct QuoteCase {
  const char* name;
  std::string value, wanted;
};

class LogQuotes : public Log, public testing::WithParamInterface<QuoteCase> {};

TEST_P(LogQuotes, AValueNeverBreaksItsLine) {
  log_event(Level::info, "seen", {{"v", GetParam().value}});
  EXPECT_EQ(lines().at(0), "level=info event=seen v=" + GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(Table, LogQuotes,
                         testing::Values(QuoteCase{"plain", "a/b-c:1", "a/b-c:1"}, QuoteCase{"empty", "", "\"\""},
                                         QuoteCase{"space", "a b", "\"a b\""}, QuoteCase{"equals", "a=b", "\"a=b\""},
                                         QuoteCase{"quote_and_backslash", "a\"\\", "\"a\\\"\\\\\""},
                                         QuoteCase{"newline", "a\nlevel=error", "\"a\\nlevel=error\""},
                                         QuoteCase{"escape", "\x1b[31m", "\"\\x1b[31m\""},
                                         QuoteCase{"umlaut", "ä", "ä"}, QuoteCase{"broken_utf8", "\xff", "\"\\xff\""}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(Log, LeavesOutWhatIsBelowTheLevel) {
  log_event(Level::debug, "batch_sent");
  EXPECT_TRUE(lines().empty());
  set_log_level(Level::debug);
  log_event(Level::debug, "batch_sent");
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Log, WritesARepeatedEventOncePerConnectorAndDestination) {
  for (int i = 0; i < 3; ++i) log_event(Level::warn, "pull_failed", {{"connector", "crm"}, {"attempt", i}});
  log_event(Level::warn, "pull_failed", {{"connector", "ads"}, {"attempt", 0}});
  EXPECT_EQ(lines(), (std::vector<std::string>{"level=warn event=pull_failed connector=crm attempt=0",
                                               "level=warn event=pull_failed connector=ads attempt=0"}));
}

TEST_F(Log, WhatIsAboutNobodyInParticularIsHeldBackOnlyWhenItSaysTheSame) {
  for (const char* detail : {"a.yaml:1:1: one", "a.yaml:1:1: one", "a.yaml:2:1: another"})
    log_event(Level::error, "reload_refused", {{"code", "config"}, {"detail", detail}});
  EXPECT_EQ(lines().size(), 2U);
}

TEST(LogLimiter, TellsTheLatestRepeatWithItsCountAfterTenSeconds) {
  LogLimiter limiter;
  const LogLimiter::Time start{};
  using std::chrono::seconds;
  EXPECT_TRUE(limiter.admit("k", "line 1", start));
  EXPECT_FALSE(limiter.admit("k", "line 2", start + seconds(1)));
  EXPECT_FALSE(limiter.admit("k", "line 3", start + seconds(9)));
  EXPECT_TRUE(limiter.overdue(start + seconds(9)).empty());

  const std::vector<LogLimiter::Held> held = limiter.overdue(start + seconds(10));
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].line, "line 3");
  EXPECT_EQ(held[0].count, 2);

  EXPECT_FALSE(limiter.admit("k", "line 4", start + seconds(11)));
}

TEST(LogLimiter, ForgetsAKeyThatHasBeenQuiet) {
  LogLimiter limiter;
  const LogLimiter::Time start{};
  EXPECT_TRUE(limiter.admit("k", "line 1", start));
  EXPECT_TRUE(limiter.overdue(start + LogLimiter::kEvery).empty());
  EXPECT_TRUE(limiter.admit("k", "line 2", start + LogLimiter::kEvery));
}

}  // namespace
}  // namespace hw
