#include "connectors/google_data_manager/prepare.h"

#include <gmock/gmock.h>

#include "connectors/google_data_manager/encode.h"
#include "connectors/google_data_manager/test_conversion.h"

namespace hw::connectors::google_data_manager {
namespace {

using connect::Item;
using connect::Refusal;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const connect::Revision kUpload{Operation::upload, 0, at(60'000)};
const connect::Revision kRestate{Operation::restate, 1, at(90'000)};

Click click(std::string type, std::string value, Timestamp when) {
  Click c;
  c.type = std::move(type);
  c.value = std::move(value);
  c.at = when;
  return c;
}

Conversion no_click() {
  Conversion c = won_deal();
  c.clicks.clear();
  return c;
}

Conversion by_email() {
  Conversion c = no_click();
  c.hashes["email_gmail_dots_removed"] = {kEmailHash};
  return c;
}

Conversion with_consent(ConsentState user_data, ConsentState personalization) {
  Conversion c = won_deal();
  c.consent = {user_data, personalization};
  return c;
}

Conversion clicked(std::vector<Click> clicks) {
  Conversion c = won_deal();
  c.clicks = std::move(clicks);
  return c;
}

const Conversion kDeal = won_deal();
const Timestamp kClickAt = kDeal.clicks[0].at;
const Timestamp kSoon = kDeal.at + kHour;
constexpr Duration kMicro = Duration(1);

/// What comes of a conversion: the reason of a refusal, or what the item identifies by.
std::string fate(const std::variant<Item, Refusal>& v) {
  if (const auto* refusal = std::get_if<Refusal>(&v)) return refusal->reason;
  std::string types;
  for (const std::string& t : std::get<Item>(v).identifier_types) types += (types.empty() ? "" : "+") + t;
  return types;
}

TEST(GoogleDataManagerPrepare, ClicksAndUserDataWithTheirWindows) {
  struct Case {
    std::string name;
    Conversion conversion;
    bool user_data;
    Timestamp now;
    std::string expected;
  };
  const Config c = config();
  Conversion both = by_email();
  both.clicks = kDeal.clicks;
  Conversion other_form = no_click();
  other_form.hashes["email"] = {kEmailHash};
  Conversion in_future = won_deal();
  in_future.at = kSoon + kMicro;
  const Click late = click("gclid", "later", kDeal.at + kMicro);
  const Click young = click("gclid", "young", kDeal.at);
  const Click old = click("gclid", "old", kDeal.at - 90 * kDay);
  const Click braid = click("gbraid", "b", kDeal.at - kDay);
  const std::vector<Case> cases = {
      {"a click in its window", won_deal(), false, kSoon, "gclid"},
      {"user data goes beside the click", both, true, kSoon, "gclid+email_gmail_dots_removed"},
      {"user data is not sent unless configured", both, false, kSoon, "gclid"},
      {"the last moment of the click's window", won_deal(), false, kClickAt + 90 * kDay - kMicro, "gclid"},
      {"the click's window is over", won_deal(), false, kClickAt + 90 * kDay, "expired"},
      {"an expired click and no hashes", clicked({old}), true, kSoon, "expired"},
      {"user data alone", by_email(), true, kSoon, "email_gmail_dots_removed"},
      {"user data alone, not configured", by_email(), false, kSoon, "no_identifier"},
      {"a hash of a form that Google does not take", other_form, true, kSoon, "no_identifier"},
      {"the last moment of the user data's window", by_email(), true, kDeal.lead_created + 63 * kDay - kMicro,
       "email_gmail_dots_removed"},
      {"the user data's window is over", by_email(), true, kDeal.lead_created + 63 * kDay, "expired"},
      {"a click outlives the user data's window", both, true, kDeal.lead_created + 70 * kDay,
       "gclid+email_gmail_dots_removed"},
      {"nothing at all, a click may still come", no_click(), true, kSoon, "no_identifier"},
      {"nothing at all, last moment", no_click(), true, kDeal.at + 90 * kDay - kMicro, "no_identifier"},
      {"nothing at all, and too old for any click", no_click(), true, kDeal.at + 90 * kDay, "expired"},
      {"a click too young to be known", clicked({young}), false, kDeal.at + 6 * kHour - kMicro, "too_recent"},
      {"a click just old enough", clicked({young}), false, kDeal.at + 6 * kHour, "gclid"},
      {"a click after the conversion is none", clicked({late}), false, kDeal.at + kDay, "no_identifier"},
      {"the first click in its window is taken", clicked({old, braid, click("wbraid", "w", kDeal.at - kDay)}), false,
       kSoon + kDay, "gbraid"},
      {"foreign click ids are no clicks", clicked({click("msclkid", "m", kDeal.at - kDay)}), false, kSoon,
       "no_identifier"},
      {"empty click ids are no clicks", clicked({click("gclid", "", kDeal.at - kDay)}), false, kSoon, "no_identifier"},
      {"consent denied", with_consent(ConsentState::denied, ConsentState::granted), false, kSoon, "consent"},
      {"personalisation denied alone", with_consent(ConsentState::granted, ConsentState::denied), false, kSoon,
       "gclid"},
      {"a conversion of the future", in_future, false, kSoon, "too_recent"},
  };
  for (const Case& k : cases) {
    const Config& with = k.user_data ? config({{"user_data", true}}) : c;
    EXPECT_EQ(fate(prepare_upload(k.conversion, kUpload, target(), with, k.now)), k.expected) << k.name;
  }
}

TEST(GoogleDataManagerPrepare, AnExpiredClickFallsBackToYoungUserData) {
  Conversion c = by_email();
  c.clicks = {click("gclid", "old", kSoon - 90 * kDay)};
  EXPECT_EQ(fate(prepare_upload(c, kUpload, target(), config({{"user_data", true}}), kSoon)),
            "email_gmail_dots_removed");
  const auto item = std::get<Item>(prepare_upload(c, kUpload, target(), config({{"user_data", true}}), kSoon));
  EXPECT_EQ(item.click_type, "");
  EXPECT_THAT(item.body, Not(HasSubstr("adIdentifiers")));
  EXPECT_EQ(item.expires_at, c.lead_created + 63 * kDay);
}

TEST(GoogleDataManagerPrepare, BraidsAreNotSentToActionsThatCountOncePerClick) {
  connect::Target once = target();
  once.counting = connect::Counting::once_per_click;
  const Conversion c = clicked({click("gbraid", "b", kDeal.at - kDay), click("gclid", "g", kDeal.at - 2 * kDay)});
  EXPECT_EQ(std::get<Item>(prepare_upload(c, kUpload, once, config(), kSoon)).click_value, "g");
  EXPECT_EQ(std::get<Item>(prepare_upload(c, kUpload, target(), config(), kSoon)).click_value, "b");
  EXPECT_EQ(fate(prepare_upload(clicked({c.clicks[0]}), kUpload, once, config(), kSoon)), "no_identifier");
}

TEST(GoogleDataManagerPrepare, TheItemCarriesItsWindowKeyAndClick) {
  const auto item = std::get<Item>(prepare_upload(won_deal(), kUpload, target(), config(), kSoon));
  EXPECT_EQ(item.dedup_key, "hw-exampledeal");
  EXPECT_EQ(item.not_before, kDeal.at);
  EXPECT_EQ(item.expires_at, kClickAt + 90 * kDay);
  EXPECT_EQ(item.click_type, "gclid");
  EXPECT_EQ(item.click_value, "EAIaIQobChMI_example");
  EXPECT_THAT(item.identifier_types, ElementsAre("gclid"));
}

TEST(GoogleDataManagerPrepare, TooRecentSaysWhenToLookAgain) {
  const Conversion c = clicked({click("gclid", "young", kDeal.at - kHour)});
  const auto refusal = std::get<Refusal>(prepare_upload(c, kUpload, target(), config(), kSoon));
  EXPECT_EQ(refusal.look_again, kDeal.at + 5 * kHour);
}

TEST(GoogleDataManagerPrepare, NoIdentifierLooksAgainWhenItBecomesHopeless) {
  const auto refusal = std::get<Refusal>(prepare_upload(no_click(), kUpload, target(), config(), kSoon));
  EXPECT_EQ(refusal.look_again, kDeal.at + 90 * kDay);
}

TEST(GoogleDataManagerPrepare, ValuesBelowZeroAreRefused) {
  Conversion c = won_deal();
  c.value = euros(-1);
  EXPECT_EQ(fate(prepare_upload(c, kUpload, target(), config(), kSoon)), "not_positive");
}

// -----------------------------------------------------------------------------------------------------------
// restatements

connect::Sent accepted() {
  return {.item = std::get<Item>(prepare_upload(won_deal(), kUpload, target(), config(), kSoon)),
          .conversion_time = kDeal.at,
          .accepted_at = kSoon};
}

TEST(GoogleDataManagerPrepare, ARestatementKeepsTheOriginalsIdentifiers) {
  Conversion later = won_deal();
  later.value = euros(100'000'000);
  later.clicks = {click("gclid", "another", kDeal.at - kDay)};
  later.hashes["email_gmail_dots_removed"] = {kEmailHash};
  const auto item =
      std::get<Item>(prepare_restate(later, kRestate, accepted(), config({{"user_data", true}}), kSoon + kDay));
  EXPECT_THAT(item.body, HasSubstr("\"conversionValue\":100.00"));
  EXPECT_THAT(item.body, HasSubstr("EAIaIQobChMI_example"));
  EXPECT_THAT(item.body, Not(HasSubstr("another")));
  EXPECT_THAT(item.body, Not(HasSubstr("userData")));
  EXPECT_EQ(item.dedup_key, "hw-exampledeal");
  EXPECT_EQ(item.expires_at, kDeal.at + 54 * kDay);
  EXPECT_EQ(item.not_before, kRestate.at);
  EXPECT_NE(item.group, accepted().item.group);
}

TEST(GoogleDataManagerPrepare, RestatementsThatCannotBe) {
  struct Case {
    const char* name;
    std::optional<Money> value;
    ConsentState consent;
    const char* zero;
    Duration age;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"in time", euros(1), ConsentState::granted, "final", 54 * kDay - kMicro, "gclid"},
           {"too late", euros(1), ConsentState::granted, "final", 54 * kDay, "uncorrectable"},
           {"zero where it is final", euros(0), ConsentState::granted, "final", kDay, "gclid"},
           {"zero where it is refused", euros(0), ConsentState::granted, "refused", kDay, "uncorrectable"},
           {"below zero", euros(-1), ConsentState::granted, "final", kDay, "not_positive"},
           {"no value", std::nullopt, ConsentState::granted, "final", kDay, "no_value"},
           {"consent withdrawn", euros(1), ConsentState::denied, "final", kDay, "consent"}}) {
    Conversion conversion = won_deal();
    conversion.value = c.value;
    conversion.consent.ad_user_data = c.consent;
    const auto got = prepare_restate(conversion, kRestate, accepted(), config({{"zero", c.zero}}), kDeal.at + c.age);
    EXPECT_EQ(fate(got), c.expected) << c.name;
  }
}

TEST(GoogleDataManagerPrepare, AnUnreadableOriginalIsUncorrectable) {
  connect::Sent broken = accepted();
  broken.item.body = "{";
  EXPECT_EQ(fate(prepare_restate(won_deal(), kRestate, broken, config(), kSoon)), "uncorrectable");
}

}  // namespace
}  // namespace hw::connectors::google_data_manager
