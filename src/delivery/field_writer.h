#pragma once
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "connect/connector.h"
#include "delivery/sender.h"
#include "delivery/source_values.h"
#include "settings/settings.h"
#include "store/engine/db.h"

namespace hw::delivery {

/// Records that an entry of `source_fields` wrote to in the present day of the zone, of its `daily_limit`.
std::int64_t written_today(store::Tx& tx, const std::string& entry, const Zone& zone, Timestamp now);
/// When the next day of the zone begins.
Timestamp tomorrow(const Zone& zone, Timestamp now);

/// Writes first and last touch to the records of one CRM: one `source_fields` entry of the configuration. The
/// reconciler marks records; a round computes what they should say, asks the CRM what they say where that differs from
/// what was written last, and writes what is empty or Headwater's own.
///
/// Durable: what is about to be written is noted before the call, so that after a kill the CRM's value is known to be
/// Headwater's; writing is idempotent. Yields to reading: while the connector is being read nothing is written. At most
/// `daily_limit` records a day of the reporting zone. A record that is marked while it is being written stays due.
///
/// One caller at a time. Errors are the store's; the network's are states of the records, an outage or a refusal of the
/// whole also a pause of scope "source_fields".
class FieldWriter {
 public:
  /// All outlive it. `reading`: true while the connector's source is in the middle of a pass.
  FieldWriter(const settings::SourceFields& entry, connect::SourceFieldWriter& writer, const Zone& zone, store::Db& db,
              const Clock& clock, Random& random, std::function<bool()> reading);

  /// Stores the go-live of a first start.
  Status start();
  Result<Round> step(std::stop_token stop, std::stop_token cut = {});

 private:
  struct Job {
    store::SourceFieldState state;
    store::StoredRecord record;
    std::vector<store::WrittenField> written;  ///< of the entry's fields
    std::vector<store::OwnValue> own;
    std::vector<FieldGroup> groups;  ///< those that may need writing
    std::string stale;               ///< what of the CRM's values is known no more, in words; "" = nothing
    std::vector<Choice> choices;     ///< of each group, once the CRM was asked
    connect::FieldValues change;     ///< what is written
    connect::Outcome outcome;
  };

  Result<std::optional<Timestamp>> held();
  Result<std::vector<Job>> claim(std::int64_t limit, Round& round);
  std::optional<Job> job_of(store::Tx& tx, store::SourceFieldState state, Timestamp go_live, Timestamp now);
  void own_what_the_gap_wrote(Job& job, Timestamp restored_at, const journey::Journey& journey) const;
  Status look(std::vector<Job>& jobs, std::stop_token cut, Round& round);
  Status intend(std::vector<Job>& jobs);
  Status write(std::vector<Job>& jobs, std::stop_token cut, Round& round);
  void write_some(std::vector<Job*> jobs, std::stop_token cut);
  Status record(const std::vector<Job>& jobs, Round& round);
  void record_one(store::Tx& tx, const Job& job, Timestamp now);
  void record_group(store::Tx& tx, const Job& job, const FieldGroup& group, Choice choice, Timestamp now);
  [[nodiscard]] store::WrittenField last_written(const Job& job, const std::string& what, const std::string& field,
                                                 Timestamp now) const;
  Status outage(const connect::Outcome& outcome, Round& round);
  Status pause(const connect::Outcome& outcome, Timestamp retry_at);
  Status resume();

  const settings::SourceFields& entry_;
  connect::SourceFieldWriter& writer_;
  const Zone& zone_;
  store::Db& db_;
  const Clock& clock_;
  Random& random_;
  std::function<bool()> reading_;
  int outages_ = 0;
  SetBack set_back_;
  std::optional<Timestamp> rest_until_;
};

}  // namespace hw::delivery
