#pragma once
#include "conformance/fill_defaults.h"
#include "connect/connector.h"
#include "connectors/google_data_manager/config.h"

/// What the tests of this folder start from: an invented conversion, and options with their defaults.
namespace hw::connectors::google_data_manager {

inline Timestamp at(std::int64_t seconds_since_2026_11_20) {
  return from_micros((1'795'132'800 + seconds_since_2026_11_20) * 1'000'000);  // 2026-11-20T00:00:00Z
}
constexpr Duration kHour = std::chrono::hours(1);
constexpr Duration kDay = std::chrono::hours(24);

// jane.doe@example.com, +14155550123, jane, doe (reference section 0).
inline const std::string kEmailHash = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";
inline const std::string kPhoneHash = "36a2cef4ff9bf7a1abd2a93359136b870393be4106e6c5d19b72ff564f9deca4";
inline const std::string kGivenHash = "81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2";
inline const std::string kFamilyHash = "799ef92a11af918e3fb741df42934f3b568ed2d93ac1df74f1b8d41a27932a6f";

inline Money euros(std::int64_t micros) { return {micros, *Currency::parse("EUR")}; }

/// A deal won at 16:04:09 on 20 November 2026, clicked ten days before.
inline Conversion won_deal() {
  Conversion c;
  c.dedup_id = "hw-exampledeal";
  c.goal = "won";
  c.at = at(57'849);
  c.value = euros(18'250'000'000);
  Click click;
  click.type = "gclid";
  click.value = "EAIaIQobChMI_example";
  click.at = c.at - 10 * kDay;
  c.clicks = {click};
  c.lead_created = c.at - 9 * kDay;
  return c;
}

inline connect::Options options(const conformance::Overrides& overrides = {}) {
  conformance::Overrides all = {{"credential", "google"},
                                {"base_url", "http://127.0.0.1:1/google_data_manager"},
                                {"token_url", "http://127.0.0.1:1/google_data_manager/token"}};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return conformance::fill_defaults(option_decls(), all);
}

inline Config config(const conformance::Overrides& overrides = {}) {
  std::vector<connect::OptionError> errors;
  return read_config(options(overrides), errors);
}

inline connect::Target target() { return {.account = "1234567890", .action = "700000001"}; }

}  // namespace hw::connectors::google_data_manager
