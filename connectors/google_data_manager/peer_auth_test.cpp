#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/google_data_manager/peer.h"
#include "sandbox/service_account_key.h"

namespace hw::sandbox {
namespace {

using nlohmann::json;

class DataManagerSignIn : public testing::Test {
 protected:
  DataManagerSignIn() { world_.now = from_micros(1'795'190'400'000'000); }

  HttpResponse form(const std::string& body) {
    return peer_->handle({.method = "POST", .path = "/token", .query = {}, .headers = {}, .body = body});
  }

  /// Asks for a request that was never sent.
  HttpResponse ask(const std::map<std::string, std::string>& headers) {
    return peer_->handle({.method = "GET",
                          .path = "/v1/requestStatus:retrieve",
                          .query = {{"requestId", "x"}},
                          .headers = headers,
                          .body = {}});
  }

  static std::string reason(const HttpResponse& answer) {
    return json::parse(answer.body)["error"]["details"][0]["reason"];
  }

  World world_;
  std::unique_ptr<Peer> peer_ = make_google_data_manager_peer(world_);
};

TEST_F(DataManagerSignIn, TokensAreNeededAndEndAfterAnHour) {
  const auto granted = form(
      "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-refresh");
  ASSERT_EQ(granted.status, 200);
  const std::string bearer = "Bearer " + json::parse(granted.body)["access_token"].get<std::string>();
  EXPECT_EQ(reason(ask({})), "CREDENTIALS_MISSING");
  EXPECT_EQ(reason(ask({{"authorization", "Basic abc"}})), "CREDENTIALS_MISSING");
  EXPECT_EQ(reason(ask({{"authorization", "Bearer made-up"}})), "ACCESS_TOKEN_TYPE_UNSUPPORTED");
  world_.now += std::chrono::seconds(3599);
  EXPECT_EQ(reason(ask({{"authorization", bearer}})), "INVALID_REQUEST_ID");
  world_.now += std::chrono::seconds(1);
  EXPECT_EQ(reason(ask({{"authorization", bearer}})), "ACCESS_TOKEN_EXPIRED");
}

TEST_F(DataManagerSignIn, WrongGrantsAreRefused) {
  struct Case {
    const char *name, *body, *error;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"client", "grant_type=refresh_token&client_id=x&client_secret=sandbox-secret&refresh_token=sandbox-refresh",
            "invalid_client"},
           {"secret", "grant_type=refresh_token&client_id=sandbox-client&client_secret=x&refresh_token=sandbox-refresh",
            "invalid_client"},
           {"token", "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=x",
            "invalid_grant"},
           {"scope",
            "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&refresh_token=sandbox-"
            "refresh&scope=adwords",
            "invalid_scope"},
           {"type", "grant_type=password", "unsupported_grant_type"},
           {"nothing", "", "unsupported_grant_type"}}) {
    const auto a = form(c.body);
    EXPECT_GE(a.status, 400) << c.name;
    EXPECT_EQ(json::parse(a.body)["error"], c.error) << c.name;
  }
}

TEST_F(DataManagerSignIn, ServiceAccountsSignInByRs256) {
  const ServiceAccountKey ours, theirs;
  world_.sign_in.service_account_public_key = ours.public_pem();
  const std::int64_t now = to_micros(world_.now) / 1'000'000;
  const json claims = {{"iss", world_.sign_in.service_account_email},
                       {"aud", "http://127.0.0.1:1/google_data_manager/token"},
                       {"scope", "https://www.googleapis.com/auth/datamanager"},
                       {"iat", now},
                       {"exp", now + 3600}};
  auto with = [&claims](const char* name, const json& value) {
    json c = claims;
    c[name] = value;
    return c;
  };
  struct Case {
    const char* name;
    std::string jwt, error;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"good", ours.jwt(claims), ""},
           {"another's key", theirs.jwt(claims), "invalid_grant"},
           {"another algorithm", ours.jwt(claims, {{"alg", "none"}}), "invalid_grant"},
           {"another account", ours.jwt(with("iss", "other@example.com")), "invalid_grant"},
           {"another audience", ours.jwt(with("aud", "https://example.com")), "invalid_grant"},
           {"another scope", ours.jwt(with("scope", "https://www.googleapis.com/auth/adwords")), "invalid_scope"},
           {"over already", ours.jwt(with("exp", now)), "invalid_grant"},
           {"too long", ours.jwt(with("exp", now + 3601)), "invalid_grant"},
           {"issued in the future", ours.jwt(with("iat", now + 301)), "invalid_grant"},
           {"no token at all", "abc", "invalid_grant"}}) {
    const auto a = form("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + c.jwt);
    EXPECT_EQ(a.status == 200 ? "" : json::parse(a.body)["error"].get<std::string>(), c.error) << c.name;
  }
}

/// A person's browser at the sign-in page, and the client that exchanges what it brings. The verifier and its challenge
/// are those of RFC 7636, appendix B.
class DataManagerConsent : public DataManagerSignIn {
 protected:
  using Fields = std::map<std::string, std::string>;
  static Fields asked() {
    return {{"client_id", "sandbox-client"},
            {"redirect_uri", "http://localhost:40123/callback"},
            {"response_type", "code"},
            {"scope", "https://www.googleapis.com/auth/datamanager"},
            {"state", "s1"},
            {"access_type", "offline"},
            {"prompt", "consent"},
            {"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
            {"code_challenge_method", "S256"}};
  }
  static Fields changed(Fields fields, const Fields& changes) {
    for (const auto& [name, value] : changes) fields[name] = value;
    return fields;
  }
  HttpResponse page(const Fields& query) {
    return peer_->handle({.method = "GET", .path = "/o/oauth2/v2/auth", .query = query, .headers = {}, .body = {}});
  }
  static std::string location(const HttpResponse& r) {
    for (const auto& [name, value] : r.headers)
      if (name == "Location") return value;
    return "";
  }
  std::string code(const Fields& changes = {}) {
    const std::string to = location(page(changed(asked(), changes)));
    const auto at = to.find("code=");
    return percent_decode(to.substr(at + 5, to.find('&', at) - at - 5));
  }
  json exchange(const Fields& changes) {
    std::string body;
    for (const auto& [name, value] : changed({{"grant_type", "authorization_code"},
                                              {"client_id", "sandbox-client"},
                                              {"client_secret", "sandbox-secret"},
                                              {"redirect_uri", "http://localhost:40123/callback"},
                                              {"code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}},
                                             changes))
      body += (body.empty() ? "" : "&") + name + "=" + percent_encode(value);
    return json::parse(form(body).body);
  }
};

TEST_F(DataManagerConsent, ACodeBecomesARefreshTokenThatWorks) {
  const auto to = page(asked());
  ASSERT_EQ(to.status, 302);
  EXPECT_THAT(location(to), testing::StartsWith("http://localhost:40123/callback?state=s1&code="));
  const json given = exchange({{"code", code()}});
  ASSERT_TRUE(given.contains("refresh_token")) << given;
  EXPECT_FALSE(given.contains("refresh_token_expires_in"));
  EXPECT_TRUE(
      exchange({{"grant_type", "refresh_token"}, {"refresh_token", given["refresh_token"]}}).contains("access_token"));
}

TEST_F(DataManagerConsent, WhereRefreshTokensRotateEachIsGoodOnce) {
  const auto refresh = [this](const std::string& token) {
    return exchange({{"grant_type", "refresh_token"}, {"refresh_token", token}});
  };
  EXPECT_FALSE(refresh("sandbox-refresh").contains("refresh_token")) << "they do not";
  world_.sign_in.rotates = true;
  const json first = refresh("sandbox-refresh");
  ASSERT_TRUE(first.contains("refresh_token")) << first;
  const json second = refresh(first["refresh_token"]);
  EXPECT_TRUE(second.contains("access_token")) << second;
  for (const std::string& used : {std::string("sandbox-refresh"), first["refresh_token"].get<std::string>()})
    EXPECT_EQ(refresh(used)["error"], "invalid_grant");
}

TEST_F(DataManagerConsent, WhatThePageCannotTrustSendsNobodyAnywhere) {
  struct Row {
    const char *name, *value, *error;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"client_id", "other", "invalid_client"},
                                  {"redirect_uri", "http://example.com/callback", "redirect_uri_mismatch"},
                                  {"redirect_uri", "http://localhost.example.com:1/", "redirect_uri_mismatch"},
                                  {"redirect_uri", "http://localhost/callback", "redirect_uri_mismatch"},
                                  {"response_type", "token", "unsupported_response_type"},
                                  {"scope", "", "invalid_scope"},
                                  {"scope", "datamanager", "invalid_scope"},
                                  {"code_challenge_method", "plain", "invalid_request"},
                                  {"code_challenge", "short", "invalid_request"}}) {
    const auto shown = page(changed(asked(), {{row.name, row.value}}));
    EXPECT_GE(shown.status, 400) << row.value;
    EXPECT_EQ(location(shown), "") << row.value;
    EXPECT_THAT(shown.body, testing::HasSubstr(row.error)) << row.value;
  }
  EXPECT_EQ(page(changed(asked(), {{"redirect_uri", "http://127.0.0.1:1/"}})).status, 302);
}

TEST_F(DataManagerConsent, ARefreshTokenComesOnceUnlessConsentIsAskedForAgain) {
  EXPECT_FALSE(exchange({{"code", code({{"access_type", "online"}})}}).contains("refresh_token"));
  EXPECT_FALSE(exchange({{"code", code({{"prompt", ""}})}}).contains("refresh_token")) << "consent was given before";
  EXPECT_TRUE(exchange({{"code", code()}}).contains("refresh_token"));
}

TEST_F(DataManagerConsent, ACodeIsGoodOnceForTenMinutesAndForItsOwnLogin) {
  const std::string used = code();
  EXPECT_TRUE(exchange({{"code", used}}).contains("access_token"));
  EXPECT_EQ(exchange({{"code", used}})["error"], "invalid_grant");
  EXPECT_EQ(exchange({{"code", code()}, {"redirect_uri", "http://localhost:1/callback"}})["error"],
            "redirect_uri_mismatch");
  EXPECT_EQ(exchange({{"code", code()}, {"code_verifier", std::string(43, 'a')}})["error"], "invalid_grant");
  EXPECT_EQ(exchange({{"code", code()}, {"code_verifier", ""}})["error"], "invalid_grant");
  EXPECT_EQ(exchange({{"code", code()}, {"client_secret", "other"}})["error"], "invalid_client");
  const std::string late = code();
  world_.now += std::chrono::minutes(10);
  EXPECT_EQ(exchange({{"code", late}})["error"], "invalid_grant");
}

TEST_F(DataManagerConsent, TheTokenOfAnAppInTestingEndsAfterAWeek) {
  world_.sign_in.login_life = std::chrono::hours(7 * 24);
  const json given = exchange({{"code", code()}});
  EXPECT_EQ(given["refresh_token_expires_in"], 604800);
  world_.now += std::chrono::hours(7 * 24);
  EXPECT_EQ(exchange({{"grant_type", "refresh_token"}, {"refresh_token", given["refresh_token"]}})["error"],
            "invalid_grant");
}

TEST_F(DataManagerConsent, APersonWhoDeniesIsSentBackWithoutACode) {
  world_.sign_in.person_denies = true;
  EXPECT_EQ(location(page(asked())), "http://localhost:40123/callback?state=s1&error=access_denied");
}

}  // namespace
}  // namespace hw::sandbox
