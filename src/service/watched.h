#pragma once
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "service/vitals.h"
#include "settings/instances.h"

/// What goes between the rooms and the network, so that its exchanges show in the heartbeat and the metrics and no room
/// below knows of either.
namespace hw::service {

class WatchedHttp final : public http::HttpClient {
 public:
  explicit WatchedHttp(std::unique_ptr<http::HttpClient> inner) : inner_(std::move(inner)) {}
  Result<http::Response> send(const http::Request& request, std::stop_token stop) override;
  Status sign_in(const http::Auth& auth, std::stop_token stop) override { return inner_->sign_in(auth, stop); }

 private:
  std::unique_ptr<http::HttpClient> inner_;
};

/// One destination's sink.
class WatchedSink final : public connect::ConversionSink {
 public:
  WatchedSink(connect::ConversionSink& inner, std::string destination, Vitals& vitals, const Clock& clock)
      : inner_(inner), destination_(std::move(destination)), vitals_(vitals), clock_(clock) {}
  const connect::Contract& contract() const override { return inner_.contract(); }
  connect::Contract contract_for(const connect::Target& t) const override { return inner_.contract_for(t); }
  std::variant<connect::Item, connect::Refusal> prepare(const Conversion& c, const connect::Revision& r,
                                                        const connect::Target& t, const connect::Sent* original,
                                                        Timestamp now) const override {
    return inner_.prepare(c, r, t, original, now);
  }
  std::string body(std::span<const connect::Item> items, const connect::Target& t, bool validate_only) const override {
    return inner_.body(items, t, validate_only);
  }
  Result<connect::Answer> send(std::span<const connect::Item> items, const connect::Target& t, bool validate_only,
                               connect::Context context) override;
  Result<std::vector<connect::Confirmation>> confirm(std::span<const std::string> receipts, const connect::Target& t,
                                                     connect::Context context) override;

 private:
  connect::ConversionSink& inner_;
  std::string destination_;
  Vitals& vitals_;
  const Clock& clock_;
};

/// Puts a WatchedSink before each sink of the set; sinks that were one stay one. `owned` outlives the set.
void watch(settings::SinkSet& sinks, const std::string& destination, Vitals& vitals, const Clock& clock,
           std::vector<std::unique_ptr<WatchedSink>>& owned);

}  // namespace hw::service
