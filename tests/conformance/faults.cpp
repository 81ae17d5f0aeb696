#include "conformance/faults.h"

#include <fmt/format.h>

#include "base/zone.h"

namespace hw::conformance {
namespace {

using http::Response;
using std::chrono::seconds;

std::string error_body() { return fmt::format(R"({{"message":"refused","trace":"{}"}})", kBodyCanary); }

Fault status(int code, Action action, Headers headers = {}, std::optional<Duration> wish = {}) {
  std::string name = fmt::format("status {}", code);
  for (const auto& [key, value] : headers) name += fmt::format(", {}: {}", key, value);
  return {.name = std::move(name),
          .answer = [code, headers = std::move(headers)](const Response&) { return json(code, error_body(), headers); },
          .actions = {action},
          .retry_after = wish};
}

/// The network's own failure, as http/client.h classifies it.
Fault network(const char* code, bool sent) {
  return {.name = code,
          .answer =
              [=](const Response&) {
                return Error{
                    .action = Action::retry, .code = code, .detail = "the network failed", .maybe_applied = sent};
              },
          .actions = {Action::retry},
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
      status(429, Action::retry, {{"retry-after", "17"}}, kWish),
      status(429, Action::retry, {{"retry-after", http_date(now + kWish)}}, kWish),
      status(429, Action::retry),
      status(500, Action::retry),
      status(503, Action::retry),
      network("timeout", true),
      network("reset", true),
      network("connect", false),
      unreadable("half an answer", half_of, {Action::retry}),
      unreadable("HTML instead of JSON", html, {Action::retry, Action::pause}),
      unreadable("broken JSON", broken_json, {Action::retry}),
  };
}

}  // namespace hw::conformance
