#pragma once
#include "connect/registry.h"

/// Two invented connectors, so that the tests and the fuzzer of this room depend on no real one: `files` reads records
/// and touches, `ads_platform` takes conversions. Between them they have an option of every type.
namespace hw::settings {

inline connect::OptionDecl test_option(std::string name, connect::OptionType type, std::string help,
                                       std::optional<std::string> standard = {}) {
  connect::OptionDecl d;
  d.name = std::move(name);
  d.type = type;
  d.help = std::move(help);
  d.default_value = std::move(standard);
  return d;
}

inline connect::ConnectorType files_type() {
  using connect::OptionType;
  connect::ConnectorType t;
  t.name = "files";
  t.title = "Files of a directory";
  t.roles = {"records", "touches", "source_fields"};
  connect::OptionDecl path = test_option("path", OptionType::path, "File or directory to read.");
  path.required = true;
  connect::OptionDecl columns = test_option("columns", OptionType::text_map, "Field: name of its column.");
  columns.choices = {"id", "email", "amount"};
  connect::OptionDecl fields = test_option("kinds", OptionType::text_list, "What the file holds.", "leads");
  fields.choices = {"leads", "deals"};
  connect::OptionDecl buffer = test_option("buffer", OptionType::size, "Bytes read at once.", "64KiB");
  buffer.min = 1024;
  buffer.max = 1 << 20;
  t.options = {path,
               columns,
               fields,
               buffer,
               test_option("custom", OptionType::text_map, "Custom field: column."),
               test_option("zone", OptionType::time_zone, "Zone of times without offset."),
               test_option("currency", OptionType::currency, "Currency of amounts.", "EUR")};
  return t;
}

/// Finds accounts that are no digits, and asks for one in live use: what only a connector can judge.
inline void check_ads_platform(const connect::Options& o, std::vector<connect::OptionError>& errors) {
  if (!o.has("account")) {
    errors.push_back({o.at, "ads_platform needs an account or an account_list"});
  } else if (o.text("account").find_first_not_of("0123456789") != std::string::npos) {
    errors.push_back({o.mark("account"), "account: digits only, as in 1234567890"});
  }
}

inline void check_ads_target(const connect::Target& t, const connect::Mark& at,
                             std::vector<connect::OptionError>& errors) {
  if (t.action.find_first_not_of("0123456789") != std::string::npos) errors.push_back({at, "action: digits only"});
  if (t.options->text("login_account") == t.account && !t.account.empty()) {
    errors.push_back({t.options->mark("login_account"), "login_account is the account itself; leave it out"});
  }
}

inline connect::ConnectorType ads_platform_type() {
  using connect::OptionType;
  connect::ConnectorType t;
  t.name = "ads_platform";
  t.title = "An ad platform";
  t.maturity = connect::Maturity::stable;
  t.roles = {"conversions"};
  t.api_version = "v3";
  t.one_account = true;
  t.api_version_ends = "2028-03-30";
  connect::OptionDecl window = test_option("click_window", OptionType::duration, "Age of a click at most.", "90d");
  window.min = 3600;
  window.max = 90 * 86'400;
  connect::OptionDecl rate = test_option("sample", OptionType::percent, "Share of conversions that is traced.", "0%");
  rate.min = 0;
  rate.max = 1'000'000;
  connect::OptionDecl rows = test_option("rows", OptionType::integer, "Rows in one request.", "1");
  rows.min = 1;
  rows.max = 500;
  rows.unit = "rows";
  connect::OptionDecl source = test_option("source", OptionType::choice, "Where it happened.", "web");
  source.choices = {"web", "phone", "store"};
  connect::OptionDecl host = test_option("host", OptionType::text, "Name of the proxy.");
  host.required = true;
  connect::OptionDecl proxy = test_option("proxy", OptionType::group, "Proxy of its own.");
  proxy.children = {host, test_option("tunnel", OptionType::boolean, "Ask for a tunnel.", "true")};
  connect::OptionDecl extra = test_option("extra", OptionType::group_list, "Headers to add.");
  extra.children = {host};
  t.options = {test_option("account", OptionType::text, "The customer id, digits only."),
               test_option("credential", OptionType::credential, "Sign-in."),
               test_option("base_url", OptionType::url, "Address of the API.", "https://ads.example.com"),
               test_option("signing_key", OptionType::secret, "Key that signs requests."),
               window,
               rate,
               rows,
               source,
               proxy,
               extra};
  t.destination_options = {test_option("login_account", OptionType::text, "Account to act through.")};
  t.vocabulary.identifiers = {{"adclid", connect::IdKind::click, "adclid", "", "", "Click id of the ad platform"}};
  t.check = check_ads_platform;
  t.check_target = check_ads_target;
  return t;
}

inline connect::Registry test_registry() { return connect::Registry({files_type(), ads_platform_type()}); }

}  // namespace hw::settings
