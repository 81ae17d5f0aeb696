#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "http/client.h"
#include "http/url.h"

namespace hw::http {
namespace {

using std::chrono::seconds;

constexpr seconds kLongestWish = std::chrono::hours(24 * 366);
constexpr std::size_t kShortestHttpDate = 24;  // the asctime form

std::optional<seconds> read_seconds(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < 0 || n > kLongestWish.count())
    return std::nullopt;
  return seconds(n);
}

// The three forms of RFC 9110 section 5.6.7. curl_getdate follows no locale, but takes much else: short texts are not
// asked.
std::optional<SystemTime> read_http_date(const std::string& text) {
  if (text.size() < kShortestHttpDate) return std::nullopt;
  const time_t t = curl_getdate(text.c_str(), nullptr);
  if (t < 0) return std::nullopt;
  return SystemTime(seconds(t));
}

Error redirected(const Response& response) {
  const std::string target = response.header("location");
  const auto url = parse_url(target);
  const std::string where = url ? place_of(target) : "another path of the same host";
  return {.action = Action::pause,
          .code = "http_404",
          .detail = fmt::format("answered {} with a redirect to {}; redirects are not followed, correct base_url",
                                response.status, where)};
}

Error of_status(Action action, const Response& response, std::string_view what) {
  return {.action = action,
          .code = fmt::format("http_{}", response.status),
          .detail = fmt::format("answered {}{}", response.status, what)};
}

Error to_retry(const Response& response, SystemTime now) {
  Error error = of_status(Action::retry, response, "");
  error.retry_after = response.retry_after(now);
  error.maybe_applied = response.status < 300 || response.status >= 500;
  return error;
}

}  // namespace

std::string Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equals_ci(key, name)) return value;
  }
  return {};
}

std::optional<Duration> Response::retry_after(SystemTime now) const {
  const std::string text = header("retry-after");
  if (const auto wish = read_seconds(text)) return *wish;
  const auto until = read_http_date(text);
  // The server counts by its own clock, which the answer tells: ours may be wrong by hours.
  const SystemTime theirs = date().value_or(now);
  if (!until || *until - theirs > kLongestWish) return std::nullopt;
  return std::max(Duration::zero(), *until - theirs);
}

std::optional<SystemTime> Response::date() const { return read_http_date(header("date")); }

Error classify_status(const Response& response, SystemTime now) {
  const int status = response.status;
  if (status == 408 || status == 425 || status == 429 || status >= 500 || status < 300) return to_retry(response, now);
  if (status < 400) return redirected(response);
  switch (status) {
    case 401:
      return of_status(Action::pause, response,
                       ": the credential is not accepted; if it ended or was revoked, put a new one into the "
                       "configuration or sign in again");
    case 403:
      return of_status(Action::pause, response,
                       ": the credential may not do this; give its account the right, or name another");
    case 404:
      return of_status(Action::pause, response, ": nothing is there, check base_url and the ids in the options");
    case 407:
      return of_status(Action::pause, response, ": the proxy wants a password, put it into HTTPS_PROXY");
    default:
      return of_status(Action::reject_row, response, "");
  }
}

}  // namespace hw::http
