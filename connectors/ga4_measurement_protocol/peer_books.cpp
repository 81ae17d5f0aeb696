#include "connectors/ga4_measurement_protocol/peer_books.h"

namespace hw::sandbox::measurement_protocol {

void Books::take(const std::string& stream, const Judged& request) {
  for (const Counted& event : request.counted) take_event(stream, request.user, event);
}

void Books::take_event(const std::string& stream, const std::string& user, const Counted& event) {
  if (event.name == "refund") {
    Total& total = totals_[{stream, "purchase", event.key, event.currency}];
    total.micros -= event.micros.value_or(0);
    total.has_refund = true;
    total.is_refund_moved = total.is_refund_moved || event.is_moved;
    return;
  }
  const bool is_repeat =
      event.name == "purchase" && !event.key.empty() && !transactions_.insert({stream, user, event.key}).second;
  if (is_repeat) return;
  Total& total = totals_[{stream, event.name, event.key, event.currency}];
  total.micros += event.micros.value_or(0);
  ++total.count;
  total.is_moved = total.is_moved || event.is_moved;
}

const char* Books::state_of(const Total& total) {
  if (total.has_refund && total.micros <= 0) return total.is_refund_moved ? "refunded_72h_ago" : "refunded";
  return total.is_moved || total.is_refund_moved ? "counted_72h_ago" : "counted";
}

std::vector<Belief> Books::believed() const {
  std::vector<Belief> out;
  for (const auto& [key, total] : totals_) {
    const auto& [stream, name, id, currency] = key;
    const bool is_refunded = total.has_refund && total.micros <= 0;
    out.push_back({.account = stream,
                   .action = name,
                   .key = id,
                   .currency = currency,
                   .micros = total.micros,
                   .count = is_refunded ? 0 : total.count,
                   .state = state_of(total)});
  }
  return out;
}

}  // namespace hw::sandbox::measurement_protocol
