#include "connectors/hubspot/api.h"

#include "connectors/hubspot/decode.h"

namespace hw::connectors::hubspot {

using std::chrono::seconds;

Result<http::Response> Api::get(const std::string& path, const connect::Context& context) const {
  http::Request request;
  request.url = config_.base_url + path;
  return send(std::move(request), context);
}

Result<http::Response> Api::post(const std::string& path, std::string body, const connect::Context& context) const {
  http::Request request;
  request.method = "POST";
  request.url = config_.base_url + path;
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  return send(std::move(request), context);
}

Result<http::Response> Api::search(const std::string& path, std::string body, const connect::Context& context) const {
  http::Request request;
  request.method = "POST";
  request.url = config_.base_url + path;
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  request.lanes.push_back({config_.credential + "/hubspot_search", config_.search_per_second, seconds(1), 0});
  return send(std::move(request), context);
}

Status Api::sign_in(const connect::Context& context) const { return env_.http.sign_in(auth(), context.stop); }

Timestamp Api::server_now(const http::Response& response) const {
  return response.date().value_or(env_.clock.system_now());
}

http::Auth Api::auth() const { return {config_.credential, config_.token_url, ""}; }

Result<http::Response> Api::send(http::Request request, const connect::Context& context) const {
  request.auth = auth();
  request.lanes.push_back({config_.credential + "/hubspot", config_.per_ten_seconds, seconds(10), config_.per_day});
  request.headers.emplace_back("Accept", "application/json");
  request.timeout = context.timeout;
  Result<http::Response> response = env_.http.send(request, context.stop);
  if (!response) {
    // Reading twice harms nobody.
    response.error().maybe_applied = false;
    return response;
  }
  if (is_answer(*response)) return response;
  return classify(*response, env_.clock.system_now(), config_.daily_limit_wait);
}

}  // namespace hw::connectors::hubspot
