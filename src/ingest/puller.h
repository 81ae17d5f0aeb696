#pragma once
#include <atomic>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "connect/connector.h"
#include "ingest/lookup_asker.h"
#include "ingest/pass.h"
#include "ingest/take.h"
#include "ingest/trouble.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::ingest {

/// Runs one connector's sources: stream by stream, page by page. Rows and cursor are committed in one transaction
/// (invariant 3), so a kill between pages repeats at most a page, and a page seen twice changes nothing.
///
/// One caller at a time. A stream in trouble does not hold up the connector's others; while one waits for its rate lane
/// or a retry, those that were read through rest until their next hour, or they would take the lane before it each
/// time.
///
/// While a person has paused the connector nothing is asked of the vendor; a pass says so and changes nothing.
class Puller {
 public:
  /// All outlive it. `take` turns rows into facts, links and touches.
  Puller(const settings::ConnectorInstance& instance, connect::Connector& connector, Take& take, store::Db& db,
         const Clock& clock, Random& random);

  using Pass = ingest::Pass;
  /// One look at every stream that is due, at most `max_pages` pages each. Errors are the store's; a vendor's are
  /// logged, kept for status and tried again with back-off. The streams of a source that is looked up are read first,
  /// then it is asked.
  Result<Pass> step(std::stop_token stop, std::size_t max_pages = 50);
  /// The next page of every stream, of which the rows are committed and the cursor is not: the page comes again in the
  /// next pass and then changes nothing. For `sync --limit`, the one stated exception to invariant 3. A partition is
  /// neither begun nor ended by it, and no sweep is noted.
  Result<Pass> trial(std::stop_token stop);
  /// Only the questions of a source that is looked up: what other connectors' pages brought since may be asked now.
  Result<Pass> ask(std::stop_token stop, std::size_t max_calls = 50);
  /// From any thread: is a pass under way? Who writes to the same system lets reading go first.
  [[nodiscard]] bool is_reading() const { return reading_; }

 private:
  /// How far a pass goes.
  struct Reach {
    std::size_t pages = 0;  ///< of each stream
    bool trial = false;
  };
  Result<bool> is_paused();
  [[nodiscard]] Pass paused_pass() const;
  Result<Pass> pull_all(std::stop_token stop, const Reach& reach);
  template <class Row>
  Result<Pass> pull_role(connect::Source<Row>& source, const std::string& role, std::stop_token stop,
                         const Reach& reach);
  template <class Row>
  Result<Pass> pull_stream(connect::Source<Row>& source, const std::string& role, const std::string& stream,
                           std::stop_token stop, const Reach& reach);
  Result<bool> finish_identity(std::stop_token stop);
  Result<Pass> look_up(std::stop_token stop, std::size_t max_calls);
  Status note_sweep(const std::string& role, const std::vector<std::string>& streams);
  template <class Row>
  void take_rows(store::Tx& tx, const std::string& role, const std::string& stream, const connect::Page<Row>& page,
                 std::vector<std::int64_t>& seen, Timestamp now);
  template <class Row>
  Result<bool> commit_trial(const std::string& role, const std::string& stream, const connect::Page<Row>& page);
  template <class Row>
  Result<bool> commit_page(const std::string& role, const std::string& stream, const connect::Cursor& cursor,
                           connect::Page<Row>& page);
  [[nodiscard]] std::string begun_key(const std::string& where) const;
  Result<std::optional<std::string>> begun_partition(const std::string& where);

  const settings::ConnectorInstance& instance_;
  connect::Connector& connector_;
  Take& take_;
  store::Db& db_;
  const Clock& clock_;
  std::atomic<bool> reading_ = false;
  SetBack set_back_;
  Trouble trouble_;  ///< per role/stream
  std::optional<LookupAsker> asker_;
  std::map<std::string, Timestamp> read_until_;  ///< the streams that were read through while others are not
  std::map<std::string, std::vector<std::int64_t>> partition_;  ///< touch ids of an unfinished partition, by stream
};

}  // namespace hw::ingest
