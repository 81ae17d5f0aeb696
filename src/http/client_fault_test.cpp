#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>

#include "http/client_fixture.h"

namespace hw::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ca;
using test::get;
using test::ok;
using test::post;
using test::RawServer;
using test::TestCa;
using test::TestServer;

constexpr Duration kShort = milliseconds(250);

class HttpFaults : public test::ClientTest {};

TEST_F(HttpFaults, NobodyListeningIsAConnectError) {
  const Error e = error_of(post("http://127.0.0.1:" + std::to_string(test::closed_port()) + "/v1/events"));
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_EQ(e.code, "connect");
  EXPECT_FALSE(e.maybe_applied);
  EXPECT_NE(e.detail.find("/v1/events"), std::string::npos) << e.detail;
}

TEST_F(HttpFaults, AHostThatCannotBeLookedUpIsADnsError) {
  // No resolver is asked for a label of more than 63 bytes.
  const Error e = error_of(post("https://" + std::string(64, 'a') + ".example/"));
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_EQ(e.code, "dns");
}

TEST_F(HttpFaults, ACertificateOutOfItsTimeIsRefusedAndTheClockIsNamed) {
  using std::chrono::hours;
  struct Row {
    const char* says;
    TestCa::Span span;
  };
  for (const Row& row : std::initializer_list<Row>{{"has expired", {hours(-48), hours(-24)}},
                                                   {"not yet valid", {hours(24), hours(48)}}}) {
    TestServer server(ok, ca().issue("DNS:localhost", row.span));
    const Error e = error_of(post(server.url("/")));
    EXPECT_EQ(e.action, Action::pause) << row.says;
    EXPECT_EQ(e.code, "tls_verify") << row.says;
    EXPECT_FALSE(e.maybe_applied) << row.says;
    EXPECT_NE(e.detail.find(row.says), std::string::npos) << e.detail;
    EXPECT_NE(e.detail.find("is this machine's clock right?"), std::string::npos) << e.detail;
    EXPECT_TRUE(server.seen().empty()) << row.says;
  }
}

/// Neither the request nor the token goes to where a vendor points, be it on the same host.
TEST_F(HttpFaults, NoRedirectIsFollowedAndNoCredentialGoesWithIt) {
  TestServer elsewhere(ok);
  for (const int status : {301, 302, 303, 307, 308}) {
    for (const std::string& to : {elsewhere.url("/moved"), std::string("/moved"), std::string("//127.0.0.1/moved")}) {
      TestServer server([&](const auto&, auto& response) {
        response.status = status;
        response.set_header("Location", to);
      });
      Request r = post(server.url("/v1/events"));
      r.auth.credential = "main";
      const auto got = make()->send(r, {});
      ASSERT_TRUE(got) << status << " " << to;
      EXPECT_EQ(got->status, status);
      EXPECT_EQ(server.seen().size(), 1U) << status << " " << to;
      EXPECT_TRUE(server.seen()[0].has_header("Authorization"));
      const Error e = classify_status(*got, clock_.system_now());
      EXPECT_EQ(e.action, Action::pause) << status;
      EXPECT_EQ(e.detail.find("s3cr3t"), std::string::npos) << e.detail;
    }
  }
  EXPECT_TRUE(elsewhere.seen().empty());
}

TEST_F(HttpFaults, ATokenEndpointThatPointsElsewhereGetsNoSecondForm) {
  TestServer elsewhere(ok);
  TestServer server([&](const auto&, auto& response) { response.set_redirect(elsewhere.url("/token"), 307); });
  Request r = post(server.url("/v1/events"));
  r.auth = Auth{.credential = "main", .token_url = server.url("/token"), .scope = ""};
  const auto got = make(CredentialType::refresh_token)->send(r, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().action, Action::pause);
  EXPECT_EQ(got.error().code, "http_404");
  EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << got.error().detail;
  ASSERT_EQ(server.seen().size(), 1U);
  EXPECT_EQ(server.seen()[0].path, "/token");
  EXPECT_TRUE(elsewhere.seen().empty());
}

/// What a server can do to a request whose body has left, and the error it makes.
struct Fault {
  const char* name;
  RawServer::Handler handler;
  const char* code;
};

std::vector<Fault> faults() {
  const auto then = [](std::function<void(int)> act) {
    return [act](int socket, int) {
      test::read_request(socket);
      act(socket);
    };
  };
  const auto wait_for_end = [](int socket) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) continue;
    ::close(socket);
  };
  return {
      {"reset before the answer", then(test::reset), "reset"},
      {"closed before the answer", then([](int s) { ::close(s); }), "reset"},
      {"no answer", then(wait_for_end), "timeout"},
      {"half a status line", then([](int s) {
         test::write_all(s, "HTTP/1.1 20");
         ::close(s);
       }),
       "reset"},
      {"half a header", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nContent-Le");
         ::close(s);
       }),
       "reset"},
      {"no HTTP", then([](int s) {
         test::write_all(s, "220 mail.example.com s3cr3t\r\n");
         ::close(s);
       }),
       "reset"},
      {"half a body", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"s3c");
         ::close(s);
       }),
       "reset"},
      {"reset in the body", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
         test::reset(s);
       }),
       "reset"},
      {"half a chunk", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
         ::close(s);
       }),
       "reset"},
      {"a slow body", then([wait_for_end](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
         wait_for_end(s);
       }),
       "timeout"},
      {"a body that drips", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
         while (::send(s, " ", 1, MSG_NOSIGNAL) == 1) ::poll(nullptr, 0, 20);
         ::close(s);
       }),
       "timeout"},
      {"headers without end", then([](int s) {
         test::write_all(s, "HTTP/1.1 200 OK\r\n");
         for (int i = 0; i < 400; ++i) test::write_all(s, "X-Fill: " + std::string(1000, 'x') + "\r\n");
         ::close(s);
       }),
       "too_large"},
  };
}

TEST_F(HttpFaults, AFaultAfterTheBodyLeftMaybeApplied) {
  for (const auto& fault : faults()) {
    RawServer server(fault.handler);
    Request r = post(server.url("/v1"));
    if (fault.code == std::string_view("timeout")) r.timeout = kShort;
    const Error e = error_of(r);
    EXPECT_EQ(e.action, Action::retry) << fault.name;
    EXPECT_EQ(e.code, fault.code) << fault.name << ": " << e.detail;
    EXPECT_TRUE(e.maybe_applied) << fault.name;
  }
}

TEST_F(HttpFaults, ADeleteWithoutBodyMaybeAppliedToo) {
  for (const auto& fault : faults()) {
    RawServer server(fault.handler);
    Request r = get(server.url("/v1"));
    r.method = "DELETE";
    if (fault.code == std::string_view("timeout")) r.timeout = kShort;
    EXPECT_TRUE(error_of(r).maybe_applied) << fault.name;
  }
}

TEST_F(HttpFaults, ReadingAppliesNothing) {
  RawServer server(faults()[0].handler);
  const Error e = error_of(get(server.url("/")));
  EXPECT_EQ(e.code, "reset");
  EXPECT_FALSE(e.maybe_applied);
}

TEST_F(HttpFaults, ABodyThatLeftInPartMaybeApplied) {
  RawServer server([](int socket, int) {
    char some[65536];
    std::string text;
    while (text.find("xxx") == std::string::npos) {
      const auto n = ::recv(socket, some, sizeof some, 0);
      if (n <= 0) break;
      text.append(some, static_cast<std::size_t>(n));
    }
    test::reset(socket);
  });
  Request r = post(server.url("/"));
  r.body = std::string(20U << 20, 'x');
  const Error e = error_of(r);
  EXPECT_EQ(e.code, "reset");
  EXPECT_TRUE(e.maybe_applied);
}

/// Answers the first request of a connection, and drops the connection at the second without an answer.
RawServer::Handler dies_when_reused(std::atomic<int>& requests) {
  return [&requests](int socket, int) {
    for (int n = 0; !test::read_request(socket).empty(); ++n) {
      ++requests;
      if (n > 0) break;
      test::write_all(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
    ::close(socket);
  };
}

TEST_F(HttpFaults, ARequestOnAKeptConnectionThatDiedIsNotSentTwice) {
  std::atomic<int> requests{0};
  RawServer server(dies_when_reused(requests));
  const auto client = make();
  ASSERT_TRUE(client->send(post(server.url("/")), {}));
  const auto second = client->send(post(server.url("/")), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "reset");
  EXPECT_TRUE(second.error().maybe_applied);
  EXPECT_EQ(requests, 2);
}

TEST_F(HttpFaults, AWholeAnswerIsTakenAlsoWhenTheConnectionIsResetAfterIt) {
  std::atomic<int> requests{0};
  RawServer server([&requests](int socket, int) {
    test::read_request(socket);
    ++requests;
    test::write_all(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    test::reset(socket);
  });
  for (int i = 1; i <= 3; ++i) {
    // A client each: a kept connection whose reset is still on its way may be used again, and that request's answer
    // is lost (ARequestOnAKeptConnectionThatDiedIsNotSentTwice).
    const auto got = make()->send(post(server.url("/")), {});
    ASSERT_TRUE(got) << got.error().detail;
    EXPECT_EQ(got->body, "{}");
    EXPECT_EQ(requests, i) << "no request is sent twice";
  }
}

TEST_F(HttpFaults, AnEmptyPostNeverUsesAKeptConnection) {
  std::atomic<int> requests{0};
  RawServer server(dies_when_reused(requests));
  const auto client = make();
  Request r = get(server.url("/"));
  r.method = "POST";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->send(r, {}));
  EXPECT_EQ(requests, 3);
}

TEST_F(HttpFaults, ConnectionsAreKept) {
  std::atomic<int> connections{0};
  RawServer server([&connections](int socket, int) {
    ++connections;
    while (!test::read_request(socket).empty())
      test::write_all(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    ::close(socket);
  });
  {
    const auto client = make();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(client->send(post(server.url("/")), {}));
  }
  EXPECT_EQ(connections, 1);
}

TEST_F(HttpFaults, TheConnectHasADeadlineOfItsOwn) {
  // The handshake belongs to connecting, and this server never answers it.
  RawServer server([](int socket, int) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) continue;
    ::close(socket);
  });
  Request r = post("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  r.connect_timeout = kShort;
  const Error e = error_of(r);
  EXPECT_EQ(e.code, "timeout");
  EXPECT_FALSE(e.maybe_applied);
}

TEST_F(HttpFaults, AStopEndsASlowTransferAtOnce) {
  std::latch arrived(1);
  RawServer server([&arrived](int socket, int) {
    test::read_request(socket);
    test::write_all(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
    arrived.count_down();
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) continue;
    ::close(socket);
  });
  std::stop_source stop;
  std::jthread stopper([&] {
    arrived.wait();
    ::poll(nullptr, 0, 300);  // libcurl's own timers of the connect have passed: only the stop can wake the client now
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const Error e = error_of(post(server.url("/")), stop.get_token());
  EXPECT_EQ(e.action, Action::retry);
  EXPECT_EQ(e.code, "stopped");
  EXPECT_TRUE(e.maybe_applied);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));  // the deadlines are 10 and 20 s
}

TEST_F(HttpFaults, AfterAStopNothingIsSent) {
  TestServer server(ok);
  std::stop_source stop;
  stop.request_stop();
  const Error e = error_of(post(server.url("/")), stop.get_token());
  EXPECT_EQ(e.code, "stopped");
  EXPECT_FALSE(e.maybe_applied);
  EXPECT_TRUE(server.seen().empty());
}

}  // namespace
}  // namespace hw::http
