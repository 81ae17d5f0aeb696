#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/hash.h"

namespace hw::sandbox {

/// A service account's key pair, and what it signs: for the tests of peers.
class ServiceAccountKey {
 public:
  ServiceAccountKey() : key_(EVP_RSA_gen(2048), EVP_PKEY_free) {}
  [[nodiscard]] std::string public_pem() const {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* data = nullptr;
    const long n = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(n)};
  }
  [[nodiscard]] std::string jwt(const nlohmann::json& claims,
                                const nlohmann::json& header = {{"alg", "RS256"}, {"typ", "JWT"}}) const {
    const std::string text = base64_url(header.dump()) + "." + base64_url(claims.dump());
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> ctx(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    std::string signature(512, '\0');
    std::size_t n = signature.size();
    EVP_DigestSign(ctx.get(), reinterpret_cast<unsigned char*>(signature.data()), &n,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    signature.resize(n);
    return text + "." + base64_url(signature);
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace hw::sandbox
