#pragma once
#include <string>
#include <vector>

#include "settings/instances.h"
#include "store/ledger_rows.h"

namespace hw::delivery {

/// One request exactly as it would be sent.
struct Preview {
  std::string destination;
  Operation operation = Operation::upload;
  std::size_t rows = 0;
  std::string body;
};

/// What would be sent now: rows that are due for the first time or again, up to `limit`. Nothing is changed.
std::vector<Preview> preview(store::Tx& tx, const settings::Destination& destination, const settings::SinkSet& sinks,
                             Timestamp now, std::int64_t limit);

/// The requests that these rows make: for destinations in shadow, whose rows no ledger holds.
std::vector<Preview> preview(std::vector<store::StoredUpload> rows, const settings::Destination& destination,
                             const settings::SinkSet& sinks);

}  // namespace hw::delivery
