#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"

namespace hw::conformance {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A Response in one line: `json(200, R"({"results":[]})")`.
http::Response json(int status, std::string body, Headers headers = {});

/// An HttpClient without a network. It replays what a test scripted and records what was asked. Thread-safe.
/// A request that nothing was scripted for fails the running test.
///
///   FakeHttp http;
///   http.then(json(200, page_one)).then(json(429, "{}", {{"retry-after", "17"}}));
///   FakeHttp vendor([](const http::Request& r) { return json(200, r.method == "GET" ? page : "{}"); });
class FakeHttp final : public http::HttpClient {
 public:
  using Handler = std::function<Result<http::Response>(const http::Request&)>;

  FakeHttp() = default;
  /// Answers every request for which no scripted answer is left.
  explicit FakeHttp(Handler handler) : handler_(std::move(handler)) {}

  /// Scripts the next answer, or error, once. They are given in the order scripted.
  FakeHttp& then(Result<http::Response> answer);
  void set_handler(Handler handler);
  /// What sign_in() answers from now on.
  void set_sign_in(Status answer);

  Result<http::Response> send(const http::Request& request, std::stop_token stop) override;
  Status sign_in(const http::Auth& auth, std::stop_token stop) override;

  /// Everything asked so far, stopped requests included.
  [[nodiscard]] std::vector<http::Request> requests() const;
  [[nodiscard]] std::size_t request_count() const;
  [[nodiscard]] std::vector<http::Auth> sign_ins() const;

 private:
  mutable Mutex mu_;
  std::deque<Result<http::Response>> script_ GUARDED_BY(mu_);
  Handler handler_ GUARDED_BY(mu_);
  Status sign_in_ GUARDED_BY(mu_);
  std::vector<http::Request> requests_ GUARDED_BY(mu_);
  std::vector<http::Auth> sign_ins_ GUARDED_BY(mu_);
};

}  // namespace hw::conformance
