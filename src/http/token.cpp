#include "http/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/token_form.h"

namespace hw::http {
namespace {

constexpr Duration kBeforeEnd = std::chrono::seconds(60);

Result<Secret> static_token(const Credential& credential) {
  const char* fault = nullptr;
  if (credential.token.empty())
    fault = "has an empty token";
  else if (!is_token(credential.token.reveal()))
    fault = "has a token with a blank, a line break or the like in it";
  if (fault == nullptr) return credential.token;
  return Error{.action = Action::pause,
               .code = "credential",
               .detail = fmt::format("credential '{}' {}; put the token into its file or variable, and nothing else",
                                     credential.name, fault)};
}

Error stopped() { return {.action = Action::retry, .code = "stopped", .detail = "stopped while waiting for a token"}; }

}  // namespace

struct Tokens::Entry {
  Secret token;
  SteadyTime good_until{};
  std::uint64_t attempts = 0;      ///< finished refreshes, so that who waited knows that one was made meanwhile
  std::optional<Error> failure{};  ///< of the last one
};

/// One refresh at a time for the whole credential, since a rotating refresh token is good for one use only.
struct Tokens::Account {
  Account(const Credential& c, StateStore* state) : credential(c), grant(c, state) {}
  const Credential credential;
  Grant grant;  ///< touched only by who set `refreshing`
  bool refreshing = false;
  std::map<std::pair<std::string, std::string>, Entry> entries;  ///< by token_url and scope
};

Tokens::Tokens(const std::vector<Credential>& credentials, StateStore* state, const Clock& clock, PostToken post)
    : clock_(clock), post_(std::move(post)) {
  for (const auto& c : credentials) accounts_[c.name] = std::make_unique<Account>(c, state);
}

Tokens::~Tokens() = default;

Tokens::Account* Tokens::find(const Auth& auth) const {
  const auto it = accounts_.find(auth.credential);
  return it == accounts_.end() ? nullptr : it->second.get();
}

bool Tokens::is_fresh(const Entry& entry) const {
  return !entry.token.empty() && clock_.steady_now() < entry.good_until;
}

Result<Secret> Tokens::get(const Auth& auth, const std::stop_token& stop) {
  if (auth.credential.empty()) return Secret();
  Account* account = find(auth);
  if (account == nullptr) {
    return Error{.action = Action::pause,
                 .code = "credential",
                 .detail = fmt::format("no credential '{}' in the configuration", auth.credential)};
  }
  if (account->credential.type != CredentialType::static_token) return fresh_token(*account, auth, stop);
  return static_token(account->credential);
}

std::optional<Result<Secret>> Tokens::renew(const Auth& auth, const Secret& refused, const std::stop_token& stop) {
  Account* account = find(auth);
  if (account == nullptr || account->credential.type == CredentialType::static_token) return std::nullopt;
  {
    MutexLock lock(mu_);
    Entry& entry = account->entries[{auth.token_url, auth.scope}];
    if (entry.token == refused) entry.token = Secret();
  }
  return fresh_token(*account, auth, stop);
}

Result<Secret> Tokens::fresh_token(Account& account, const Auth& auth, const std::stop_token& stop) {
  Entry* entry = nullptr;
  {
    MutexLock lock(mu_);
    entry = &account.entries[{auth.token_url, auth.scope}];
    const std::uint64_t seen = entry->attempts;
    while (true) {
      if (is_fresh(*entry)) return entry->token;
      if (entry->attempts != seen && entry->failure) return *entry->failure;
      if (!account.refreshing) break;
      if (!refreshed_.wait(mu_, stop, [&account] { return !account.refreshing; })) return stopped();
    }
    account.refreshing = true;
  }
  return refresh(account, *entry, auth, stop);
}

Result<Secret> Tokens::refresh(Account& account, Entry& entry, const Auth& auth, const std::stop_token& stop) {
  const SteadyTime asked_at = clock_.steady_now();
  auto got = account.grant.fetch(auth, clock_.system_now(), post_, stop);
  MutexLock lock(mu_);
  account.refreshing = false;
  refreshed_.notify_all();
  if (!got) {
    // A stop is the refresher's own affair: those who wait try for themselves.
    if (got.error().code == "stopped") return got.error();
    ++entry.attempts;
    entry.failure = got.error();
    return got.error();
  }
  ++entry.attempts;
  entry.failure.reset();
  entry.token = got->token;
  entry.good_until = asked_at + got->life - std::min(kBeforeEnd, got->life / 2);
  return entry.token;
}

}  // namespace hw::http
