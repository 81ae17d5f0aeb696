#include "service/watched.h"

#include <map>

namespace hw::service {

Result<http::Response> WatchedHttp::send(const http::Request& request, std::stop_token stop) {
  Heartbeats::got_on();
  auto response = inner_->send(request, std::move(stop));
  Heartbeats::got_on();
  return response;
}

Result<connect::Answer> WatchedSink::send(std::span<const connect::Item> items, const connect::Target& t,
                                          bool validate_only, connect::Context context) {
  Heartbeats::got_on();
  const SteadyTime since = clock_.steady_now();
  auto answer = inner_.send(items, t, validate_only, std::move(context));
  vitals_.metrics.asked(destination_, answer, items.size(), clock_.steady_now() - since);
  Heartbeats::got_on();
  return answer;
}

Result<std::vector<connect::Confirmation>> WatchedSink::confirm(std::span<const std::string> receipts,
                                                                const connect::Target& t, connect::Context context) {
  Heartbeats::got_on();
  auto found = inner_.confirm(receipts, t, std::move(context));
  Heartbeats::got_on();
  return found;
}

void watch(settings::SinkSet& sinks, const std::string& destination, Vitals& vitals, const Clock& clock,
           std::vector<std::unique_ptr<WatchedSink>>& owned) {
  std::map<connect::ConversionSink*, connect::ConversionSink*> watched{{nullptr, nullptr}};
  for (connect::ConversionSink** sink : {&sinks.upload, &sinks.restate, &sinks.retract}) {
    auto [known, is_new] = watched.try_emplace(*sink, nullptr);
    if (is_new) {
      owned.push_back(std::make_unique<WatchedSink>(**sink, destination, vitals, clock));
      known->second = owned.back().get();
    }
    *sink = known->second;
  }
}

}  // namespace hw::service
