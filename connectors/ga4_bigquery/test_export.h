#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "conformance/fill_defaults.h"
#include "conformance/plain_normaliser.h"
#include "connect/connector.h"
#include "connectors/ga4_bigquery/peer.h"
#include "sandbox/world.h"

/// An export for tests: the sandbox's peer, spoken to in-process, and a connector that reads it.
namespace hw::connectors::ga4_bigquery {

inline constexpr std::chrono::hours kDay(24);

constexpr Timestamp kStart{std::chrono::seconds(1'795'176'000)};  // 2026-11-20T12:00:00Z, 13:00 in Berlin
inline const std::string kBase = "http://127.0.0.1:9/ga4_bigquery";

/// Hands requests to the peer with a token of its own.
class PeerHttp final : public http::HttpClient {
 public:
  explicit PeerHttp(sandbox::World& world) : world_(world), peer_(sandbox::make_ga4_bigquery_peer(world)) {}

  Result<http::Response> send(const http::Request& request, std::stop_token stop) override;
  Status sign_in(const http::Auth&, std::stop_token) override;

  std::vector<http::Request> requests;
  /// Sees a request first; an answer of its own keeps it from the peer.
  std::function<std::optional<http::Response>(const http::Request&)> intercept;

 private:
  sandbox::World& world_;
  std::unique_ptr<sandbox::Peer> peer_;
  std::string token_;
};

conformance::Overrides with_base(conformance::Overrides overrides);
/// The connector's own identifiers and two of others, as the registry would give them.
connect::Vocabulary test_vocabulary();

class Property {
 public:
  explicit Property(conformance::Overrides overrides = {});

  sandbox::World world;
  FakeClock clock{kStart};
  Duration clock_error{};  ///< how far this machine's clock is ahead of BigQuery's
  PeerHttp http{world};

  void pass(Duration d);
  /// Pages of the stream until there is no more, jobs waited for; the cursor stays for the next time.
  std::vector<Touch> read(std::size_t limit = 1000);
  Result<connect::Page<Touch>> try_page(std::size_t limit = 1000);
  connect::Page<Touch> page(std::size_t limit = 1000);
  std::vector<Touch> look_up(const std::vector<Identifier>& ids);
  Result<std::vector<Touch>> try_look_up(const std::vector<Identifier>& ids);
  /// As after a crash: a new connector, and the cursor as stored.
  void restart();
  /// As after a reload with other options.
  void configure(conformance::Overrides overrides);
  connect::Connector& connector() { return *connector_; }
  connect::Cursor cursor;

  /// What a store would hold of all pages read so far: touches by key, withdrawn as partitions end.
  struct Held {
    Touch touch;
    std::string partition;
  };
  std::map<std::string, Held> held;

  /// A session that begins `ago` before now with session_start and page_view on `page`. Returns its first event.
  sandbox::AnalyticsEvent& visit(const std::string& client, Duration ago, const std::string& page,
                                 std::map<std::string, std::string> collected = {});
  /// Queries that were run, not estimated.
  [[nodiscard]] std::size_t runs() const;
  [[nodiscard]] std::vector<std::string> run_texts() const;

 private:
  void hold(const connect::Page<Touch>& page);

  conformance::Overrides overrides_;
  conformance::PlainNormaliser normaliser_;
  connect::Vocabulary vocabulary_ = test_vocabulary();
  std::unique_ptr<connect::Connector> connector_;
  std::set<std::string> seen_;  ///< keys of the partition under way
};

std::string value_of(const Touch& touch, const std::string& type);  ///< "" if it has none
const Touch* find(const std::vector<Touch>& touches, const std::string& client);

}  // namespace hw::connectors::ga4_bigquery
