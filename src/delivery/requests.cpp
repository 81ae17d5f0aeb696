#include "delivery/requests.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ledger/transitions.h"

namespace hw::delivery {
namespace {

using store::StoredUpload;

std::vector<std::vector<Ready>> cut(std::vector<Ready> rows, std::size_t max_rows, std::size_t max_bytes) {
  std::vector<std::vector<Ready>> out;
  std::size_t bytes = 0;
  for (Ready& r : rows) {
    const bool alone = r.row.code == ledger::kUnlocated;
    const std::size_t size = r.row.item.size();
    const bool fits = !out.empty() && out.back().size() < max_rows && bytes + size <= max_bytes && !alone &&
                      out.back().front().row.code != ledger::kUnlocated;
    if (!fits) {
      out.emplace_back();
      bytes = 0;
    }
    bytes += size;
    out.back().push_back(std::move(r));
  }
  return out;
}

Request request_of(Operation operation, std::vector<Ready> rows, const settings::SinkSet& sinks) {
  // By id, as the store tells the rows of a request: a confirmation by row finds its own.
  std::sort(rows.begin(), rows.end(), [](const auto& x, const auto& y) { return x.row.id < y.row.id; });
  Request r{.operation = operation,
            .target = target_of(rows.front().row, sinks),
            .rows = {},
            .items = {},
            .outcomes = {},
            .receipts = {}};
  for (Ready& ready : rows) {
    r.rows.push_back(std::move(ready.row));
    r.items.push_back(std::move(ready.item));
  }
  return r;
}

}  // namespace

connect::Target target_of(const StoredUpload& row, const settings::SinkSet& sinks) {
  return sinks.target_at(row.account, row.action);
}

std::vector<Request> grouped(std::vector<Ready> rows, const settings::Destination& destination,
                             const settings::SinkSet& sinks) {
  std::map<std::tuple<Operation, std::string, std::string, std::string>, std::vector<Ready>> groups;
  for (Ready& r : rows) groups[{r.row.operation, r.row.account, r.row.action, r.item.group}].push_back(std::move(r));
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
