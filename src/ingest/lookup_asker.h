#pragma once
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connect/connector.h"
#include "ingest/take.h"
#include "ingest/trouble.h"
#include "settings/settings.h"
#include "store/engine/db.h"
#include "store/lookups.h"

namespace hw::ingest {

/// Asks a source that works by `pull: lookup` for the history of the identifiers that the CRM knows (DESIGN section 6,
/// How much to pull). Its journeys are those of `mirror` for the same people, as far back as the source itself goes.
///
/// What is asked: every identifier of the source's types that a record states or that a touch joined to one. It is
/// known durably from the page that brought it, whichever connector's (its row in `identifier`), and queued before the
/// next question; so the first question is for all that was known before, and what answers bring is asked in turn,
/// until no new identifier appears. What no record stands behind (deleted, or shared by so many that it joins nobody)
/// is not asked, and looked at again a day later.
///
/// When: as soon as it is known, the unanswered first; where the source says `every`, in rounds: one begins at most
/// that often and asks for what was queued when it began, in batches of `max_ids`.
///
/// Later touches of an identifier: a source that has streams beside its lookup tells them there, and of these streams
/// what carries no known identifier is not kept (keeps()). A source without streams is asked again for everything that
/// it holds, every `every` or pull interval, whichever is longer.
///
/// Durable: the batch and the source's cursor in it stand in the store; touches and cursor of a page are committed in
/// one transaction, and with the last page that the batch is answered. A kill repeats at most a page, and a page that
/// comes again changes nothing. An answer marks the subjects that waited for it (reason history_pending). One caller at
/// a time.
class LookupAsker {
 public:
  /// All outlive it.
  LookupAsker(const settings::ConnectorInstance& instance, connect::Connector& connector, Take& take, Trouble& trouble,
              store::Db& db, const Clock& clock);

  /// At most `max_calls` questions; an error is the store's. Pass: as of a stream.
  Result<Pass> step(std::stop_token stop, std::size_t max_calls);
  /// Does a touch of the source's streams carry an identifier that is known?
  [[nodiscard]] static bool keeps(store::Tx& tx, const Touch& touch);

 private:
  struct Batch {
    std::vector<store::StoredIdentifier> ids;  ///< empty: nothing is to be asked now
    connect::Cursor cursor;
    std::optional<Timestamp> next;  ///< not before
  };
  Status queue_known(std::stop_token stop);
  Result<Batch> under_way();
  Result<std::optional<Timestamp>> next_batch();
  Status begin_batch();
  Status commit(const Batch& batch, const connect::Page<Touch>& page, Pass& sum);
  void answered(store::Tx& tx, const std::vector<store::StoredIdentifier>& ids, Timestamp now);
  [[nodiscard]] std::size_t batch_size() const;
  [[nodiscard]] bool fits(const std::vector<store::StoredIdentifier>& ids) const;
  std::optional<Timestamp> round(store::Tx& tx) const;
  void put_cursor(store::Tx& tx, const std::string& text, std::optional<Timestamp> again_at, Timestamp now);

  const settings::ConnectorInstance& instance_;
  connect::TouchLookup& lookup_;
  const bool has_streams_;
  Take& take_;
  Trouble& trouble_;
  store::Db& db_;
  const Clock& clock_;
};

}  // namespace hw::ingest
