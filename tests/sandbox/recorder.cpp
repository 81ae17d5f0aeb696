#include "sandbox/recorder.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/zone.h"

namespace hw::sandbox {
namespace {

/// Token requests carry secrets in their body, all others in the Authorization header alone.
bool is_sign_in(const HttpRequest& r) { return r.path.find("token") != std::string::npos; }

}  // namespace

void Recorder::record(Timestamp at, const std::string& peer, const HttpRequest& r, int status) {
  static const std::set<std::string> secret{"authorization", "cookie", "proxy-authorization", "x-api-key"};
  nlohmann::json headers = nlohmann::json::object();
  for (const auto& [name, value] : r.headers) headers[name] = secret.contains(name) ? "***" : value;
  const nlohmann::json line{
      {"at", rfc3339(at)}, {"peer", peer},       {"method", r.method}, {"path", r.path},
      {"query", r.query},  {"headers", headers}, {"status", status},   {"body", is_sign_in(r) ? "***" : r.body}};
  out_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n" << std::flush;
}

}  // namespace hw::sandbox
