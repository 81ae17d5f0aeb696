#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/zone.h"
#include "http/test_kit.h"

/// What the client's tests share.
namespace hw::http::test {

/// The authority that the fixture's clients know.
inline const TestCa& ca() {
  static const TestCa made;
  return made;
}

inline Credential credential(CredentialType type) {
  return Credential{.name = "main",
                    .type = type,
                    .token = Secret("t0ken-s3cr3t"),
                    .client_id = "client",
                    .client_secret = Secret("client-s3cr3t"),
                    .refresh_token = Secret("refresh-s3cr3t"),
                    .key_json = Secret()};
}

inline Request get(const std::string& url) {
  Request r;
  r.url = url;
  r.timeout = std::chrono::seconds(20);
  return r;
}

/// A post in which everything that must not be printed holds "s3cr3t".
inline Request post(const std::string& url) {
  Request r = get(url + "?key=s3cr3t");
  r.method = "POST";
  r.headers = {{"Content-Type", "application/json"}, {"X-Api-Key", "s3cr3t"}};
  r.body = R"({"value":"s3cr3t"})";
  return r;
}

inline void ok(const httplib::Request&, httplib::Response& response) { response.set_content("{}", "application/json"); }

class ClientTest : public testing::Test {
 protected:
  std::unique_ptr<HttpClient> make(CredentialType type = CredentialType::static_token,
                                   const std::string& ca_file = ca().file()) {
    return make_client(ClientOptions{.credentials = {credential(type)},
                                     .ca_file = ca_file,
                                     .user_agent = "headwater/test",
                                     .state = &state_,
                                     .may_sleep = false},
                       clock_, *random_);
  }
  /// Sends, wants a failure, and looks for secrets in it.
  Error error_of(const Request& request, std::stop_token stop = {}) {
    const auto got = make()->send(request, stop);
    EXPECT_FALSE(got);
    if (got) return {};
    EXPECT_EQ(got.error().detail.find("s3cr3t"), std::string::npos) << got.error().detail;
    EXPECT_NE(got.error().detail.find(request.method + " "), std::string::npos) << got.error().detail;
    return got.error();
  }
  FakeClock clock_{read_time("2026-11-20T12:00:00Z", Zone::utc())->at};
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  test::MemoryState state_;
};

}  // namespace hw::http::test
