#include "service/login.h"

#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/text.h"
#include "http/credential_facts.h"
#include "http/grant.h"
#include "service/check.h"
#include "service/lock.h"
#include "service/login_callback.h"
#include "service/test_kit.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A token endpoint on loopback, which gives out what `answer` holds.
class TokenEndpoint {
 public:
  TokenEndpoint() {
    server_.Post("/token", [this](const httplib::Request& request, httplib::Response& out) {
      const std::lock_guard lock(mu_);
      forms_.push_back(request.params);
      out.status = status;
      out.set_content(answer.dump(), "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TokenEndpoint() {
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/token"; }
  /// One field of every form that was posted.
  std::vector<std::string> posted(const std::string& field) {
    const std::lock_guard lock(mu_);
    std::vector<std::string> out;
    for (const auto& form : forms_)
      if (const auto it = form.find(field); it != form.end()) out.push_back(it->second);
    return out;
  }
  int status = 200;
  json answer = {{"access_token", "access"}, {"expires_in", 3600}, {"refresh_token", "of-login"}};

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mu_;
  std::vector<httplib::Params> forms_;
};

http::LoginPlace ads_page(const connect::Options& o) {
  return {.auth_url = "https://login.example.com/authorize", .token_url = o.text("token_url"), .scope = "ads.write"};
}
http::LoginPlace cost_page(const connect::Options& o) {
  return {.auth_url = "https://login.example.com/authorize", .token_url = o.text("token_url"), .scope = "ads.read"};
}

/// Signs in when it looks online, and says when that was.
class SignsIn final : public connect::Connector {
 public:
  SignsIn(const connect::Options& options, connect::Env env) : env_(env) {
    if (options.has("token_url"))
      auth_ = {.credential = options.text("credential"), .token_url = options.text("token_url"), .scope = {}};
  }
  Result<std::vector<connect::Finding>> check_online(const connect::References&, connect::Context context) override {
    if (auto in = env_.http.sign_in(auth_, context.stop); !in) return in.error();
    return std::vector<connect::Finding>{
        {connect::Finding::Severity::ok, "signed in", rfc3339(env_.clock.system_now())}};
  }
  Result<std::vector<connect::RemoteObject>> discover(connect::Context) override {
    return std::vector<connect::RemoteObject>{};
  }

 private:
  connect::Env env_;
  http::Auth auth_;
};

std::unique_ptr<connect::Connector> make_signs_in(const connect::Options& options,
                                                  const std::vector<std::pair<Object, std::string>>&, connect::Env env,
                                                  std::vector<connect::OptionError>&) {
  return std::make_unique<SignsIn>(options, env);
}

/// The machine's, but a wait on it is over when the test has done what happens meanwhile.
class ClockOfEvents final : public Clock {
 public:
  explicit ClockOfEvents(std::function<void()> meanwhile) : meanwhile_(std::move(meanwhile)) {}
  SystemTime system_now() const override { return system_->system_now() + ahead_; }
  SteadyTime steady_now() const override { return system_->steady_now() + ahead_; }
  std::unique_ptr<Waiter> waiter(std::string) override { return std::make_unique<OneWait>(*this); }
  void advance(Duration d) { ahead_ += d; }

 private:
  struct OneWait final : Waiter {
    explicit OneWait(ClockOfEvents& c) : clock(c) {}
    bool wait_until(SystemTime, std::stop_token) override {
      clock.meanwhile_();
      return true;
    }
    void wake() override {}
    ClockOfEvents& clock;
  };
  std::function<void()> meanwhile_;
  std::unique_ptr<Clock> system_ = make_system_clock();
  Duration ahead_{};
};

connect::Registry registry_with_pages() {
  connect::OptionDecl token_url;
  token_url.name = "token_url";
  token_url.type = connect::OptionType::url;
  token_url.help = "Where tokens come from.";
  std::vector<connect::ConnectorType> types;
  const connect::Registry plain = fake_registry();
  for (const auto& t : plain.types()) types.push_back(t);
  connect::ConnectorType ads = types[1];
  ads.options.push_back(token_url);
  ads.login = ads_page;
  ads.make = make_signs_in;
  connect::ConnectorType costs = ads;
  costs.name = "ads_costs";
  costs.vocabulary = {};
  costs.login = cost_page;
  connect::ConnectorType keyed = types[1];
  keyed.name = "keyed";
  keyed.vocabulary = {};
  return connect::Registry({types[0], ads, costs, keyed});
}

class LoggingIn : public AppFixture {
 protected:
  LoggingIn() {
    registry_ = registry_with_pages();
    write("secret", "client-s3cr3t");
    write("robot", R"({"client_email": "robot@example.com", "private_key": "is not read here"})");
    std::filesystem::permissions(dir_ + "/robot",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::permissions(dir_ + "/secret",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const std::string config_text = AppFixture::config("live");
    std::string text = config_text.substr(0, config_text.find("connectors:"));
    const std::string plain = R"(ads_login: {type: static_token, token: "${file:token}"})";
    text.replace(text.find(plain), plain.size(),
                 R"(ads_login: {type: refresh_token, client_id: client, client_secret: "${file:secret}"}
  plain: {type: static_token, token: "${file:token}"}
  robot: {type: service_account, key: "${file:robot}"})");
    write("headwater.yaml",
          text +
              "connectors:\n  crm: {type: shop_crm}\n  ads: {type: ads_platform, credential: ads_login, token_url: \"" +
              endpoint_.url() + "\"}\n  costs: {type: ads_costs, credential: ads_login, token_url: \"" +
              endpoint_.url() + "\"}\n  fixed: {type: ads_costs, credential: plain}\n" +
              "  machine: {type: ads_costs, credential: robot}\n");
  }
  settings::Settings settings() {
    auto loaded = settings::load(dir_ + "/headwater.yaml", registry_, {.credentials_directory = ""});
    if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded)) ADD_FAILURE() << lines(*errors);
    settings::Settings read = std::get<settings::Loaded>(std::move(loaded)).settings;
    if (change_) change_(read);
    return read;
  }
  Result<std::string> log_in(const LoginOptions& options, const LoginTalk& talk, std::stop_token stop = {}) {
    return service::log_in(settings(), registry_, options, talk, *clock_, stop);
  }
  Result<std::string> paste(const std::function<std::string(const std::string& said)>& answer) {
    std::string said;
    return log_in({.connector = "ads", .paste = true},
                  {.say = [&](const std::string& text) { said += text; }, .read_line = [&] { return answer(said); }});
  }
  static std::string value_in(const std::string& said, const std::string& name) {
    const auto at = said.find(name + "=") + name.size() + 1;
    return percent_decode(said.substr(at, said.find_first_of("& \n", at) - at));
  }
  static std::string answered(const std::string& said, const std::string& code) {
    return value_in(said, "redirect_uri") + "?code=" + code + "&state=" + value_in(said, "state");
  }
  std::vector<OnlineFinding> checked_online(const Clock* followed = nullptr) {
    const CheckResult result =
        check({.config = dir_ + "/headwater.yaml", .credentials_directory = "", .online = true, .followed = followed},
              registry_);
    EXPECT_EQ(lines(result.errors), "");
    return result.online;
  }
  /// The store and the tokens as a daemon has them.
  struct Daemon {
    explicit Daemon(const std::string& state_dir) {
      store::DbOptions options;
      options.path = state_dir + "/headwater.db";
      db = std::move(store::Db::open(options)).value();
      state = std::make_unique<StoreState>(*db, state_dir);
    }
    std::unique_ptr<store::Db> db;
    std::unique_ptr<StoreState> state;
  };
  Daemon daemon() { return Daemon(dir_ + "/state"); }
  /// A daemon's refresh; the refresh token that it used.
  std::string refreshed_with(Daemon& daemon) {
    auto client = http::make_client(
        {.credentials = settings().credentials, .ca_file = {}, .user_agent = {}, .state = daemon.state.get()}, *clock_,
        *random_);
    const Status in = client->sign_in({.credential = "ads_login", .token_url = endpoint_.url(), .scope = {}}, {});
    EXPECT_TRUE(in) << (in ? "" : in.error().detail);
    return endpoint_.posted("refresh_token").empty() ? "" : endpoint_.posted("refresh_token").back();
  }

  std::function<void(settings::Settings&)> change_;
  TokenEndpoint endpoint_;
  std::unique_ptr<Clock> clock_ = make_system_clock();
  std::unique_ptr<Random> random_ = make_system_random();
};

TEST_F(LoggingIn, TheBrowserBringsTheCodeToLoopback) {
  std::thread browser;
  int status = 0;
  const auto done = log_in({.connector = "ads"}, {.say =
                                                      [&](const std::string& said) {
                                                        const std::string to = answered(said, "abc");
                                                        browser = std::thread([to, &status] {
                                                          httplib::Client client("127.0.0.1", std::stoi(to.substr(17)));
                                                          const auto got = client.Get(to.substr(to.find("/callback")));
                                                          status = got ? got->status : -1;
                                                        });
                                                      },
                                                  .read_line = {}});
  browser.join();
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_EQ(status, 200);
  EXPECT_THAT(*done, HasSubstr("'ads_login'"));
  EXPECT_THAT(endpoint_.posted("code"), ElementsAre("abc"));
  EXPECT_THAT(endpoint_.posted("client_secret"), ElementsAre("client-s3cr3t"));
  auto after = daemon();
  EXPECT_EQ(refreshed_with(after), "of-login");
}

TEST_F(LoggingIn, AStrangersRequestIsTurnedAwayAndEndsNothing) {
  std::vector<int> answers;
  std::thread browser;
  const auto done = log_in(
      {.connector = "ads"},
      {.say =
           [&](const std::string& said) {
             const std::string to = answered(said, "abc");
             browser = std::thread([to, &answers] {
               httplib::Client client("127.0.0.1", std::stoi(to.substr(17)));
               for (const std::string& path : {std::string("/callback?code=evil&state=other"), std::string("/callback"),
                                               std::string("/favicon.ico"), to.substr(to.find("/callback"))}) {
                 const auto got = client.Get(path);
                 answers.push_back(got ? got->status : -1);
               }
             });
           },
       .read_line = {}});
  browser.join();
  ASSERT_TRUE(done) << done.error().detail;
  EXPECT_THAT(answers, ElementsAre(400, 400, 404, 200));
  EXPECT_THAT(endpoint_.posted("code"), ElementsAre("abc"));
}

TEST_F(LoggingIn, WhereNoBrowserComesItEndsAndSaysWhatToLookAt) {
  const LoginTalk silent{.say = [](const std::string&) {}, .read_line = {}};
  const auto late = log_in({.connector = "ads", .paste = false, .port = 0, .patience = Duration(0)}, silent);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "timed_out");
  EXPECT_THAT(late.error().detail, HasSubstr("redirect address http://localhost:"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(log_in({.connector = "ads"}, silent, stop.get_token()).error().code, "stopped");
}

TEST_F(LoggingIn, APortThatIsTakenIsSaid) {
  auto first = LoginCallback::open(0);
  ASSERT_TRUE(first);
  const LoginOptions second{.connector = "ads", .paste = false, .port = (*first)->port()};
  const auto refused = log_in(second, {.say = [](const std::string&) {}, .read_line = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "listen");
  EXPECT_THAT(refused.error().detail, HasSubstr("--port"));
}

TEST_F(LoggingIn, ByHandTheWholeAddressOrTheCodeAloneIsTaken) {
  ASSERT_TRUE(paste([](const std::string& said) { return " " + answered(said, "4%2F0Ab") + "\r"; }));
  ASSERT_TRUE(paste([](const std::string&) { return std::string("4/0Cd"); }));
  EXPECT_THAT(endpoint_.posted("code"), ElementsAre("4/0Ab", "4/0Cd"));
  EXPECT_THAT(endpoint_.posted("redirect_uri")[0], "http://localhost:8975/callback");
}

TEST_F(LoggingIn, ByHandAWrongAnswerAsksNobody) {
  const auto wrong =
      paste([](const std::string&) { return std::string("http://localhost:8975/callback?code=a&state=b"); });
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "wrong_state");
  const auto nothing = log_in({.connector = "ads", .paste = true},
                              {.say = [](const std::string&) {}, .read_line = [] { return std::nullopt; }});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, "no_code");
  EXPECT_THAT(endpoint_.posted("code"), IsEmpty());
}

TEST_F(LoggingIn, TheTokenIsAFileForItsOwnerAloneAndNowhereElse) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  int tokens = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ + "/state")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.find("of-login") == std::string::npos) continue;
    ++tokens;
    struct stat s {};
    ASSERT_EQ(::stat(entry.path().c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0600U);
  }
  EXPECT_EQ(tokens, 1);
}

TEST_F(LoggingIn, ARunningDaemonGoesOnWithTheNewToken) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("first"); }));
  auto running = daemon();
  const auto lock = Lock::take(dir_ + "/state");
  ASSERT_TRUE(lock);
  endpoint_.answer["refresh_token"] = "rotated";
  EXPECT_EQ(refreshed_with(running), "of-login");
  endpoint_.answer["refresh_token"] = "of-second-login";
  ASSERT_TRUE(paste([](const std::string&) { return std::string("second"); }));
  EXPECT_EQ(refreshed_with(running), "of-second-login");
}

TEST_F(LoggingIn, ADaemonThatExchangesTheTokenEndsFirstAndNeverReplacesTheLogin) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("first"); }));
  auto running = daemon();
  const auto credential = login_target(settings(), registry_, "ads")->credential;
  auto exchanging = running.state->hold(http::refresh_token_key(credential));
  ASSERT_TRUE(exchanging);
  clock_ = std::make_unique<ClockOfEvents>([&] {
    ASSERT_TRUE(http::keep_refresh_token(*running.state, credential, {.token = Secret("rotated"), .rotated = true}));
    exchanging->reset();
  });
  endpoint_.answer["refresh_token"] = "of-second-login";
  ASSERT_TRUE(paste([](const std::string&) { return std::string("second"); }));
  endpoint_.answer.erase("refresh_token");
  EXPECT_EQ(refreshed_with(running), "of-second-login");
}

TEST_F(LoggingIn, ATokenThatIsNotLetGoOfIsNotWaitedForForEver) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("first"); }));
  auto running = daemon();
  const auto held =
      running.state->hold(http::refresh_token_key(login_target(settings(), registry_, "ads")->credential));
  ASSERT_TRUE(held);
  auto clock =
      std::make_unique<ClockOfEvents>([&] { static_cast<ClockOfEvents&>(*clock_).advance(std::chrono::seconds(20)); });
  clock_ = std::move(clock);
  const auto late = paste([](const std::string&) { return std::string("second"); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "token_busy");
}

TEST_F(LoggingIn, CheckOnlineSignsInBesideADaemonThatGoesOnWithTheSuccessor) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("first"); }));
  auto running = daemon();
  const auto lock = Lock::take(dir_ + "/state");
  ASSERT_TRUE(lock);
  endpoint_.answer["refresh_token"] = "rotated";
  for (const auto& f : checked_online())
    EXPECT_EQ(f.finding.severity, connect::Finding::Severity::ok) << f.connector << ": " << f.finding.message;
  EXPECT_EQ(refreshed_with(running), "rotated");
}

TEST_F(LoggingIn, ASandboxsClockDatesTheLoginAndTheCheck) {
  FakeClock sandbox(from_micros(1'700'000'000'000'000));
  std::string said;
  ASSERT_TRUE(
      log_in({.connector = "ads", .paste = true, .port = 0, .patience = std::chrono::minutes(5), .followed = &sandbox},
             {.say = [](const std::string&) {}, .read_line = [] { return std::optional<std::string>("abc"); }}));
  auto after = daemon();
  EXPECT_EQ(http::read_facts(after.state->load(http::facts_key("ads_login")).value_or("")).since, sandbox.system_now());
  std::set<std::string> times;
  for (const auto& f : checked_online(&sandbox))
    if (f.finding.subject == "signed in") times.insert(f.finding.message);
  EXPECT_THAT(times, ElementsAre("2023-11-14T22:13:20Z"));
}

TEST_F(LoggingIn, WhatIsKnownOfItIsKept) {
  endpoint_.answer["refresh_token_expires_in"] = 7 * 86400;
  const Timestamp before = clock_->system_now();
  const auto done = paste([](const std::string&) { return std::string("abc"); });
  ASSERT_TRUE(done);
  EXPECT_THAT(*done, HasSubstr("it ends "));
  auto after = daemon();
  const auto facts = http::read_facts(after.state->load(http::facts_key("ads_login")).value_or(""));
  EXPECT_TRUE(facts.by_login);
  EXPECT_GE(*facts.ends_at, before + std::chrono::hours(7 * 24));
}

TEST_F(LoggingIn, PausesForWantOfASignInAreLiftedAndNoOthers) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  auto running = daemon();
  const auto pause = [&](const std::string& scope, const std::string& name, const std::string& code) {
    ASSERT_TRUE(running.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      store::service_rows::set_pause(
          tx,
          {.scope = scope, .name = name, .code = code, .detail = "", .since = clock_->system_now(), .retry_at = {}});
      return {};
    }));
  };
  pause("connector", "ads", "credential");
  pause("destination", "ads_won", "credential");
  pause("source", "costs", "credential");
  pause("source", "fixed", "credential");
  pause("destination", "ads_won_us", "action_unknown");
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  std::vector<std::string> left;
  ASSERT_TRUE(running.db->read([&](store::Tx& tx) -> Status {
    for (const auto& p : store::service_rows::pauses(tx)) left.push_back(p.name);
    return {};
  }));
  EXPECT_THAT(left, UnorderedElementsAre("fixed", "ads_won_us"));
}

TEST_F(LoggingIn, PausesOfWhatTheConnectorCarriesAreLiftedAndAPersonsNever) {
  change_ = [](settings::Settings& s) {
    s.source_fields.emplace_back();
    s.source_fields.back().name = "contacts";
    s.source_fields.back().connector = "costs";
    s.source_fields.emplace_back();
    s.source_fields.back().name = "others";
    s.source_fields.back().connector = "fixed";
    s.destinations.front().upload_by = "fixed";
    s.destinations.front().restate_by = "ads";
  };
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  auto running = daemon();
  const std::vector<store::StoredPause> before{{"source_fields", "contacts", "http_403", "", {}, {}},
                                               {"source_fields", "others", "credential", "", {}, {}},
                                               {"destination", "ads_won", "http_401", "", {}, {}},
                                               {store::kByPerson, "ads", "by_person", "ada", {}, {}}};
  ASSERT_TRUE(running.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
    for (const auto& p : before) store::service_rows::set_pause(tx, p);
    return {};
  }));
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  std::vector<std::string> left;
  ASSERT_TRUE(running.db->read([&](store::Tx& tx) -> Status {
    for (const auto& p : store::service_rows::pauses(tx)) left.push_back(p.scope + " " + p.name);
    return {};
  }));
  EXPECT_THAT(left, UnorderedElementsAre("source_fields others", "person ads"));
}

TEST_F(LoggingIn, ARefusedExchangeKeepsWhatWasThere) {
  ASSERT_TRUE(paste([](const std::string&) { return std::string("abc"); }));
  endpoint_.status = 400;
  endpoint_.answer = {{"error", "invalid_grant"}};
  const auto refused = paste([](const std::string&) { return std::string("used"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "credential");
  EXPECT_THAT(refused.error().detail, HasSubstr("credential 'ads_login'"));
  endpoint_.status = 200;
  endpoint_.answer = {{"access_token", "access"}};
  auto after = daemon();
  EXPECT_EQ(refreshed_with(after), "of-login");
}

TEST_F(LoggingIn, OneLoginAsksForWhatAllConnectorsOfTheCredentialNeed) {
  const auto target = login_target(settings(), registry_, "ads");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->place.scope, "ads.write ads.read");
  EXPECT_THAT(target->sharing, ElementsAre("ads", "costs"));
}

TEST_F(LoggingIn, WhatAPersonCannotSignInToIsSaid) {
  struct Row {
    const char *connector, *says;
  };
  for (const Row& row : std::initializer_list<Row>{{"adz", "did you mean 'ads'"},
                                                   {"elsewhere", "there are: crm, ads, costs, fixed, machine"},
                                                   {"crm", "nothing that a person could sign in to"},
                                                   {"fixed", "type refresh_token"},
                                                   {"machine", "service account"}}) {
    const auto target = login_target(settings(), registry_, row.connector);
    ASSERT_FALSE(target) << row.connector;
    EXPECT_EQ(target.error().code, "usage") << row.connector;
    EXPECT_THAT(target.error().detail, HasSubstr(row.says)) << row.connector;
  }
}

}  // namespace
}  // namespace hw::service
