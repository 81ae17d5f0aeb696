#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/world.h"

/// What the sign-in pages of vendors have in common: authorization codes with proof keys (RFC 6749, RFC 7636).
namespace hw::sandbox {

/// What a code stands for.
struct Consent {
  std::string redirect_uri, challenge;  ///< challenge: S256, "" where the client sent none
  bool offline = true;                  ///< a refresh token comes with it
};

/// Gives out codes: each good once, and for ten minutes.
class CodeDesk {
 public:
  explicit CodeDesk(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string issue(Consent consent, Timestamp now);
  /// What the code stands for; it is used up even where the rest of the exchange is refused.
  std::optional<Consent> take(const std::string& code, Timestamp now);

 private:
  const std::string prefix_;
  std::map<std::string, std::pair<Consent, Timestamp>> codes_;
  std::uint64_t issued_ = 0;
};

/// The world's refresh token, those that persons' logins gave, each with its end, and what became of them by rotation.
class LoginTokens {
 public:
  explicit LoginTokens(World& world, std::string prefix) : world_(world), prefix_(std::move(prefix)) {}
  std::string issue();
  [[nodiscard]] bool is_good(const std::string& token) const;
  /// A good token is used: which one is good from now on.
  std::string use(const std::string& token);
  /// Seconds that it lives on, where it ends at all.
  [[nodiscard]] std::optional<std::int64_t> seconds_left(const std::string& token) const;

 private:
  World& world_;
  const std::string prefix_;
  std::map<std::string, std::optional<Timestamp>> ends_;
  std::set<std::string> rotated_;
};

/// 43 characters of base64url: what S256 makes of any verifier.
bool is_s256_challenge(const std::string& challenge);
/// RFC 7636 section 4.6; a verifier has 43 to 128 unreserved characters.
bool verifier_fits(const std::string& challenge, const std::string& verifier);
/// The address with query parameters added, encoded.
std::string with_query(const std::string& address, const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace hw::sandbox
