#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect/connector.h"
#include "connectors/ga4_bigquery/config.h"
#include "connectors/ga4_bigquery/decode.h"

namespace hw::connectors::ga4_bigquery {

inline constexpr const char* kScope = "https://www.googleapis.com/auth/bigquery";

/// Sends requests of the API and judges the answers. Thread-safe; keeps nothing between calls.
class Api {
 public:
  Api(const Config& config, const connect::Env& env) : config_(config), env_(env) {}

  /// A 200 with a JSON body, or the classified refusal.
  Result<http::Response> get(const std::string& path, const connect::Context&) const;
  /// `lanes` beside the API's own.
  Result<http::Response> post(const std::string& path, std::string body, const std::vector<http::Lane>& lanes,
                              const connect::Context&) const;
  Status sign_in(const connect::Context&) const;

  /// Where the data set lies, and BigQuery's own time. Pause "location" when it is not where the configuration says.
  struct Place {
    std::string location;
    Timestamp now;
  };
  Result<Place> place(const connect::Context&) const;
  /// nullopt: there is no such table (yet, or any more). Asking is free of charge. Only after place(): a missing
  /// data set is answered just like a missing table.
  Result<std::optional<Table>> table(std::string_view name, const connect::Context&) const;

 private:
  Result<http::Response> exchange(http::Request request, const connect::Context&) const;
  [[nodiscard]] http::Auth auth() const { return {config_.credential, config_.token_url, kScope}; }

  const Config& config_;
  const connect::Env& env_;
};

}  // namespace hw::connectors::ga4_bigquery
