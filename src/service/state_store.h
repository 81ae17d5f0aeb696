#pragma once
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

 private:
  [[nodiscard]] std::string token_path(const std::string& key) const;
  store::Db& db_;
  std::string dir_;
};

}  // namespace hw::service
