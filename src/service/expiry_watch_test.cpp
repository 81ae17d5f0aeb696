#include "service/expiry_watch.h"

#include <gmock/gmock.h>

#include <mutex>

#include "base/log.h"
#include "http/credential_facts.h"
#include "service/test_kit.h"

namespace hw::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::mutex g_expiry_lines;
std::vector<std::string> g_lines;

/// An App on a clock of the test's own, and what it logs of credentials.
class Expiry : public AppFixture {
 protected:
  void SetUp() override {
    app_ = open();
    real_clock_ = std::exchange(app_->clock, clock_);
    watch_.emplace(*app_);
  }
  void TearDown() override { set_log_sink_for_test(nullptr); }

  void ends_in(Duration left) {
    http::CredentialFacts facts;
    facts.ends_at = clock_->system_now() + left;
    ASSERT_TRUE(app_->state->save(http::facts_key("ads_login"), http::facts_text(facts), /*secret=*/false));
  }
  /// What was logged since the last time.
  std::vector<std::string> looked_after(Duration later) {
    // The log itself holds back what it wrote a moment before, and the test's days are moments.
    set_log_sink_for_test([](std::string_view line) {
      const std::lock_guard lock(g_expiry_lines);
      if (line.find("credential_") != std::string_view::npos) g_lines.emplace_back(line);
    });
    clock_->advance(later);
    EXPECT_TRUE(watch_->look());
    const std::lock_guard lock(g_expiry_lines);
    return std::exchange(g_lines, {});
  }
  [[nodiscard]] std::string metrics() const { return exposition(app_->vitals->metrics.collect()); }

  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>(Timestamp(std::chrono::seconds(1'796'000'000)));
  std::shared_ptr<Clock> real_clock_;  ///< what the App's rooms were made with
  std::unique_ptr<App> app_;
  std::optional<ExpiryWatch> watch_;
};

constexpr std::chrono::hours kDay(24);

TEST_F(Expiry, IsLoggedOnceADayFromTwoWeeksAhead) {
  ends_in(15 * kDay);
  EXPECT_THAT(looked_after(Duration(0)), IsEmpty());
  const auto first = looked_after(kDay);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first[0], HasSubstr("credential_ends_soon"));
  EXPECT_THAT(first[0], HasSubstr("hours_left=336"));
  EXPECT_THAT(first[0], HasSubstr("headwater auth login ads"));
  EXPECT_THAT(looked_after(kDay - std::chrono::minutes(2)), IsEmpty());
  EXPECT_THAT(looked_after(std::chrono::minutes(2)), SizeIs(1));
  EXPECT_THAT(looked_after(13 * kDay), ElementsAre(HasSubstr("credential_ended")));
}

TEST_F(Expiry, OfEachCredentialIsLogged) {
  ends_in(kDay);
  http::Credential other = app_->settings.credentials[0];
  other.name = "other_login";
  other.expires_at = clock_->system_now() + 2 * kDay;
  app_->settings.credentials.push_back(other);
  settings::ConnectorInstance user = *app_->settings.connector("ads");
  user.name = "other_ads";
  user.options.set("credential", std::string("other_login"));
  app_->settings.connectors.push_back(user);
  EXPECT_THAT(looked_after(Duration(0)),
              ElementsAre(HasSubstr("credential=ads_login"), HasSubstr("credential=other_login")));
}

TEST_F(Expiry, OfTheSameDayIsNotLoggedAgainByTheNextProcess) {
  ends_in(kDay);
  EXPECT_THAT(looked_after(Duration(0)), SizeIs(1));
  watch_.emplace(*app_);
  EXPECT_THAT(looked_after(std::chrono::minutes(1)), IsEmpty());
}

TEST_F(Expiry, IsAMetricWhileItIsKnown) {
  constexpr const char* kMetric = "headwater_credential_expires_timestamp_seconds{credential=\"ads_login\"} ";
  looked_after(Duration(0));
  EXPECT_THAT(metrics(), Not(HasSubstr(kMetric)));
  ends_in(40 * kDay);
  looked_after(std::chrono::minutes(1));
  EXPECT_THAT(metrics(), HasSubstr(std::string(kMetric) + "1799456000"));
  ASSERT_TRUE(app_->state->save(http::facts_key("ads_login"), "{}", /*secret=*/false));
  looked_after(std::chrono::minutes(1));
  EXPECT_THAT(metrics(), Not(HasSubstr(kMetric)));
}

}  // namespace
}  // namespace hw::service
