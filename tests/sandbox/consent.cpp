#include "sandbox/consent.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace hw::sandbox {
namespace {

constexpr auto kCodeLife = std::chrono::minutes(10);

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

std::string bytes_of_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

}  // namespace

std::string CodeDesk::issue(Consent consent, Timestamp now) {
  std::string code = prefix_ + std::to_string(++issued_);
  codes_[code] = {std::move(consent), now + kCodeLife};
  return code;
}

std::optional<Consent> CodeDesk::take(const std::string& code, Timestamp now) {
  const auto found = codes_.find(code);
  if (found == codes_.end()) return std::nullopt;
  auto [consent, end] = std::move(found->second);
  codes_.erase(found);
  return now < end ? std::optional(std::move(consent)) : std::nullopt;
}

std::string LoginTokens::issue() {
  std::string token = prefix_ + std::to_string(ends_.size() + 1);
  const Duration life = world_.sign_in.login_life;
  ends_[token] = life > Duration(0) ? std::optional(world_.now + life) : std::nullopt;
  world_.sign_in.given_tokens.insert(token);
  return token;
}

bool LoginTokens::is_good(const std::string& token) const {
  if (rotated_.contains(token)) return false;
  if (token == world_.sign_in.refresh_token) return true;
  const auto found = ends_.find(token);
  return found != ends_.end() && (!found->second || world_.now < *found->second);
}

std::string LoginTokens::use(const std::string& token) {
  if (!world_.sign_in.rotates) return token;
  rotated_.insert(token);
  return issue();
}

std::optional<std::int64_t> LoginTokens::seconds_left(const std::string& token) const {
  const auto found = ends_.find(token);
  if (found == ends_.end() || !found->second) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*found->second - world_.now).count();
}

bool is_s256_challenge(const std::string& challenge) {
  return challenge.size() == 43 && std::all_of(challenge.begin(), challenge.end(), is_unreserved) &&
         challenge.find_first_of(".~") == std::string::npos;
}

bool verifier_fits(const std::string& challenge, const std::string& verifier) {
  return verifier.size() >= 43 && verifier.size() <= 128 &&
         std::all_of(verifier.begin(), verifier.end(), is_unreserved) &&
         base64_url(bytes_of_hex(sha256_hex(verifier))) == challenge;
}

std::string with_query(const std::string& address, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out = address;
  for (const auto& [name, value] : parameters)
    out += (out.find('?') == std::string::npos ? "?" : "&") + name + "=" + percent_encode(value);
  return out;
}

}  // namespace hw::sandbox
