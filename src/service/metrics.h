#pragma once
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "connect/connector.h"
#include "ingest/puller.h"
#include "store/engine/db.h"

namespace hw::service {

/// What the daemon counted since it began, for Prometheus. Labels are names of the configuration and closed sets of
/// words: no id, no person, no secret. Thread-safe; outlives a reload.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void pulled(const std::string& connector, const ingest::Puller::Pass& pass, Timestamp now);
  /// One request of a destination: every row by its verdict, the request by the verdict of its first row.
  void asked(const std::string& destination, const Result<connect::Answer>& answer, std::size_t rows, Duration took);
  void reloaded(bool applied);
  /// The store was looked through for damage.
  void store_checked(bool whole, Timestamp now);
  /// When credentials end, of those of which that is known; of others nothing is told any more.
  void credentials_end(const std::map<std::string, Timestamp>& ends);
  /// Of connectors that a reload took away nothing more is told: an alert on their age would ring for ever.
  /// `pull_every` by connector.
  void keep_connectors(const std::map<std::string, Duration>& pull_every);
  /// What the store knows of the last reading, until this process has read the connector itself.
  void read_before(const std::string& connector, Timestamp at);
  void keep_destinations(const std::vector<std::string>& names);

  [[nodiscard]] std::vector<prometheus::MetricFamily> collect() const;

 private:
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>&pulls_, &rows_pulled_, &rows_set_aside_, &requests_, &rows_answered_,
      &reloads_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Gauge>&last_pull_, &pull_interval_, &credential_ends_, &store_check_, &store_damaged_;
  Mutex mu_;
  std::map<std::string, prometheus::Gauge*> last_pull_of_ GUARDED_BY(mu_),
      interval_of_ GUARDED_BY(mu_), end_of_ GUARDED_BY(mu_);
};

/// What the store knows: pauses, totals of the ledger, subjects, rows and identifiers that wait, size. `lookups`:
/// connectors that are asked for the history of identifiers; `source_fields`: entries of the configuration. Probes
/// indexes and running totals, counts nothing that grows with the history.
Result<std::vector<prometheus::MetricFamily>> store_metrics(store::Db& db, const std::vector<std::string>& destinations,
                                                            const std::vector<std::string>& lookups,
                                                            const std::vector<std::string>& source_fields,
                                                            Timestamp now);
/// When all streams that the store has cursors of had been read, by connector.
std::map<std::string, Timestamp> last_reads(store::Tx& tx);

/// Prometheus' text format.
std::string exposition(const std::vector<prometheus::MetricFamily>& families);

}  // namespace hw::service
