#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "conformance/fill_defaults.h"
#include "conformance/plain_normaliser.h"
#include "connect/connector.h"
#include "connectors/hubspot/config.h"
#include "connectors/hubspot/peer.h"
#include "sandbox/world.h"

/// A portal for tests: the sandbox's peer, spoken to in-process, and a connector that reads it.
namespace hw::connectors::hubspot {

constexpr Timestamp kStart{std::chrono::seconds(1'790'000'000)};  // 2026-09-21T14:13:20Z
inline const std::string kBase = "http://127.0.0.1:9/hubspot";

/// Hands requests to the peer with the world's own token. Time passes with each request as the lanes demand.
class PeerHttp final : public http::HttpClient {
 public:
  PeerHttp(sandbox::World& world, FakeClock& clock)
      : world_(world), clock_(clock), peer_(sandbox::make_hubspot_peer(world)) {}

  Result<http::Response> send(const http::Request& request, std::stop_token stop) override;
  Status sign_in(const http::Auth&, std::stop_token) override { return {}; }

  std::vector<http::Request> requests;
  /// Sees a request first; an answer of its own keeps it from the peer.
  std::function<std::optional<http::Response>(const http::Request&)> intercept;
  Duration clock_error{};  ///< how far this machine's clock is ahead of the portal's

 private:
  sandbox::World& world_;
  FakeClock& clock_;
  std::unique_ptr<sandbox::Peer> peer_;
};

class Portal {
 public:
  explicit Portal(conformance::Overrides overrides = {}, NamedFields fields = {});

  sandbox::World world;
  FakeClock clock{kStart};
  PeerHttp http{world, clock};

  /// Time passes.
  void pass(Duration d);
  /// Pulls until the stream has no more; the cursor stays for the next time.
  std::vector<Record> read(const std::string& stream, std::size_t limit = 200);
  /// One page, and the cursor moves on.
  connect::Page<Record> page(const std::string& stream, std::size_t limit = 200);
  Result<connect::Page<Record>> try_page(const std::string& stream, std::size_t limit = 200);
  /// As after a crash: a new connector, and the cursors as stored.
  void restart();
  connect::Connector& connector() { return *connector_; }
  std::map<std::string, connect::Cursor> cursors;

  std::string contact(std::map<std::string, std::string> properties = {});
  std::string deal(std::map<std::string, std::string> properties = {});

 private:
  conformance::Overrides overrides_;
  NamedFields fields_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_;
  std::unique_ptr<connect::Connector> connector_;
};

conformance::Overrides with_base(conformance::Overrides overrides);

/// The rows of one kind.
template <class T>
std::vector<T> of(const std::vector<Record>& rows) {
  std::vector<T> out;
  for (const Record& row : rows)
    if (const T* one = std::get_if<T>(&row)) out.push_back(*one);
  return out;
}
std::vector<std::string> ids(const std::vector<RecordState>& states);

}  // namespace hw::connectors::hubspot
