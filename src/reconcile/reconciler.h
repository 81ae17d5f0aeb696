#pragma once
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "reconcile/assess.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::reconcile {

/// Keeps the ledger's wanted side true: looks at every subject marked as changed and at every standing whose time has
/// come, and writes conversions, standings and revisions to be sent. Incremental: a pass with nothing changed probes
/// two indexes and ends.
///
/// Durable: a subject's mark is taken away in the commit that holds what came of it, so a kill between repeats the work
/// and changes nothing (invariants 1 and 11). One caller at a time.
class Reconciler {
 public:
  /// All outlive it.
  Reconciler(const settings::Settings& settings, const settings::Connectors& connectors, store::Db& db,
             const Clock& clock);

  /// Stores go-live times of first starts, and marks the subjects of goals and destinations whose configuration
  /// changed.
  Status start();

  struct Pass {
    std::size_t subjects = 0;       ///< looked at
    bool gated = false;             ///< sources_swept() is false: nothing is judged yet
    std::optional<Timestamp> next;  ///< when the next standing is due
  };
  /// Works off at most `limit` subjects.
  Result<Pass> step(std::stop_token stop, std::size_t limit = 500);

  /// What a goal's and a destination's later go-live is (stored or configured).
  [[nodiscard]] Result<Frame> frame();

  /// Has every record and touch source been read through once; after a restore, every record source anew?
  Result<bool> sources_swept();
  /// For a trial (`sync --limit`) before the first sweep: while it is open, step() judges what is there as if every
  /// source had been read through and every history told.
  void open_gate(bool open) { gate_open_ = open; }

 private:
  Result<std::size_t> work_off(const std::vector<std::int64_t>& subjects, const Frame& frame);
  /// `cause`: what marked it, for the trail.
  Status reconcile_one(store::Tx& tx, Frame& frame, std::int64_t record, const std::string& cause);
  /// Returns the (conversion, destination) pairs whose standing it wrote.
  std::vector<std::pair<std::int64_t, std::string>> apply(store::Tx& tx, ConversionWork work, const std::string& cause);
  void leave_unasked(store::Tx& tx, const Subject& subject, Timestamp now);
  void let_rest(store::Tx& tx, std::int64_t record, const std::set<std::pair<std::int64_t, std::string>>& judged,
                Timestamp now);

  const settings::Settings& settings_;
  const settings::Connectors& connectors_;
  store::Db& db_;
  const Clock& clock_;
  bool swept_ = false, gate_open_ = false;
};

}  // namespace hw::reconcile
