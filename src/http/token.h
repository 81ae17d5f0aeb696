#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"
#include "http/grant.h"

namespace hw::http {

/// Access tokens of the named credentials, kept until 60 s before their end. Thread-safe: one thread at a time
/// refreshes a credential, the others wait for its outcome, good or bad.
class Tokens {
 public:
  /// @param state  may be null
  /// @param post   called by one thread at a time for each credential
  Tokens(const std::vector<Credential>& credentials, StateStore* state, const Clock& clock, PostToken post);
  ~Tokens();
  Tokens(const Tokens&) = delete;
  Tokens& operator=(const Tokens&) = delete;

  /// The token to send, "" if auth names no credential. Pause "credential" (unknown name, refused, unusable), else the
  /// wire's errors, never with maybe_applied: nothing but the token request was sent.
  Result<Secret> get(const Auth& auth, const std::stop_token& stop) EXCLUDES(mu_);

  /// After a 401 to `refused`: a newer token, fetched unless another thread already did. nullopt when the credential
  /// has nothing to refresh.
  std::optional<Result<Secret>> renew(const Auth& auth, const Secret& refused, const std::stop_token& stop)
      EXCLUDES(mu_);

 private:
  struct Entry;
  struct Account;
  [[nodiscard]] Account* find(const Auth& auth) const;
  [[nodiscard]] bool is_fresh(const Entry& entry) const;
  Result<Secret> fresh_token(Account& account, const Auth& auth, const std::stop_token& stop) EXCLUDES(mu_);
  Result<Secret> refresh(Account& account, Entry& entry, const Auth& auth, const std::stop_token& stop) EXCLUDES(mu_);

  const Clock& clock_;
  const PostToken post_;
  std::map<std::string, std::unique_ptr<Account>> accounts_;  ///< the map itself is constant after construction
  Mutex mu_;                                                  ///< guards the accounts' entries and `refreshing`
  std::condition_variable_any refreshed_;
};

}  // namespace hw::http
