#include "conformance/fake_http.h"

#include <gtest/gtest.h>

namespace hw::conformance {
namespace {

Error stopped() { return {.action = Action::retry, .code = "stopped", .detail = "a stop was asked for"}; }

}  // namespace

http::Response json(int status, std::string body, Headers headers) {
  headers.emplace_back("content-type", "application/json");
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

FakeHttp& FakeHttp::then(Result<http::Response> answer) {
  MutexLock lock(mu_);
  script_.push_back(std::move(answer));
  return *this;
}

void FakeHttp::set_handler(Handler handler) {
  MutexLock lock(mu_);
  handler_ = std::move(handler);
}

void FakeHttp::set_sign_in(Status answer) {
  MutexLock lock(mu_);
  sign_in_ = std::move(answer);
}

Result<http::Response> FakeHttp::send(const http::Request& request, std::stop_token stop) {
  Handler handler;
  {
    MutexLock lock(mu_);
    requests_.push_back(request);
    if (stop.stop_requested()) return stopped();
    if (!script_.empty()) {
      Result<http::Response> answer = std::move(script_.front());
      script_.pop_front();
      return answer;
    }
    handler = handler_;
  }
  if (handler) return handler(request);
  ADD_FAILURE() << "FakeHttp: no answer is scripted for " << request.method << " " << request.url;
  return Error{.action = Action::pause, .code = "unscripted", .detail = "no answer is scripted"};
}

Status FakeHttp::sign_in(const http::Auth& auth, std::stop_token stop) {
  MutexLock lock(mu_);
  sign_ins_.push_back(auth);
  if (stop.stop_requested()) return stopped();
  return sign_in_;
}

std::vector<http::Request> FakeHttp::requests() const {
  MutexLock lock(mu_);
  return requests_;
}

std::size_t FakeHttp::request_count() const {
  MutexLock lock(mu_);
  return requests_.size();
}

std::vector<http::Auth> FakeHttp::sign_ins() const {
  MutexLock lock(mu_);
  return sign_ins_;
}

}  // namespace hw::conformance
