#include "http/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "http/client_fixture.h"

namespace hw::http {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::ca;
using test::get;
using test::ok;
using test::post;
using test::RawServer;
using test::TestCa;
using test::TestServer;

class HttpClientTest : public test::ClientTest {};

TEST_F(HttpClientTest, AnHttpsServerOfAKnownAuthorityIsAnswered) {
  TestServer server(
      [](const auto&, auto& response) {
        response.set_header("X-Request-Id", " 42 ");
        response.set_content("taken", "text/plain");
        response.status = 202;
      },
      ca().issue("DNS:localhost"));
  const auto got = make()->send(post(server.url("/v1/events")), {});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->status, 202);
  EXPECT_EQ(got->body, "taken");
  EXPECT_EQ(got->header("x-request-id"), "42");
  ASSERT_EQ(server.seen().size(), 1U);
  const auto seen = server.seen()[0];
  EXPECT_EQ(seen.path, "/v1/events");
  EXPECT_EQ(seen.get_param_value("key"), "s3cr3t");
  EXPECT_EQ(seen.body, R"({"value":"s3cr3t"})");
  EXPECT_EQ(seen.get_header_value("User-Agent"), "headwater/test");
  EXPECT_EQ(seen.get_header_value("Content-Type"), "application/json");
  EXPECT_FALSE(seen.has_header("Authorization"));
  EXPECT_NE(server.offered_protocols().find("h2"), std::string::npos) << server.offered_protocols();
}

TEST_F(HttpClientTest, AnUnknownAuthorityIsRefused) {
  const TestCa stranger("A stranger's CA");
  TestServer server(ok, stranger.issue("DNS:localhost"));
  const Error e = error_of(post(server.url("/")));
  EXPECT_EQ(e.action, Action::pause);
  EXPECT_EQ(e.code, "tls_verify");
  EXPECT_FALSE(e.maybe_applied);
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpClientTest, AForgedAuthorityOfTheSameNameIsRefused) {
  const TestCa forged;
  TestServer server(ok, forged.issue("DNS:localhost"));
  EXPECT_FALSE(error_of(post(server.url("/"))).maybe_applied);
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpClientTest, TheSystemsAuthoritiesDoNotKnowTheTestsOwn) {
  TestServer server(ok, ca().issue("DNS:localhost"));
  const auto got = make(CredentialType::static_token, "")->send(get(server.url("/")), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, "tls_verify");
}

TEST_F(HttpClientTest, ACertificateOfAnotherHostIsRefused) {
  TestServer server(ok, ca().issue("DNS:vendor.example"));
  EXPECT_EQ(error_of(post(server.url("/"))).code, "tls_verify");
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpClientTest, AMissingCaFilePauses) {
  TestServer server(ok, ca().issue("DNS:localhost"));
  const auto got = make(CredentialType::static_token, "/nonexistent/ca.pem")->send(get(server.url("/")), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "tls_verify");
}

TEST_F(HttpClientTest, AServerThatSpeaksNoTlsIsATlsError) {
  TestServer server(ok);
  const Error e = error_of(post("https://127.0.0.1:" + std::to_string(server.port()) + "/"));
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_EQ(e.code, "tls");
  EXPECT_FALSE(e.maybe_applied);
}

TEST_F(HttpClientTest, EachMethodArrivesWithItsBody) {
  TestServer server(ok);
  const auto client = make();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    for (const char* body : {"", "content"}) {
      if (std::string_view(method) == "GET" && *body != '\0') continue;
      Request r = get(server.url("/"));
      r.method = method;
      r.body = body;
      ASSERT_TRUE(client->send(r, {})) << method;
      const auto seen = server.seen().back();
      EXPECT_EQ(seen.method, method);
      EXPECT_EQ(seen.body, body) << method;
      EXPECT_FALSE(seen.has_header("Content-Type")) << method;
    }
  }
}

TEST_F(HttpClientTest, ALargeBodyArrivesWholeAndWithoutExpect) {
  TestServer server(ok);
  Request r = post(server.url("/"));
  r.body = std::string(3U << 20, 'x');
  ASSERT_TRUE(make()->send(r, {}));
  EXPECT_EQ(server.seen()[0].body, r.body);
  EXPECT_FALSE(server.seen()[0].has_header("Expect"));
}

TEST_F(HttpClientTest, AnEmptyHeaderIsSentAndTrailersAreNoHalfAnswer) {
  std::string seen;
  RawServer server([&seen](int socket, int) {
    seen = test::read_request(socket);
    test::write_all(
        socket,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n");
    ::close(socket);
  });
  Request r = get(server.url("/"));
  r.headers = {{"X-Empty", ""}};
  const auto got = make()->send(r, {});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->body, "{}");
  EXPECT_NE(seen.find("\r\nX-Empty:"), std::string::npos) << seen;
}

TEST_F(HttpClientTest, AnInterimAnswerIsNotTheAnswer) {
  RawServer server([](int socket, int) {
    test::read_request(socket);
    test::write_all(socket,
                    "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    ::close(socket);
  });
  const auto got = make()->send(get(server.url("/")), {});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("x-early"), "");
}

TEST_F(HttpClientTest, ARedirectIsAnAnswerAndNotFollowed) {
  TestServer elsewhere(ok);
  TestServer server(
      [&](const auto&, auto& response) { response.set_redirect(elsewhere.url("/login?token=s3cr3t"), 302); });
  const auto got = make()->send(get(server.url("/")), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 302);
  EXPECT_TRUE(elsewhere.seen().empty());
  const Error e = classify_status(*got, clock_.system_now());
  EXPECT_EQ(e.action, Action::pause);
  EXPECT_NE(e.detail.find("127.0.0.1:" + std::to_string(elsewhere.port()) + "/login"), std::string::npos) << e.detail;
  EXPECT_EQ(e.detail.find("s3cr3t"), std::string::npos);
}

TEST_F(HttpClientTest, TooLargeAnAnswerIsCutOff) {
  TestServer server([](const auto&, auto& response) { response.set_content(std::string(200000, 'x'), "text/plain"); });
  Request r = post(server.url("/"));
  r.max_response_bytes = 200000;
  EXPECT_TRUE(make()->send(r, {}));
  r.max_response_bytes = 199999;
  const Error e = error_of(r);
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_EQ(e.code, "too_large");
  EXPECT_TRUE(e.maybe_applied);
}

TEST_F(HttpClientTest, ACompressedAnswerIsUnpacked) {
  TestServer server([](const auto& request, auto& response) {
    EXPECT_NE(request.get_header_value("Accept-Encoding").find("gzip"), std::string::npos);
    response.set_content(std::string(50000, 'x'), "text/plain");
  });
  const auto got = make()->send(get(server.url("/")), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, std::string(50000, 'x'));
  EXPECT_NE(got->header("content-encoding"), "");
}

TEST_F(HttpClientTest, AWrongUrlIsRefusedBeforeAnythingIsSent) {
  for (const char* url : {"http://api.example.com/v1?key=s3cr3t", "https://user:s3cr3t@api.example.com/", "s3cr3t"}) {
    const auto got = make()->send(get(url), {});
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().action, Action::pause);
    EXPECT_EQ(got.error().code, "url");
    EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << got.error().detail;
  }
}

TEST_F(HttpClientTest, AHeaderWithALineBreakIsRefused) {
  TestServer server(ok);
  Request r = post(server.url("/"));
  r.headers.emplace_back("X-Name", "s3cr3t\r\nX-Injected: 1");
  const Error e = error_of(r);
  EXPECT_EQ(e.action, Action::pause);
  EXPECT_EQ(e.code, "header");
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(HttpClientTest, ManyThreadsShareTheClient) {
  TestServer server([](const auto& request, auto& response) { response.set_content(request.body, "text/plain"); });
  const auto client = make();
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          Request r = post(server.url("/"));
          r.body = std::to_string(t * 100 + i);
          const auto got = client->send(r, {});
          right += got && got->body == r.body ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(right, 60);
}

// --- Signing in

/// A vendor on one server: gives out "access-1", "access-2", ... at /token, and takes those that `accepts` takes.
class Vendor {
 public:
  explicit Vendor(std::function<bool(const std::string& bearer)> accepts) : accepts_(std::move(accepts)) {}
  Request request() const {
    Request r = post(server_.url("/v1/events"));
    r.auth = Auth{.credential = "main", .token_url = server_.url("/token"), .scope = ""};
    return r;
  }
  std::atomic<int> tokens{0};
  std::atomic<int> calls{0};

 private:
  void serve(const httplib::Request& request, httplib::Response& response) {
    if (request.path == "/token") {
      const json body = {{"access_token", "access-" + std::to_string(++tokens)}, {"expires_in", 3600}};
      return response.set_content(body.dump(), "application/json");
    }
    ++calls;
    response.status = accepts_(request.get_header_value("Authorization")) ? 200 : 401;
  }
  std::function<bool(const std::string&)> accepts_;
  TestServer server_{[this](const auto& request, auto& response) { serve(request, response); }};
};

TEST_F(HttpClientTest, AStaticTokenIsSentAsBearer) {
  Vendor vendor([](const std::string& bearer) { return bearer == "Bearer t0ken-s3cr3t"; });
  const auto got = make()->send(vendor.request(), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 200);
}

TEST_F(HttpClientTest, AStaticTokenThatIsRefusedIsNotTriedAgain) {
  Vendor vendor([](const std::string&) { return false; });
  const auto got = make()->send(vendor.request(), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 401);
  EXPECT_EQ(vendor.calls, 1);
}

TEST_F(HttpClientTest, After401TheTokenIsRefreshedAndTheRequestRepeatedOnce) {
  Vendor vendor([](const std::string& bearer) { return bearer == "Bearer access-2"; });
  const auto client = make(CredentialType::refresh_token);
  const auto got = client->send(vendor.request(), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(vendor.calls, 2);
  ASSERT_TRUE(client->send(vendor.request(), {}));
  EXPECT_EQ(vendor.tokens, 2) << "the good token was not kept";
}

TEST_F(HttpClientTest, ASecond401IsTheAnswer) {
  Vendor vendor([](const std::string&) { return false; });
  const auto got = make(CredentialType::refresh_token)->send(vendor.request(), {});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 401);
  EXPECT_EQ(vendor.calls, 2);
  EXPECT_EQ(vendor.tokens, 2);
}

TEST_F(HttpClientTest, SigningInAsksForATokenAlone) {
  Vendor vendor([](const std::string&) { return true; });
  EXPECT_TRUE(make(CredentialType::refresh_token)->sign_in(vendor.request().auth, {}));
  EXPECT_EQ(vendor.tokens, 1);
  EXPECT_EQ(vendor.calls, 0);
}

TEST_F(HttpClientTest, WithoutATokenNothingIsSent) {
  TestServer server([](const auto&, auto& response) {
    response.status = 400;
    response.set_content(R"({"error":"invalid_grant","error_description":"refresh-s3cr3t"})", "application/json");
  });
  Request r = post(server.url("/v1/events"));
  r.auth = Auth{.credential = "main", .token_url = server.url("/token"), .scope = ""};
  const auto got = make(CredentialType::refresh_token)->send(r, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "credential");
  EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << got.error().detail;
  ASSERT_EQ(server.seen().size(), 1U);
  EXPECT_EQ(server.seen()[0].path, "/token");
}

// --- Lanes

TEST_F(HttpClientTest, A429ClosesTheRequestsLanesUntilTheServersTime) {
  std::atomic<bool> busy{true};
  TestServer server([&](const auto&, auto& response) {
    if (!busy) return;
    response.status = 429;
    response.set_header("Retry-After", "7");
  });
  const auto client = make();
  Request r = post(server.url("/"));
  r.lanes = {Lane{.key = "main/search", .requests = 100, .per = seconds(1), .per_day = 0}};
  const auto first = client->send(r, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 429);
  const auto second = client->send(r, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "lane_full");
  EXPECT_EQ(second.error().retry_after, seconds(7));
  busy = false;
  Request other = r;
  other.lanes[0].key = "main/other";
  EXPECT_TRUE(client->send(other, {}));
  EXPECT_EQ(server.seen().size(), 2U);
  clock_.advance(seconds(7));
  EXPECT_TRUE(client->send(r, {}));
}

TEST_F(HttpClientTest, AShareOfTheDailyLimitIsLeftToOthersAndNoneOfAnOwnBudget) {
  TestServer server(ok);
  Credential main;
  main.name = "main";
  main.token = Secret("a-token");
  main.quota_share = 50;
  const auto client = make_client(
      {.credentials = {main}, .ca_file = "", .user_agent = "", .state = &state_, .may_sleep = false}, clock_, *random_);
  const auto goes = [&](const std::string& credential, bool own_budget) {
    Request r = post(server.url("/"));
    r.auth.credential = credential;
    r.lanes = {Lane{.key = credential + (own_budget ? "/own" : "/day"),
                    .requests = 0,
                    .per = Duration::zero(),
                    .per_day = 5,
                    .own_budget = own_budget}};
    int n = 0;
    while (n < 9 && client->send(r, {})) ++n;
    return n;
  };
  EXPECT_EQ(goes("main", false), 2);
  EXPECT_EQ(goes("main", true), 5);
  EXPECT_EQ(goes("", false), 5) << "without a credential nobody says what share";
}

TEST_F(HttpClientTest, BesideADaemonTheUseOfALaneIsNotKept) {
  TestServer server(ok);
  Request r = post(server.url("/"));
  r.lanes = {Lane{.key = "main/day", .requests = 0, .per = Duration::zero(), .per_day = 10}};
  for (const bool keeps : {false, true}) {
    const ClientOptions options{.credentials = {test::credential(CredentialType::static_token)},
                                .ca_file = ca().file(),
                                .user_agent = "headwater/test",
                                .state = &state_,
                                .keeps_lanes = keeps,
                                .may_sleep = false};
    ASSERT_TRUE(make_client(options, clock_, *random_)->send(r, {}));
    EXPECT_EQ(state_.saves() > 0, keeps);
  }
}

TEST_F(HttpClientTest, AFullLaneSendsNothing) {
  TestServer server(ok);
  const auto client = make();
  Request r = post(server.url("/"));
  r.lanes = {Lane{.key = "main", .requests = 0, .per = Duration::zero(), .per_day = 1}};
  EXPECT_TRUE(client->send(r, {}));
  EXPECT_FALSE(client->send(r, {}));
  EXPECT_EQ(server.seen().size(), 1U);
}

}  // namespace
}  // namespace hw::http
