#include "connectors/ga4_measurement_protocol/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "connectors/ga4_measurement_protocol/event_name.h"

namespace hw::connectors::ga4_measurement_protocol {

using connect::OptionDecl;
using connect::OptionType;

namespace {

constexpr const char* kGlobal = "https://www.google-analytics.com";
constexpr const char* kEurope = "https://region1.google-analytics.com";
// Measurement Protocol, "Sending events", read 2026-11: events can be backdated up to 72 hours.
constexpr Duration kBackdating = std::chrono::hours(72);

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

OptionDecl choice(std::string name, std::string help, std::string preset, std::vector<std::string> choices) {
  OptionDecl d = decl(std::move(name), OptionType::choice, std::move(help), std::move(preset));
  d.choices = std::move(choices);
  return d;
}

OptionDecl secret_decl() {
  OptionDecl d = decl("api_secret", OptionType::secret,
                      "Measurement Protocol API secret of the data stream (Admin, Data streams, the stream).");
  d.required = true;
  return d;
}

bool all_of(std::string_view s, bool (*accepts)(char)) {
  return !s.empty() && std::all_of(s.begin(), s.end(), accepts);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper_or_digit(char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool is_measurement_id(std::string_view id) {
  return id.starts_with("G-") && id.size() <= 20 && all_of(id.substr(2), is_upper_or_digit);
}

/// "1:234567890:android:321abc456def7890"
bool is_firebase_app_id(std::string_view id) {
  const auto parts = split(id, ':');
  if (parts.size() != 4) return false;
  const bool is_platform = parts[2] == "android" || parts[2] == "ios" || parts[2] == "web";
  return is_platform && all_of(parts[0], is_digit) && all_of(parts[1], is_digit) && all_of(parts[3], is_hex_digit);
}

std::string upper(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return out;
}

}  // namespace

// The session timeout is the property's own setting (Admin, Data streams, Configure tag settings): 5 minutes to 7 hours
// 55 minutes, 30 minutes unless changed. That a repeated transaction id counts once is documented for web streams by
// one page and unverified in its details, hence an option.
std::vector<OptionDecl> option_decls() {
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute;
  return {
      secret_decl(),
      choice("region", "Where Google takes the events in: global, or eu for servers in the European Union.", "global",
             {"global", "eu"}),
      decl("base_url", OptionType::url, "Address of the API instead of the region's, such as a server of your own."),
      duration("time_margin", "Events must leave this long before Google's 72 hours are over.", "5m", 0, 48 * kHour),
      duration("session_timeout",
               "The property's session timeout: a conversion so long after a session's start still belongs to it.",
               "30m", 5 * kMinute, 7 * kHour + 55 * kMinute),
      choice("purchase_dedup",
             "Whether a purchase repeated under its transaction id counts once: trusted sends it again after a lost "
             "answer, untrusted leaves it uncertain. App streams are never trusted.",
             "trusted", {"trusted", "untrusted"}),
  };
}

connect::Vocabulary vocabulary() {
  using connect::IdKind;
  return {
      .identifiers =
          {
              {"ga_client_id", IdKind::client, "", "", "", "Google Analytics client id, such as 1162820436.1749482504"},
              {"ga_session_id", IdKind::client, "", "", "", "Google Analytics session id, such as 1747132561"},
              {"firebase_app_instance_id", IdKind::client, "", "", "", "Firebase app instance id, 32 hex digits"},
              {"user_id", IdKind::user, "", "", "", "your own user id, as the web site tells it to analytics"},
          },
      .cookies = {{"_ga", "after_second_dot", "ga_client_id"}, {"_ga_*", "session", "ga_session_id"}},
  };
}

Config read_config(const connect::Options& o, std::vector<connect::OptionError>& errors) {
  Config c;
  c.api_secret = o.secret("api_secret");
  c.base_url = o.text("base_url");
  if (c.base_url.empty()) c.base_url = o.text("region") == "eu" ? kEurope : kGlobal;
  while (c.base_url.ends_with('/')) c.base_url.pop_back();
  c.time_margin = o.duration("time_margin");
  c.session_timeout = o.duration("session_timeout");
  c.purchase_dedup = o.text("purchase_dedup") == "trusted";
  if (Status ok = http::check_url(c.base_url); !ok)
    errors.push_back({o.mark("base_url"), "base_url: " + ok.error().detail});
  else if (c.base_url.find_first_of("?#") != std::string::npos)
    errors.push_back({o.mark("base_url"), "base_url must end before any '?' or '#': Headwater adds path and query"});
  return c;
}

StreamKind stream_kind(std::string_view account) {
  return account.find(':') == std::string_view::npos ? StreamKind::web : StreamKind::app;
}

std::vector<std::string> client_types(StreamKind kind) {
  if (kind == StreamKind::app) return {"firebase_app_instance_id"};
  return {"ga_client_id", "ga_session_id"};
}

std::string account_fault(std::string_view id) {
  if (is_measurement_id(id) || is_firebase_app_id(id)) return "";
  if (id.empty()) return "account is missing: the stream's measurement id (G-...) or Firebase app id";
  if (const std::string mended = upper(trim(id)); is_measurement_id(mended))
    return fmt::format("account '{}' must be written {}", id, mended);
  if (starts_with_ci(id, "UA-"))
    return fmt::format(
        "account '{}' is of Universal Analytics, which takes no data any more; a GA4 measurement id "
        "begins with G-",
        id);
  if (all_of(id, is_digit))
    return fmt::format(
        "account '{}' is a stream or property id; the measurement id begins with G- and stands beside "
        "it in Admin, Data streams",
        id);
  return fmt::format(
      "account '{}' is neither a measurement id (G-XXXXXXXXXX) nor a Firebase app id "
      "(1:1234567890:android:321abc456def7890)",
      id);
}

std::string target_fault(const connect::Target& target) {
  if (std::string fault = account_fault(target.account); !fault.empty()) return fault;
  return event_name_fault(target.action);
}

Duration oldest(const Config& config) { return kBackdating - config.time_margin; }

}  // namespace hw::connectors::ga4_measurement_protocol
