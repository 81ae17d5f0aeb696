#pragma once
#include <optional>
#include <stop_token>

#include "service/app.h"

namespace hw::service {

/// Looks for damage in the store beside the daemon's work: at the start and then once a day (`check_store_every`). What
/// it finds ends the daemon, for nothing may be sent on the word of a damaged store; `status`, log and metrics tell
/// when it last looked.
class StoreWatch {
 public:
  explicit StoreWatch(App& app) : app_(app) {}
  /// Looks if it is time to. Returns when it will be again; an error is the store's damage, or that it could not look.
  Result<std::optional<Timestamp>> step(const std::stop_token& stop);

 private:
  void note(const Status& found, Timestamp now);

  App& app_;
};

/// Damage that another part of the daemon met: kept, so that the next start looks through the whole store before it
/// sends.
void note_damage(App& app, const Error& damage);

/// Refuses a store in which damage was found until it is found whole again. Before any work, under the lock.
/// A stop ends the look at it, and leaves it under suspicion.
Status refuse_damaged(App& app, const std::stop_token& stop);

}  // namespace hw::service
