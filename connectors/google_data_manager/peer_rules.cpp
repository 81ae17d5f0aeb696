#include "connectors/google_data_manager/peer_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "connectors/google_data_manager/peer_shape.h"
#include "model/money.h"

namespace hw::sandbox::data_manager {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxEvents = 2'000, kMaxDestinations = 10, kMaxIdentifiers = 10, kMaxBytes = 10U << 20;
constexpr auto kOldestEvent = std::chrono::hours(24 * 90);

std::string text(const json& j, const char* name) {
  auto it = j.find(name);
  return it != j.end() && it->is_string() ? it->get<std::string>() : "";
}

const json& object(const json& j, const char* name) {
  static const json none = json::object();
  auto it = j.find(name);
  return it != j.end() && it->is_object() ? *it : none;
}

const json& array(const json& j, const char* name) {
  static const json none = json::array();
  auto it = j.find(name);
  return it != j.end() && it->is_array() ? *it : none;
}

bool is_digits(std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos; }
bool is_hex(std::string_view s) {
  return !s.empty() && s.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Bytes of standard base64 with padding, in hex; "" when it is not that.
std::string base64_to_hex(std::string_view s) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  while (s.ends_with('=')) s.remove_suffix(1);
  for (char c : s) {
    const std::size_t v = kAlphabet.find(c);
    if (v == std::string_view::npos) return "";
    bits = (bits << 6) | static_cast<std::uint32_t>(v);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += fmt::format("{:02x}", (bits >> held) & 0xFFU);
  }
  return out;
}

/// The rules for one request; every violation is kept.
class Judge {
 public:
  Judge(const json& request, const World& world) : request_(request), world_(world) {
    out_.validate_only = request.contains("validateOnly") && request["validateOnly"] == true;
    encoding_ = text(request, "encoding");
  }

  std::variant<Ingestion, Fault> run() {
    destinations();
    if (forbidden_) return *forbidden_;
    const json& events = array(request_, "events");
    if (events.empty()) fault("events.events", "REQUIRED_FIELD_MISSING", "Required field is missing.");
    if (events.size() > kMaxEvents) fault("events.events", "TOO_MANY_EVENTS", "The request contains too many events.");
    if (!faults_.empty()) return bad_request(faults_);
    for (std::size_t i = 0; i < events.size(); ++i) event(events[i], fmt::format("events.events[{}]", i));
    if (!faults_.empty()) return bad_request(faults_);
    return out_;
  }

 private:
  void fault(std::string field, std::string reason, std::string description) {
    faults_.push_back({std::move(field), std::move(reason), std::move(description)});
  }

  void required(const std::string& field) { fault(field, "REQUIRED_FIELD_MISSING", "Required field is missing."); }

  void forbid(std::string reason, std::string message) {
    if (!forbidden_)
      forbidden_ = Fault{.code = 403,
                         .status = "PERMISSION_DENIED",
                         .message = std::move(message),
                         .reason = std::move(reason),
                         .violations = {}};
  }

  // ----------------------------------------------------------------------------------------------------------
  // destinations

  void destinations() {
    const json& list = array(request_, "destinations");
    if (list.empty()) required("events.destinations");
    if (list.size() > kMaxDestinations) fault("events.destinations", "TOO_MANY_DESTINATIONS", "Too many destinations.");
    for (std::size_t i = 0; i < list.size(); ++i) destination(list[i], fmt::format("events.destinations[{}]", i));
  }

  void destination(const json& d, const std::string& path) {
    const std::string reference = text(d, "reference");
    if (!reference.empty() && std::find(references_.begin(), references_.end(), reference) != references_.end())
      fault(path + ".reference", "DUPLICATE_DESTINATION_REFERENCE", "The destination reference is used twice.");
    references_.push_back(reference);
    const std::string account = account_id(d, "operatingAccount", path + ".operating_account", true);
    const std::string login = account_id(d, "loginAccount", path + ".login_account", false);
    if (d.contains("linkedAccount"))
      fault(path + ".linked_account", "INVALID_DESTINATION", "Only data partners name a linked account.");
    const std::string action = text(d, "productDestinationId");
    if (action.empty()) required(path + ".product_destination_id");
    out_.destinations.push_back({account, action});
    if (!faults_.empty()) return;
    access(account, login);
    if (!forbidden_) conversion_action(account, action, path);
  }

  std::string account_id(const json& d, const char* name, const std::string& path, bool is_required) {
    if (!d.contains(name)) {
      if (is_required) required(path);
      return "";
    }
    const json& a = object(d, name);
    const std::string id = text(a, "accountId");
    if (id.empty())
      required(path + ".account_id");
    else if (!is_digits(id))
      fault(path + ".account_id", "INVALID_NUMBER_FORMAT", "The account id must be digits without hyphens.");
    if (text(a, "accountType").empty() && text(a, "product").empty()) required(path + ".account_type");
    if (!text(a, "accountType").empty() && text(a, "accountType") != "GOOGLE_ADS")
      fault(path + ".account_type", "INVALID_DESTINATION", "The account is not of this type.");
    return id;
  }

  void access(const std::string& account, const std::string& login) {
    const auto& actions = world_.ads.actions;
    const bool known =
        std::any_of(actions.begin(), actions.end(), [&](const AdAction& a) { return a.account == account; });
    if (!known) forbid("PERMISSION_DENIED", "The caller does not have permission on the operating account.");
    if (!login.empty() && login != account && !world_.ads.login_accounts.contains(login))
      forbid("OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH", "The login account has no access to the operating account.");
  }

  void conversion_action(const std::string& account, const std::string& id, const std::string& path) {
    const AdAction* action = world_.ads.action(account, id);
    if (!action)
      fault(path + ".product_destination_id", "INVALID_CONVERSION_ACTION_ID",
            "The conversion action does not exist in the account.");
    else if (action->type != "UPLOAD_CLICKS")
      fault(path + ".product_destination_id", "INVALID_CONVERSION_ACTION_TYPE",
            "The conversion action cannot take offline conversions.");
    else if (!action->barred_by.empty())
      fault(path, action->barred_by, "The account is not set up for this.");
  }

  // ----------------------------------------------------------------------------------------------------------------
  // events

  void event(const json& e, const std::string& path) {
    Event out;
    out.payload = e.dump();
    references(e, path, out);
    for (const std::size_t d : out.destinations) {
      const AdAction* action = world_.ads.action(out_.destinations[d].account, out_.destinations[d].action);
      if (action != nullptr && refuses(*action, text(e, "transactionId")))
        fault(path, action->refuses, "The event is not valid.");
    }
    transaction(e, path, out);
    time(e, path, out);
    if (text(e, "eventSource").empty() || text(e, "eventSource") == "EVENT_SOURCE_UNSPECIFIED")
      required(path + ".event_source");
    value(e, path, out);
    click(e, path, out);
    user_data(e, path, out);
    if (e.contains("thirdPartyUserData"))
      fault(path + ".third_party_user_data", "INVALID_ARGUMENT", "Only data partners may send third-party user data.");
    out.has_custom_variables = !array(e, "customVariables").empty();
    if (out.click_type.empty() && array(object(e, "userData"), "userIdentifiers").empty())
      fault(path, "NO_IDENTIFIERS_PROVIDED", "At least one ad identifier or user identifier is required.");
    const std::string own = text(object(e, "consent"), "adUserData");
    const std::string of_request = text(object(request_, "consent"), "adUserData");
    out.consent_denied = (own.empty() || own == "CONSENT_STATUS_UNSPECIFIED" ? of_request : own) == "CONSENT_DENIED";
    out_.events.push_back(std::move(out));
  }

  static bool refuses(const AdAction& action, const std::string& key) {
    return !action.refuses.empty() && !(action.refuses_half && hash64(key) % 2 == 0);
  }

  void references(const json& e, const std::string& path, Event& out) {
    const json& names = array(e, "destinationReferences");
    for (std::size_t d = 0; names.empty() && d < out_.destinations.size(); ++d) out.destinations.push_back(d);
    for (const json& name : names) {
      auto it = std::find(references_.begin(), references_.end(), name.get<std::string>());
      if (it == references_.end())
        fault(path + ".destination_references", "INVALID_DESTINATION",
              "The reference names no destination of the request.");
      else
        out.destinations.push_back(static_cast<std::size_t>(it - references_.begin()));
    }
  }

  /// A numeric id passes validateOnly and is refused for real (a field report of 2026-08).
  void transaction(const json& e, const std::string& path, Event& out) {
    out.transaction = text(e, "transactionId");
    const std::string& id = out.transaction;
    if (id.empty()) return;
    const bool placeholder = id == "null" || id == "undefined" || id == "none";
    const bool personal = id.find('@') != std::string::npos;
    if (id.size() == 1 || placeholder || personal || (is_digits(id) && !out_.validate_only))
      fault(path + ".transaction_id", "INVALID_FORMAT", "The transaction id is not valid.");
  }

  void time(const json& e, const std::string& path, Event& out) {
    if (text(e, "eventTimestamp").empty()) return required(path + ".event_timestamp");
    out.at = read_rfc3339(text(e, "eventTimestamp")).value_or(Timestamp{});
    if (out.at > world_.now) fault(path + ".event_timestamp", "EVENT_TIME_INVALID", "The event time is in the future.");
    if (out.at < world_.now - kOldestEvent)
      fault(path + ".event_timestamp", "EVENT_TIME_INVALID", "The event time is too old.");
  }

  void value(const json& e, const std::string& path, Event& out) {
    out.currency = text(e, "currency");
    const bool known =
        out.currency.empty() || (Currency::parse(out.currency) && Currency::parse(out.currency)->str() == out.currency);
    if (!known) fault(path + ".currency", "INVALID_CURRENCY_CODE", "The currency code is invalid.");
    if (!e.contains("conversionValue") || e["conversionValue"].is_null()) return;
    const double units = e["conversionValue"].get<double>();
    if (!std::isfinite(units) || units < 0 || units > 1e12)
      return fault(path + ".conversion_value", "INVALID_NUMBER_FORMAT", "The conversion value is invalid.");
    out.micros = std::llround(units * 1e6);
  }

  void click(const json& e, const std::string& path, Event& out) {
    const json& ids = object(e, "adIdentifiers");
    int given = 0;
    for (const char* type : {"gclid", "gbraid", "wbraid"}) {
      if (text(ids, type).empty()) continue;
      ++given;
      out.click_type = type;
      out.click_value = text(ids, type);
    }
    if (given > 1)
      fault(path + ".ad_identifiers", "INVALID_EVENT", "Exactly one of gclid, gbraid and wbraid may be set.");
    if ((out.click_type == "gbraid" || out.click_type == "wbraid") && e.contains("cartData"))
      fault(path + ".cart_data", "INVALID_EVENT", "Cart data cannot accompany gbraid or wbraid.");
  }

  void user_data(const json& e, const std::string& path, Event& out) {
    if (!e.contains("userData")) return;
    const json& list = array(object(e, "userData"), "userIdentifiers");
    const std::string at = path + ".user_data.user_identifiers";
    if (list.empty()) required(at);
    if (list.size() > kMaxIdentifiers)
      fault(at, "TOO_MANY_USER_IDENTIFIERS", "At most 10 user identifiers are allowed.");
    if (encoding_.empty() || encoding_ == "ENCODING_UNSPECIFIED") return required("events.encoding");
    for (std::size_t i = 0; i < list.size(); ++i) identifier(list[i], fmt::format("{}[{}]", at, i), out);
    enhanced_conversions(out);
  }

  void enhanced_conversions(const Event& e) {
    for (std::size_t d : e.destinations) {
      const AdAction* action = world_.ads.action(out_.destinations[d].account, out_.destinations[d].action);
      if (action && !action->enhanced_conversions)
        fault(fmt::format("events.destinations[{}]", d),
              "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
              "Enhanced conversions for leads is not enabled in the account.");
    }
  }

  void identifier(const json& i, const std::string& path, Event& out) {
    const int given = static_cast<int>(i.contains("emailAddress")) + static_cast<int>(i.contains("phoneNumber")) +
                      static_cast<int>(i.contains("address"));
    if (given != 1) return fault(path, "INVALID_FORMAT", "Exactly one identifier must be specified.");
    if (i.contains("emailAddress")) out.email_hashes.insert(hash(text(i, "emailAddress"), path + ".email_address"));
    if (i.contains("phoneNumber")) out.phone_hashes.insert(hash(text(i, "phoneNumber"), path + ".phone_number"));
    if (i.contains("address")) address(object(i, "address"), path + ".address");
  }

  std::string hash(const std::string& value, const std::string& path) {
    const bool hex = encoding_ == "HEX";
    if (hex && !is_hex(value)) fault(path, "INVALID_HEX_ENCODING", "The value is not hexadecimal.");
    const std::string as_hex = hex ? to_lower_ascii(value) : base64_to_hex(value);
    if (!hex && as_hex.empty()) fault(path, "INVALID_BASE64_ENCODING", "The value is not base64.");
    if (!as_hex.empty() && (!hex || is_hex(value)) && as_hex.size() != 64)
      fault(path, "INVALID_SHA256_FORMAT", "The value is not a SHA-256 hash.");
    return as_hex;
  }

  void address(const json& a, const std::string& path) {
    for (auto [name, field] : {std::pair{"givenName", ".given_name"},
                               {"familyName", ".family_name"},
                               {"regionCode", ".region_code"},
                               {"postalCode", ".postal_code"}})
      if (text(a, name).empty()) required(path + field);
    if (!text(a, "givenName").empty()) hash(text(a, "givenName"), path + ".given_name");
    if (!text(a, "familyName").empty()) hash(text(a, "familyName"), path + ".family_name");
    const std::string region = text(a, "regionCode");
    const bool alpha2 =
        region.size() == 2 && std::all_of(region.begin(), region.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!region.empty() && !alpha2) fault(path + ".region_code", "INVALID_REGION_CODE", "The region code is invalid.");
    const std::string postal = text(a, "postalCode");
    const bool zip = is_digits(postal) && (postal.size() == 5 || postal.size() == 9);
    if (region == "US" && !postal.empty() && !zip)
      fault(path + ".postal_code", "INVALID_POSTAL_CODE", "A postal code of the US has 5 or 9 digits.");
    for (auto [name, field] :
         {std::pair{"addressLine", ".address_line"}, {"city", ".city"}, {"administrativeArea", ".administrative_area"}})
      if (!text(a, name).empty()) fault(path + field, "INVALID_ARGUMENT", "Only Google Analytics takes this field.");
  }

  const json& request_;
  const World& world_;
  std::string encoding_;
  std::vector<std::string> references_;
  std::vector<Violation> faults_;
  std::optional<Fault> forbidden_;
  Ingestion out_;
};

}  // namespace

std::variant<Ingestion, Fault> judge(const std::string& body, const World& world) {
  if (body.size() > kMaxBytes)
    return Fault{.message = "Request payload size exceeds the limit: 10485760 bytes.", .reason = "", .violations = {}};
  const json request = json::parse(body, nullptr, false);
  if (request.is_discarded()) return Fault{.message = "Invalid JSON payload received.", .reason = "", .violations = {}};
  if (auto faults = shape_faults(request); !faults.empty()) {
    Fault fault = bad_request(faults);
    fault.message = faults.front().description;
    return fault;
  }
  return Judge(request, world).run();
}

}  // namespace hw::sandbox::data_manager
