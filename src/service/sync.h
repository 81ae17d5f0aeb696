#pragma once
#include <functional>
#include <stop_token>

#include "service/app.h"

namespace hw::service {

/// What one full pass did.
struct SyncResult {
  std::size_t rows = 0, rejected = 0, subjects = 0, sent = 0, settled = 0, fields_written = 0;
  bool gated = false;     ///< some source has not been read through yet: no conversion is made
  bool retrying = false;  ///< something waits for a retry: exit 75
};

/// Pulls, reconciles and delivers until nothing is due now. Later polls and settling times do not count. `progress` is
/// told what happens, for a terminal.
///
/// With `limit` it is a trial: the next page of every stream is committed and no cursor moves (the one stated exception
/// to invariant 3), what came of it is reconciled without waiting for the sources' first sweep, and at most that many
/// rows are sent. On a store whose first sweep is not done, rows that the trial made and did not send are taken back:
/// they are judged again when everything is known. After a restore nothing is judged before the sources of records have
/// been read anew, by a trial neither.
Result<SyncResult> sync(App& app, std::optional<std::int64_t> limit, std::stop_token stop,
                        const std::function<void(const std::string&)>& progress);

/// Where the clock stands before times that the store knows: it was wrong and has been set back. What it named is
/// undone: what waits is due, rows that were made and not sent are taken back, and every subject is judged again by the
/// time of now. Returns whether it was so. Answers that it gave for a row's fate stand.
Result<bool> undo_later_times(App& app);

/// What `run` and `sync` do first, under the lock: a store known as damaged is refused; go-live times, subjects of a
/// changed configuration, channels of changed rules. A stop ends it early without an error; what it left is done at the
/// next start.
Status start(App& app, const std::stop_token& stop = {});

}  // namespace hw::service
