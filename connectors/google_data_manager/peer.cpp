#include "connectors/google_data_manager/peer.h"

#include <nlohmann/json.hpp>

#include "connectors/google_data_manager/peer_answers.h"
#include "connectors/google_data_manager/peer_books.h"
#include "connectors/google_data_manager/peer_quota.h"
#include "connectors/google_data_manager/peer_rules.h"
#include "sandbox/google_tokens.h"

namespace hw::sandbox {

namespace data_manager {

using nlohmann::json;

HttpResponse answer(const Fault& fault) {
  json details = json::array();
  if (!fault.reason.empty())
    details.push_back({{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                       {"reason", fault.reason},
                       {"domain", "datamanager.googleapis.com"}});
  json violations = json::array();
  for (const Violation& v : fault.violations) {
    json one = {{"field", v.field}, {"description", v.description}};
    if (!v.reason.empty()) one["reason"] = v.reason;
    violations.push_back(std::move(one));
  }
  if (!violations.empty())
    details.push_back({{"@type", "type.googleapis.com/google.rpc.BadRequest"}, {"fieldViolations", violations}});
  return {fault.code,
          {},
          json{{"error",
                {{"code", fault.code}, {"status", fault.status}, {"message", fault.message}, {"details", details}}}}
              .dump()};
}

namespace {

HttpResponse exhausted() {
  return answer({.code = 429,
                 .status = "RESOURCE_EXHAUSTED",
                 .message = "Quota exceeded for quota metric of the project.",
                 .reason = "RATE_LIMIT_EXCEEDED",
                 .violations = {}});
}

/// Why a call is not let in.
std::optional<HttpResponse> refusal(GoogleTokens::Bearer bearer) {
  if (bearer == GoogleTokens::Bearer::good) return std::nullopt;
  const bool is_missing = bearer == GoogleTokens::Bearer::missing;
  Fault fault{.code = 401,
              .status = "UNAUTHENTICATED",
              .message = is_missing ? "Request is missing required authentication credential."
                                    : "Request had invalid authentication credentials.",
              .reason = "CREDENTIALS_MISSING",
              .violations = {}};
  if (bearer == GoogleTokens::Bearer::unknown) fault.reason = "ACCESS_TOKEN_TYPE_UNSUPPORTED";
  if (bearer == GoogleTokens::Bearer::expired) fault.reason = "ACCESS_TOKEN_EXPIRED";
  return answer(fault);
}

class DataManagerPeer final : public Peer {
 public:
  explicit DataManagerPeer(World& world)
      : world_(world), tokens_(world, "https://www.googleapis.com/auth/datamanager"), books_(world) {}

  std::string name() const override { return "google_data_manager"; }
  void advance(Timestamp now) override { books_.process(now); }
  Timestamp next_event() const override { return books_.next(); }
  std::vector<Belief> believed() const override { return books_.believed(); }

  HttpResponse handle(const HttpRequest& request) override {
    books_.process(world_.now);
    if (request.path == "/token") return tokens_.grant(request);
    if (request.path == "/o/oauth2/v2/auth") return tokens_.consent_page(request);
    const bool ingest = request.method == "POST" && request.path == "/v1/events:ingest";
    const bool retrieve = request.method == "GET" && request.path == "/v1/requestStatus:retrieve";
    if (!ingest && !retrieve)
      return {404, {{"Content-Type", "text/html"}}, "<html><title>Error 404 (Not Found)</title></html>"};
    if (auto refused = refusal(tokens_.bearer_of(request))) return *refused;
    return ingest ? take(request) : tell(request);
  }

 private:
  HttpResponse take(const HttpRequest& request) {
    if (!ingest_quota_.take(world_.now)) return exhausted();
    auto judged = judge(request.body, world_);
    if (const Fault* fault = std::get_if<Fault>(&judged)) return answer(*fault);
    auto& ingestion = std::get<Ingestion>(judged);
    if (ingestion.validate_only) return {200, {}, "{}"};
    return {200, {}, json{{"requestId", books_.take(std::move(ingestion))}}.dump()};
  }

  HttpResponse tell(const HttpRequest& request) {
    if (!other_quota_.take(world_.now)) return exhausted();
    auto id = request.query.find("requestId");
    if (id == request.query.end() || id->second.empty())
      return answer(bad_request({{"request_id", "REQUIRED_FIELD_MISSING", "Required field is missing."}}));
    const auto status = books_.status(id->second);
    if (status) return {200, {}, status->dump()};
    Fault fault = bad_request({{"request_id", "INVALID_REQUEST_ID", "The request id is invalid."}});
    fault.reason = "INVALID_REQUEST_ID";
    return answer(fault);
  }

  World& world_;
  GoogleTokens tokens_;
  Books books_;
  // developers.google.com/data-manager/api/devguides/limits, read 2026-10.
  Quota ingest_quota_{300, 100'000}, other_quota_{300, 50'000};
};

}  // namespace
}  // namespace data_manager

std::unique_ptr<Peer> make_google_data_manager_peer(World& world) {
  return std::make_unique<data_manager::DataManagerPeer>(world);
}

}  // namespace hw::sandbox
