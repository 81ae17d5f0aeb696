#include "connectors/ga4_measurement_protocol/peer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/ga4_measurement_protocol/peer_books.h"
#include "connectors/ga4_measurement_protocol/peer_rules.h"

namespace hw::sandbox {

namespace measurement_protocol {

using nlohmann::json;

namespace {

std::string query(const HttpRequest& request, const char* name) {
  const auto it = request.query.find(name);
  return it == request.query.end() ? "" : it->second;
}

bool is_app(const HttpRequest& request) { return request.query.contains("firebase_app_id"); }

class MeasurementProtocolPeer final : public Peer {
 public:
  explicit MeasurementProtocolPeer(World& world) : world_(world) {}

  std::string name() const override { return "ga4_measurement_protocol"; }
  void advance(Timestamp) override {}
  std::vector<Belief> believed() const override { return books_.believed(); }

  HttpResponse handle(const HttpRequest& request) override {
    if (request.method == "POST" && request.path == "/mp/collect") return collect(request);
    if (request.method == "POST" && request.path == "/debug/mp/collect") return validate(request);
    return {404, {{"Content-Type", "text/html"}}, "<html><title>Error 404 (Not Found)</title></html>"};
  }

 private:
  HttpResponse collect(const HttpRequest& request) {
    const std::string stream = query(request, is_app(request) ? "firebase_app_id" : "measurement_id");
    if (is_open(stream, query(request, "api_secret")))
      books_.take(stream, judge(request.body, is_app(request), world_.now));
    return {204, {}, ""};
  }

  HttpResponse validate(const HttpRequest& request) const {
    json list = json::array();
    for (const Message& m : judge(request.body, is_app(request), world_.now).messages)
      list.push_back({{"fieldPath", m.field}, {"description", m.description}, {"validationCode", m.code}});
    return {200, {}, json{{"validationMessages", list}}.dump()};
  }

  [[nodiscard]] bool is_open(const std::string& stream, const std::string& secret) const {
    return std::any_of(world_.streams.begin(), world_.streams.end(),
                       [&](const AnalyticsStream& s) { return s.id == stream && s.api_secret == secret; });
  }

  World& world_;
  Books books_;
};

}  // namespace
}  // namespace measurement_protocol

std::unique_ptr<Peer> make_ga4_measurement_protocol_peer(World& world) {
  return std::make_unique<measurement_protocol::MeasurementProtocolPeer>(world);
}

}  // namespace hw::sandbox
