#include "connectors/hubspot/peer_sign_in.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "connectors/hubspot/peer_answer.h"

namespace hw::sandbox::hubspot {
namespace {

using std::chrono::seconds;

constexpr seconds kTokenLife = seconds(1800);

std::string member(const std::map<std::string, std::string>& m, const char* name) {
  const auto it = m.find(name);
  return it == m.end() ? "" : it->second;
}

[[noreturn]] void refuse_grant(const char* status, std::string message) {
  throw Refused{.status = 400, .category = "", .message = std::move(message), .more = {{"status", status}}};
}

/// Shown to the person; nobody is sent anywhere.
HttpResponse error_page(const std::string& text) {
  return {400, {{"Content-Type", "text/html; charset=utf-8"}}, "<html><body>" + text + "</body></html>"};
}

bool app_has_scope(const World& world, const std::string& scope) {
  static const std::set<std::string> known = {
      "oauth",
      "crm.objects.contacts.read",
      "crm.objects.contacts.write",
      "crm.objects.companies.read",
      "crm.objects.companies.write",
      "crm.objects.deals.read",
      "crm.objects.deals.write",
      "crm.schemas.contacts.read",
      "crm.schemas.companies.read",
      "crm.schemas.deals.read",
      "settings.currencies.read",
  };
  return known.contains(scope) && !world.sign_in.withheld_scopes.contains(scope);
}

std::string foreign_scope(const World& world, const std::string& scopes) {
  for (std::string_view scope : split(scopes, ' '))
    if (!app_has_scope(world, std::string(scope))) return scope.empty() ? "(none)" : std::string(scope);
  return "";
}

}  // namespace

HttpResponse SignInDesk::consent_page(const HttpRequest& request) {
  if (request.method != "GET") throw Refused{.status = 405, .category = "", .message = "Method Not Allowed"};
  const auto& q = request.query;
  const std::string redirect = member(q, "redirect_uri"), challenge = member(q, "code_challenge");
  if (member(q, "client_id") != world_.sign_in.client_id) return error_page("There is no app with this client id.");
  if (!world_.sign_in.redirect_urls.contains(redirect))
    return error_page("The redirect URL does not match those of the app.");
  if (q.contains("response_type") && member(q, "response_type") != "code") return error_page("Unknown response type.");
  if (const std::string foreign = foreign_scope(world_, member(q, "scope")); !foreign.empty())
    return error_page("The app does not have the scope " + foreign + ".");
  if (!challenge.empty() && (member(q, "code_challenge_method") != "S256" || !is_s256_challenge(challenge)))
    return error_page("The code challenge is not one.");
  std::vector<std::pair<std::string, std::string>> answered;
  if (world_.sign_in.person_denies) {
    answered = {{"error", "access_denied"}, {"error_description", "Insufficient scopes or permissions"}};
  } else {
    answered = {{"code", codes_.issue({.redirect_uri = redirect, .challenge = challenge}, world_.now)}};
  }
  if (q.contains("state")) answered.emplace_back("state", member(q, "state"));
  return {302, {{"Location", with_query(redirect, answered)}}, ""};
}

HttpResponse SignInDesk::grant(const HttpRequest& request) {
  if (request.method != "POST") throw Refused{.status = 405, .category = "", .message = "Method Not Allowed"};
  Form form;
  for (std::string_view pair : split(request.body, '&')) {
    const std::size_t eq = pair.find('=');
    if (eq == std::string_view::npos) throw Refused{.status = 400, .message = "the body is no form"};
    form[percent_decode(pair.substr(0, eq), true)] = percent_decode(pair.substr(eq + 1), true);
  }
  const SignIn& known = world_.sign_in;
  const std::string type = member(form, "grant_type");
  if (type != "refresh_token" && type != "authorization_code")
    throw Refused{.status = 400, .category = "", .message = "unsupported grant type"};
  if (member(form, "client_id") != known.client_id || member(form, "client_secret") != known.client_secret)
    refuse_grant("BAD_CLIENT_ID", "missing or unknown client");
  return type == "refresh_token" ? refresh(form) : exchange(form);
}

HttpResponse SignInDesk::refresh(const Form& form) {
  const std::string token = member(form, "refresh_token");
  if (!logins_.is_good(token)) refuse_grant("BAD_REFRESH_TOKEN", "missing or invalid refresh token");
  return issue(logins_.use(token));
}

HttpResponse SignInDesk::exchange(const Form& form) {
  const auto consent = codes_.take(member(form, "code"), world_.now);
  if (!consent) refuse_grant("BAD_AUTH_CODE", "missing or unknown auth code");
  if (member(form, "redirect_uri") != consent->redirect_uri)
    refuse_grant("BAD_REDIRECT_URI", "the redirect URL does not match that of the authorization");
  if (!consent->challenge.empty() && !verifier_fits(consent->challenge, member(form, "code_verifier")))
    refuse_grant("BAD_AUTH_CODE", "the code verifier does not fit");
  return issue(logins_.issue());
}

HttpResponse SignInDesk::issue(const std::string& refresh_token) {
  const std::string access = fmt::format("sandbox-hubspot-access-{}", ++issued_);
  tokens_[access] = world_.now + kTokenLife;
  return answer(200, {{"token_type", "bearer"},
                      {"access_token", access},
                      {"refresh_token", refresh_token},
                      {"expires_in", kTokenLife.count()}});
}

void SignInDesk::check(const HttpRequest& request) const {
  auto header = request.headers.find("authorization");
  if (header == request.headers.end() || !header->second.starts_with("Bearer "))
    throw Refused{
        .status = 401, .category = "INVALID_AUTHENTICATION", .message = "Authentication credentials not found."};
  const std::string token = header->second.substr(7);
  if (token == world_.sign_in.static_token) return;
  auto issued = tokens_.find(token);
  if (issued == tokens_.end())
    throw Refused{.status = 401, .category = "INVALID_AUTHENTICATION", .message = "Invalid access token."};
  if (issued->second <= world_.now)
    throw Refused{.status = 401, .category = "EXPIRED_AUTHENTICATION", .message = "The access token is expired."};
}

}  // namespace hw::sandbox::hubspot
