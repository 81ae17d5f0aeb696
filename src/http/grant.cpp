#include "http/grant.h"

#include <fmt/format.h>

#include "base/crash_point.h"
#include "base/log.h"
#include "http/credential_facts.h"
#include "http/service_account.h"

namespace hw::http {
namespace {

std::string mend(CredentialType type, std::string_view code) {
  if (code == "invalid_scope") return "the credential was not granted this scope; grant it, or correct the scope";
  if (type == CredentialType::service_account) {
    return "the key was deleted or disabled, or this machine's clock is wrong; check both, or make a new key file";
  }
  if (code == "invalid_grant") {
    return "the refresh token is revoked or has ended; sign in again (headwater auth login CONNECTOR), or put a new "
           "refresh token into the configuration";
  }
  return "client_id, client_secret or token_url is wrong; correct the configuration";
}

}  // namespace

Grant::Grant(Credential credential, StateStore* state)
    : credential_(std::move(credential)), state_(state), present_{.token = credential_.refresh_token} {}

Result<AccessToken> Grant::fetch(const Auth& auth, SystemTime now, const PostToken& post, const std::stop_token& stop) {
  std::unique_ptr<StateStore::Hold> hold;
  if (state_ != nullptr && credential_.type == CredentialType::refresh_token) {
    auto held = state_->hold(refresh_token_key(credential_));
    if (!held) return explained(held.error());
    hold = std::move(*held);
  }
  auto got = exchange(auth, now, post, stop);
  if (!got) got.error() = explained(std::move(got.error()));
  note(got, now);
  return got;
}

Result<AccessToken> Grant::exchange(const Auth& auth, SystemTime now, const PostToken& post,
                                    const std::stop_token& stop) {
  if (auto ok = check_url(auth.token_url); !ok) return ok.error();
  auto body = form(auth, now);
  if (!body) return body.error();
  auto response = post(token_request(auth.token_url, *std::move(body)), stop);
  if (!response) return response.error();
  auto answer = read_token_answer(*response, auth.token_url, now,
                                  [this](std::string_view code) { return mend(credential_.type, code); });
  if (!answer) return answer.error();
  refresh_life_ = answer->refresh_life;
  if (auto kept = rotate(answer->refresh_token, now); !kept) return kept.error();
  return AccessToken{.token = std::move(answer->access_token), .life = answer->life};
}

Result<std::string> Grant::form(const Auth& auth, SystemTime now) {
  std::string out;
  if (credential_.type == CredentialType::service_account) {
    auto key = parse_service_account(credential_.key_json);
    if (!key) return key.error();
    auto jwt = sign_jwt(*key, auth.token_url, auth.scope, now);
    if (!jwt) return jwt.error();
    add_field(out, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    add_field(out, "assertion", jwt->reveal());
    return out;
  }
  if (auto taken = take_up(); !taken) return taken.error();
  if (present_.token.empty()) {
    return Error{.action = Action::pause,
                 .code = "credential",
                 .detail = "nobody has signed in yet; run headwater auth login CONNECTOR for a connector that uses it"};
  }
  add_field(out, "grant_type", "refresh_token");
  add_field(out, "client_id", credential_.client_id);
  add_field(out, "client_secret", credential_.client_secret.reveal());
  add_field(out, "refresh_token", present_.token.reveal());
  add_field(out, "scope", auth.scope);
  return out;
}

/// What is kept may be another's by now; our own successor counts only while it follows on that.
Status Grant::take_up() {
  if (state_ == nullptr) return {};
  RefreshToken kept = present_refresh_token(*state_, credential_);
  if (unsaved_ && kept.token == present_.token) {
    if (auto saved = keep_refresh_token(*state_, credential_, *unsaved_); !saved) return saved;
    kept = *unsaved_;
  }
  unsaved_.reset();
  present_ = std::move(kept);
  return {};
}

Status Grant::rotate(const Secret& answered, SystemTime now) {
  if (credential_.type != CredentialType::refresh_token || answered.empty() || answered == present_.token) return {};
  RefreshToken next{.token = answered, .by_login = present_.by_login, .rotated = true, .since = now};
  if (state_ != nullptr) {
    unsaved_ = next;
    crash_point("token.rotated");
    if (auto saved = keep_refresh_token(*state_, credential_, next); !saved) return saved;
    crash_point("token.kept");
    unsaved_.reset();
  }
  present_ = std::move(next);
  return {};
}

/// For people to look at: what cannot be noted stops nothing.
void Grant::note(const Result<AccessToken>& outcome, SystemTime now) {
  if (state_ == nullptr || (!outcome && outcome.error().code == "stopped")) return;
  const std::string key = facts_key(credential_.name);
  CredentialFacts facts = read_facts(state_->load(key).value_or(""));
  facts = outcome ? after_success(std::move(facts), present_, refresh_life_, now)
                  : after_failure(std::move(facts), outcome.error(), now);
  if (auto saved = state_->save(key, facts_text(facts), /*secret=*/false); !saved)
    log_event(Level::warn, "credential_facts_not_kept",
              {{"credential", credential_.name}, {"code", saved.error().code}});
}

// What the token request did or did not do says nothing about the caller's request, which was not sent.
Error Grant::explained(Error error) const {
  error.maybe_applied = false;
  error.detail = fmt::format("credential '{}': {}", credential_.name, error.detail);
  return error;
}

}  // namespace hw::http
