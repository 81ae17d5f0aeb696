#include "http/client.h"

#include <algorithm>
#include <utility>

#include "http/lane.h"
#include "http/token.h"
#include "http/transfer.h"

namespace hw::http {
namespace {

class Client final : public HttpClient {
 public:
  Client(ClientOptions&& options, const Clock& clock)
      : clock_(clock),
        transfers_(options.ca_file, options.user_agent.empty() ? "headwater" : options.user_agent),
        lanes_(options.keeps_lanes ? options.state : nullptr, clock, options.may_sleep),
        tokens_(options.credentials, options.state, clock,
                [this](const Request& r, const std::stop_token& stop) { return transfers_.run(r, Secret(), stop); }) {
    for (const Credential& c : options.credentials) shares_[c.name] = c.quota_share;
  }

  Result<Response> send(const Request& request, std::stop_token stop) override {
    if (auto ok = check_url(request.url); !ok) return ok.error();
    const auto token = tokens_.get(request.auth, stop);
    if (!token) return token.error();
    auto response = exchange(request, *token, stop);
    if (!response || response->status != 401) return response;
    const auto renewed = tokens_.renew(request.auth, *token, stop);
    if (!renewed) return response;
    if (!*renewed) return renewed->error();
    return exchange(request, **renewed, stop);
  }

  Status sign_in(const Auth& auth, std::stop_token stop) override {
    const auto token = tokens_.get(auth, stop);
    if (!token) return token.error();
    return {};
  }

 private:
  Result<Response> exchange(const Request& request, const Secret& token, const std::stop_token& stop) {
    if (auto ok = lanes_.enter(shared(request), stop); !ok) return ok.error();
    auto response = transfers_.run(request, token, stop);
    if (response && response->status == 429) {
      if (const auto wait = response->retry_after(clock_.system_now())) lanes_.close(request.lanes, *wait);
    }
    return response;
  }

  /// The request's lanes, less what of the vendor's daily limits is the other tools'.
  [[nodiscard]] std::vector<Lane> shared(const Request& request) const {
    std::vector<Lane> lanes = request.lanes;
    const auto share = shares_.find(request.auth.credential);
    for (Lane& lane : lanes) {
      if (share == shares_.end() || lane.own_budget || lane.per_day <= 0) continue;
      lane.per_day = static_cast<int>(std::max<std::int64_t>(1, std::int64_t{lane.per_day} * share->second / 100));
    }
    return lanes;
  }

  const Clock& clock_;
  std::map<std::string, int> shares_;  ///< by credential
  Transfers transfers_;
  Lanes lanes_;
  Tokens tokens_;
};

}  // namespace

std::unique_ptr<HttpClient> make_client(ClientOptions options, const Clock& clock, Random& /*random*/) {
  return std::make_unique<Client>(std::move(options), clock);
}

}  // namespace hw::http
