#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/decide.h"
#include "reconcile/goals.h"
#include "reconcile/history.h"
#include "settings/instances.h"
#include "settings/settings.h"
#include "store/backfills.h"
#include "store/backup.h"
#include "store/ledger_rows.h"

/// One subject against its goals and their destinations: what stands, and what is to be done about it. Writes nothing
/// itself (the brake it asks may be set by the caller); the reconciler applies it, `plan` merely shows it.
namespace hw::reconcile {

/// One destination with everything the assessment needs of it, fixed for a pass.
struct DestinationPlan {
  const settings::Destination* destination = nullptr;
  settings::SinkSet sinks;
  connect::Contract contract;
  Timestamp go_live;                               ///< the later of goal's and destination's
  std::vector<store::StoredBackfill> backfills{};  ///< the history that it is to be told all the same, in its mode
  /// The last row from before its or its connectors' configuration changed: what was made up to it and is refused goes
  /// once more. By row, as clocks are set back.
  std::int64_t mended_row = 0;
  bool moved_in_gap = false;        ///< the backup's configuration told it at another connector, account or action
  std::optional<store::Gap> gap{};  ///< a backup was restored: nobody knows what was sent in it

  /// The rules of where a row goes, or went: what was told is corrected there, whatever is configured today.
  [[nodiscard]] connect::Contract contract_of(const store::StoredUpload& row) const;
  /// Before go-live, and in a span that a backfill asks for.
  [[nodiscard]] bool backfilled(Timestamp entered) const;
  /// Who is told: destinations of one upload connector and account share the click that a lineage chose.
  [[nodiscard]] std::string platform() const { return sinks.upload_connector + "/" + destination->account; }
};

/// What one destination makes of one conversion.
struct Work {
  const DestinationPlan* plan = nullptr;
  store::Standing standing;                 ///< conversion_id is 0 while the conversion is new
  std::optional<store::StoredUpload> make;  ///< a revision to add (conversion_id filled in by the caller)
  std::string made_because;                 ///< for the trail: what is believed and what is wanted instead
  bool shadow = false;                      ///< `make` is what would be sent: it never enters the ledger
  bool lowering = false;                    ///< `make` lowers what is believed: the brake counts it
  std::int64_t lowering_micros = 0;
  struct Superseded {
    std::int64_t upload;
    std::string code, detail;  ///< why
  };
  std::optional<Superseded> supersede;  ///< what was never sent and is no longer right
  std::optional<std::int64_t> stop;     ///< upload id that may have been taken and must not be sent again
  std::optional<std::pair<std::int64_t, store::StoredUpload>> replace;  ///< upload id, and what its unsent item becomes
  std::optional<Click> click;  ///< the lineage's choice for this platform, to be kept
};

struct ConversionWork {
  store::StoredConversion conversion;  ///< id 0: new
  bool time_moved = false;             ///< entered_at, at or basis differ from what is stored (nothing was sent yet)
  std::vector<Work> work;
};

/// Facts about the whole that an assessment reads.
struct Frame {
  const settings::Settings* settings = nullptr;
  std::vector<DestinationPlan> plans;
  Timestamp now;
  /// True while lowerings of the destination wait for a person; asked only when a lowering is about to be made.
  std::function<bool(const DestinationPlan&, std::int64_t conversion, const std::string& currency, std::int64_t micros)>
      brake_closed;
  /// Refused and uncertain rows that are judged as if a later revision were to take their place (reconcile/retry.h).
  std::set<std::int64_t> taken_back{};
  std::vector<HistorySource> histories{};  ///< sources whose answers a first upload waits for
};

/// `known`: the subject's stored conversions (those of `conversions_after_merges`, reconcile/adopt.h).
std::vector<ConversionWork> assess(store::Tx& tx, const Frame& frame, const Subject& subject,
                                   const std::vector<store::StoredConversion>& known);

}  // namespace hw::reconcile
