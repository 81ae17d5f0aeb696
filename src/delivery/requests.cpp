#include "delivery/requests.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ledger/item_json.h"
#include "ledger/transitions.h"

namespace hw::delivery {
namespace {

using store::StoredUpload;

std::vector<std::vector<StoredUpload>> cut(std::vector<StoredUpload> rows, std::size_t max_rows,
                                           std::size_t max_bytes) {
  std::vector<std::vector<StoredUpload>> out;
  std::size_t bytes = 0;
  for (StoredUpload& u : rows) {
    const bool alone = u.code == ledger::kUnlocated;
    const bool fits = !out.empty() && out.back().size() < max_rows && bytes + u.item.size() <= max_bytes && !alone &&
                      out.back().front().code != ledger::kUnlocated;
    if (!fits) {
      out.emplace_back();
      bytes = 0;
    }
    bytes += u.item.size();
    out.back().push_back(std::move(u));
  }
  return out;
}

Request request_of(Operation operation, std::vector<StoredUpload> rows, const settings::SinkSet& sinks) {
  auto target = target_of(rows.front(), sinks);
  Request r{.operation = operation,
            .target = std::move(target),
            .rows = std::move(rows),
            .items = {},
            .outcomes = {},
            .receipts = {}};
  // By id, as the store tells the rows of a request: a confirmation by row finds its own.
  std::sort(r.rows.begin(), r.rows.end(), [](const auto& x, const auto& y) { return x.id < y.id; });
  for (const StoredUpload& u : r.rows) r.items.push_back(ledger::item_from_json(u.item).value_or(connect::Item{}));
  return r;
}

}  // namespace

connect::Target target_of(const StoredUpload& row, const settings::SinkSet& sinks) {
  connect::Target target = sinks.target;
  if (!row.account.empty()) target.account = row.account;
  if (!row.action.empty()) target.action = row.action;
  return target;
}

std::vector<Request> grouped(std::vector<StoredUpload> rows, const settings::Destination& destination,
                             const settings::SinkSet& sinks) {
  std::map<std::tuple<Operation, std::string, std::string, std::string>, std::vector<StoredUpload>> groups;
  for (StoredUpload& u : rows) {
    const auto item = ledger::item_from_json(u.item);
    groups[{u.operation, u.account, u.action, item ? item->group : std::string()}].push_back(std::move(u));
  }
  std::vector<Request> out;
  for (auto& [key, members] : groups) {
    const Operation operation = std::get<0>(key);
    const connect::Contract& limits = sinks.of(operation)->contract();
    const std::size_t most = std::clamp<std::size_t>(destination.batch, 1, limits.max_items);
    for (auto& part : cut(std::move(members), most, limits.max_bytes))
      out.push_back(request_of(operation, std::move(part), sinks));
  }
  return out;
}

}  // namespace hw::delivery
