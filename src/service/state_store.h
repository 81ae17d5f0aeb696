#pragma once
#include <memory>
#include <string>

#include "base/mutex.h"
#include "http/client.h"
#include "store/engine/db.h"

namespace hw::service {

/// What http keeps over restarts: lane budgets in the store; rotated refresh tokens, the one secret at rest, as files
/// of mode 0600 under <state>/tokens, synced before use, never in backups. Thread-safe.
class StoreState final : public http::StateStore {
 public:
  StoreState(store::Db& db, std::string state_dir) : db_(db), dir_(std::move(state_dir)) {}
  std::optional<std::string> load(const std::string& key) override;
  Status save(const std::string& key, const std::string& value, bool secret) override;
  /// A lock file beside the token's: daemon and commands of one state directory see each other by it.
  Result<std::unique_ptr<Hold>> hold(const std::string& key) override;

 private:
  [[nodiscard]] std::string token_path(const std::string& key) const;
  void make_token_directory() const;
  store::Db& db_;
  std::string dir_;
};

/// Store and tokens for a command that works beside a daemon: whoever signs in at the moment holds that one token
/// (StoreState::hold), and nobody needs the lock.
struct StateBeside {
  std::unique_ptr<store::Db> db;
  std::unique_ptr<StoreState> tokens;

  /// Makes directory and store where there are none yet and nobody works on them; root acts as the directory's owner
  /// from here on (act_as_owner), so that a daemon can read what a login by sudo left. Errors: the store's, or the
  /// lock's other than "locked".
  static Result<StateBeside> open(const std::string& state_dir);
};

}  // namespace hw::service
