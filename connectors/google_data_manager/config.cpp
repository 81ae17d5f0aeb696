#include "connectors/google_data_manager/config.h"

#include <fmt/format.h>

#include <algorithm>

namespace hw::connectors::google_data_manager {

using connect::OptionDecl;
using connect::OptionType;

namespace {

constexpr std::int64_t kDay = 86'400;

OptionDecl decl(std::string name, OptionType type, std::string help, std::optional<std::string> preset = {}) {
  OptionDecl d;
  d.name = std::move(name);
  d.type = type;
  d.help = std::move(help);
  d.default_value = std::move(preset);
  return d;
}

OptionDecl duration(std::string name, std::string help, std::string preset, std::int64_t min_s, std::int64_t max_s) {
  OptionDecl d = decl(std::move(name), OptionType::duration, std::move(help), std::move(preset));
  d.min = min_s;
  d.max = max_s;
  return d;
}

OptionDecl limit(std::string name, std::string help, std::string preset, std::int64_t max) {
  OptionDecl d = decl(std::move(name), OptionType::integer, std::move(help), std::move(preset));
  d.min = 1;
  d.max = max;
  d.unit = "requests";
  return d;
}

OptionDecl choice(std::string name, std::string help, std::string preset, std::vector<std::string> choices) {
  OptionDecl d = decl(std::move(name), OptionType::choice, std::move(help), std::move(preset));
  d.choices = std::move(choices);
  return d;
}

std::vector<OptionDecl> access_decls() {
  OptionDecl credential =
      decl("credential", OptionType::credential,
           "Name under credentials: of a service account or refresh token with the datamanager scope.");
  credential.required = true;
  return {
      credential,
      decl("base_url", OptionType::url, "Address of the API.", "https://datamanager.googleapis.com"),
      decl("token_url", OptionType::url, "Where the credential gets its access tokens.",
           "https://oauth2.googleapis.com/token"),
      // developers.google.com/identity/protocols/oauth2/web-server: without both parameters there is no refresh token
      // at a second consent.
      decl("auth_url", OptionType::url,
           "Where a person signs in (headwater auth login), for a refresh_token credential.",
           "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"),
      decl("login_account", OptionType::text,
           "Google Ads manager account to act through, digits only; leave out when the credential's user is directly "
           "on the account."),
      decl("quota_project", OptionType::text,
           "Cloud project that is charged for quota (header x-goog-user-project); user credentials mostly need it."),
  };
}

std::vector<OptionDecl> content_decls() {
  return {
      choice("event_source", "Where the conversion happened; Google refuses events without it.", "WEB",
             {"WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"}),
      decl("user_data", OptionType::boolean,
           "Send hashed e-mail and phone beside the click id, or alone where there is none (enhanced conversions for "
           "leads).",
           "false"),
      decl("address", OptionType::boolean,
           "With user_data: also send hashed names with plain country and postal code (needs identity: names).",
           "false"),
  };
}

// Windows: Google Ads Help "Import offline conversions" (90 days) and "Enhanced conversions for leads" (63 days, by a
// third party's record of 2026-09-29); minimum age and the 54 days are those of the Google Ads API and unverified here,
// final zero is support.google.com/google-ads/answer/7686447. All therefore options.
std::vector<OptionDecl> window_decls() {
  return {
      duration("click_window", "A conversion is taken until so long after its click.", "90d", kDay, 90 * kDay),
      duration("user_data_window", "A conversion without click is taken until so long after its lead was created.",
               "63d", kDay, 90 * kDay),
      duration("min_click_age", "A click younger than this is not known to Google yet; its conversion waits.", "6h", 0,
               7 * kDay),
      duration("adjust_until", "A conversion older than this can no longer be restated.", "54d", kDay, 90 * kDay),
      choice(
          "zero",
          "What a restatement to zero does: final (no later correction is taken), ordinary, or refused (never sent).",
          "final", {"final", "ordinary", "refused"}),
  };
}

// Limits: developers.google.com/data-manager/api/devguides/limits, read 2026-10; per Cloud project.
std::vector<OptionDecl> pace_decls() {
  return {
      limit("requests_per_minute", "Uploads a minute, per Cloud project.", "300", 100'000),
      limit("requests_per_day", "Uploads a day, per Cloud project.", "100000", 100'000'000),
      limit("polls_per_minute", "Status queries a minute, per Cloud project.", "300", 100'000),
      limit("polls_per_day", "Status queries a day, per Cloud project.", "50000", 100'000'000),
      duration("first_poll", "First look at a request's fate so long after it was taken.", "30m", 60, 7 * kDay),
      duration("poll_every", "Then again after each.", "1h", 60, 7 * kDay),
      duration("poll_until", "Give up so long after it was taken.", "24h", 60, 30 * kDay),
      duration("resend_after",
               "What was never answered goes again so long after: while Google still processes the first, a repeat may "
               "count too.",
               "30m", 0, 7 * kDay),
  };
}

connect::ZeroRule zero_rule(const std::string& text) {
  if (text == "ordinary") return connect::ZeroRule::ordinary;
  if (text == "refused") return connect::ZeroRule::refused;
  return connect::ZeroRule::final_retraction;
}

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_address(const connect::Options& options, const char* name, std::vector<connect::OptionError>& errors) {
  if (Status ok = http::check_url(options.text(name)); !ok)
    errors.push_back({options.mark(name), fmt::format("{}: {}", name, ok.error().detail)});
}

void check_config(const connect::Options& options, const Config& c, std::vector<connect::OptionError>& errors) {
  check_address(options, "base_url", errors);
  check_address(options, "token_url", errors);
  check_address(options, "auth_url", errors);
  if (std::string fault = id_fault("login_account", c.login_account); !c.login_account.empty() && !fault.empty())
    errors.push_back({options.mark("login_account"), fault});
  if (c.address && !c.user_data) errors.push_back({options.mark("address"), "address: true needs user_data: true"});
  if (c.poll_until < c.first_poll)
    errors.push_back({options.mark("poll_until"), "poll_until must not be shorter than first_poll"});
}

}  // namespace

std::vector<OptionDecl> option_decls() {
  std::vector<OptionDecl> all = access_decls();
  for (auto part : {content_decls(), window_decls(), pace_decls()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

http::LoginPlace login_place(const connect::Options& options) {
  return {.auth_url = options.text("auth_url"), .token_url = options.text("token_url"), .scope = kScope};
}

std::vector<OptionDecl> destination_option_decls() {
  return {decl("login_account", OptionType::text,
               "Manager account to act through, digits only; overrides the connector's.")};
}

connect::Vocabulary vocabulary() {
  using connect::IdKind;
  return {
      .identifiers =
          {
              {"gclid", IdKind::click, "gclid", "google", "cpc", "Google Ads click id"},
              {"gbraid", IdKind::click, "gbraid", "google", "cpc", "Google Ads click id of iOS, web to app"},
              {"wbraid", IdKind::click, "wbraid", "google", "cpc", "Google Ads click id of iOS, app to web"},
          },
      .cookies = {{"_gcl_aw", "gcl_like", "gclid"},
                  {"_gcl_ag", "gcl_like", "gbraid"},
                  {"_gcl_gb", "gcl_like", "wbraid"}},
  };
}

Config read_config(const connect::Options& o, std::vector<connect::OptionError>& errors) {
  auto count = [&o](const char* name) { return static_cast<int>(o.integer(name)); };
  Config c;
  c.credential = o.text("credential");
  c.base_url = o.text("base_url");
  while (c.base_url.ends_with('/')) c.base_url.pop_back();
  c.token_url = o.text("token_url");
  c.login_account = o.text("login_account");
  c.quota_project = o.text("quota_project");
  c.event_source = o.text("event_source");
  c.user_data = o.boolean("user_data");
  c.address = o.boolean("address");
  c.click_window = o.duration("click_window");
  c.user_data_window = o.duration("user_data_window");
  c.min_click_age = o.duration("min_click_age");
  c.adjust_until = o.duration("adjust_until");
  c.zero = zero_rule(o.text("zero"));
  c.requests_per_minute = count("requests_per_minute");
  c.requests_per_day = count("requests_per_day");
  c.polls_per_minute = count("polls_per_minute");
  c.polls_per_day = count("polls_per_day");
  c.first_poll = o.duration("first_poll");
  c.resend_after = o.duration("resend_after");
  c.poll_every = o.duration("poll_every");
  c.poll_until = o.duration("poll_until");
  check_config(o, c, errors);
  return c;
}

std::string id_fault(std::string_view what, std::string_view id) {
  if (all_digits(id)) return "";
  if (id.empty()) return fmt::format("{} is missing: the Google Ads id, digits only", what);
  std::string digits;
  std::copy_if(id.begin(), id.end(), std::back_inserter(digits), [](char c) { return c != '-' && c != ' '; });
  if (all_digits(digits)) return fmt::format("{} '{}' must be digits only; write {}", what, id, digits);
  return fmt::format("{} '{}' must be digits only: the id, not the name, as shown in Google Ads", what, id);
}

std::string target_fault(const connect::Target& target) {
  if (std::string fault = id_fault("account", target.account); !fault.empty()) return fault;
  if (std::string fault = id_fault("action", target.action); !fault.empty()) return fault;
  if (!target.options || target.options->text("login_account").empty()) return "";
  return id_fault("login_account", target.options->text("login_account"));
}

std::string login_account(const Config& config, const connect::Target& target) {
  if (target.options && !target.options->text("login_account").empty()) return target.options->text("login_account");
  return config.login_account;
}

}  // namespace hw::connectors::google_data_manager
