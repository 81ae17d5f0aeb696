#include "connectors/google_data_manager/config.h"

#include <gmock/gmock.h>

#include "connectors/google_data_manager/connector.h"
#include "connectors/google_data_manager/test_conversion.h"

namespace hw::connectors::google_data_manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> errors_of(const conformance::Overrides& overrides) {
  std::vector<connect::OptionError> errors;
  read_config(options(overrides), errors);
  std::vector<std::string> out;
  for (const auto& e : errors) out.push_back(e.message);
  return out;
}

TEST(GoogleDataManagerConfig, DefaultsAreTheVendorsLimits) {
  const Config c = config();
  EXPECT_EQ(c.click_window, 90 * kDay);
  EXPECT_EQ(c.user_data_window, 63 * kDay);
  EXPECT_EQ(c.min_click_age, 6 * kHour);
  EXPECT_EQ(c.adjust_until, 54 * kDay);
  EXPECT_EQ(c.zero, connect::ZeroRule::final_retraction);
  EXPECT_EQ(c.requests_per_minute, 300);
  EXPECT_EQ(c.requests_per_day, 100'000);
  EXPECT_EQ(c.polls_per_minute, 300);
  EXPECT_EQ(c.polls_per_day, 50'000);
  EXPECT_EQ(c.first_poll, kHour / 2);
  EXPECT_EQ(c.poll_every, kHour);
  EXPECT_EQ(c.poll_until, kDay);
  EXPECT_EQ(c.event_source, "WEB");
  EXPECT_FALSE(c.user_data);
}

TEST(GoogleDataManagerConfig, ALeanFileHasNoErrors) { EXPECT_THAT(errors_of({}), IsEmpty()); }

TEST(GoogleDataManagerConfig, HyphensInTheLoginAccountAreRefusedWithTheMend) {
  EXPECT_THAT(errors_of({{"login_account", "987-654-3210"}}),
              ElementsAre("login_account '987-654-3210' must be digits only; write 9876543210"));
}

TEST(GoogleDataManagerConfig, AnAddressWithoutUserDataIsRefused) {
  EXPECT_THAT(errors_of({{"address", true}}), ElementsAre("address: true needs user_data: true"));
}

TEST(GoogleDataManagerConfig, PlainHttpToAnotherMachineIsRefused) {
  EXPECT_THAT(errors_of({{"base_url", "http://datamanager.example.com"}}), ElementsAre(HasSubstr("base_url: ")));
}

TEST(GoogleDataManagerConfig, PollingMustNotEndBeforeItBegins) {
  EXPECT_THAT(errors_of({{"first_poll", to_micros(from_micros(0) + 2 * kDay)}}), ElementsAre(HasSubstr("poll_until")));
}

TEST(GoogleDataManagerConfig, ATrailingSlashOfTheBaseUrlIsDropped) {
  EXPECT_EQ(config({{"base_url", "https://example.com/"}}).base_url, "https://example.com");
}

TEST(GoogleDataManagerConfig, AccountAndActionAreDigits) {
  struct Case {
    const char *name, *account, *action, *expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"good", "1234567890", "700000001", ""},
           {"hyphens", "123-456-7890", "700000001", "account '123-456-7890' must be digits only; write 1234567890"},
           {"a name", "1234567890", "Won deal",
            "action 'Won deal' must be digits only: the id, not the name, as shown in Google Ads"},
           {"no action", "1234567890", "", "action is missing: the Google Ads id, digits only"}}) {
    connect::Target t;
    t.account = c.account;
    t.action = c.action;
    EXPECT_EQ(target_fault(t), c.expected) << c.name;
  }
}

TEST(GoogleDataManagerConfig, ADestinationsLoginAccountOverridesTheConnectors) {
  const connect::Options own = conformance::fill_defaults(destination_option_decls(), {{"login_account", "222"}});
  connect::Target t = target();
  EXPECT_EQ(login_account(config({{"login_account", "111"}}), t), "111");
  t.options = &own;
  EXPECT_EQ(login_account(config({{"login_account", "111"}}), t), "222");
}

TEST(GoogleDataManagerConfig, ADestinationsLoginAccountIsCheckedToo) {
  const connect::Options own = conformance::fill_defaults(destination_option_decls(), {{"login_account", "2-2"}});
  connect::Target t = target();
  t.options = &own;
  std::vector<connect::OptionError> errors;
  google_data_manager_type().check_target(t, {"headwater.yaml", 7, 3}, errors);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(connect::to_string(errors[0]), "headwater.yaml:7:3: login_account '2-2' must be digits only; write 22");
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
