#include "service/login.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "base/zone.h"
#include "http/credential_facts.h"
#include "http/login.h"
#include "service/login_callback.h"
#include "service/state_store.h"
#include "store/service_rows.h"

namespace hw::service {
namespace {

/// A daemon may just be exchanging the token, which ends with its request's deadline at the latest.
constexpr std::chrono::seconds kHoldPatience(40);
constexpr std::chrono::milliseconds kHoldStep(100);

/// Codes of pauses that a sign-in may end. One whose cause is another comes again.
const std::set<std::string> kMendedBySignIn{"credential", "http_401", "http_403"};

Error usage(std::string text) { return {Action::reject_row, "usage", std::move(text), {}, false}; }

std::string credential_of(const settings::ConnectorInstance& c) {
  return c.options.values.contains("credential") ? c.options.text("credential") : "";
}

Error needs_no_login(const settings::ConnectorInstance& c, const http::Credential& credential) {
  const char* with = credential.type == http::CredentialType::service_account
                         ? "a service account's key, which needs no person"
                         : "a token in the configuration: put a new one there when it ends";
  return usage(fmt::format(
      "connector '{}' signs in with credential '{}', {}. To sign in as a person, give it a credential of type "
      "refresh_token",
      c.name, credential.name, with));
}

void add_scopes(std::string& to, std::string_view scopes) {
  for (std::string_view scope : split(scopes, ' ')) {
    const auto known = split(to, ' ');
    if (scope.empty() || std::find(known.begin(), known.end(), scope) != known.end()) continue;
    to += (to.empty() ? "" : " ") + std::string(scope);
  }
}

std::optional<http::LoginPlace> place_of(const settings::ConnectorInstance& c, const connect::Registry& registry) {
  const connect::ConnectorType* type = registry.find(c.type);
  if (type == nullptr || type->login == nullptr) return std::nullopt;
  return type->login(c.options);
}

std::string told_end(const std::optional<Timestamp>& end, const Zone& zone) {
  return end ? "; it ends " + format_local(*end, zone) : "";
}

class LoginRun {
 public:
  LoginRun(const settings::Settings& settings, LoginTarget target, const LoginOptions& options, const LoginTalk& talk,
           Clock& clock, std::stop_token stop)
      : settings_(settings),
        target_(std::move(target)),
        options_(options),
        talk_(talk),
        clock_(clock),
        stop_(std::move(stop)) {}

  Result<std::string> run() {
    if (auto ok = http::check_url(target_.place.auth_url); !ok) return ok.error();
    auto opened = StateBeside::open(settings_.state_dir);
    if (!opened) return opened.error();
    kept_ = std::move(*opened);
    auto given = options_.paste ? by_paste() : by_browser();
    if (!given) return given.error();
    if (auto saved = keep(*given); !saved) return saved.error();
    if (auto lifted = lift_pauses(); !lifted) return lifted.error();
    return fmt::format(
        "signed in: credential '{}' (connectors: {}){}\nA running daemon takes it up at its next try, within the hour; "
        "a reload of it (systemctl reload headwater) makes it try now.\n",
        target_.credential.name, fmt::join(target_.sharing, ", "), told_end(end_of(*given), settings_.zone));
  }

 private:
  Result<http::Login::Given> by_browser() {
    auto callback = LoginCallback::open(options_.port);
    if (!callback) return callback.error();
    const http::Login login = login_at((*callback)->port());
    talk_.say(
        fmt::format("Open this address in a browser on this machine, and allow access:\n\n  {}\n\n"
                    "The OAuth client must know the redirect address {} (clients for desktop applications know "
                    "every port; else enter it there and say --port). Waiting {} minutes; Ctrl-C ends it.\n",
                    login.url(), login.redirect_url(),
                    std::chrono::duration_cast<std::chrono::minutes>(options_.patience).count()));
    auto code = (*callback)->await(login, clock_, options_.patience, stop_);
    if (!code) return code.error();
    return exchange(login, *code);
  }

  Result<http::Login::Given> by_paste() {
    const http::Login login = login_at(options_.port == 0 ? kPastePort : options_.port);
    talk_.say(
        fmt::format("Open this address in a browser on any machine, and allow access:\n\n  {}\n\n"
                    "The browser then ends on an address that begins with {} and may show an error page, for "
                    "nothing answers there. Copy that whole address (or its code alone), paste it here and press "
                    "Enter. The OAuth client must know that address as a redirect address.\n> ",
                    login.url(), login.redirect_url()));
    const auto line = talk_.read_line();
    auto code = login.code_from_paste(line.value_or(""));
    if (!code) return code.error();
    return exchange(login, *code);
  }

  [[nodiscard]] Timestamp now() const {
    return (options_.followed != nullptr ? *options_.followed : clock_).system_now();
  }

  [[nodiscard]] http::Login login_at(int port) const {
    return {target_.credential, target_.place, fmt::format("http://localhost:{}/callback", port)};
  }

  Result<http::Login::Given> exchange(const http::Login& login, const Secret& code) {
    auto random = make_system_random();
    const auto client = http::make_client(
        {.credentials = {}, .ca_file = settings_.service.ca_file, .user_agent = "headwater"}, clock_, *random);
    auto post = [&](const http::Request& request, const std::stop_token& stop) { return client->send(request, stop); };
    auto given = login.exchange(code, now(), post, stop_);
    if (!given)
      given.error().detail = fmt::format("credential '{}': {}", target_.credential.name, given.error().detail);
    return given;
  }

  Status keep(const http::Login::Given& given) {
    auto hold = hold_token();
    if (!hold) return hold.error();
    if (auto saved = http::keep_refresh_token(*kept_.tokens, target_.credential, given.token); !saved) return saved;
    const std::string key = http::facts_key(target_.credential.name);
    const auto facts =
        http::after_success(http::read_facts(kept_.tokens->load(key).value_or("")), given.token, given.life, now());
    return kept_.tokens->save(key, http::facts_text(facts), /*secret=*/false);
  }

  /// Waits for a daemon that is exchanging the old token, so that its answer does not come after ours.
  Result<std::unique_ptr<http::StateStore::Hold>> hold_token() {
    const auto waiter = clock_.waiter("login");
    const Timestamp until = clock_.system_now() + kHoldPatience;
    for (;;) {
      auto hold = kept_.tokens->hold(http::refresh_token_key(target_.credential));
      if (hold || hold.error().code != "token_busy" || clock_.system_now() >= until) return hold;
      if (!waiter->wait_until(clock_.system_now() + kHoldStep, stop_)) return hold;
    }
  }

  /// What waits for this sign-in need wait no longer. A person's pause does not wait for it.
  Status lift_pauses() {
    std::set<std::string> names(target_.sharing.begin(), target_.sharing.end());
    for (const auto& d : settings_.destinations)
      if (names.contains(d.upload_by) || names.contains(d.restate_by) || names.contains(d.retract_by))
        names.insert(d.name);
    for (const auto& f : settings_.source_fields)
      if (names.contains(f.connector)) names.insert(f.name);
    return kept_.db->transact(store::Durability::bulk, [&](store::Tx& tx) -> Status {
      for (const auto& p : store::service_rows::pauses(tx))
        if (kMendedBySignIn.contains(p.code) && names.contains(p.name))
          store::service_rows::clear_pause(tx, p.scope, p.name);
      return {};
    });
  }

  [[nodiscard]] std::optional<Timestamp> end_of(const http::Login::Given& given) const {
    return given.life && given.token.since ? std::optional(*given.token.since + *given.life) : std::nullopt;
  }

  const settings::Settings& settings_;
  const LoginTarget target_;
  const LoginOptions& options_;
  const LoginTalk& talk_;
  Clock& clock_;
  const std::stop_token stop_;
  StateBeside kept_;
};

}  // namespace

Error unknown_connector(const settings::Settings& settings, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& c : settings.connectors) known.push_back(c.name);
  const std::string near = nearest(name, known);
  if (!near.empty()) return usage(fmt::format("no connector is called '{}'; did you mean '{}'?", name, near));
  return usage(fmt::format("no connector is called '{}'; there are: {}", name, fmt::join(known, ", ")));
}

Result<LoginTarget> login_target(const settings::Settings& settings, const connect::Registry& registry,
                                 const std::string& connector) {
  const settings::ConnectorInstance* asked = settings.connector(connector);
  if (asked == nullptr) return unknown_connector(settings, connector);
  const std::string name = credential_of(*asked);
  const auto credential = std::find_if(settings.credentials.begin(), settings.credentials.end(),
                                       [&](const http::Credential& c) { return c.name == name; });
  auto place = place_of(*asked, registry);
  if (credential == settings.credentials.end() || !place)
    return usage(
        fmt::format("connector '{}' (type {}) has nothing that a person could sign in to", connector, asked->type));
  if (credential->type != http::CredentialType::refresh_token) return needs_no_login(*asked, *credential);
  LoginTarget target{.connector = connector, .credential = *credential, .place = std::move(*place), .sharing = {}};
  for (const auto& c : settings.connectors) {
    if (credential_of(c) != name) continue;
    target.sharing.push_back(c.name);
    const auto other = place_of(c, registry);
    if (other && other->token_url == target.place.token_url) add_scopes(target.place.scope, other->scope);
  }
  return target;
}

Result<std::string> log_in(const settings::Settings& settings, const connect::Registry& registry,
                           const LoginOptions& options, const LoginTalk& talk, Clock& clock, std::stop_token stop) {
  auto target = login_target(settings, registry, options.connector);
  if (!target) return target.error();
  return LoginRun(settings, std::move(*target), options, talk, clock, std::move(stop)).run();
}

}  // namespace hw::service
