#include "http/service_account.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace hw::http {
namespace {

using nlohmann::json;

constexpr std::int64_t kBackdateSeconds = 30;
constexpr std::int64_t kLifeSeconds = 3600;

struct Free {
  void operator()(BIO* b) const { BIO_free(b); }
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

Error unusable(const char* why) {
  return {.action = Action::pause,
          .code = "credential",
          .detail = std::string("the service account's key ") + why + "; use the JSON key file as it was downloaded"};
}

std::string member_text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::unique_ptr<EVP_PKEY, Free> read_rsa_key(const std::string& pem) {
  std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without an (empty) passphrase OpenSSL would ask for one on the terminal.
  static char no_passphrase[] = "";
  std::unique_ptr<EVP_PKEY, Free> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_passphrase));
  if (key && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) key.reset();
  return key;
}

std::string rs256(EVP_PKEY* key, const std::string& text) {
  std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return {};
  }
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(context.get(), out, &size, bytes, text.size()) != 1) return {};
  signature.resize(size);
  return signature;
}

std::string encode(const json& object) {
  return base64_url(object.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

Result<ServiceAccountKey> parse_service_account(const Secret& key_json) {
  const json file = json::parse(key_json.reveal(), nullptr, /*allow_exceptions=*/false);
  if (!file.is_object()) return unusable("is not a JSON object");
  ServiceAccountKey key{.client_email = member_text(file, "client_email"),
                        .private_key_id = member_text(file, "private_key_id"),
                        .private_key = Secret(member_text(file, "private_key"))};
  if (key.client_email.empty()) return unusable("has no client_email");
  if (key.private_key.empty()) return unusable("has no private_key");
  return key;
}

Result<Secret> sign_jwt(const ServiceAccountKey& key, std::string_view token_url, std::string_view scope,
                        SystemTime now) {
  const auto pkey = read_rsa_key(key.private_key.reveal());
  if (!pkey) return unusable("holds no readable RSA private_key");
  const std::int64_t issued =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() - kBackdateSeconds;
  json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!key.private_key_id.empty()) header["kid"] = key.private_key_id;
  json claims = {{"iss", key.client_email}, {"aud", token_url}, {"iat", issued}, {"exp", issued + kLifeSeconds}};
  if (!scope.empty()) claims["scope"] = scope;
  std::string text = encode(header) + "." + encode(claims);
  const std::string signature = rs256(pkey.get(), text);
  if (signature.empty()) return unusable("cannot sign");
  return Secret(text + "." + base64_url(signature));
}

}  // namespace hw::http
