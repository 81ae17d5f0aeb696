#include "service/login_callback.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "model/timestamp.h"

namespace hw::service {
namespace {

constexpr const char* kLoopback = "127.0.0.1";

/// The library's own choice would let a second login listen at the same port unseen.
void take_port_alone(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

void show_page(httplib::Response& out, int status, const std::string& text) {
  out.status = status;
  out.set_header("Cache-Control", "no-store");
  out.set_content("<!doctype html><meta charset=\"utf-8\"><title>Headwater</title><p>" + text + "</p>\n",
                  "text/html; charset=utf-8");
}

/// As it was sent: the library's own decoding would be a second one.
std::string query_of(const httplib::Request& request) {
  const auto question = request.target.find('?');
  return question == std::string::npos ? "" : request.target.substr(question + 1);
}

Error no_answer(const http::Login& login, Duration patience) {
  return {Action::retry,
          "timed_out",
          "no browser came back within " +
              std::to_string(std::chrono::duration_cast<std::chrono::minutes>(patience).count()) +
              " minutes: sign in again. If the page itself showed an error, mend what it names: mostly the redirect "
              "address " +
              login.redirect_url() +
              " must be entered with the OAuth client. If the browser runs on another machine, say --paste",
          {},
          false};
}

}  // namespace

struct LoginCallback::Impl {
  httplib::Server server;
  int port = 0;
  Mutex mu;
  std::optional<Result<Secret>> outcome GUARDED_BY(mu);

  void answer(const http::Login& login, const httplib::Request& request, httplib::Response& out, Waiter& waiter) {
    auto code = login.code_from(query_of(request));
    if (!code && code.error().code == "wrong_state")
      return show_page(out, 400, "This is not the answer to the login that Headwater waits for.");
    show_page(out, 200, "Headwater has the answer. Close this page; the terminal says how it went.");
    MutexLock lock(mu);
    if (!outcome) outcome = std::move(code);
    waiter.wake();
  }
  std::optional<Result<Secret>> arrived() {
    MutexLock lock(mu);
    return outcome;
  }
};

Result<std::unique_ptr<LoginCallback>> LoginCallback::open(int port) {
  auto impl = std::make_unique<Impl>();
  impl->server.set_socket_options(take_port_alone);
  impl->server.set_read_timeout(5, 0);
  impl->server.set_keep_alive_max_count(1);
  impl->port = port;
  if (port == 0) impl->port = impl->server.bind_to_any_port(kLoopback);
  if (impl->port <= 0 || (port != 0 && !impl->server.bind_to_port(kLoopback, port)))
    return Error{Action::pause,
                 "listen",
                 "cannot listen on 127.0.0.1 port " + std::to_string(port) +
                     ": another program has it; say another --port, or --paste",
                 {},
                 false};
  return std::unique_ptr<LoginCallback>(new LoginCallback(std::move(impl)));
}

LoginCallback::LoginCallback(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoginCallback::~LoginCallback() = default;

int LoginCallback::port() const { return impl_->port; }

Result<Secret> LoginCallback::await(const http::Login& login, Clock& clock, Duration patience, std::stop_token stop) {
  const auto waiter = clock.waiter("login");
  impl_->server.Get("/callback", [&](const httplib::Request& request, httplib::Response& out) {
    impl_->answer(login, request, out, *waiter);
  });
  std::atomic<bool> ended = false;
  std::thread serving([&] {
    impl_->server.listen_after_bind();
    ended = true;
  });
  const Timestamp until = clock.system_now() + patience;
  bool stopped = false;
  while (!impl_->arrived() && !stopped && clock.system_now() < until) stopped = !waiter->wait_until(until, stop);
  // A stop that comes before the server's loop began would be forgotten by it.
  while (!impl_->server.is_running() && !ended) std::this_thread::yield();
  impl_->server.stop();
  serving.join();
  if (auto outcome = impl_->arrived()) return *outcome;
  if (stopped) return Error{Action::retry, "stopped", "the login was stopped", {}, false};
  return no_answer(login, patience);
}

}  // namespace hw::service
