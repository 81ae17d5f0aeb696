#include "connectors/google_data_manager/peer_shape.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

namespace hw::sandbox::data_manager {

using nlohmann::json;

namespace {

enum class Kind { text, boolean, number, integer, time, choice, message };

struct Message;
struct Member {
  std::string_view name;
  Kind kind = Kind::text;
  bool repeated = false;
  const Message* message = nullptr;
  std::set<std::string_view> choices = {};
};
struct Message {
  std::string_view name;
  std::vector<Member> members;
};

Member text(std::string_view n) { return {n, Kind::text}; }
Member texts(std::string_view n) { return {n, Kind::text, true}; }
Member number(std::string_view n) { return {n, Kind::number}; }
Member integer(std::string_view n) { return {n, Kind::integer}; }
Member one(std::string_view n, const Message& m) { return {n, Kind::message, false, &m}; }
Member many(std::string_view n, const Message& m) { return {n, Kind::message, true, &m}; }
Member choice(std::string_view n, std::set<std::string_view> c) {
  return {n, Kind::choice, false, nullptr, std::move(c)};
}

const std::set<std::string_view> kConsentStates = {"CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED"};

const Message kConsent{"Consent", {choice("adUserData", kConsentStates), choice("adPersonalization", kConsentStates)}};
const Message kAccount{"ProductAccount",
                       {text("accountId"),
                        choice("accountType", {"ACCOUNT_TYPE_UNSPECIFIED", "GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER",
                                               "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER", "GOOGLE_ANALYTICS_PROPERTY",
                                               "GOOGLE_AD_MANAGER_AUDIENCE_LINK", "FLOODLIGHT_CONFIG"}),
                        choice("product", {"PRODUCT_UNSPECIFIED", "GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER",
                                           "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER"})}};
const Message kDestination{"Destination",
                           {text("reference"), one("loginAccount", kAccount), one("linkedAccount", kAccount),
                            one("operatingAccount", kAccount), text("productDestinationId")}};
const Message kAddress{"AddressInfo",
                       {text("givenName"), text("familyName"), text("regionCode"), text("postalCode"),
                        text("addressLine"), text("city"), text("administrativeArea")}};
const Message kIdentifier{"UserIdentifier", {text("emailAddress"), text("phoneNumber"), one("address", kAddress)}};
const Message kUserData{"UserData", {many("userIdentifiers", kIdentifier)}};
const Message kDevice{
    "DeviceInfo",
    {text("userAgent"), text("ipAddress"), text("category"), text("languageCode"), integer("screenHeight"),
     integer("screenWidth"), text("operatingSystem"), text("operatingSystemVersion"), text("model"), text("brand"),
     text("browser"), text("browserVersion")}};
const Message kAdIdentifiers{
    "AdIdentifiers",
    {text("sessionAttributes"), text("gclid"), text("gbraid"), text("wbraid"), one("landingPageDeviceInfo", kDevice),
     text("mobileDeviceId"), text("dclid"), text("impressionId"), text("matchId"), texts("encryptedUserIds")}};
const Message kParameter{"EventParameter", {text("parameterName"), text("value")}};
const Message kItemVariable{"ItemCustomVariable", {text("variable"), text("value"), texts("destinationReferences")}};
const Message kItem{
    "Item",
    {text("merchantProductId"), integer("quantity"), number("unitPrice"), text("itemId"),
     many("additionalItemParameters", kParameter), text("merchantId"), text("merchantFeedLabel"),
     text("merchantFeedLanguageCode"), number("conversionValue"), many("customVariables", kItemVariable)}};
const Message kCart{"CartData",
                    {text("merchantId"), text("merchantFeedLabel"), text("merchantFeedLanguageCode"),
                     number("transactionDiscount"), many("items", kItem), texts("couponCodes")}};
const Message kProperty{"UserProperty", {text("propertyName"), text("value")}};
const Message kProperties{
    "UserProperties",
    {choice("customerType", {"CUSTOMER_TYPE_UNSPECIFIED", "NEW", "RETURNING", "REENGAGED"}),
     choice("customerValueBucket", {"CUSTOMER_VALUE_BUCKET_UNSPECIFIED", "LOW", "MEDIUM", "HIGH"}),
     many("additionalUserProperties", kProperty)}};
const Message kLocation{"EventLocation",
                        {text("storeId"), text("city"), text("subdivisionCode"), text("regionCode"),
                         text("subcontinentCode"), text("continentCode")}};
const Message kExperimental{"ExperimentalField", {text("field"), text("value")}};
const Message kEvent{
    "Event",
    {texts("destinationReferences"),
     text("transactionId"),
     {"eventTimestamp", Kind::time},
     {"lastUpdatedTimestamp", Kind::time},
     one("userData", kUserData),
     one("consent", kConsent),
     one("adIdentifiers", kAdIdentifiers),
     text("currency"),
     number("conversionValue"),
     integer("conversionCount"),
     choice("eventSource", {"EVENT_SOURCE_UNSPECIFIED", "WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"}),
     one("eventDeviceInfo", kDevice),
     one("cartData", kCart),
     many("customVariables", kItemVariable),
     many("experimentalFields", kExperimental),
     one("userProperties", kProperties),
     text("eventName"),
     text("clientId"),
     text("userId"),
     many("additionalEventParameters", kParameter),
     one("thirdPartyUserData", kUserData),
     one("eventLocation", kLocation),
     text("appInstanceId")}};
const Message kRequest{"IngestEventsRequest",
                       {many("destinations", kDestination),
                        many("events", kEvent),
                        one("consent", kConsent),
                        {"validateOnly", Kind::boolean},
                        choice("encoding", {"ENCODING_UNSPECIFIED", "HEX", "BASE64"})}};

std::string snake(std::string_view camel) {
  std::string out;
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      c = static_cast<char>(c - 'A' + 'a');
    }
    out += c;
  }
  return out;
}

bool is_integer(const json& v) {
  if (v.is_number_integer()) return true;
  if (!v.is_string()) return false;
  const std::string s = v.get<std::string>();
  const std::size_t start = s.starts_with("-") ? 1 : 0;
  return s.size() > start && s.size() < 19 && s.find_first_not_of("0123456789", start) == std::string::npos;
}

bool fits(const json& v, const Member& m) {
  switch (m.kind) {
    case Kind::text:
      return v.is_string();
    case Kind::boolean:
      return v.is_boolean();
    case Kind::number:
      return v.is_number();
    case Kind::integer:
      return is_integer(v);
    case Kind::time:
      return v.is_string() && read_rfc3339(v.get<std::string>()).has_value();
    case Kind::choice:
      return v.is_string() && m.choices.contains(v.get<std::string>());
    case Kind::message:
      return v.is_object();
  }
  return false;
}

class ShapeCheck {
 public:
  std::vector<Violation> faults;

  void message(const json& value, const Message& m, const std::string& path) {
    for (const auto& [name, v] : value.items()) {
      const Member* member = find(m, name);
      if (!member)
        faults.push_back({path, "",
                          fmt::format("Invalid JSON payload received. Unknown name \"{}\" at '{}': Cannot find field.",
                                      name, path)});
      else if (!v.is_null())
        this->member(v, *member, path.empty() ? snake(name) : path + "." + snake(name));
    }
  }

 private:
  static const Member* find(const Message& m, std::string_view name) {
    for (const Member& member : m.members)
      if (member.name == name) return &member;
    return nullptr;
  }

  void member(const json& v, const Member& m, const std::string& path) {
    if (!m.repeated) return single(v, m, path);
    if (!v.is_array()) return wrong(m, path);
    for (std::size_t i = 0; i < v.size(); ++i) single(v[i], m, fmt::format("{}[{}]", path, i));
  }

  void single(const json& v, const Member& m, const std::string& path) {
    if (!fits(v, m)) return wrong(m, path);
    if (m.message) message(v, *m.message, path);
  }

  void wrong(const Member& m, const std::string& path) {
    const std::string_view type = m.message                ? m.message->name
                                  : m.kind == Kind::choice ? "enum"
                                  : m.kind == Kind::time   ? "Timestamp"
                                                           : "scalar";
    faults.push_back({path, "", fmt::format("Invalid value at '{}' ({})", path, type)});
  }
};

/// Two or four digits at `i`; moves on.
bool digits(std::string_view s, std::size_t& i, std::size_t n, int& out) {
  if (i + n > s.size()) return false;
  out = 0;
  for (std::size_t end = i + n; i < end; ++i) {
    if (s[i] < '0' || s[i] > '9') return false;
    out = out * 10 + (s[i] - '0');
  }
  return true;
}

bool literal(std::string_view s, std::size_t& i, char c) { return i < s.size() && s[i] == c && ++i > 0; }

std::optional<std::int64_t> fraction_micros(std::string_view s, std::size_t& i) {
  if (i >= s.size() || s[i] != '.') return 0;
  ++i;
  std::int64_t micros = 0;
  std::size_t n = 0;
  for (; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i, ++n)
    if (n < 6) micros = micros * 10 + (s[i] - '0');
  if (n == 0 || n > 9) return std::nullopt;
  for (; n < 6; ++n) micros *= 10;
  return micros;
}

std::optional<std::chrono::minutes> offset(std::string_view s, std::size_t& i) {
  if (literal(s, i, 'Z')) return std::chrono::minutes(0);
  if (i >= s.size() || (s[i] != '+' && s[i] != '-')) return std::nullopt;
  const int sign = s[i++] == '-' ? -1 : 1;
  int h = 0, m = 0;
  if (!digits(s, i, 2, h) || !literal(s, i, ':') || !digits(s, i, 2, m) || h > 23 || m > 59) return std::nullopt;
  return std::chrono::minutes(sign * (h * 60 + m));
}

}  // namespace

std::optional<Timestamp> read_rfc3339(std::string_view s) {
  std::size_t i = 0;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, sec = 0;
  const bool ok = digits(s, i, 4, y) && literal(s, i, '-') && digits(s, i, 2, mo) && literal(s, i, '-') &&
                  digits(s, i, 2, d) && literal(s, i, 'T') && digits(s, i, 2, h) && literal(s, i, ':') &&
                  digits(s, i, 2, mi) && literal(s, i, ':') && digits(s, i, 2, sec);
  if (!ok || h > 23 || mi > 59 || sec > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)),
                                         std::chrono::day(static_cast<unsigned>(d))};
  const auto micros = fraction_micros(s, i);
  if (!date.ok() || !micros) return std::nullopt;
  const auto shift = offset(s, i);
  if (!shift || i != s.size()) return std::nullopt;
  const Timestamp day{std::chrono::sys_days(date)};
  return day + std::chrono::hours(h) + std::chrono::minutes(mi) + std::chrono::seconds(sec) + Duration(*micros) -
         *shift;
}

std::vector<Violation> shape_faults(const json& request) {
  if (!request.is_object()) return {{"", "", "Invalid JSON payload received. Expected an object."}};
  ShapeCheck check;
  check.message(request, kRequest, "");
  return check.faults;
}

}  // namespace hw::sandbox::data_manager
