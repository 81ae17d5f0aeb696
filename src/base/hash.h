#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace hw {

std::string sha256_hex(std::string_view bytes);     ///< 64 lower-case hex digits
std::string sha256_base32(std::string_view bytes);  ///< RFC 4648 alphabet in lower case, no padding (52 chars)
std::uint64_t hash64(std::string_view bytes);       ///< first 8 bytes of SHA-256, big-endian; stable for ever
bool is_sha256_hex(std::string_view s);             ///< exactly 64 hex digits, any case
std::string base64(std::string_view bytes);
std::string base64_url(std::string_view bytes);  ///< no padding
std::string random_token();                      ///< 128 bits from the system, hex

}  // namespace hw
