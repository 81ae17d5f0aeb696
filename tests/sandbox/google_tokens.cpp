#include "sandbox/google_tokens.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

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
  if (get(form, "refresh_token") != s.refresh_token)
    return oauth_error(400, "invalid_grant", "Token has been expired or revoked.");
  if (form.contains("scope") && !is_asked(get(form, "scope"))) return oauth_error(400, "invalid_scope", "Bad Request");
  return issue();
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
