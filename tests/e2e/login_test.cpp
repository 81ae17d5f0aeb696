// Signing in against the vendors' own pages as the sandbox has them, and working with the token that came of it.
#include "service/login.h"

#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "connectors/registry.h"
#include "http/credential_facts.h"
#include "sandbox/peers.h"
#include "sandbox/server.h"
#include "service/app.h"
#include "service/check.h"
#include "service/sync.h"

namespace hw {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

/// A person's browser: asks for the page, and follows where it leads.
class Browser {
 public:
  /// Where the page at `url` sends it; "" when it is shown an error.
  static std::string led_to(const std::string& url) {
    const auto got = get(url);
    return got && got->status == 302 ? got->get_header_value("Location") : "";
  }
  static int visit(const std::string& url) {
    const auto got = get(url);
    return got ? got->status : -1;
  }

 private:
  static httplib::Result get(const std::string& url) {
    const auto path = url.find('/', url.find("://") + 3);
    std::string host = url.substr(0, path);
    if (const auto name = host.find("localhost"); name != std::string::npos) host.replace(name, 9, "127.0.0.1");
    httplib::Client client(host);
    return client.Get(url.substr(path));
  }
};

std::string address_in(const std::string& said) {
  const auto at = said.find("http://127.0.0.1");
  return said.substr(at, said.find('\n', at) - at);
}

class SigningIn : public testing::Test {
 protected:
  SigningIn() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hw_login_XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    world_.now = clock_->system_now();
    world_.ads.actions.push_back(
        {.account = "1112223333", .id = "700000001", .created = world_.now - std::chrono::hours(1000)});
    world_.crm.create("deals", {{"name", "A deal"}, {"amount", "100"}, {"stage", "won"}},
                      world_.now - std::chrono::hours(2));
    const int port = server_.start(0);
    EXPECT_NE(port, 0);
    write("secret", world_.sign_in.client_secret);
    write("headwater.yaml", config("http://127.0.0.1:" + std::to_string(port)));
  }
  ~SigningIn() override { std::filesystem::remove_all(dir_); }

  [[nodiscard]] std::string config(const std::string& url) const {
    return R"(reporting: {time_zone: UTC, currency: EUR}
state: {directory: ")" +
           dir_ + R"(/state"}
gather: 0s
credentials:
  ads: {type: refresh_token, client_id: sandbox-client, client_secret: "${file:secret}"}
  crm: {type: refresh_token, client_id: sandbox-client, client_secret: "${file:secret}"}
stages:
  - {name: won, subject: deal, trigger: {stage: closedwon}, flags: [won]}
goals:
  - {name: won, subject: deal, stage: won, value: amount, revenue: true}
destinations:
  - {name: ads_won, goal: won, upload_by: google, account: "1112223333", action: "700000001", mode: live}
connectors:
  google:
    type: google_data_manager
    base_url: ")" +
           url + R"(/google_data_manager"
    token_url: ")" +
           url + R"(/google_data_manager/token"
    auth_url: ")" +
           url + R"(/google_data_manager/o/oauth2/v2/auth?access_type=offline&prompt=consent"
    credential: ads
  portal:
    type: hubspot
    base_url: ")" +
           url + R"(/hubspot"
    auth_url: ")" +
           url + R"(/hubspot/oauth/authorize"
    credential: crm
    company_currency: EUR
)";
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ + "/" + name) << text;
    ::chmod((dir_ + "/" + name).c_str(), 0600);
  }
  [[nodiscard]] std::string main_file() const { return dir_ + "/headwater.yaml"; }

  Result<std::string> log_in(const service::LoginOptions& options, const service::LoginTalk& talk) {
    auto loaded = settings::load(main_file(), registry_, {.credentials_directory = ""});
    if (auto* errors = std::get_if<std::vector<settings::OptionError>>(&loaded))
      ADD_FAILURE() << service::lines(*errors);
    return service::log_in(std::get<settings::Loaded>(loaded).settings, registry_, options, talk, *clock_, {});
  }
  /// The browser runs on this machine and comes back by itself.
  Result<std::string> by_browser(const std::string& connector) {
    std::thread browser;
    auto done = log_in({.connector = connector}, {.say =
                                                      [&](const std::string& said) {
                                                        browser = std::thread([page = address_in(said)] {
                                                          EXPECT_EQ(Browser::visit(Browser::led_to(page)), 200);
                                                        });
                                                      },
                                                  .read_line = {}});
    browser.join();
    return done;
  }
  /// The browser runs elsewhere, and a person carries the address.
  Result<std::string> by_hand(const std::string& connector) {
    std::string page;
    return log_in({.connector = connector, .paste = true},
                  {.say = [&](const std::string& said) { page = address_in(said); },
                   .read_line = [&] { return std::optional(Browser::led_to(page)); }});
  }
  std::unique_ptr<service::App> open() {
    auto app = service::App::make({.config = main_file(),
                                   .state_of = "",
                                   .credentials_directory = "",
                                   .follow_clock = "",
                                   .access = service::AppOptions::Access::work},
                                  registry_);
    EXPECT_TRUE(app) << app.error().detail;
    return std::move(*app);
  }
  std::size_t rows_read() {
    auto app = open();
    EXPECT_TRUE(service::start(*app));
    const auto synced = service::sync(*app, {}, {}, [](const std::string&) {});
    EXPECT_TRUE(synced) << synced.error().detail;
    return synced->rows;
  }
  /// Errors of `check --online`, by connector.
  std::vector<std::string> troubles() {
    std::vector<std::string> out;
    for (const auto& f :
         service::check({.config = main_file(), .credentials_directory = "", .online = true}, registry_).online)
      if (f.finding.severity == connect::Finding::Severity::error)
        out.push_back(f.connector + ": " + f.finding.subject + ": " + f.finding.message);
    return out;
  }

  std::string dir_;
  connect::Registry registry_ = connectors::all();
  std::unique_ptr<Clock> clock_ = make_system_clock();
  sandbox::World world_;
  sandbox::Server server_{world_, sandbox::make_peers(world_), nullptr};
};

TEST_F(SigningIn, ByBrowserForConversionsAndByHandForTheCrmAndThenBothWork) {
  EXPECT_THAT(troubles(), SizeIs(2)) << "nobody has signed in";
  const auto ads = by_browser("google");
  ASSERT_TRUE(ads) << ads.error().detail;
  const auto crm = by_hand("portal");
  ASSERT_TRUE(crm) << crm.error().detail;
  EXPECT_THAT(world_.sign_in.given_tokens, SizeIs(2));
  for (const std::string& trouble : troubles()) EXPECT_THAT(trouble, testing::Not(HasSubstr("sign"))) << trouble;
  EXPECT_GE(rows_read(), 1U);
}

TEST_F(SigningIn, ByHandForConversionsToo) {
  const auto ads = by_hand("google");
  ASSERT_TRUE(ads) << ads.error().detail;
  EXPECT_THAT(troubles(), SizeIs(1)) << "the CRM alone";
}

TEST_F(SigningIn, APersonWhoDeniesIsToldSo) {
  world_.sign_in.person_denies = true;
  EXPECT_EQ(by_browser("google").error().code, "access_denied");
  EXPECT_EQ(by_hand("portal").error().code, "access_denied");
}

TEST_F(SigningIn, WithoutConsentAskedForAgainThereIsNoRefreshTokenAndThatIsSaid) {
  world_.sign_in.has_consented = true;
  std::ifstream file(main_file());
  std::string kept{std::istreambuf_iterator<char>(file), {}};
  kept.replace(kept.find("&prompt=consent"), 15, "");
  write("headwater.yaml", kept);
  const auto refused = by_hand("google");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "no_refresh_token");
  EXPECT_THAT(refused.error().detail, HasSubstr("consent"));
}

TEST_F(SigningIn, ARedirectAddressThatTheAppDoesNotKnowLeadsNowhere) {
  world_.sign_in.redirect_urls = {"https://example.com/callback"};
  EXPECT_EQ(by_hand("portal").error().code, "no_code");
}

TEST_F(SigningIn, TheEndOfATestingAppsTokenIsKnown) {
  world_.sign_in.login_life = std::chrono::hours(7 * 24);
  ASSERT_TRUE(by_browser("google"));
  const auto facts = http::read_facts(open()->state->load(http::facts_key("ads")).value_or(""));
  ASSERT_TRUE(facts.ends_at);
  EXPECT_LT(*facts.ends_at, clock_->system_now() + std::chrono::hours(7 * 24 + 1));
}

}  // namespace
}  // namespace hw
