#pragma once
#include <cstdint>
#include <set>
#include <stop_token>
#include <string>

#include "service/app.h"

/// What other commands ask of the holder of the lock, by a row that it takes up: `plan approve`, `backfill`,
/// `uploads retry`, `pause` and `resume`.
namespace hw::service {

/// Carries out what was asked and was not yet; how many requests that were. A stop leaves the rest to the next holder,
/// also of a request that is about many rows.
Result<std::size_t> take_up_commands(App& app, const std::stop_token& stop = {});

/// What a running daemon saw of the commands that wait. Used by one thread.
class CommandWatch {
 public:
  explicit CommandWatch(store::Db& db) : db_(db) {}
  /// Whether one waits that did not at the last look. One that cannot be carried out yet (full disk) is seen once: its
  /// step is tried again as any other. A look that fails sees none: the step fails too then, and tells.
  bool sees_another();

 private:
  store::Db& db_;
  std::set<std::int64_t> waiting_;  ///< not the highest id: ids may be committed in another order
};

/// A person's pause: its sources are not read and its rows wait, over restarts and reloads, until a person resumes.
/// Says what was done, beginning with "paused" when it is paused now.
std::string pause_connector(store::Tx& tx, const std::string& connector, const std::string& actor, Timestamp now,
                            const Zone& zone);
/// Ends a person's pause, and every pause that trouble made of the connector, of the destinations and of the source
/// fields that it carries; what waited is due at once. Says what was done, beginning with "resumed" when something
/// was.
std::string resume_connector(store::Tx& tx, const settings::Settings& settings, const std::string& connector,
                             const std::string& actor, Timestamp now);

}  // namespace hw::service
