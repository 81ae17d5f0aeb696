#include <gmock/gmock.h>

#include <iostream>
#include <sstream>

#include "base/zone.h"
#include "cli/command.h"
#include "cli/test_kit.h"
#include "http/credential_facts.h"

namespace hw::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

http::LoginPlace page(const connect::Options&) {
  return {.auth_url = "https://login.example.com/authorize", .token_url = "http://127.0.0.1:1/token", .scope = "ads"};
}

/// Says by its clock when it was looked at.
class TellsTheTime final : public connect::Connector {
 public:
  explicit TellsTheTime(const Clock& clock) : clock_(clock) {}
  Result<std::vector<connect::Finding>> check_online(const connect::References&, connect::Context) override {
    return std::vector<connect::Finding>{{connect::Finding::Severity::ok, "time", rfc3339(clock_.system_now())}};
  }
  Result<std::vector<connect::RemoteObject>> discover(connect::Context) override {
    return std::vector<connect::RemoteObject>{};
  }

 private:
  const Clock& clock_;
};

std::unique_ptr<connect::Connector> make_tells_the_time(const connect::Options&,
                                                        const std::vector<std::pair<Object, std::string>>&,
                                                        connect::Env env, std::vector<connect::OptionError>&) {
  return std::make_unique<TellsTheTime>(env.clock);
}

/// Types what is given, as a person would.
class Typed {
 public:
  explicit Typed(const std::string& text) : text_(text), before_(std::cin.rdbuf(text_.rdbuf())) {}
  ~Typed() { std::cin.rdbuf(before_); }
  Typed(const Typed&) = delete;
  Typed& operator=(const Typed&) = delete;

 private:
  std::istringstream text_;
  std::streambuf* before_;
};

/// `ads` signs in with a refresh token that a login is to get; nothing listens at its token endpoint.
class AuthCommands : public CommandFixture {
 protected:
  AuthCommands() {
    std::vector<connect::ConnectorType> types;
    const connect::Registry plain = service::fake_registry();
    for (const auto& t : plain.types()) types.push_back(t);
    types[1].login = page;
    registry_ = connect::Registry(types);
    std::string text = config("live");
    const std::string before = R"(ads_login: {type: static_token, token: "${file:token}"})";
    text.replace(text.find(before), before.size(),
                 R"(ads_login: {type: refresh_token, client_id: client, client_secret: "${file:token}"})");
    write("headwater.yaml", text);
  }
  Ran login(std::vector<std::string> words, const std::string& typed = "") {
    const Typed by_hand(typed);
    words.insert(words.begin(), {"auth", "login"});
    words.insert(words.end(), {"-c", main_file()});
    return run_line(std::move(words));
  }
  Ran status(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"auth", "status"});
    words.insert(words.end(), {"-c", main_file(), "--format", "json"});
    return run_line(std::move(words));
  }
  void know(const http::CredentialFacts& facts) {
    auto app = open();
    ASSERT_TRUE(app->state->save(http::facts_key("ads_login"), http::facts_text(facts), /*secret=*/false));
  }
};

TEST_F(AuthCommands, ByHandTheAddressIsShownAndAWrongAnswerIsRefused) {
  const Ran ran = login({"ads", "--paste"}, "http://localhost:8975/callback?code=a&state=other\n");
  EXPECT_EQ(ran.code, kDataError);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("https://login.example.com/authorize?response_type=code"),
                             HasSubstr("answers another login")));
  EXPECT_EQ(login({"ads", "--no-browser"}, "").code, kDataError) << "nothing was pasted";
}

TEST_F(AuthCommands, WhereTheTokenEndpointIsAwayTheServiceIsUnavailable) {
  const Ran ran = login({"ads", "--paste", "--port", "4711"}, "a-code\n");
  EXPECT_EQ(ran.code, kUnavailable) << ran.err;
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("localhost%3A4711"), HasSubstr("credential 'ads_login'"), Not(HasSubstr("a-code"))));
}

TEST_F(AuthCommands, ASecretOfAnotherConnectorIsNoneOfItsBusinessAndItsOwnIs) {
  const std::string all = config("live");
  const std::string before = R"(ads_login: {type: static_token, token: "${file:token}"})";
  const auto with = [&](const std::string& own, const std::string& other) {
    std::string text = all;
    text.replace(text.find(before), before.size(),
                 "ads_login: {type: refresh_token, client_id: client, client_secret: \"${file:" + own +
                     "}\"}\n  other: {type: static_token, token: \"${file:" + other + "}\"}");
    write("headwater.yaml", text);
    return login({"ads", "--paste"}, "a-code\n");
  };
  EXPECT_THAT(with("token", "none").err, HasSubstr("https://login.example.com/authorize"));
  const Ran ran = with("none", "token");
  EXPECT_EQ(ran.code, kConfig);
  EXPECT_THAT(ran.err, HasSubstr("none does not exist"));
}

TEST_F(AuthCommands, AConnectorThatIsNotThereIsAnErrorOfUse) {
  const Ran ran = login({"adz"});
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_THAT(ran.err, HasSubstr("did you mean 'ads'"));
  EXPECT_EQ(login({"crm"}).code, kUsage);
  EXPECT_EQ(login({"ads", "--port", "0"}).code, kUsage);
  EXPECT_EQ(status({"adz"}).code, kUsage);
}

TEST_F(AuthCommands, TheyAndCheckFollowASandboxsClockAsOthersDo) {
  EXPECT_EQ(login({"ads", "--paste", "--follow-clock", dir_ + "/no-clock"}, "a-code\n").code, kUsage);
  EXPECT_EQ(run_line({"check", "-c", main_file(), "--follow-clock", dir_ + "/no-clock"}).code, kUsage);
  std::vector<connect::ConnectorType> types;
  for (const auto& t : registry_.types()) types.push_back(t);
  types[1].make = make_tells_the_time;
  registry_ = connect::Registry(types);
  const std::int64_t words[2] = {1'700'000'000'000'000, 0};
  write("clock", std::string(reinterpret_cast<const char*>(words), sizeof words));
  const Ran ran = run_line({"check", "--online", "-c", main_file(), "--follow-clock", dir_ + "/clock"});
  EXPECT_THAT(ran.out, HasSubstr("ads: time: 2023-11-14T22:13:20Z")) << ran.err;
}

TEST_F(AuthCommands, StatusNeedsNeitherStoreNorSecrets) {
  std::filesystem::remove(dir_ + "/token");
  const Ran ran = status();
  EXPECT_EQ(ran.code, kDifference) << "nobody is signed in";
  ASSERT_THAT(ran.parsed(), SizeIs(1));
  EXPECT_EQ(ran.parsed()[0]["credential"], "ads_login");
  EXPECT_EQ(ran.parsed()[0]["signed_in"], "no");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

TEST_F(AuthCommands, StatusTellsWhatIsKnown) {
  know({.by_login = true, .since = Timestamp(std::chrono::seconds(1'796'000'000))});
  const Ran ran = status({"ads"});
  EXPECT_EQ(ran.code, kOk) << ran.err;
  EXPECT_EQ(ran.parsed()[0]["token_from"], "login");
  EXPECT_EQ(ran.parsed()[0]["connectors"], "ads");
  EXPECT_THAT(status({"crm"}).parsed(), IsEmpty());
}

}  // namespace
}  // namespace hw::cli
