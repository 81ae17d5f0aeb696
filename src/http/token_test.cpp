#include "http/token.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"
#include "base/text.h"
#include "base/zone.h"
#include "http/service_account.h"
#include "http/test_kit.h"

namespace hw::http {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const SystemTime kNoon = read_time("2026-11-20T12:00:00Z", Zone::utc())->at;
const Auth kAuth{.credential = "crm_main", .token_url = "https://login.example.com/token", .scope = ""};

Credential refreshing(const std::string& seed = "seed-token") {
  return Credential{.name = "crm_main",
                    .type = CredentialType::refresh_token,
                    .token = Secret(),
                    .client_id = "client 1",
                    .client_secret = Secret("client-s3cr3t"),
                    .refresh_token = Secret(seed),
                    .key_json = Secret()};
}

Credential service_account(const std::string& key_json) {
  Credential c = refreshing();
  c.type = CredentialType::service_account;
  c.key_json = Secret(key_json);
  return c;
}

std::string key_file() {
  return json{{"type", "service_account"},
              {"client_email", "robot@project.example.com"},
              {"private_key_id", "key-7"},
              {"private_key", test::rsa_key().private_pem}}
      .dump();
}

std::map<std::string, std::string> form_of(const std::string& body) {
  std::map<std::string, std::string> out;
  for (auto pair : split(body, '&')) {
    const auto equals = pair.find('=');
    out[std::string(pair.substr(0, equals))] = percent_decode(pair.substr(equals + 1), /*plus_is_space=*/true);
  }
  return out;
}

Response answer(int status, const std::string& body) { return Response{.status = status, .headers = {}, .body = body}; }

std::string decode_base64_url(std::string_view text) {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (char c : text) {
    bits = bits << 6U | static_cast<unsigned>(alphabet.find(c));
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> static_cast<unsigned>(have) & 0xFFU);
  }
  return out;
}

bool verifies(const std::string& text, const std::string& signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const auto bytes = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  const bool ok = EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, test::rsa_key().key.get()) == 1 &&
                  EVP_DigestVerify(context, bytes(signature), signature.size(), bytes(text), text.size()) == 1;
  EVP_MD_CTX_free(context);
  return ok;
}

/// A token endpoint in memory. By default it gives out "access-1", "access-2", ... for an hour each.
class HttpTokens : public testing::Test {
 protected:
  Result<Response> serve(const Request& request) {
    MutexLock lock(mu_);
    requests_.push_back(request);
    log_.push_back("used " + form_of(request.body)["refresh_token"]);
    if (next_) return next_(request);
    return answer(200,
                  json{{"access_token", "access-" + std::to_string(requests_.size())}, {"expires_in", 3600}}.dump());
  }
  PostToken post() {
    return [this](const Request& r, const std::stop_token&) { return serve(r); };
  }
  Tokens tokens(const Credential& c) { return Tokens({c}, &state_, clock_, post()); }
  void rotate_always() {
    next_ = [this](const Request&) {
      const std::string n = std::to_string(requests_.size());
      return answer(
          200, json{{"access_token", "access-" + n}, {"expires_in", 3600}, {"refresh_token", "rotated-" + n}}.dump());
    };
  }
  std::size_t asked() {
    MutexLock lock(mu_);
    return requests_.size();
  }

  FakeClock clock_{kNoon};
  test::MemoryState state_;
  Mutex mu_;
  std::vector<Request> requests_;
  std::vector<std::string> log_;
  std::function<Result<Response>(const Request&)> next_;
};

TEST_F(HttpTokens, AStaticTokenIsGivenAsItIs) {
  Credential c = refreshing();
  c.type = CredentialType::static_token;
  c.token = Secret("static-token");
  Tokens t = tokens(c);
  EXPECT_EQ(t.get(kAuth, {})->reveal(), "static-token");
  EXPECT_FALSE(t.renew(kAuth, Secret("static-token"), {}));
  EXPECT_EQ(asked(), 0U);
}

TEST_F(HttpTokens, AStaticTokenThatIsNonePausesWithoutQuotingIt) {
  for (const char* token : {"", "s3cr3t\n", "s3cr3t\r\nX-Injected: 1", "Bearer s3cr3t", "s3cr3t\t", "s3cr3t\xc3\xa4"}) {
    Credential c = refreshing();
    c.type = CredentialType::static_token;
    c.token = Secret(token);
    const auto got = tokens(c).get(kAuth, {});
    ASSERT_FALSE(got) << token;
    EXPECT_EQ(got.error().action, Action::pause) << token;
    EXPECT_EQ(got.error().code, "credential") << token;
    EXPECT_NE(got.error().detail.find("credential 'crm_main' has a"), std::string::npos) << got.error().detail;
    EXPECT_NE(got.error().detail.find("put the token into its file or variable"), std::string::npos);
    EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << got.error().detail;
  }
}

TEST_F(HttpTokens, NoCredentialMeansNoToken) {
  Tokens t = tokens(refreshing());
  EXPECT_TRUE(t.get(Auth{}, {})->empty());
  EXPECT_FALSE(t.renew(Auth{}, Secret(), {}));
}

TEST_F(HttpTokens, AnUnknownCredentialPauses) {
  Tokens t = tokens(refreshing());
  Auth other = kAuth;
  other.credential = "crm_mian";
  const auto got = t.get(other, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "credential");
  EXPECT_NE(got.error().detail.find("crm_mian"), std::string::npos);
}

TEST_F(HttpTokens, TheFormIsTheRefreshGrant) {
  Tokens t = tokens(refreshing());
  Auth scoped = kAuth;
  scoped.scope = "read write";
  ASSERT_TRUE(t.get(scoped, {}));
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].url, kAuth.token_url);
  EXPECT_EQ(requests_[0].body,
            "grant_type=refresh_token&client_id=client%201&client_secret=client-s3cr3t&refresh_token=seed-token"
            "&scope=read%20write");
  EXPECT_TRUE(requests_[0].auth.credential.empty());
  ASSERT_FALSE(requests_[0].headers.empty());
  EXPECT_EQ(requests_[0].headers[0].second, "application/x-www-form-urlencoded");
}

TEST_F(HttpTokens, ATokenIsKeptUntilAMinuteBeforeItsEnd) {
  Tokens t = tokens(refreshing());
  EXPECT_EQ(t.get(kAuth, {})->reveal(), "access-1");
  clock_.advance(seconds(3539));
  EXPECT_EQ(t.get(kAuth, {})->reveal(), "access-1");
  clock_.advance(seconds(1));
  EXPECT_EQ(t.get(kAuth, {})->reveal(), "access-2");
  EXPECT_EQ(asked(), 2U);
}

TEST_F(HttpTokens, TheLifeIsReadHoweverItIsWritten) {
  struct Row {
    const char* name;
    const char* body;
    int good_for;
  };
  const Row rows[] = {
      {"number", R"({"access_token":"a","expires_in":1000})", 940},
      {"text", R"({"access_token":"a","expires_in":"1000"})", 940},
      {"absent", R"({"access_token":"a"})", 1740},
      {"short: half of it", R"({"access_token":"a","expires_in":40})", 20},
      {"absurd: a day", R"({"access_token":"a","expires_in":1e300})", 86340},
  };
  for (const auto& row : rows) {
    requests_.clear();
    next_ = [&](const Request&) { return answer(200, row.body); };
    Tokens t = tokens(refreshing());
    ASSERT_TRUE(t.get(kAuth, {})) << row.name;
    clock_.advance(seconds(row.good_for - 1));
    ASSERT_TRUE(t.get(kAuth, {})) << row.name;
    EXPECT_EQ(asked(), 1U) << row.name;
    clock_.advance(seconds(1));
    ASSERT_TRUE(t.get(kAuth, {})) << row.name;
    EXPECT_EQ(asked(), 2U) << row.name;
  }
}

TEST_F(HttpTokens, ScopesHaveTokensOfTheirOwn) {
  Tokens t = tokens(refreshing());
  Auth other = kAuth;
  other.scope = "read";
  EXPECT_NE(t.get(kAuth, {})->reveal(), t.get(other, {})->reveal());
  EXPECT_EQ(asked(), 2U);
}

TEST_F(HttpTokens, ARotatedTokenIsDurableBeforeItIsUsed) {
  rotate_always();
  state_.on_save = [this](const std::string& key, const std::string& value, bool secret) {
    if (!secret) return;
    EXPECT_EQ(key, "token/crm_main");
    MutexLock lock(mu_);
    log_.push_back("saved " + json::parse(value)["token"].get<std::string>());
  };
  Tokens t = tokens(refreshing());
  ASSERT_TRUE(t.get(kAuth, {}));
  ASSERT_TRUE(*t.renew(kAuth, Secret("access-1"), {}));
  EXPECT_EQ(log_,
            (std::vector<std::string>{"used seed-token", "saved rotated-1", "used rotated-1", "saved rotated-2"}));
}

TEST_F(HttpTokens, ARotatedTokenThatCannotBeSavedIsKeptAndSavedFirst) {
  rotate_always();
  Tokens t = tokens(refreshing());
  state_.full = true;
  const auto failed = t.get(kAuth, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "disk_full");
  ASSERT_FALSE(t.get(kAuth, {}));
  EXPECT_EQ(asked(), 1U) << "the server was asked with a token that is not durable";
  state_.full = false;
  ASSERT_TRUE(t.get(kAuth, {}));
  EXPECT_EQ(log_, (std::vector<std::string>{"used seed-token", "used rotated-1"}));
}

TEST_F(HttpTokens, ARestartGoesOnWithTheRotatedToken) {
  rotate_always();
  ASSERT_TRUE(tokens(refreshing()).get(kAuth, {}));
  ASSERT_TRUE(tokens(refreshing()).get(kAuth, {}));
  EXPECT_EQ(log_.back(), "used rotated-1");
}

TEST_F(HttpTokens, ANewSeedInTheConfigurationWins) {
  rotate_always();
  ASSERT_TRUE(tokens(refreshing()).get(kAuth, {}));
  ASSERT_TRUE(tokens(refreshing("new-seed")).get(kAuth, {}));
  EXPECT_EQ(log_.back(), "used new-seed");
  for (const auto& [key, value] : state_.values()) EXPECT_EQ(value.find("new-seed"), std::string::npos);
}

TEST_F(HttpTokens, AnUnchangedRefreshTokenIsNotSaved) {
  next_ = [](const Request&) { return answer(200, R"({"access_token":"a","refresh_token":"seed-token"})"); };
  ASSERT_TRUE(tokens(refreshing()).get(kAuth, {}));
  EXPECT_FALSE(state_.values().contains("token/crm_main"));
}

TEST_F(HttpTokens, ManyThreadsMakeOneRefresh) {
  rotate_always();
  Tokens t = tokens(refreshing());
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { good += t.get(kAuth, {})->reveal() == "access-1" ? 1 : 0; });
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(asked(), 1U);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { good += (*t.renew(kAuth, Secret("access-1"), {}))->reveal() == "access-2" ? 1 : 0; });
    }
  }
  EXPECT_EQ(good, 16);
  EXPECT_EQ(asked(), 2U);
}

/// Holds the token request open until told, so that others are known to wait.
class HeldPost {
 public:
  explicit HeldPost(Result<Response> outcome) : outcome_(std::move(outcome)) {}
  PostToken post() {
    return [this](const Request&, const std::stop_token&) {
      ++calls;
      std::unique_lock lock(m_);
      changed_.wait(lock, [this] { return released_; });
      return outcome_;
    };
  }
  void release() {
    std::lock_guard lock(m_);
    released_ = true;
    changed_.notify_all();
  }
  void await_call() const {
    while (calls == 0) std::this_thread::yield();
  }
  std::atomic<int> calls{0};

 private:
  Result<Response> outcome_;
  std::mutex m_;
  std::condition_variable changed_;
  bool released_ = false;
};

/// Counts how often the time was asked, which Tokens does once, under its lock, for each thread that finds an old
/// token.
class CountingClock final : public Clock {
 public:
  explicit CountingClock(FakeClock& clock) : clock_(clock) {}
  SystemTime system_now() const override { return clock_.system_now(); }
  SteadyTime steady_now() const override {
    ++asked;
    return clock_.steady_now();
  }
  std::unique_ptr<Waiter> waiter(std::string name) override { return clock_.waiter(std::move(name)); }
  mutable std::atomic<int> asked{0};

 private:
  FakeClock& clock_;
};

TEST_F(HttpTokens, ThoseWhoWaitedShareTheFailure) {
  CountingClock counting(clock_);
  HeldPost held(answer(503, ""));
  auto fail_later = held.post();
  bool first = true;
  Tokens t({refreshing()}, nullptr, counting, [&](const Request& r, const std::stop_token& stop) -> Result<Response> {
    if (!std::exchange(first, false)) return fail_later(r, stop);
    return answer(200, R"({"access_token":"a","expires_in":1})");
  });
  ASSERT_TRUE(t.get(kAuth, {}));
  clock_.advance(seconds(10));
  std::atomic<int> failed{0};
  const auto get = [&] { failed += t.get(kAuth, {}).has_value() ? 0 : 1; };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back(get);
    held.await_call();
    const int before = counting.asked;
    for (int i = 0; i < 4; ++i) threads.emplace_back(get);
    while (counting.asked < before + 4) std::this_thread::yield();
    held.release();
  }
  EXPECT_EQ(failed, 5);
  EXPECT_EQ(held.calls, 1);
}

TEST_F(HttpTokens, AStopEndsTheWaitForAnotherThreadsRefresh) {
  HeldPost held(answer(200, R"({"access_token":"a","expires_in":3600})"));
  Tokens t({refreshing()}, nullptr, clock_, held.post());
  std::jthread refresher([&] { EXPECT_TRUE(t.get(kAuth, {})); });
  held.await_call();
  std::stop_source stop;
  stop.request_stop();
  const auto got = t.get(kAuth, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "stopped");
  held.release();
}

TEST_F(HttpTokens, TwoScopesNeverRefreshAtOnce) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  Tokens t({refreshing()}, nullptr, clock_, [&](const Request&, const std::stop_token&) -> Result<Response> {
    most = std::max(most.load(), ++inside);
    std::this_thread::yield();
    --inside;
    return answer(200, R"({"access_token":"a","expires_in":1})");
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        Auth scoped = kAuth;
        scoped.scope = std::to_string(i);
        for (int n = 0; n < 20; ++n) EXPECT_TRUE(t.get(scoped, {}));
      });
    }
  }
  EXPECT_EQ(most, 1);
}

TEST_F(HttpTokens, TheEndpointsAnswerIsClassified) {
  struct Row {
    const char* name;
    int status;
    const char* body;
    Action action;
    const char* code;
    const char* says;
  };
  const char* secret_description = R"({"error":"invalid_grant","error_description":"seed-token of jane@example.com"})";
  const Row rows[] = {
      {"revoked", 400, secret_description, Action::pause, "credential", "sign in again"},
      {"revoked by 401", 401, secret_description, Action::pause, "credential", "sign in again"},
      {"wrong client", 401, R"({"error":"invalid_client"})", Action::pause, "credential", "client_secret"},
      {"wrong scope", 400, R"({"error":"invalid_scope"})", Action::pause, "credential", "scope"},
      {"no JSON", 400, "<html>seed-token</html>", Action::pause, "credential", "400"},
      {"an error that is no code", 400, R"({"error":"token seed-token unknown"})", Action::pause, "credential", "400"},
      {"forbidden", 403, "", Action::pause, "credential", "403"},
      {"other 4xx never rejects a row", 422, "", Action::pause, "credential", "422"},
      {"wrong token_url", 404, "", Action::pause, "http_404", "token_url login.example.com/token"},
      {"redirect", 302, "", Action::pause, "http_404", "redirect"},
      {"busy", 429, "", Action::retry, "http_429", "429"},
      {"down", 503, "", Action::retry, "http_503", "503"},
      {"no token", 200, R"({"token":"seed-token"})", Action::retry, "token_answer", "access_token"},
      {"a portal's page", 200, "<html>", Action::retry, "token_answer", "access_token"},
      {"a token with a line break", 200, R"({"access_token":"a\r\nX: y"})", Action::retry, "token_answer",
       "access_token"},
      {"a token of two words", 200, R"({"access_token":"Bearer a"})", Action::retry, "token_answer", "access_token"},
      {"half an answer", 200, R"({"access_token":"seed-to)", Action::retry, "token_answer", "access_token"},
      {"an error under 200", 200, R"({"error":"invalid_grant"})", Action::retry, "token_answer", "access_token"},
      {"a redirect that keeps the form", 307, "", Action::pause, "http_404", "redirect"},
      {"a gateway in between", 502, "<html>", Action::retry, "http_502", "502"},
      {"a gateway that waited", 504, "<html>", Action::retry, "http_504", "504"},
  };
  for (const auto& row : rows) {
    next_ = [&](const Request&) { return answer(row.status, row.body); };
    const auto got = tokens(refreshing()).get(kAuth, {});
    ASSERT_FALSE(got) << row.name;
    const Error& e = got.error();
    EXPECT_EQ(e.action, row.action) << row.name;
    EXPECT_EQ(e.code, row.code) << row.name;
    EXPECT_FALSE(e.maybe_applied) << row.name;
    EXPECT_NE(e.detail.find(row.says), std::string::npos) << row.name << ": " << e.detail;
    EXPECT_NE(e.detail.find("'crm_main'"), std::string::npos) << row.name << ": " << e.detail;
    for (const char* secret : {"seed-token", "s3cr3t", "jane"}) {
      EXPECT_EQ(e.detail.find(secret), std::string::npos) << row.name << ": " << e.detail;
    }
  }
}

TEST_F(HttpTokens, ABrokenWireIsARetryThatAppliedNothing) {
  next_ = [](const Request&) -> Result<Response> {
    return Error{.action = Action::retry, .code = "timeout", .detail = "no answer", .maybe_applied = true};
  };
  const auto got = tokens(refreshing()).get(kAuth, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "timeout");
  EXPECT_FALSE(got.error().maybe_applied);
}

TEST_F(HttpTokens, APlainTokenUrlIsRefused) {
  Auth plain = kAuth;
  plain.token_url = "http://login.example.com/token";
  const auto got = tokens(refreshing()).get(plain, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "url");
  EXPECT_EQ(asked(), 0U);
}

TEST_F(HttpTokens, AServiceAccountSignsWhatThePublicKeyVerifies) {
  Tokens t = tokens(service_account(key_file()));
  Auth scoped = kAuth;
  scoped.scope = "https://scopes.example.com/events";
  ASSERT_TRUE(t.get(scoped, {}));
  auto form = form_of(requests_[0].body);
  EXPECT_EQ(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
  EXPECT_EQ(form.size(), 2U);
  const auto parts = split(form["assertion"], '.');
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_TRUE(verifies(std::string(parts[0]) + "." + std::string(parts[1]), decode_base64_url(parts[2])));
  EXPECT_EQ(json::parse(decode_base64_url(parts[0])), (json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "key-7"}}));
  const std::int64_t issued = std::chrono::duration_cast<seconds>(kNoon.time_since_epoch()).count() - 30;
  EXPECT_EQ(json::parse(decode_base64_url(parts[1])), (json{{"iss", "robot@project.example.com"},
                                                            {"scope", "https://scopes.example.com/events"},
                                                            {"aud", kAuth.token_url},
                                                            {"iat", issued},
                                                            {"exp", issued + 3600}}));
}

TEST_F(HttpTokens, AnUnusableKeyFilePausesWithoutQuotingIt) {
  const std::pair<const char*, std::string> rows[] = {
      {"no JSON", "s3cr3t"},
      {"not an object", "[\"s3cr3t\"]"},
      {"no e-mail", R"({"private_key":"s3cr3t"})"},
      {"no key", R"({"client_email":"robot@s3cr3t.example.com"})"},
      {"not PEM", R"({"client_email":"robot@example.com","private_key":"s3cr3t"})"},
  };
  for (const auto& [name, text] : rows) {
    const auto got = tokens(service_account(text)).get(kAuth, {});
    ASSERT_FALSE(got) << name;
    EXPECT_EQ(got.error().action, Action::pause) << name;
    EXPECT_EQ(got.error().code, "credential") << name;
    EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << name << ": " << got.error().detail;
  }
  EXPECT_EQ(asked(), 0U);
}

TEST_F(HttpTokens, ARefusedServiceAccountNamesKeyAndClock) {
  next_ = [](const Request&) { return answer(400, R"({"error":"invalid_grant"})"); };
  const auto got = tokens(service_account(key_file())).get(kAuth, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "credential");
  EXPECT_NE(got.error().detail.find("clock"), std::string::npos) << got.error().detail;
}

TEST_F(HttpTokens, AnAccountThatSignsAgainAfterTheClockWasSetRightSignsIn) {
  next_ = [this](const Request& r) {
    const auto claims = json::parse(decode_base64_url(split(form_of(r.body)["assertion"], '.')[1]));
    const std::int64_t theirs = std::chrono::duration_cast<seconds>(kNoon.time_since_epoch()).count();
    const bool in_time = claims["iat"] <= theirs && claims["exp"] > theirs;
    return in_time
               ? answer(200, R"({"access_token":"a","expires_in":3600})")
               : answer(400, R"({"error":"invalid_grant","error_description":"Token must be a short-lived token"})");
  };
  for (const auto skew : {std::chrono::hours(-2), std::chrono::hours(2)}) {
    clock_.set(kNoon + skew);
    Tokens t = tokens(service_account(key_file()));
    const auto got = t.get(kAuth, {});
    ASSERT_FALSE(got) << skew.count();
    EXPECT_NE(got.error().detail.find("this machine's clock is wrong"), std::string::npos) << got.error().detail;
    clock_.set(kNoon);
    EXPECT_TRUE(t.get(kAuth, {})) << skew.count();
    clock_.set(kNoon + seconds(29));
    EXPECT_TRUE(tokens(service_account(key_file())).get(kAuth, {})) << "half a minute fast is allowed for";
  }
}

}  // namespace
}  // namespace hw::http
