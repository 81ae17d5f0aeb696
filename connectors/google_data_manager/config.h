#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"

/// Google Data Manager API, events of Google Ads conversion actions: what an admin may set. README.md explains each.
namespace hw::connectors::google_data_manager {

/// The one list of options: parsing, schema, reference page and completion come from it.
std::vector<connect::OptionDecl> option_decls();
/// What a destination that uses this connector may also say.
std::vector<connect::OptionDecl> destination_option_decls();
/// Click ids that Google puts in a landing URL, and the cookies that keep them.
connect::Vocabulary vocabulary();

/// OAuth scope of the API.
inline constexpr const char* kScope = "https://www.googleapis.com/auth/datamanager";
/// Where a person signs in.
http::LoginPlace login_place(const connect::Options& options);

/// Options as values. Vendor limits are defaults and stand with their source in config.cpp.
struct Config {
  std::string credential, base_url, token_url;
  std::string login_account;  ///< digits, "" = the credential's user acts on the account directly
  std::string quota_project;  ///< header x-goog-user-project, "" = none
  std::string event_source;   ///< "WEB", ...
  bool user_data = false;     ///< hashed e-mail and phone go beside the click id, or alone
  bool address = false;       ///< hashed names with plain country and postal code too
  Duration click_window{}, user_data_window{}, min_click_age{}, adjust_until{};
  connect::ZeroRule zero = connect::ZeroRule::final_retraction;
  int requests_per_minute = 0, requests_per_day = 0, polls_per_minute = 0, polls_per_day = 0;
  Duration first_poll{}, poll_every{}, poll_until{};
  Duration resend_after{};  ///< of what may have been taken
};

/// Reads parsed options; what the declarations cannot judge (digits, addresses) goes to `errors`.
Config read_config(const connect::Options& options, std::vector<connect::OptionError>& errors);

/// "" when `id` is an account or action id as the API takes it (digits alone); else what is wrong and how to mend it.
/// `what` names it: "account", "action".
std::string id_fault(std::string_view what, std::string_view id);

/// "" when account, action and login account of a destination can be sent; else the first fault.
std::string target_fault(const connect::Target& target);

/// The manager account to sign in through: the destination's own, else the connector's; "" = none.
std::string login_account(const Config& config, const connect::Target& target);

}  // namespace hw::connectors::google_data_manager
