// One refresh token, several that would use it: the daemon, a command beside it, a person who signs in anew.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/zone.h"
#include "http/credential_facts.h"
#include "http/grant.h"
#include "http/test_kit.h"

namespace hw::http {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const SystemTime kThen = read_time("2026-11-20T12:00:00Z", Zone::utc())->at;
const Auth kPlace{.credential = "crm_main", .token_url = "https://login.example.com/token", .scope = ""};

Credential client_with(const std::string& seed) {
  Credential c;
  c.name = "crm_main";
  c.type = CredentialType::refresh_token;
  c.client_id = "client";
  c.client_secret = Secret("client-s3cr3t");
  c.refresh_token = Secret(seed);
  return c;
}

class Rotation : public testing::Test {
 protected:
  /// A process of its own, on the state that all share.
  Grant process(const std::string& seed = "seed") { return {client_with(seed), &state_}; }
  Result<AccessToken> fetch(Grant& grant) {
    return grant.fetch(kPlace, kThen, [this](const Request& r, const std::stop_token&) { return serve(r); }, {});
  }
  Result<Response> serve(const Request& request) {
    const std::string body = request.body;
    const auto at = body.find("refresh_token=", body.find("&refresh_token="));
    used_.push_back(body.substr(at + 14));
    if (during_) during_();
    return Response{.status = status_, .headers = {}, .body = answer_.dump()};
  }
  void rotate_to(const std::string& token) { answer_["refresh_token"] = token; }
  void sign_in(const std::string& token) {
    const RefreshToken given{.token = Secret(token), .by_login = true, .rotated = false, .since = kThen};
    ASSERT_TRUE(keep_refresh_token(state_, client_with("seed"), given));
  }
  CredentialFacts facts() { return read_facts(state_.load(facts_key("crm_main")).value_or("")); }

  test::MemoryState state_;
  std::vector<std::string> used_;
  std::function<void()> during_;
  int status_ = 200;
  json answer_ = {{"access_token", "access"}, {"expires_in", 3600}};
};

TEST_F(Rotation, AnotherProcessGoesOnWithTheSuccessorAndNeverWithTheTokenThatIsUsedUp) {
  Grant daemon = process(), command = process();
  rotate_to("second");
  ASSERT_TRUE(fetch(daemon));
  rotate_to("third");
  ASSERT_TRUE(fetch(command));
  ASSERT_TRUE(fetch(daemon));
  EXPECT_THAT(used_, ElementsAre("seed", "second", "third"));
}

TEST_F(Rotation, ARunningProcessTakesUpANewLogin) {
  Grant daemon = process();
  rotate_to("second");
  ASSERT_TRUE(fetch(daemon));
  sign_in("of-login");
  answer_.erase("refresh_token");
  ASSERT_TRUE(fetch(daemon));
  EXPECT_THAT(used_, ElementsAre("seed", "of-login"));
}

TEST_F(Rotation, ASuccessorThatCouldNotBeKeptNeverReplacesANewLogin) {
  Grant daemon = process();
  rotate_to("second");
  state_.full = true;
  ASSERT_FALSE(fetch(daemon));
  state_.full = false;
  sign_in("of-login");
  answer_.erase("refresh_token");
  ASSERT_TRUE(fetch(daemon));
  EXPECT_THAT(used_, ElementsAre("seed", "of-login"));
  EXPECT_EQ(present_refresh_token(state_, client_with("seed")).token.reveal(), "of-login");
}

TEST_F(Rotation, NobodyElseMayTouchTheTokenWhileItIsExchanged) {
  Grant daemon = process();
  during_ = [this] { EXPECT_TRUE(state_.is_held("token/crm_main")); };
  ASSERT_TRUE(fetch(daemon));
  EXPECT_FALSE(state_.is_held("token/crm_main"));
}

TEST_F(Rotation, WhileAnotherExchangesItNothingIsAskedAndItIsTriedAgainLater) {
  Grant daemon = process();
  const auto hold = state_.hold("token/crm_main");
  const auto got = fetch(daemon);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::retry);
  EXPECT_EQ(got.error().code, "token_busy");
  EXPECT_THAT(used_, IsEmpty());
}

TEST_F(Rotation, WithoutSeedAndWithoutLoginNothingIsAskedAndAPersonIsSentToSignIn) {
  Grant daemon = process("");
  const auto got = fetch(daemon);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "credential");
  EXPECT_THAT(got.error().detail, HasSubstr("headwater auth login"));
  EXPECT_THAT(used_, IsEmpty());
  EXPECT_TRUE(facts().signed_out);
}

TEST_F(Rotation, ALoginNeedsNoSeedAndANewSeedWinsOverIt) {
  ASSERT_TRUE(keep_refresh_token(state_, client_with(""), {.token = Secret("of-login"), .by_login = true}));
  Grant daemon = process("");
  ASSERT_TRUE(fetch(daemon));
  Grant later = process("a-seed-after-all");
  ASSERT_TRUE(fetch(later));
  EXPECT_THAT(used_, ElementsAre("of-login", "a-seed-after-all"));
}

TEST_F(Rotation, WhatIsKnownOfTheTokenSaysWhereItCameFromAndHoldsNoneOfIt) {
  sign_in("of-login");
  rotate_to("second");
  Grant daemon = process();
  ASSERT_TRUE(fetch(daemon));
  EXPECT_TRUE(facts().by_login);
  EXPECT_TRUE(facts().rotated);
  EXPECT_EQ(facts().refreshed_at, kThen);
  for (const char* secret : {"second", "of-login", "seed", "access", "s3cr3t"})
    EXPECT_THAT(*state_.load("credential/crm_main"), Not(HasSubstr(secret)));
}

TEST_F(Rotation, ARefusalIsKeptWithItsReasonUntilItWorksAgain) {
  Grant daemon = process();
  status_ = 400;
  answer_ = {{"error", "invalid_grant"}};
  ASSERT_FALSE(fetch(daemon));
  EXPECT_TRUE(facts().signed_out);
  EXPECT_THAT(facts().failure, HasSubstr("sign in again"));
  status_ = 200;
  answer_ = {{"access_token", "access"}};
  ASSERT_TRUE(fetch(daemon));
  EXPECT_FALSE(facts().signed_out);
  EXPECT_EQ(facts().failed_at, kThen) << "when it last failed stays known";
}

TEST_F(Rotation, TheTokensEndIsKeptWhileItIsTheSameToken) {
  const auto days = [](int n) { return kThen + std::chrono::hours(24 * n); };
  Grant daemon = process();
  answer_["refresh_token_expires_in"] = 7 * 86400;
  ASSERT_TRUE(fetch(daemon));
  EXPECT_EQ(facts().ends_at, days(7));
  answer_.erase("refresh_token_expires_in");
  ASSERT_TRUE(fetch(daemon));
  EXPECT_EQ(facts().ends_at, days(7)) << "untold, and the same token";
  answer_["refresh_token_expires_in"] = "172800";
  ASSERT_TRUE(fetch(daemon));
  EXPECT_EQ(facts().ends_at, days(2)) << "a number as text";
  answer_.erase("refresh_token_expires_in");
  rotate_to("second");
  ASSERT_TRUE(fetch(daemon));
  EXPECT_EQ(facts().ends_at, std::nullopt) << "another token, and nothing was said of its end";
}

}  // namespace
}  // namespace hw::http
