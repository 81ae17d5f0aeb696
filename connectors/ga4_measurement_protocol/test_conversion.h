#pragma once
#include "conformance/fill_defaults.h"
#include "connect/connector.h"
#include "connectors/ga4_measurement_protocol/config.h"

/// What the tests of this folder start from: an invented conversion, and options with their defaults.
namespace hw::connectors::ga4_measurement_protocol {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr Duration kHour = std::chrono::hours(1);
constexpr Duration kDay = std::chrono::hours(24);
constexpr Timestamp kWonAt = Timestamp(std::chrono::seconds(1'795'190'649));  // 2026-11-20T16:04:09Z

inline const std::string kClient = "1162820436.1749482504";
inline const std::string kSecret = "sEcReT/of+a=stream";

inline Money euros(std::int64_t micros) { return {micros, *Currency::parse("EUR")}; }

/// A deal won at 16:04:09 on 20 November 2026 by somebody with one browser.
inline Conversion won_deal() {
  Conversion c;
  c.dedup_id = "hw-exampledeal";
  c.goal = "won";
  c.at = kWonAt;
  c.value = euros(18'250'000'000);
  c.identifiers = {{"ga_client_id", kClient}};
  c.lead_created = c.at - 9 * kDay;
  return c;
}

inline connect::Options options(const conformance::Overrides& overrides = {}) {
  conformance::Overrides all = {{"api_secret", Secret(kSecret)},
                                {"base_url", "http://127.0.0.1:1/ga4_measurement_protocol"}};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return conformance::fill_defaults(option_decls(), all);
}

inline Config config(const conformance::Overrides& overrides = {}) {
  std::vector<connect::OptionError> errors;
  return read_config(options(overrides), errors);
}

inline connect::Target target(std::string action = "purchase") {
  return {.account = "G-SANDBOX01", .action = std::move(action)};
}

inline connect::Target app_target() {
  return {.account = "1:1234567890:android:321abc456def7890", .action = "purchase"};
}

}  // namespace hw::connectors::ga4_measurement_protocol
