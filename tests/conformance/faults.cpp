#include "conformance/faults.h"

#include <fmt/format.h>

#include "base/zone.h"

namespace hw::conformance {
namespace {

using http::Response;
using std::chrono::seconds;

const std::string kThere = fmt::format("{}/sign-in?next={}", kElsewhere, kBodyCanary);

std::string error_body() { return fmt::format(R"({{"message":"refused","trace":"{}"}})", kBodyCanary); }

Fault status(int code, Action action, Headers headers = {}, std::optional<Duration> wish = {}) {
  std::string name = fmt::format("status {}", code);
  for (const auto& [key, value] : headers) name += fmt::format(", {}: {}", key, value);
  return {.name = std::move(name),
          .answer = [code, headers = std::move(headers)](const Response&) { return json(code, error_body(), headers); },
          .actions = {action},
          .retry_after = wish,
          .maybe_applied = code >= 500};
}

/// A failure that the HTTP client classifies by itself (http/client.h): it is to be handed on.
Fault of_client(const char* code, Action action, bool sent, std::optional<Duration> wish = {}) {
  return {
      .name = code,
      .answer =
          [=](const Response&) {
            return Error{
                .action = action, .code = code, .detail = "no answer came", .retry_after = wish, .maybe_applied = sent};
          },
      .actions = {action},
      .retry_after = wish,
      .maybe_applied = sent};
}

/// An answer that says 200 and cannot be read: the vendor may well have done the work.
Fault unreadable(const char* name, std::function<std::string(const std::string&)> body, std::set<Action> actions) {
  return {.name = name,
          .answer =
              [body = std::move(body)](const Response& good) {
                Response broken = good;
                broken.status = 200;
                broken.body = body(good.body);
                return broken;
              },
          .actions = std::move(actions),
          .maybe_applied = true};
}

std::string half_of(const std::string& body) { return body.substr(0, body.size() / 2); }
std::string html(const std::string&) { return fmt::format("<!doctype html><title>Sign in to {}</title>", kBodyCanary); }
std::string broken_json(const std::string&) { return fmt::format(R"({{"{}":,]}})", kBodyCanary); }

/// "Fri, 20 Nov 2026 12:00:17 GMT"
std::string http_date(SystemTime t) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr const char* kDays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  const Civil c = Zone::utc().to_civil(t);
  const auto days = std::chrono::duration_cast<std::chrono::hours>(t.time_since_epoch()).count() / 24;
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[days % 7], c.day, kMonths[c.month - 1], c.year,
                     c.hour, c.minute, c.second);
}

}  // namespace

std::vector<Fault> faults(SystemTime now) {
  constexpr seconds kWish{17};
  return {
      status(401, Action::pause),
      status(403, Action::pause),
      status(302, Action::pause, {{"location", kThere}}),
      status(308, Action::pause, {{"location", "/moved"}}),
      status(408, Action::retry),
      status(429, Action::retry, {{"retry-after", "17"}}, kWish),
      status(429, Action::retry, {{"retry-after", http_date(now + kWish)}}, kWish),
      status(429, Action::retry),
      status(500, Action::retry),
      status(502, Action::retry),
      status(503, Action::retry),
      status(503, Action::retry, {{"retry-after", "17"}}, kWish),
      status(504, Action::retry),
      of_client("timeout", Action::retry, true),
      of_client("reset", Action::retry, true),
      of_client("too_large", Action::retry, true),
      of_client("connect", Action::retry, false),
      of_client("dns", Action::retry, false),
      of_client("tls", Action::retry, false),
      of_client("tls_verify", Action::pause, false),
      of_client("token_answer", Action::retry, false),
      of_client("credential", Action::pause, false),
      of_client(http::kLaneFull, Action::retry, false, kWish),
      unreadable("half an answer", half_of, {Action::retry}),
      unreadable("HTML instead of JSON", html, {Action::retry, Action::pause}),
      unreadable("broken JSON", broken_json, {Action::retry}),
      unreadable("JSON that is no object", [](const auto&) { return "[]"; }, {Action::retry}),
      unreadable("JSON's null", [](const auto&) { return "null"; }, {Action::retry}),
      unreadable("JSON that is not UTF-8", [](const auto&) { return "{\"results\":[\"\xff\"]}"; }, {Action::retry}),
  };
}

}  // namespace hw::conformance
