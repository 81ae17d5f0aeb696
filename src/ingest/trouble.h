#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "ingest/pass.h"
#include "store/engine/db.h"

namespace hw::ingest {

/// What ails one connector's sources: kept for status as its pause, said once, tried again with back-off. `where` names
/// a part of it ("touches/days"): each rests for itself, and the trouble is over when none is in it any more. One
/// caller at a time.
class Trouble {
 public:
  /// All outlive it.
  Trouble(const std::string& connector, store::Db& db, const Clock& clock, Random& random)
      : connector_(connector), db_(db), clock_(clock), random_(random) {}

  /// Until when that part waits for its rate lane or for its retry.
  [[nodiscard]] std::optional<Timestamp> rests_until(const std::string& where) const;
  /// Notes the error and tells the pass when to look again. A full rate lane and a stop are no trouble.
  Status note(const std::string& where, const Error& error, Pass& pass);
  /// That part answered. An earlier process may have noted the trouble that ends with it.
  Status over(const std::string& where);
  /// Somebody lifted the pause that the trouble made (a sign-in, `headwater resume`): nothing rests for it any more.
  void lifted();
  /// The clock was set back: how long something rests was named by a wrong one.
  void set_back() { rest_until_.clear(); }
  /// That part answered, and has not yet given anything.
  void forget(const std::string& where) { failures_.erase(where); }

 private:
  const std::string& connector_;
  store::Db& db_;
  const Clock& clock_;
  Random& random_;
  bool noted_ = true;                    ///< a pause may stand in the store
  std::map<std::string, int> failures_;  ///< in a row
  std::map<std::string, Timestamp> rest_until_;
};

}  // namespace hw::ingest
