#include "sandbox/google_tokens.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace hw::sandbox {

using nlohmann::json;

namespace {

constexpr auto kLife = std::chrono::seconds(3600);

HttpResponse oauth_error(int status, const char* error, const std::string& description) {
  return {status, {}, json{{"error", error}, {"error_description", description}}.dump()};
}

std::map<std::string, std::string> read_form(const std::string& body) {
  std::map<std::string, std::string> form;
  for (std::string_view pair : split(body, '&')) {
    const std::size_t eq = pair.find('=');
    if (eq == std::string_view::npos) continue;
    form[percent_decode(pair.substr(0, eq), true)] = percent_decode(pair.substr(eq + 1), true);
  }
  return form;
}

std::string get(const std::map<std::string, std::string>& m, const char* key) {
  auto it = m.find(key);
  return it == m.end() ? "" : it->second;
}

std::optional<std::string> from_base64_url(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    const std::size_t v = kAlphabet.find(c);
    if (v == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(v);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>((bits >> held) & 0xFFU));
  }
  return out;
}

bool signature_holds(const std::string& pem, std::string_view text, std::string_view signature) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr),
                                                          EVP_PKEY_free);
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> ctx(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!key || !ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(ctx.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

json decoded_json(std::string_view part) {
  const auto text = from_base64_url(part);
  return text ? json::parse(*text, nullptr, false) : json();
}

/// One refresh token may carry several; those of other Google APIs are as good here.
bool only_known_scopes(std::string_view scopes) {
  const auto all = split(scopes, ' ');
  return std::all_of(all.begin(), all.end(),
                     [](std::string_view s) { return s.starts_with("https://www.googleapis.com/auth/"); });
}

HttpResponse error_page(int status, const std::string& error) {
  return {status,
          {{"Content-Type", "text/html; charset=utf-8"}},
          "<html><title>Error " + std::to_string(status) + ": " + error + "</title></html>"};
}

/// http, 127.0.0.1, [::1] or localhost, and a port: what a client for desktop applications may say.
bool is_loopback_redirect(std::string_view url) {
  for (std::string_view host : {"http://127.0.0.1:", "http://[::1]:", "http://localhost:"}) {
    if (!url.starts_with(host)) continue;
    url.remove_prefix(host.size());
    const std::string_view port = url.substr(0, url.find('/'));
    return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos &&
           url.find('#') == std::string_view::npos;
  }
  return false;
}

bool proof_is_well_formed(const std::string& challenge, const std::string& method) {
  if (challenge.empty()) return method.empty();
  return method == "S256" && is_s256_challenge(challenge);
}

std::string claim(const json& claims, const char* name) {
  return claims.contains(name) && claims[name].is_string() ? claims[name].get<std::string>() : "";
}

std::int64_t seconds(const json& claims, const char* name) {
  return claims.contains(name) && claims[name].is_number_integer() ? claims[name].get<std::int64_t>() : 0;
}

/// "" when the claims are those of the world's service account and in time.
std::string claims_fault(const json& claims, const World& world) {
  const std::int64_t now = to_micros(world.now) / 1'000'000;
  const std::int64_t iat = seconds(claims, "iat"), exp = seconds(claims, "exp");
  if (claim(claims, "iss") != world.sign_in.service_account_email) return "Invalid issuer.";
  if (!claim(claims, "aud").ends_with("/token")) return "Invalid JWT: Failed audience check.";
  if (iat > now + 300 || exp <= now || exp <= iat || exp - iat > 3600)
    return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
  return "";
}

}  // namespace

bool GoogleTokens::is_asked(std::string_view scopes) const {
  for (std::string_view s : split(scopes, ' '))
    if (s == scope_) return true;
  return false;
}

HttpResponse GoogleTokens::issue() {
  const std::string token = fmt::format("ya29.sandbox-{}", ++issued_);
  tokens_[token] = world_.now + kLife;
  return {
      200, {}, json{{"access_token", token}, {"expires_in", 3600}, {"scope", scope_}, {"token_type", "Bearer"}}.dump()};
}

HttpResponse GoogleTokens::refresh(const std::map<std::string, std::string>& form) {
  const SignIn& s = world_.sign_in;
  if (get(form, "client_id") != s.client_id || get(form, "client_secret") != s.client_secret)
    return oauth_error(401, "invalid_client", "The OAuth client was not found.");
  const std::string token = get(form, "refresh_token");
  if (!logins_.is_good(token)) return oauth_error(400, "invalid_grant", "Token has been expired or revoked.");
  if (form.contains("scope") && !is_asked(get(form, "scope"))) return oauth_error(400, "invalid_scope", "Bad Request");
  const std::string next = logins_.use(token);
  return next == token ? issue() : with_refresh_token(issue(), next);
}

HttpResponse GoogleTokens::consent_page(const HttpRequest& request) {
  if (request.method != "GET") return error_page(405, "method_not_allowed");
  const auto& q = request.query;
  const std::string redirect = get(q, "redirect_uri"), challenge = get(q, "code_challenge");
  // What is wrong before the client and its address are known is shown, and nobody is sent anywhere.
  if (get(q, "client_id") != world_.sign_in.client_id) return error_page(401, "invalid_client");
  if (!is_loopback_redirect(redirect)) return error_page(400, "redirect_uri_mismatch");
  if (get(q, "response_type") != "code") return error_page(400, "unsupported_response_type");
  if (!is_asked(get(q, "scope")) || !only_known_scopes(get(q, "scope"))) return error_page(400, "invalid_scope");
  if (!proof_is_well_formed(challenge, get(q, "code_challenge_method"))) return error_page(400, "invalid_request");
  std::vector<std::pair<std::string, std::string>> answered;
  if (world_.sign_in.person_denies) {
    answered = {{"error", "access_denied"}};
  } else {
    // A refresh token comes with offline access, and once only unless consent is asked for again.
    const bool asked_again = get(q, "prompt").find("consent") != std::string::npos;
    const bool offline = get(q, "access_type") == "offline" && (asked_again || !world_.sign_in.has_consented);
    world_.sign_in.has_consented = true;
    answered = {
        {"code", codes_.issue({.redirect_uri = redirect, .challenge = challenge, .offline = offline}, world_.now)},
        {"scope", get(q, "scope")}};
  }
  if (q.contains("state")) answered.insert(answered.begin(), {"state", get(q, "state")});
  return {302, {{"Location", with_query(redirect, answered)}}, ""};
}

HttpResponse GoogleTokens::exchange(const std::map<std::string, std::string>& form) {
  const SignIn& s = world_.sign_in;
  if (get(form, "client_id") != s.client_id || get(form, "client_secret") != s.client_secret)
    return oauth_error(401, "invalid_client", "The OAuth client was not found.");
  const auto consent = codes_.take(get(form, "code"), world_.now);
  if (!consent) return oauth_error(400, "invalid_grant", "Malformed auth code.");
  if (get(form, "redirect_uri") != consent->redirect_uri)
    return oauth_error(400, "redirect_uri_mismatch", "Bad Request");
  if (consent->challenge.empty() != get(form, "code_verifier").empty())
    return oauth_error(400, "invalid_grant", "Missing code verifier.");
  if (!consent->challenge.empty() && !verifier_fits(consent->challenge, get(form, "code_verifier")))
    return oauth_error(400, "invalid_grant", "Invalid code verifier.");
  HttpResponse out = issue();
  return consent->offline ? with_refresh_token(std::move(out), logins_.issue()) : out;
}

HttpResponse GoogleTokens::with_refresh_token(HttpResponse out, const std::string& token) const {
  json answer = json::parse(out.body);
  answer["refresh_token"] = token;
  if (const auto left = logins_.seconds_left(token)) answer["refresh_token_expires_in"] = *left;
  out.body = answer.dump();
  return out;
}

HttpResponse GoogleTokens::jwt_bearer(const std::map<std::string, std::string>& form) {
  const std::string assertion = get(form, "assertion");
  const auto parts = split(assertion, '.');
  if (parts.size() != 3) return oauth_error(400, "invalid_grant", "Invalid JWT.");
  const json header = decoded_json(parts[0]), claims = decoded_json(parts[1]);
  const auto signature = from_base64_url(parts[2]);
  if (!header.is_object() || !claims.is_object() || !signature || claim(header, "alg") != "RS256")
    return oauth_error(400, "invalid_grant", "Invalid JWT.");
  const std::string_view signed_text(assertion.data(), parts[0].size() + 1 + parts[1].size());
  if (!signature_holds(world_.sign_in.service_account_public_key, signed_text, *signature))
    return oauth_error(400, "invalid_grant", "Invalid JWT Signature.");
  if (std::string fault = claims_fault(claims, world_); !fault.empty()) return oauth_error(400, "invalid_grant", fault);
  if (!is_asked(claim(claims, "scope")))
    return oauth_error(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  return issue();
}

HttpResponse GoogleTokens::grant(const HttpRequest& request) {
  if (request.method != "POST") return {405, {}, "{}"};
  const auto form = read_form(request.body);
  const std::string type = get(form, "grant_type");
  if (type == "refresh_token") return refresh(form);
  if (type == "authorization_code") return exchange(form);
  if (type == "urn:ietf:params:oauth:grant-type:jwt-bearer") return jwt_bearer(form);
  return oauth_error(400, "unsupported_grant_type", "Invalid grant_type: " + type);
}

GoogleTokens::Bearer GoogleTokens::bearer_of(const HttpRequest& request) const {
  auto it = request.headers.find("authorization");
  if (it == request.headers.end() || !starts_with_ci(it->second, "bearer ")) return Bearer::missing;
  auto token = tokens_.find(std::string(trim(std::string_view(it->second).substr(7))));
  if (token == tokens_.end()) return Bearer::unknown;
  return world_.now >= token->second ? Bearer::expired : Bearer::good;
}

}  // namespace hw::sandbox
