#include "connectors/hubspot/api.h"

#include "connectors/hubspot/decode.h"

namespace hw::connectors::hubspot {

using std::chrono::seconds;

namespace {

http::Request json_post(std::string url, std::string body) {
  http::Request request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

}  // namespace

Result<http::Response> Api::get(const std::string& path, const connect::Context& context) const {
  http::Request request;
  request.url = config_.base_url + path;
  return read(std::move(request), context);
}

Result<http::Response> Api::post(const std::string& path, std::string body, const connect::Context& context) const {
  return read(json_post(config_.base_url + path, std::move(body)), context);
}

Result<http::Response> Api::search(const std::string& path, std::string body, const connect::Context& context) const {
  http::Request request = json_post(config_.base_url + path, std::move(body));
  request.lanes.push_back({config_.credential + "/hubspot_search", config_.search_per_second, seconds(1), 0});
  return read(std::move(request), context);
}

Result<http::Response> Api::write(const std::string& path, std::string body, const connect::Context& context) const {
  Result<http::Response> response = exchange(json_post(config_.base_url + path, std::move(body)), context);
  if (!response || is_answer(*response) || is_refusal_of_rows(*response)) return response;
  Error error = classify(*response, env_.clock.system_now(), config_.daily_limit_wait);
  error.maybe_applied = response->status < 300 || response->status >= 500;
  return error;
}

Status Api::sign_in(const connect::Context& context) const { return env_.http.sign_in(auth(), context.stop); }

Timestamp Api::server_now(const http::Response& response) const {
  return response.date().value_or(env_.clock.system_now());
}

http::Auth Api::auth() const { return {config_.credential, config_.token_url, ""}; }

Result<http::Response> Api::exchange(http::Request request, const connect::Context& context) const {
  request.auth = auth();
  request.lanes.push_back({config_.credential + "/hubspot", config_.per_ten_seconds, seconds(10), config_.per_day});
  request.headers.emplace_back("Accept", "application/json");
  request.timeout = context.timeout;
  return env_.http.send(request, context.stop);
}

Result<http::Response> Api::read(http::Request request, const connect::Context& context) const {
  Result<http::Response> response = exchange(std::move(request), context);
  if (!response) {
    // Reading twice harms nobody.
    response.error().maybe_applied = false;
    return response;
  }
  if (is_answer(*response)) return response;
  return classify(*response, env_.clock.system_now(), config_.daily_limit_wait);
}

}  // namespace hw::connectors::hubspot
