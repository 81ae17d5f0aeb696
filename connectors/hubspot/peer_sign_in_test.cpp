#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/zone.h"
#include "connectors/hubspot/peer.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;
using Query = std::map<std::string, std::string>;

// RFC 7636, appendix B.
constexpr const char* kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
constexpr const char* kRedirect = "http://localhost:8975/callback";

class HubspotSignIn : public testing::Test {
 protected:
  HubspotSignIn() { world_.now = read_time("2026-11-20T10:00:00Z", Zone::utc())->at; }

  static Query asked() {
    return {{"client_id", "sandbox-client"},
            {"redirect_uri", kRedirect},
            {"response_type", "code"},
            {"scope", "oauth crm.objects.deals.read"},
            {"state", "s1"},
            {"code_challenge", kChallenge},
            {"code_challenge_method", "S256"}};
  }
  HttpResponse page(const Query& query) {
    return peer_->handle({.method = "GET", .path = "/oauth/authorize", .query = query, .headers = {}, .body = {}});
  }
  static std::string location(const HttpResponse& r) {
    for (const auto& [name, value] : r.headers)
      if (name == "Location") return value;
    return "";
  }
  std::string code() {
    const std::string to = location(page(asked()));
    const auto at = to.find("code=");
    return to.substr(at + 5, to.find('&', at) - at - 5);
  }
  HttpResponse exchange(const Query& changed) {
    Query form = {{"grant_type", "authorization_code"},
                  {"client_id", "sandbox-client"},
                  {"client_secret", "sandbox-secret"},
                  {"redirect_uri", kRedirect},
                  {"code_verifier", kVerifier}};
    for (const auto& [name, value] : changed) form[name] = value;
    std::string body;
    for (const auto& [name, value] : form) body += (body.empty() ? "" : "&") + name + "=" + percent_encode(value);
    return peer_->handle({.method = "POST", .path = "/oauth/2026-09/token", .query = {}, .headers = {}, .body = body});
  }
  static std::string status(const HttpResponse& r) { return json::parse(r.body).value("status", ""); }

  World world_;
  std::unique_ptr<Peer> peer_ = make_hubspot_peer(world_);
};

TEST_F(HubspotSignIn, ACodeBecomesARefreshTokenThatWorks) {
  const auto to = page(asked());
  ASSERT_EQ(to.status, 302);
  EXPECT_THAT(location(to), StartsWith(std::string(kRedirect) + "?code="));
  EXPECT_THAT(location(to), HasSubstr("state=s1"));
  const auto given = exchange({{"code", code()}});
  ASSERT_EQ(given.status, 200) << given.body;
  const std::string token = json::parse(given.body)["refresh_token"];
  EXPECT_EQ(exchange({{"grant_type", "refresh_token"}, {"refresh_token", token}}).status, 200);
  world_.sign_in.rotates = true;
  const auto rotated = exchange({{"grant_type", "refresh_token"}, {"refresh_token", token}});
  EXPECT_EQ(status(exchange({{"grant_type", "refresh_token"}, {"refresh_token", token}})), "BAD_REFRESH_TOKEN");
  const std::string next = json::parse(rotated.body)["refresh_token"];
  EXPECT_EQ(exchange({{"grant_type", "refresh_token"}, {"refresh_token", next}}).status, 200);
}

TEST_F(HubspotSignIn, APageThatDoesNotKnowTheAppOrItsAddressSendsNobodyAnywhere) {
  struct Row {
    const char *name, *value, *says;
  };
  for (const Row& row : std::initializer_list<Row>{{"client_id", "other", "client id"},
                                                   {"redirect_uri", "http://localhost:8976/callback", "redirect URL"},
                                                   {"redirect_uri", "http://127.0.0.1:8975/callback", "redirect URL"},
                                                   {"response_type", "token", "response type"},
                                                   {"scope", "oauth crm.objects.deals.delete", "scope"},
                                                   {"scope", "", "scope"},
                                                   {"code_challenge_method", "plain", "challenge"},
                                                   {"code_challenge", "short", "challenge"}}) {
    Query query = asked();
    query[row.name] = row.value;
    const auto shown = page(query);
    EXPECT_EQ(shown.status, 400) << row.name;
    EXPECT_EQ(location(shown), "") << row.name;
    EXPECT_THAT(shown.body, HasSubstr(row.says)) << row.name;
  }
}

TEST_F(HubspotSignIn, AnAppWithoutTheScopeIsNotInstalled) {
  world_.sign_in.withheld_scopes = {"crm.objects.deals.read"};
  EXPECT_EQ(page(asked()).status, 400);
}

TEST_F(HubspotSignIn, APersonWhoDeniesIsSentBackWithoutACode) {
  world_.sign_in.person_denies = true;
  const std::string to = location(page(asked()));
  EXPECT_THAT(to, HasSubstr("error=access_denied"));
  EXPECT_THAT(to, HasSubstr("state=s1"));
  EXPECT_THAT(to, testing::Not(HasSubstr("code=")));
}

TEST_F(HubspotSignIn, ACodeIsGoodOnceForTenMinutesAndForItsOwnLogin) {
  const std::string used = code();
  EXPECT_EQ(exchange({{"code", used}}).status, 200);
  EXPECT_EQ(status(exchange({{"code", used}})), "BAD_AUTH_CODE");
  EXPECT_EQ(status(exchange({{"code", code()}, {"redirect_uri", "http://localhost:1/callback"}})), "BAD_REDIRECT_URI");
  EXPECT_EQ(status(exchange({{"code", code()}, {"code_verifier", std::string(43, 'a')}})), "BAD_AUTH_CODE");
  EXPECT_EQ(status(exchange({{"code", code()}, {"code_verifier", ""}})), "BAD_AUTH_CODE");
  EXPECT_EQ(status(exchange({{"code", code()}, {"client_secret", "other"}})), "BAD_CLIENT_ID");
  const std::string late = code();
  world_.now += std::chrono::minutes(10);
  EXPECT_EQ(status(exchange({{"code", late}})), "BAD_AUTH_CODE");
}

}  // namespace
}  // namespace hw::sandbox
