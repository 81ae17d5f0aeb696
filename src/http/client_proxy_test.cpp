#include <gtest/gtest.h>
#include <unistd.h>

#include "http/client_fixture.h"

namespace hw::http {
namespace {

using test::ca;
using test::get;
using test::ok;
using test::post;
using test::RawServer;
using test::TestCa;
using test::TestServer;

/// A proxy that answers CONNECT with `status` and, if that is 200, carries bytes to `target_port` whatever host was
/// named.
RawServer::Handler proxy(std::atomic<int>& connects, std::string& asked_for, int status, int target_port) {
  return [&, status, target_port](int socket, int) {
    const std::string request = test::read_request(socket);
    asked_for = request.substr(0, request.find("\r\n"));
    ++connects;
    test::write_all(socket, "HTTP/1.1 " + std::to_string(status) + " Proxy\r\nX-Proxy: 1\r\nContent-Length: 0\r\n\r\n");
    if (status == 200) test::join(socket, target_port);
    ::close(socket);
  };
}

class HttpProxy : public test::ClientTest {
 protected:
  std::string proxy_url(const RawServer& server) {
    return "http://user:s3cr3t@127.0.0.1:" + std::to_string(server.port());
  }
  std::atomic<int> connects_{0};
  std::string asked_for_;
  test::ScopedEnv no_proxy_{"NO_PROXY", ""};
};

TEST_F(HttpProxy, HttpsGoesThroughTheProxyOfTheEnvironment) {
  TestServer server(ok, ca().issue("DNS:vendor.example"));
  RawServer between(proxy(connects_, asked_for_, 200, server.port()));
  const test::ScopedEnv env("HTTPS_PROXY", proxy_url(between));
  const auto got = make()->send(post("https://vendor.example/v1"), {});
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->header("x-proxy"), "");
  EXPECT_EQ(asked_for_, "CONNECT vendor.example:443 HTTP/1.1");
  EXPECT_FALSE(server.seen()[0].has_header("Proxy-Authorization"));
}

TEST_F(HttpProxy, AProxyThatOpensTheTlsIsRefused) {
  const TestCa stranger("A stranger's CA");
  TestServer server(ok, stranger.issue("DNS:vendor.example"));
  RawServer between(proxy(connects_, asked_for_, 200, server.port()));
  const test::ScopedEnv env("HTTPS_PROXY", proxy_url(between));
  EXPECT_EQ(error_of(post("https://vendor.example/v1")).code, "tls_verify");
}

TEST_F(HttpProxy, NoProxyIsHonoured) {
  TestServer server(ok, ca().issue("DNS:localhost"));
  RawServer between(proxy(connects_, asked_for_, 502, 0));
  const test::ScopedEnv env("HTTPS_PROXY", proxy_url(between));
  EXPECT_FALSE(make()->send(get(server.url("/")), {}));
  EXPECT_EQ(connects_, 1);
  const test::ScopedEnv except("NO_PROXY", "vendor.example,localhost");
  EXPECT_TRUE(make()->send(get(server.url("/")), {}));
  EXPECT_EQ(connects_, 1);
}

TEST_F(HttpProxy, PlainHttpStaysOnTheMachine) {
  TestServer server(ok);
  RawServer between(proxy(connects_, asked_for_, 502, 0));
  const test::ScopedEnv env("http_proxy", proxy_url(between));
  const test::ScopedEnv all("ALL_PROXY", proxy_url(between));
  EXPECT_TRUE(make()->send(get(server.url("/")), {}));
  EXPECT_EQ(connects_, 0);
}

TEST_F(HttpProxy, AProxysRefusalIsNotTheVendors) {
  struct Row {
    int status;
    Action action;
    const char* code;
  };
  for (const Row& row :
       {Row{407, Action::pause, "http_407"}, Row{403, Action::retry, "connect"}, Row{502, Action::retry, "connect"}}) {
    RawServer between(proxy(connects_, asked_for_, row.status, 0));
    const test::ScopedEnv env("HTTPS_PROXY", proxy_url(between));
    const Error e = error_of(post("https://vendor.example/v1"));
    EXPECT_EQ(e.action, row.action) << row.status;
    EXPECT_EQ(e.code, row.code) << row.status << e.detail;
    EXPECT_FALSE(e.maybe_applied) << row.status;
  }
}

TEST_F(HttpProxy, AProxyThatIsMisspeltKeepsItsPassword) {
  const test::ScopedEnv env("HTTPS_PROXY", "htp://user:s3cr3t@127.0.0.1:3128");
  const Error e = error_of(post("https://vendor.example/v1"));
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_FALSE(e.maybe_applied);
}

}  // namespace
}  // namespace hw::http
