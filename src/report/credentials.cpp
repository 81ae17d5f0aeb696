#include "report/credentials.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/zone.h"
#include "report/cells.h"
#include "store/service_rows.h"

namespace hw::report {
namespace {

using http::CredentialType;

std::vector<std::string> users_of(const std::string& credential, const settings::Settings& settings) {
  std::vector<std::string> out;
  for (const auto& c : settings.connectors)
    if (c.options.values.contains("credential") && c.options.text("credential") == credential) out.push_back(c.name);
  return out;
}

std::string kind_of(CredentialType type) {
  switch (type) {
    case CredentialType::static_token:
      return "static_token";
    case CredentialType::refresh_token:
      return "refresh_token";
    case CredentialType::service_account:
      return "service_account";
  }
  return "";
}

std::string signed_in(const CredentialState& s) {
  if (s.is_signed_out()) return "no";
  if (s.credential.type == CredentialType::static_token) return "-";
  return s.facts.is_known() ? "yes" : "not tried yet";
}

std::string origin_of(const CredentialState& s) {
  if (s.credential.type != CredentialType::refresh_token || !s.facts.by_login) {
    const bool none = s.credential.type == CredentialType::refresh_token && !s.credential.has_seed;
    return none ? "-" : s.facts.rotated ? "configuration, rotated" : "configuration";
  }
  return s.facts.rotated ? "login, rotated" : "login";
}

}  // namespace

bool CredentialState::is_signed_out() const {
  if (credential.type == CredentialType::static_token) return false;
  const bool without_token = credential.type == CredentialType::refresh_token && !credential.has_seed && !facts.since;
  return without_token || facts.signed_out;
}

bool CredentialState::ends_soon(Timestamp now) const { return ends_at && *ends_at - now <= http::kWarnAhead; }

std::vector<CredentialState> credential_states(store::Tx* tx, const settings::Settings& settings) {
  std::vector<CredentialState> out;
  for (const auto& c : settings.credentials) {
    CredentialState s{.credential = c, .connectors = users_of(c.name, settings), .facts = {}, .ends_at = {}};
    if (s.connectors.empty()) continue;
    if (tx != nullptr)
      s.facts = http::read_facts(store::service_rows::state(*tx, http::facts_key(c.name)).value_or(""));
    s.ends_at = http::ends_at(c.expires_at, s.facts);
    out.push_back(std::move(s));
  }
  return out;
}

Table credentials(const std::vector<CredentialState>& states, const Zone& zone) {
  Table t{.name = "credentials",
          .title = "Credentials",
          .columns = {{"credential", "Credential"},
                      {"type", "Type"},
                      {"connectors", "Connectors"},
                      {"signed_in", "Signed in"},
                      {"token_from", "Token from"},
                      {"since", "Since"},
                      {"ends", "Ends"},
                      {"last_sign_in", "Last sign-in"},
                      {"last_failure", "Last failure"},
                      {"failure", "Failure", Holds::advice}},
          .rows = {},
          .note = {}};
  for (const CredentialState& s : states) {
    t.rows.push_back({s.credential.name, kind_of(s.credential.type), fmt::format("{}", fmt::join(s.connectors, ", ")),
                      signed_in(s), origin_of(s), time_cell(s.facts.since, zone), time_cell(s.ends_at, zone),
                      time_cell(s.facts.refreshed_at, zone), time_cell(s.facts.failed_at, zone),
                      s.facts.failure.empty() ? "-" : s.facts.failure});
    if (s.is_signed_out() && s.credential.type == CredentialType::refresh_token)
      t.note = fmt::format("headwater auth login {} signs in.", s.connectors.front());
  }
  if (t.rows.empty()) t.note = "No connector uses a credential.";
  return t;
}

std::string renewal_of(const CredentialState& s) {
  const bool by_configuration = s.credential.expires_at && s.ends_at == s.credential.expires_at;
  if (by_configuration) return "put a new secret into the configuration, with its expires_at";
  return fmt::format("sign in again: headwater auth login {}", s.connectors.front());
}

}  // namespace hw::report
