#include "sandbox/demo_setup.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "sandbox/company.h"

namespace hw::sandbox {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(n));
}

/// A service account's key, made for this run alone. Returns the private half as PEM.
std::string make_key(World& world) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  std::unique_ptr<BIO, decltype(&BIO_free)> secret(BIO_new(BIO_s_mem()), BIO_free),
      open(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_PUBKEY(open.get(), key.get());
  world.sign_in.service_account_public_key = text_of(open.get());
  return text_of(secret.get());
}

/// Whoever reads it meanwhile sees the old text or the new one.
bool write(const std::string& path, const std::string& text, mode_t mode) {
  const std::string fresh = path + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << text;
    if (!out) return false;
  }
  return ::chmod(fresh.c_str(), mode) == 0 && ::rename(fresh.c_str(), path.c_str()) == 0;
}

constexpr std::string_view kPullEvery = "pull_every: ";  // a day in the configuration, as months pass in seconds

constexpr const char* kMain =
    R"(# Written by the demo: one company, its CRM, its visits and costs, its ad accounts, its analytics.
include: connectors.d/*.yaml
reporting:
  time_zone: Europe/Berlin
  currency: EUR
state:
  directory: @DIR@/state
identity:
  role_mailboxes: [info]
credentials:
  crm:
    type: static_token
    token: ${file:@DIR@/secrets/crm-token}
  ads:
    type: service_account
    key: ${file:@DIR@/secrets/ads-key.json}
stages:
  - {name: qualified, subject: contact, trigger: {lifecycle: salesqualifiedlead}}
  - {name: proposal, subject: deal, trigger: {stage: presentationscheduled}, flags: [pipeline]}
  - {name: won, subject: deal, trigger: {stage: closedwon}, flags: [won]}
  - {name: lost, subject: deal, trigger: {stage: closedlost}, flags: [lost]}
goals:
  - {name: qualified, subject: contact, stage: qualified, value: fixed 100 EUR}
  - {name: opportunity, subject: deal, stage: proposal, value: share 20%, when: {deal_type: not test}}
  - {name: won, subject: deal, stage: won, value: amount, revenue: true, when: {deal_type: not test}}
destinations:
  - {name: ads_qualified, goal: qualified, upload_by: google, account: "@EU@", action: "@QUALIFIED@", route: {country: not US}, batch: 20, mode: live}
  - {name: ads_qualified_us, goal: qualified, upload_by: google, account: "@US@", action: "@QUALIFIED_US@", route: {country: US}, batch: 20, mode: live}
  - {name: ads_opportunity, goal: opportunity, upload_by: google, account: "@EU@", action: "@OPPORTUNITY@", route: {currency: EUR}, batch: 20, mode: live}
  - {name: ads_won, goal: won, upload_by: google, account: "@EU@", action: "@WON@", route: {currency: EUR}, batch: 20, mode: live}
  - {name: ads_won_us, goal: won, upload_by: google, account: "@US@", action: "@WON_US@", route: {currency: USD}, batch: 20, mode: live}
  - {name: ga4_qualified, goal: qualified, upload_by: ga4, account: @STREAM@, action: qualify_lead, mode: live}
  - {name: ga4_won, goal: won, upload_by: ga4, account: @STREAM@, action: purchase, mode: live}
source_fields:
  - name: contacts
    connector: hubspot
    object: contact
    fields:
      first_channel: hw_first_channel
      first_source: hw_first_source
      first_medium: hw_first_medium
      first_campaign: hw_first_campaign
      first_term: hw_first_term
      first_content: hw_first_content
      first_landing_page: hw_first_page
      first_referrer: hw_first_referrer
      first_at: hw_first_at
      last_channel: hw_last_channel
      last_source: hw_last_source
      last_medium: hw_last_medium
      last_campaign: hw_last_campaign
      last_term: hw_last_term
      last_content: hw_last_content
      last_landing_page: hw_last_page
      last_referrer: hw_last_referrer
      last_at: hw_last_at
      first_seen: hw_seen_first
      last_seen: hw_seen_last
      touches: hw_touches
      identifier.ga_client_id: hw_ga_client_id
      identifier.gclid: hw_gclid
  - name: deals
    connector: hubspot
    object: deal
    fields:
      first_channel: hw_first_channel
      first_source: hw_first_source
      first_campaign: hw_first_campaign
      first_at: hw_first_at
      last_channel: hw_last_channel
      last_source: hw_last_source
      last_campaign: hw_last_campaign
      last_at: hw_last_at
      touches: hw_touches
      identifier.gclid: hw_gclid
)";

constexpr const char* kHubspot = R"(hubspot:
  type: hubspot
  base_url: @URL@/hubspot
  credential: crm
  company_currency: EUR
  pull_every: 1d
  archived_every: 1d
  open_deal_associations_every: 1d
  properties:
    contacts: {ga_client_id: ga_client_id, consent: consent_ads}
)";

constexpr const char* kGoogle = R"(google:
  type: google_data_manager
  base_url: @URL@/google_data_manager
  token_url: @URL@/google_data_manager/token
  credential: ads
  login_account: "@MANAGER@"
  user_data: true
)";

constexpr const char* kAnalytics = R"(ga4:
  type: ga4_measurement_protocol
  base_url: @URL@/ga4_measurement_protocol
  api_secret: ${file:@DIR@/secrets/ga4-secret}
)";

constexpr const char* kVisitFiles = R"(visits:
  type: csv
  pull_every: 1d
  files:
    - path: @DIR@/drop/touches
      pattern: "*.csv"
      object: touches
      columns: {time: time, ga_client_id: client_id, gclid: gclid, email: email, source: source, medium: medium, campaign: campaign, term: term, content: content, landing_page: page, referrer: referrer}
)";

constexpr const char* kVisitEvents = R"(visits:
  type: ga4_bigquery
  base_url: @URL@/ga4_bigquery
  token_url: @URL@/ga4_bigquery/token
  credential: ads
  project: sandbox-analytics
  dataset: analytics_123456789
  time_zone: Europe/Berlin
  pull_every: 1d
)";

constexpr const char* kSpend = R"(spend:
  type: csv
  pull_every: 1d
  files:
    - path: @DIR@/drop/spend
      pattern: "*.csv"
      object: spend
      columns: {day: day, source: source, medium: medium, campaign: campaign, amount: cost, currency: currency, clicks: clicks}
)";

std::string filled(std::string text, const std::string& dir, const std::string& url) {
  const std::pair<const char*, std::string> names[] = {{"@DIR@", dir},
                                                       {"@URL@", url},
                                                       {"@EU@", Names::kEu},
                                                       {"@US@", Names::kUs},
                                                       {"@MANAGER@", Names::kManager},
                                                       {"@QUALIFIED@", Names::kQualified},
                                                       {"@OPPORTUNITY@", Names::kOpportunity},
                                                       {"@WON@", Names::kWon},
                                                       {"@QUALIFIED_US@", Names::kQualifiedUs},
                                                       {"@WON_US@", Names::kWonUs},
                                                       {"@STREAM@", Names::kStream}};
  for (const auto& [name, value] : names)
    for (auto p = text.find(name); p != text.npos; p = text.find(name, p))
      text.replace(p, std::string(name).size(), value);
  return text;
}

}  // namespace

const char kVisitColumns[] = "time,client_id,gclid,email,source,medium,campaign,term,content,page,referrer\n";

Touches touches_of_seed(std::uint64_t seed) {
  constexpr Touches kInTurn[] = {Touches::files, Touches::events, Touches::lookups};
  return kInTurn[seed % std::size(kInTurn)];
}

std::string write_demo_config(const std::string& dir, int port, World& world, Touches touches) {
  std::string visits = touches == Touches::files ? kVisitFiles : kVisitEvents;
  if (touches == Touches::lookups) visits += "  pull: lookup\n  days: 600\n";
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  for (const char* sub : {"", "/state", "/secrets", "/connectors.d", "/drop", "/drop/touches", "/drop/spend"})
    ::mkdir((dir + sub).c_str(), 0700);
  const nlohmann::json key{{"type", "service_account"},
                           {"client_email", world.sign_in.service_account_email},
                           {"private_key_id", "demo"},
                           {"private_key", make_key(world)},
                           {"token_uri", url + "/google_data_manager/token"}};
  world.streams = {{.id = Names::kStream, .api_secret = "sandbox-api-secret"}};
  const bool ok = write(dir + "/headwater.yaml", filled(kMain, dir, url), 0600) &&
                  write(dir + "/connectors.d/hubspot.yaml", filled(kHubspot, dir, url), 0600) &&
                  write(dir + "/connectors.d/google.yaml", filled(kGoogle, dir, url), 0600) &&
                  write(dir + "/connectors.d/ga4.yaml", filled(kAnalytics, dir, url), 0600) &&
                  write(dir + "/secrets/ga4-secret", world.streams.front().api_secret, 0600) &&
                  write(dir + "/connectors.d/visits.yaml", filled(visits, dir, url), 0600) &&
                  write(dir + "/connectors.d/spend.yaml", filled(kSpend, dir, url), 0600) &&
                  write(dir + "/secrets/crm-token", world.sign_in.static_token, 0600) &&
                  write(dir + "/secrets/ads-key.json", key.dump(), 0600);
  return ok ? "" : "cannot write under " + dir;
}

std::string write_demo_command(const std::string& dir, const std::string& headwater) {
  const std::string command = dir + "/headwater";
  const std::string text =
      "#!/bin/sh\n# Written by the demo: Headwater on the demo's configuration and its clock.\nHEADWATER_COMMAND='" +
      command + "' exec '" + std::filesystem::absolute(headwater).lexically_normal().string() + "' -c '" + dir +
      "/headwater.yaml' --follow-clock '" + dir + "/clock' \"$@\"\n";
  return write(command, text, 0700) ? "" : "cannot write " + command;
}

std::string pull_demo_every(const std::string& dir, const std::string& every) {
  for (const char* name : {"/connectors.d/hubspot.yaml", "/connectors.d/visits.yaml", "/connectors.d/spend.yaml"}) {
    std::ifstream in(dir + name);
    std::string config((std::istreambuf_iterator<char>(in)), {});
    const auto at = config.find(kPullEvery);
    if (at == config.npos) continue;
    config.replace(at, config.find('\n', at) - at, std::string(kPullEvery) + every);
    if (!write(dir + name, config, 0600)) return "cannot write " + dir + name;
  }
  return "";
}

std::vector<Place> demo_places() {
  return {{Names::kEu, Names::kQualified, "ads_qualified"},
          {Names::kUs, Names::kQualifiedUs, "ads_qualified_us"},
          {Names::kEu, Names::kOpportunity, "ads_opportunity"},
          {Names::kEu, Names::kWon, "ads_won"},
          {Names::kUs, Names::kWonUs, "ads_won_us"},
          {.account = Names::kStream, .action = "qualify_lead", .destination = "ga4_qualified", .counts_repeats = true},
          {.account = Names::kStream, .action = "purchase", .destination = "ga4_won", .counts_refunds = true}};
}

}  // namespace hw::sandbox
