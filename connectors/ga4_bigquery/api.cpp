#include "connectors/ga4_bigquery/api.h"

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/ga4_bigquery/encode.h"

namespace hw::connectors::ga4_bigquery {

Result<http::Response> Api::exchange(http::Request request, const connect::Context& context) const {
  request.url = config_.base_url + request.url;
  request.auth = auth();
  request.lanes.push_back({.key = config_.credential + "/bigquery",
                           .requests = config_.requests_per_minute,
                           .per = std::chrono::minutes(1)});
  request.headers.emplace_back("Accept", "application/json");
  request.timeout = context.timeout;
  Result<http::Response> response = env_.http.send(request, context.stop);
  // Reading twice harms nobody.
  if (!response) response.error().maybe_applied = false;
  return response;
}

Result<http::Response> Api::get(const std::string& path, const connect::Context& context) const {
  http::Request request;
  request.url = path;
  Result<http::Response> response = exchange(std::move(request), context);
  if (!response || is_answer(*response)) return response;
  return classify(*response, env_.clock.system_now());
}

Result<http::Response> Api::post(const std::string& path, std::string body, const std::vector<http::Lane>& lanes,
                                 const connect::Context& context) const {
  http::Request request;
  request.method = "POST";
  request.url = path;
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  request.lanes = lanes;
  Result<http::Response> response = exchange(std::move(request), context);
  if (!response || is_answer(*response)) return response;
  return classify(*response, env_.clock.system_now());
}

Status Api::sign_in(const connect::Context& context) const { return env_.http.sign_in(auth(), context.stop); }

Result<Api::Place> Api::place(const connect::Context& context) const {
  Result<http::Response> response = get(dataset_path(config_), context);
  if (!response) return response.error();
  Result<std::string> at = decode_dataset(response->body);
  if (!at) return at.error();
  if (config_.location.empty() || equals_ci(*at, config_.location))
    return Place{*at, response->date().value_or(env_.clock.system_now())};
  return Error{Action::pause,
               "location",
               fmt::format("the data set {} lies in {}, not in {}; write location: {}", config_.dataset, *at,
                           config_.location, *at),
               {},
               false};
}

Result<std::optional<Table>> Api::table(std::string_view name, const connect::Context& context) const {
  Result<http::Response> response = get(table_path(config_, name), context);
  if (!response && response.error().code == "not_found") return std::optional<Table>();
  if (!response) return response.error();
  Result<Table> table = decode_table(response->body);
  if (!table) return table.error();
  return std::optional(*table);
}

}  // namespace hw::connectors::ga4_bigquery
