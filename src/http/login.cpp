#include "http/login.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "base/text.h"
#include "http/url.h"

namespace hw::http {
namespace {

using Query = std::map<std::string, std::string>;

Error failed_login(std::string code, std::string detail) {
  return {.action = Action::pause, .code = std::move(code), .detail = std::move(detail)};
}

Query parsed_query(std::string_view text) {
  Query out;
  for (std::string_view pair : split(text, '&')) {
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(percent_decode(pair.substr(0, equals), true), percent_decode(pair.substr(equals + 1), true));
  }
  return out;
}

std::string value_of(const Query& query, const char* name) {
  const auto it = query.find(name);
  return it == query.end() ? "" : it->second;
}

Error refusal_of(const std::string& error) {
  const std::string code = plain_code(error);
  if (code == "access_denied")
    return failed_login("access_denied",
                        "access was not given (access_denied): sign in again and allow it, with an account that may");
  if (code == "invalid_scope")
    return failed_login("login_refused",
                        "the page refused what was asked for (invalid_scope): let the OAuth client ask for these "
                        "scopes, or correct the connector's");
  return failed_login("login_refused",
                      fmt::format("the page answered {}: look at client_id and auth_url, sign in again",
                                  code.empty() ? "with an error" : code));
}

std::string without_white_space(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return std::string_view(" \t\r\n\v\f").find(c) == std::string_view::npos; });
  return out;
}

/// A code may hold nearly everything, also the '=' of base64.
bool is_code_alone(std::string_view text) {
  for (std::string_view sign : {"://", "?", "code=", "state=", "error="})
    if (text.find(sign) != std::string_view::npos) return false;
  return true;
}

/// Between the question mark, if there is one, and the fragment.
std::string_view query_in(std::string_view address) {
  const auto question = address.find('?');
  if (question != std::string_view::npos) address.remove_prefix(question + 1);
  return address.substr(0, address.find('#'));
}

}  // namespace

std::string proof_of(const Secret& verifier) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(verifier.reveal().data(), verifier.reveal().size(), digest, &size, EVP_sha256(), nullptr);
  return base64_url({reinterpret_cast<const char*>(digest), size});
}

Login::Login(Credential credential, LoginPlace place, std::string redirect_url)
    : credential_(std::move(credential)),
      place_(std::move(place)),
      redirect_url_(std::move(redirect_url)),
      state_(random_token()),
      verifier_(random_token() + random_token()) {
  std::string query;
  add_field(query, "response_type", "code");
  add_field(query, "client_id", credential_.client_id);
  add_field(query, "redirect_uri", redirect_url_);
  add_field(query, "scope", place_.scope);
  add_field(query, "state", state_);
  add_field(query, "code_challenge", proof_of(verifier_));
  add_field(query, "code_challenge_method", "S256");
  url_ = place_.auth_url + (place_.auth_url.find('?') == std::string::npos ? "?" : "&") + query;
}

Result<Secret> Login::code_from(std::string_view text) const {
  const Query query = parsed_query(text);
  const std::string state = value_of(query, "state"), error = value_of(query, "error");
  // Some pages leave the state out of a refusal; that one may always be believed, for it opens nothing.
  if (state != state_ && (error.empty() || !state.empty()))
    return failed_login("wrong_state", state.empty()
                                           ? "the address holds no state, so it is not the answer to this login"
                                           : "the address answers another login (its state differs): open the address "
                                             "above, and bring the one that this leads to");
  if (!error.empty()) return refusal_of(error);
  const std::string code = value_of(query, "code");
  if (code.empty())
    return failed_login("no_code",
                        "the address holds no code: bring the one that the browser ends on after access was allowed; "
                        "it begins with " +
                            redirect_url_);
  return Secret(code);
}

Result<Secret> Login::code_from_paste(std::string_view text) const {
  const std::string pasted = without_white_space(text);
  if (pasted.empty()) return failed_login("no_code", "nothing was pasted");
  if (is_code_alone(pasted)) return Secret(percent_decode(pasted));
  return code_from(query_in(pasted));
}

Result<Login::Given> Login::exchange(const Secret& code, SystemTime now, const PostToken& post,
                                     const std::stop_token& stop) const {
  std::string form;
  add_field(form, "grant_type", "authorization_code");
  add_field(form, "client_id", credential_.client_id);
  add_field(form, "client_secret", credential_.client_secret.reveal());
  add_field(form, "code", code.reveal());
  add_field(form, "code_verifier", verifier_.reveal());
  add_field(form, "redirect_uri", redirect_url_);
  auto response = post(token_request(place_.token_url, std::move(form)), stop);
  if (!response) return response.error();
  auto answer =
      read_token_answer(*response, place_.token_url, now, [this](std::string_view refused) { return mend(refused); });
  if (!answer) return answer.error();
  if (answer->refresh_token.empty())
    return failed_login("no_refresh_token",
                        fmt::format("token_url {} gave access for a while only, and no refresh token: mostly because "
                                    "this account gave its consent before. Take the access back in the account's own "
                                    "settings and sign in again, or let auth_url ask for consent and offline access",
                                    place_of(place_.token_url)));
  return Given{.token = {.token = answer->refresh_token, .by_login = true, .rotated = false, .since = now},
               .life = answer->refresh_life};
}

std::string Login::mend(std::string_view code) const {
  const std::string redirect = fmt::format("the redirect address {}", redirect_url_);
  if (code == "invalid_grant")
    return "the code was not taken: it is good once, for some minutes, and for " + redirect + " alone; sign in again";
  if (code == "redirect_uri_mismatch") return "enter " + redirect + " with the OAuth client, and sign in again";
  if (code == "invalid_client" || code == "unauthorized_client")
    return "client_id or client_secret is wrong, or the client may not sign people in; correct the configuration";
  if (code == "invalid_scope") return "let the OAuth client ask for these scopes, or correct the connector's";
  return fmt::format(
      "client_id, client_secret or token_url is wrong, {} is not entered with the OAuth client, or the code is used or "
      "too old; look at these and sign in again",
      redirect);
}

}  // namespace hw::http
