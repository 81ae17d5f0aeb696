#include "http/grant.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "http/service_account.h"
#include "http/url.h"

namespace hw::http {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// RFC 6749 leaves the life out where it is documented elsewhere; a token that ends sooner is renewed after its 401.
constexpr seconds kLifeIfUntold = std::chrono::minutes(30);
constexpr seconds kLongestLife = std::chrono::hours(24);

std::string text_field(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Some servers write the number as text.
seconds life_of(const json& answer) {
  const auto it = answer.find("expires_in");
  std::int64_t n = kLifeIfUntold.count();
  if (it != answer.end() && it->is_number()) n = static_cast<std::int64_t>(std::clamp(it->get<double>(), 0.0, 1e9));
  if (it != answer.end() && it->is_string()) {
    const auto& text = it->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), n);
  }
  return std::clamp(seconds(n), seconds(0), kLongestLife);
}

// The server's error code, if it is one: anything else in the answer may quote a secret.
std::string error_code(const Response& response) {
  const json answer = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const std::string code = answer.is_object() ? text_field(answer, "error") : "";
  const bool plain = std::all_of(code.begin(), code.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return plain && code.size() <= 40 ? code : "";
}

void add(std::string& form, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!form.empty()) form += '&';
  form += name;
  form += '=';
  form += percent_encode(value);
}

const char* mend(CredentialType type, std::string_view code) {
  if (code == "invalid_scope") return "the credential was not granted this scope; grant it, or correct the scope";
  if (type == CredentialType::service_account) {
    return "the key was deleted or disabled, or this machine's clock is wrong; check both, or make a new key file";
  }
  if (code == "invalid_grant") {
    return "the refresh token is revoked or has ended; sign in again and put the new refresh token into the "
           "configuration";
  }
  return "client_id, client_secret or token_url is wrong; correct the configuration";
}

bool is_temporary(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

Request token_request(const Auth& auth, std::string body) {
  Request request;
  request.method = "POST";
  request.url = auth.token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = std::move(body);
  request.timeout = seconds(30);
  request.max_response_bytes = 1U << 20;
  return request;
}

}  // namespace

Grant::Grant(Credential credential, StateStore* state)
    : credential_(std::move(credential)), state_(state), refresh_token_(credential_.refresh_token) {}

Result<AccessToken> Grant::fetch(const Auth& auth, SystemTime now, const PostToken& post, const std::stop_token& stop) {
  if (auto ok = check_url(auth.token_url); !ok) return explained(ok.error());
  auto body = form(auth, now);
  if (!body) return explained(body.error());
  auto response = post(token_request(auth, *std::move(body)), stop);
  if (!response) return explained(response.error());
  return read(*response, auth, now);
}

Result<std::string> Grant::form(const Auth& auth, SystemTime now) {
  std::string out;
  if (credential_.type == CredentialType::service_account) {
    auto key = parse_service_account(credential_.key_json);
    if (!key) return key.error();
    auto jwt = sign_jwt(*key, auth.token_url, auth.scope, now);
    if (!jwt) return jwt.error();
    add(out, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    add(out, "assertion", jwt->reveal());
    return out;
  }
  load_rotated();
  if (unsaved_) {
    if (auto saved = save_rotated(); !saved) return saved.error();
  }
  add(out, "grant_type", "refresh_token");
  add(out, "client_id", credential_.client_id);
  add(out, "client_secret", credential_.client_secret.reveal());
  add(out, "refresh_token", refresh_token_.reveal());
  add(out, "scope", auth.scope);
  return out;
}

Result<AccessToken> Grant::read(const Response& response, const Auth& auth, SystemTime now) {
  const std::string place = place_of(auth.token_url);
  if (response.status >= 300) {
    const bool known_elsewhere = is_temporary(response.status) || response.status == 404 || response.status < 400;
    if (!known_elsewhere) return refused(response, auth);
    Error error = classify_status(response, now);
    error.detail = fmt::format("token_url {} {}", place, error.detail);
    return explained(std::move(error));
  }
  const json answer = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const std::string token = answer.is_object() ? text_field(answer, "access_token") : "";
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) {
    return explained(
        {.action = Action::retry,
         .code = "token_answer",
         .detail = fmt::format("token_url {} answered {} without an access_token", place, response.status)});
  }
  if (auto kept = rotate(text_field(answer, "refresh_token")); !kept) return explained(kept.error());
  return AccessToken{.token = Secret(token), .life = life_of(answer)};
}

Error Grant::refused(const Response& response, const Auth& auth) const {
  const std::string code = error_code(response);
  return explained({.action = Action::pause,
                    .code = "credential",
                    .detail = fmt::format("token_url {} answered {}{}{}: {}", place_of(auth.token_url), response.status,
                                          code.empty() ? "" : " ", code, mend(credential_.type, code))});
}

// What the token request did or did not do says nothing about the caller's request, which was not sent.
Error Grant::explained(Error error) const {
  error.maybe_applied = false;
  error.detail = fmt::format("credential '{}': {}", credential_.name, error.detail);
  return error;
}

Status Grant::rotate(const std::string& answered) {
  if (credential_.type != CredentialType::refresh_token || answered.empty() || answered == refresh_token_.reveal())
    return {};
  refresh_token_ = Secret(answered);
  unsaved_ = true;
  return save_rotated();
}

void Grant::load_rotated() {
  if (loaded_) return;
  loaded_ = true;
  if (state_ == nullptr) return;
  const json kept = json::parse(state_->load("token/" + credential_.name).value_or(""), nullptr, false);
  if (!kept.is_object() || text_field(kept, "seed") != sha256_hex(credential_.refresh_token.reveal())) return;
  const std::string token = text_field(kept, "token");
  if (!token.empty()) refresh_token_ = Secret(token);
}

Status Grant::save_rotated() {
  if (state_ != nullptr) {
    const json kept = {{"seed", sha256_hex(credential_.refresh_token.reveal())}, {"token", refresh_token_.reveal()}};
    const auto text = kept.dump(-1, ' ', false, json::error_handler_t::replace);
    if (auto saved = state_->save("token/" + credential_.name, text, /*secret=*/true); !saved) return saved;
  }
  unsaved_ = false;
  return {};
}

}  // namespace hw::http
