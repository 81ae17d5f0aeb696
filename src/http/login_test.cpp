#include "http/login.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/zone.h"

namespace hw::http {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const SystemTime kLoginTime = read_time("2026-11-20T12:00:00Z", Zone::utc())->at;
constexpr const char* kRedirect = "http://localhost:8975/callback";

std::map<std::string, std::string> pairs_of(const std::string& form) {
  std::map<std::string, std::string> out;
  for (auto pair : split(form, '&')) {
    const auto equals = pair.find('=');
    out[std::string(pair.substr(0, equals))] = percent_decode(pair.substr(equals + 1), /*plus_is_space=*/true);
  }
  return out;
}

class LoginTest : public testing::Test {
 protected:
  static Login login_at(const std::string& auth_url) {
    Credential c;
    c.name = "ads";
    c.type = CredentialType::refresh_token;
    c.client_id = "client 1";
    c.client_secret = Secret("client-s3cr3t");
    return {
        c, {.auth_url = auth_url, .token_url = "https://login.example.com/token", .scope = "read write"}, kRedirect};
  }
  std::map<std::string, std::string> asked() const { return pairs_of(login_.url().substr(login_.url().find('?') + 1)); }
  std::string state() const { return asked().at("state"); }
  Result<Login::Given> exchange(int status, const json& body) {
    return login_.exchange(Secret("code/1"), kLoginTime,
                           [&](const Request& r, const std::stop_token&) -> Result<Response> {
                             request_ = r;
                             return Response{.status = status, .headers = {}, .body = body.dump()};
                           },
                           {});
  }

  Login login_ = login_at("https://login.example.com/authorize");
  Request request_;
};

/// RFC 7636, appendix B.
TEST(LoginProof, IsTheOneOfTheStandardsExample) {
  EXPECT_EQ(proof_of(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST_F(LoginTest, TheAddressAsksForACodeWithProofAndState) {
  const auto query = asked();
  EXPECT_EQ(query.at("response_type"), "code");
  EXPECT_EQ(query.at("client_id"), "client 1");
  EXPECT_EQ(query.at("redirect_uri"), kRedirect);
  EXPECT_EQ(query.at("scope"), "read write");
  EXPECT_EQ(query.at("code_challenge_method"), "S256");
  EXPECT_EQ(query.at("code_challenge").size(), 43U);
  EXPECT_GE(query.at("state").size(), 32U);
  EXPECT_EQ(query.size(), 7U);
}

TEST_F(LoginTest, EveryLoginHasAStateAndAProofOfItsOwn) {
  const Login other = login_at("https://login.example.com/authorize");
  const auto query = pairs_of(other.url().substr(other.url().find('?') + 1));
  EXPECT_NE(query.at("state"), asked().at("state"));
  EXPECT_NE(query.at("code_challenge"), asked().at("code_challenge"));
}

TEST_F(LoginTest, TheVendorsOwnParametersStay) {
  EXPECT_THAT(login_at("https://login.example.com/authorize?prompt=consent").url(),
              testing::StartsWith("https://login.example.com/authorize?prompt=consent&response_type=code&"));
}

TEST_F(LoginTest, WhatTheBrowserBringsIsJudged) {
  struct Row {
    const char* name;
    std::string query, code;
  };
  const Row rows[] = {
      {"another login's", "code=abc&state=other", "wrong_state"},
      {"no state", "code=abc", "wrong_state"},
      {"nothing", "", "wrong_state"},
      {"refused by the person", "error=access_denied&state=" + state(), "access_denied"},
      {"refused, without a state", "error=access_denied", "access_denied"},
      {"refused, with another's state", "error=access_denied&state=other", "wrong_state"},
      {"refused for the scope", "error=invalid_scope&state=" + state(), "login_refused"},
      {"another refusal", "error=server_error&state=" + state(), "login_refused"},
      {"a refusal that is no code", "error=%3Cb%3Ejane%40example.com&state=" + state(), "login_refused"},
      {"no code", "state=" + state(), "no_code"},
  };
  for (const Row& row : rows) {
    const auto got = login_.code_from(row.query);
    ASSERT_FALSE(got) << row.name;
    EXPECT_EQ(got.error().code, row.code) << row.name;
    EXPECT_THAT(got.error().detail, Not(HasSubstr("jane"))) << row.name;
  }
  EXPECT_EQ(login_.code_from("code=4%2F0Ab&state=" + state() + "&scope=read")->reveal(), "4/0Ab");
}

TEST_F(LoginTest, WhatAPersonPastesIsReadHoweverItCame) {
  const std::string query = "code=4%2F0Ab&state=" + state();
  const std::string whole = std::string(kRedirect) + "?" + query;
  const std::string rows[] = {
      whole,     "  " + whole + "\r\n", whole + "#_=_", whole.substr(0, 60) + "\n   " + whole.substr(60),
      query,     "?" + query,           "  4/0Ab\n",    "4%2F0Ab",
      "4/0\n Ab"};
  for (const std::string& row : rows) {
    const auto got = login_.code_from_paste(row);
    ASSERT_TRUE(got) << row << ": " << got.error().detail;
    EXPECT_EQ(got->reveal(), "4/0Ab") << row;
  }
  EXPECT_EQ(login_.code_from_paste("YWJj==")->reveal(), "YWJj==");
}

TEST_F(LoginTest, WhatAPersonPastesByMistakeIsSaidClearly) {
  struct Row {
    const char* name;
    std::string text, code, says;
  };
  const Row rows[] = {
      {"nothing", " \n", "no_code", "nothing was pasted"},
      {"the address to open", login_.url(), "no_code", kRedirect},
      {"the answer to an earlier try", std::string(kRedirect) + "?code=abc&state=other", "wrong_state",
       "another login"},
      {"an address without a query", kRedirect, "wrong_state", "no state"},
      {"a refusal", std::string(kRedirect) + "?error=access_denied&state=" + state(), "access_denied", "allow it"},
  };
  for (const Row& row : rows) {
    const auto got = login_.code_from_paste(row.text);
    ASSERT_FALSE(got) << row.name;
    EXPECT_EQ(got.error().code, row.code) << row.name;
    EXPECT_THAT(got.error().detail, HasSubstr(row.says)) << row.name;
  }
}

TEST_F(LoginTest, TheCodeIsExchangedWithTheProofsVerifierAndTheSameRedirect) {
  const auto given = exchange(200, {{"access_token", "a"}, {"refresh_token", "r"}, {"refresh_token_expires_in", 60}});
  ASSERT_TRUE(given) << given.error().detail;
  auto form = pairs_of(request_.body);
  EXPECT_EQ(form["grant_type"], "authorization_code");
  EXPECT_EQ(form["client_id"], "client 1");
  EXPECT_EQ(form["client_secret"], "client-s3cr3t");
  EXPECT_EQ(form["code"], "code/1");
  EXPECT_EQ(form["redirect_uri"], kRedirect);
  EXPECT_THAT(form["code_verifier"], MatchesRegex("[0-9a-f]{64}"));
  EXPECT_EQ(proof_of(Secret(form["code_verifier"])), asked().at("code_challenge"));
  EXPECT_EQ(given->token.token.reveal(), "r");
  EXPECT_TRUE(given->token.by_login);
  EXPECT_EQ(given->token.since, kLoginTime);
  EXPECT_EQ(given->life, std::chrono::seconds(60));
}

TEST_F(LoginTest, ARefusedExchangeSaysHowToMendIt) {
  struct Row {
    const char* name;
    int status;
    json body;
    const char *code, *says;
  };
  const Row rows[] = {
      {"code used or too old", 400, {{"error", "invalid_grant"}}, "credential", "good once"},
      {"another redirect", 400, {{"error", "redirect_uri_mismatch"}}, "credential", kRedirect},
      {"wrong client", 401, {{"error", "invalid_client"}}, "credential", "client_secret"},
      {"a vendor's own words", 400, {{"status", "BAD_AUTH_CODE"}}, "credential", kRedirect},
      {"wrong token_url", 404, {}, "http_404", "token_url login.example.com/token"},
      {"down", 503, {}, "http_503", "503"},
      {"access without a refresh token", 200, {{"access_token", "a"}}, "no_refresh_token", "consent"},
      {"no token at all", 200, {{"ok", true}}, "token_answer", "access_token"},
  };
  for (const Row& row : rows) {
    const auto got = exchange(row.status, row.body);
    ASSERT_FALSE(got) << row.name;
    EXPECT_EQ(got.error().code, row.code) << row.name;
    EXPECT_THAT(got.error().detail, HasSubstr(row.says)) << row.name;
    for (const char* secret : {"code/1", "client-s3cr3t"})
      EXPECT_THAT(got.error().detail, Not(HasSubstr(secret))) << row.name;
  }
}

}  // namespace
}  // namespace hw::http
