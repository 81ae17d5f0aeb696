#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "connect/connector.h"
#include "model/timestamp.h"
#include "store/engine/db.h"

namespace hw::ingest {

/// What one look at a connector's sources came to.
struct Pass {
  std::size_t rows = 0, rejected = 0;
  std::size_t answered = 0;       ///< identifiers whose history was told to its end
  bool more = false;              ///< stopped early: call again at once
  bool retrying = false;          ///< something failed and will be tried again
  bool resting = false;           ///< a stream waits for its rate lane or for an earlier failure's retry
  bool job_runs = false;          ///< a stream waits for a job of the source's own
  bool paused = false;            ///< a person paused the connector: nothing is asked of it
  std::optional<Timestamp> next;  ///< next scheduled look
};
/// Adds a part's counts; what is scheduled is the earlier of both.
void fold(Pass& sum, const Pass& part);

/// Keeps rows that could not be read, for status.
void set_aside(store::Tx& tx, const std::string& connector, const std::string& role, const std::string& stream,
               const std::vector<connect::RejectedRow>& rows, Timestamp now);

}  // namespace hw::ingest
