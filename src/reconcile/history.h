#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/zone.h"
#include "connect/connector.h"
#include "reconcile/subject.h"
#include "settings/instances.h"
#include "store/ledger_rows.h"

/// Conversions that wait for the history of their people (reason history_pending). Click and key freeze at first send,
/// and a source that works by `pull: lookup` may still tell of a click.
///
/// A first upload waits while an identifier of its people is unanswered, if what is still to come can change what it
/// says: the platform takes clicks, and the click is not the lead's own captured one, nor one that the lineage chose
/// before. What has nothing to go by yet stands under no_identifier, the reason before this one, and is judged again by
/// the answer as well. It goes out all the same a day before the platform's window closes on it, and when a source has
/// owed an answer for two weeks: the history is worth a wait, not the conversion. What was told is never held up.
namespace hw::reconcile {

/// A source that is asked, and for what.
struct HistorySource {
  std::string connector;
  std::set<std::string> types;
};
/// Those of the enabled connectors.
std::vector<HistorySource> history_sources(const settings::Connectors& connectors);

/// What is not answered yet of a subject's people.
struct PendingHistory {
  std::string connector, type;     ///< of the one that waits longest
  std::size_t identifiers = 0;     ///< all of them
  std::optional<Timestamp> since;  ///< when it was queued; none: a moment ago
};
std::optional<PendingHistory> pending_history(store::Tx& tx, const std::vector<HistorySource>& sources,
                                              const Subject& subject);

/// For people: "connector web has not answered for 2 identifiers yet (user_id)".
std::string to_text(const PendingHistory& pending);
/// Why a first upload does not go yet, for the row that it would be or for why the sink cannot say it yet, told with
/// times in `zone`; nullopt: it goes, or it is refused whatever history says.
std::optional<connect::Refusal> waits_for_history(const PendingHistory& pending, Timestamp now, const Zone& zone,
                                                  const store::StoredUpload* row, const connect::Refusal* refusal);

}  // namespace hw::reconcile
