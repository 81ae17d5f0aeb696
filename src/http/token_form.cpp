#include "http/token_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "http/url.h"

namespace hw::http {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// RFC 6749 leaves the life out where it is documented elsewhere; a token that ends sooner is renewed after its 401.
constexpr seconds kLifeIfUntold = std::chrono::minutes(30);
constexpr seconds kLongestLife = std::chrono::hours(24);
constexpr seconds kLongestRefreshLife = std::chrono::hours(24 * 3660);

std::string answered_text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Some servers write the number as text.
std::optional<seconds> answered_seconds(const json& answer, const char* name) {
  const auto it = answer.find(name);
  if (it == answer.end()) return std::nullopt;
  if (it->is_number()) return seconds(static_cast<std::int64_t>(std::clamp(it->get<double>(), 0.0, 1e9)));
  if (!it->is_string()) return std::nullopt;
  const auto& text = it->get_ref<const std::string&>();
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return seconds(std::clamp<std::int64_t>(n, 0, 1'000'000'000));
}

std::string error_code(const Response& response) {
  const json answer = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  return answer.is_object() ? plain_code(answered_text(answer, "error")) : "";
}

bool is_temporary(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

Error refused(const Response& response, const std::string& token_url, SystemTime now,
              const std::function<std::string(std::string_view)>& mend) {
  const std::string place = place_of(token_url);
  const bool known_elsewhere = is_temporary(response.status) || response.status == 404 || response.status < 400;
  if (known_elsewhere) {
    Error error = classify_status(response, now);
    error.detail = fmt::format("token_url {} {}", place, error.detail);
    return error;
  }
  const std::string code = error_code(response);
  return {.action = Action::pause,
          .code = "credential",
          .detail = fmt::format("token_url {} answered {}{}{}: {}", place, response.status, code.empty() ? "" : " ",
                                code, mend(code))};
}

std::optional<Duration> refresh_life(const json& answer) {
  const auto life = answered_seconds(answer, "refresh_token_expires_in");
  if (!life || *life <= seconds(0)) return std::nullopt;
  return std::min(*life, kLongestRefreshLife);
}

}  // namespace

void add_field(std::string& form, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!form.empty()) form += '&';
  form += name;
  form += '=';
  form += percent_encode(value);
}

Request token_request(const std::string& token_url, std::string form) {
  Request request;
  request.method = "POST";
  request.url = token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = std::move(form);
  request.timeout = seconds(30);
  request.max_response_bytes = 1U << 20;
  return request;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string plain_code(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return plain && text.size() <= 40 ? std::string(text) : "";
}

Result<TokenAnswer> read_token_answer(const Response& response, const std::string& token_url, SystemTime now,
                                      const std::function<std::string(std::string_view)>& mend) {
  if (response.status >= 300) return refused(response, token_url, now, mend);
  const json answer = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const std::string token = answer.is_object() ? answered_text(answer, "access_token") : "";
  if (!is_token(token)) {
    return Error{.action = Action::retry,
                 .code = "token_answer",
                 .detail = fmt::format("token_url {} answered {} without an access_token", place_of(token_url),
                                       response.status)};
  }
  return TokenAnswer{
      .access_token = Secret(token),
      .life = std::clamp(answered_seconds(answer, "expires_in").value_or(kLifeIfUntold), seconds(0), kLongestLife),
      .refresh_token = Secret(answered_text(answer, "refresh_token")),
      .refresh_life = refresh_life(answer)};
}

}  // namespace hw::http
