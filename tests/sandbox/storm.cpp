#include "sandbox/storm.h"

namespace hw::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr int kOneIn = 25;  ///< requests
constexpr int kDaysBetweenOutages = 40;
constexpr int kLongestOutageMinutes = 8 * 60;

}  // namespace

bool Storm::is_out(const std::string& peer, Timestamp now) {
  Outage& o = outages_[peer];
  if (o.to <= now) {
    o.from = now + hours(24) * (1 + below(kDaysBetweenOutages)) + minutes(below(24 * 60));
    o.to = o.from + minutes(1 + below(kLongestOutageMinutes));
    static const int statuses[] = {503, 503, 503, 401, 302};
    o.status = statuses[below(5)];
  }
  return o.from <= now;
}

Fault Storm::any(Timestamp now) {
  static const char* const kinds[] = {"status", "html", "truncated", "invalid_json", "reset_before", "reset_after"};
  static const int statuses[] = {429, 500, 502, 503, 504};
  Fault fault;
  fault.kind = kinds[below(6)];
  fault.status = statuses[below(5)];
  const int wait = 1 + below(120), how = below(3);
  if (fault.status == 429 && how > 0)
    fault.retry_after = how == 1 ? std::to_string(wait) : http_date(now + std::chrono::seconds(wait));
  return fault;
}

int Storm::struck(const std::string& peer) const {
  const auto found = struck_.find(peer);
  return found == struck_.end() ? 0 : found->second;
}

std::optional<Fault> Storm::strike(const std::string& peer, Timestamp now) {
  if (is_out(peer, now)) {
    const int status = outages_[peer].status;
    ++census_["outage " + std::to_string(status)];
    if (status == 503) ++struck_[peer];
    return Fault{.peer = peer, .path = "", .kind = "status", .status = status, .retry_after = ""};
  }
  if (below(kOneIn) != 0) return std::nullopt;
  Fault fault = any(now);
  if (fault.kind != "status" || fault.status != 429) ++struck_[peer];
  ++census_[fault.kind == "status" ? "status " + std::to_string(fault.status) : fault.kind];
  return fault;
}

}  // namespace hw::sandbox
