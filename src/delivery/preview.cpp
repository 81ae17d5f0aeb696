#include "delivery/preview.h"

#include <algorithm>

#include "delivery/requests.h"
#include "ledger/item_json.h"

namespace hw::delivery {

std::vector<Preview> preview(std::vector<store::StoredUpload> due, const settings::Destination& destination,
                             const settings::SinkSet& sinks) {
  std::vector<Ready> ready;
  for (store::StoredUpload& u : due)
    if (auto item = ledger::item_from_json(u.item)) ready.push_back({std::move(u), std::move(*item)});
  std::vector<Preview> out;
  for (const Request& r : grouped(std::move(ready), destination, sinks))
    out.push_back({.destination = destination.name,
                   .operation = r.operation,
                   .rows = r.rows.size(),
                   .body = sinks.of(r.operation)->body(r.items, r.target, destination.mode == Mode::test)});
  return out;
}

std::vector<Preview> preview(store::Tx& tx, const settings::Destination& destination, const settings::SinkSet& sinks,
                             Timestamp now, std::int64_t limit) {
  auto due = store::ledger_rows::due_uploads(tx, destination.name, now, limit);
  std::erase_if(due, [&](const store::StoredUpload& u) { return now >= u.expires_at; });
  return preview(std::move(due), destination, sinks);
}

}  // namespace hw::delivery
