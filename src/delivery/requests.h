#pragma once
#include <functional>
#include <string>
#include <vector>

#include "settings/instances.h"
#include "store/ledger_rows.h"

/// How rows become requests.
namespace hw::delivery {

/// Rows that go out together: of one operation, one group and one target, within the sink's limits.
struct Request {
  Operation operation = Operation::upload;
  connect::Target target;
  std::vector<store::StoredUpload> rows;   ///< by id, as the store tells the rows of a request
  std::vector<connect::Item> items;        ///< of each row
  std::vector<connect::Outcome> outcomes;  ///< of each row
  std::vector<std::string> receipts;       ///< of each row's request: a bisected one has several
};

/// Where a row goes: the account and action it was made for, whatever the configuration says by now.
connect::Target target_of(const store::StoredUpload& row, const settings::SinkSet& sinks);

/// A row and what it says.
struct Ready {
  store::StoredUpload row;
  connect::Item item;
};

/// A row that is being located goes alone.
std::vector<Request> grouped(std::vector<Ready> rows, const settings::Destination& destination,
                             const settings::SinkSet& sinks);

}  // namespace hw::delivery
