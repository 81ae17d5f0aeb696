#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>

#include "store/counts.h"
#include "store/ledger_rows.h"
#include "store/lookups.h"
#include "store/service_rows.h"
#include "store/source_fields.h"

namespace hw::service {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::map<std::string, std::string>;

constexpr std::int64_t kCountDue = 10'000;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

const prometheus::Histogram::BucketBoundaries& request_buckets() {
  static const prometheus::Histogram::BucketBoundaries bounds{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return bounds;
}

const char* verdict_of(Action action) {
  switch (action) {
    case Action::retry:
      return connect::to_string(connect::Verdict::retry);
    case Action::reject_row:
      return connect::to_string(connect::Verdict::reject_row);
    case Action::reject_batch:
      return connect::to_string(connect::Verdict::reject_batch);
    case Action::pause:
      return connect::to_string(connect::Verdict::pause);
  }
  return "unknown";
}

/// One family of gauges that is asked for at a scrape.
class Gauges {
 public:
  Gauges(std::string name, std::string help) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = prometheus::MetricType::Gauge;
  }
  void add(const Labels& labels, double value) {
    ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
  }
  MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

MetricFamily paused(store::Tx& tx, Timestamp now) {
  Gauges g(
      "headwater_paused",
      "1 for every connector and destination that is paused (scope person: by headwater pause); what is not paused "
      "is left out. What is tried again by itself counts as paused once that has lasted for an hour.");
  for (const auto& p : store::service_rows::pauses(tx))
    if (store::needs_a_person(p, now)) g.add({{"scope", p.scope}, {"name", p.name}}, 1);
  return g.take();
}

void add_totals(store::Tx& tx, std::vector<MetricFamily>& out) {
  Gauges value(
      "headwater_ledger_value_currency_units",
      "Lines of the accounts in units of their currency; the exact sums are in headwater report reconciliation.");
  Gauges number("headwater_ledger_conversions", "Conversions behind the lines of the accounts.");
  for (const auto& t : store::ledger_rows::totals(tx)) {
    const Labels labels{{"destination", t.destination},
                        {"goal", t.goal},
                        {"currency", t.currency},
                        {"line", t.line},
                        {"reason", t.reason}};
    value.add(labels, static_cast<double>(t.micros) / 1e6);
    number.add(labels, static_cast<double>(t.n));
  }
  out.push_back(value.take());
  out.push_back(number.take());
}

MetricFamily rows_due(store::Tx& tx, const std::vector<std::string>& destinations, Timestamp now) {
  Gauges g("headwater_rows_due", "Ledger rows that may be sent now, counted to 10000.");
  for (const auto& d : destinations)
    g.add({{"destination", d}}, static_cast<double>(store::count_due(tx, d, now, kCountDue)));
  return g.take();
}

void add_lookups(store::Tx& tx, const std::vector<std::string>& connectors, std::vector<MetricFamily>& out) {
  Gauges waiting("headwater_lookup_queue",
                 "Identifiers that a source is yet to be asked or to answer for, counted to 10000.");
  Gauges oldest("headwater_lookup_oldest_timestamp_seconds", "When the one that waits longest was queued.");
  for (const auto& connector : connectors) {
    waiting.add({{"connector", connector}},
                static_cast<double>(store::lookups::count_waiting(tx, connector, kCountDue)));
    if (const auto since = store::lookups::oldest_waiting(tx, connector))
      oldest.add({{"connector", connector}}, seconds(since->time_since_epoch()));
  }
  out.push_back(waiting.take());
  out.push_back(oldest.take());
}

/// States that somebody may have to act on; the others grow with the CRM.
MetricFamily source_fields(store::Tx& tx, const std::vector<std::string>& entries) {
  Gauges g("headwater_source_fields",
           "CRM records by what became of their source fields: due, rejected by the CRM, kept_theirs (a person's entry "
           "was kept), stale (what was written is known no more); each counted to 10000.");
  for (const auto& entry : entries)
    for (const char* state : {"due", "rejected", "kept_theirs", "stale"})
      g.add({{"entry", entry}, {"state", state}},
            static_cast<double>(store::source_fields::count(tx, entry, state, kCountDue)));
  return g.take();
}

MetricFamily one(std::string name, std::string help, double value) {
  Gauges g(std::move(name), std::move(help));
  g.add({}, value);
  return g.take();
}

}  // namespace

Metrics::Metrics()
    : pulls_(BuildCounter()
                 .Name("headwater_pulls_total")
                 .Help("Looks at a source's streams; result retry: one of them failed; waits: one rests or waits for "
                       "its lane; result paused: by a person.")
                 .Register(registry_)),
      rows_pulled_(
          BuildCounter().Name("headwater_rows_pulled_total").Help("Rows read and committed.").Register(registry_)),
      rows_set_aside_(BuildCounter()
                          .Name("headwater_rows_set_aside_total")
                          .Help("Rows read that could not be used; headwater status lists them.")
                          .Register(registry_)),
      requests_(BuildCounter()
                    .Name("headwater_requests_total")
                    .Help("Requests with conversions, by the verdict on their first row.")
                    .Register(registry_)),
      rows_answered_(BuildCounter()
                         .Name("headwater_rows_answered_total")
                         .Help("Rows sent, by the platform's verdict; retry: sent again later.")
                         .Register(registry_)),
      reloads_(
          BuildCounter().Name("headwater_reloads_total").Help("Reloads of the configuration.").Register(registry_)),
      seconds_(BuildHistogram()
                   .Name("headwater_request_duration_seconds")
                   .Help("How long requests with conversions took.")
                   .Register(registry_)),
      last_pull_(BuildGauge()
                     .Name("headwater_last_pull_timestamp_seconds")
                     .Help("When every stream of the connector was last read without a failure; after a start what "
                           "the store knows of that, or else the start.")
                     .Register(registry_)),
      pull_interval_(BuildGauge()
                         .Name("headwater_pull_interval_seconds")
                         .Help("How often the connector is read (pull_every).")
                         .Register(registry_)),
      credential_ends_(BuildGauge()
                           .Name("headwater_credential_expires_timestamp_seconds")
                           .Help("When the credential ends, where that is known: renew it before.")
                           .Register(registry_)),
      store_check_(BuildGauge()
                       .Name("headwater_store_check_timestamp_seconds")
                       .Help("When the store was last looked through for damage.")
                       .Register(registry_)),
      store_damaged_(BuildGauge()
                         .Name("headwater_store_damaged")
                         .Help("1 when the last look at the store found damage, from which the daemon ends; else 0.")
                         .Register(registry_)) {
  BuildGauge()
      .Name("headwater_build_info")
      .Help("1, with the version as its label.")
      .Register(registry_)
      .Add({{"version", HW_VERSION}})
      .Set(1);
  for (const char* result : {"applied", "refused"}) reloads_.Add({{"result", result}});
}

void Metrics::pulled(const std::string& connector, const ingest::Puller::Pass& pass, Timestamp now) {
  const Labels labels{{"connector", connector}};
  // A pass in which a stream rests after a failure, or waits for its lane, has not read everything.
  const char* result = pass.paused ? "paused" : pass.retrying ? "retry" : pass.resting ? "waits" : "ok";
  pulls_.Add({{"connector", connector}, {"result", result}}).Increment();
  rows_pulled_.Add(labels).Increment(static_cast<double>(pass.rows));
  rows_set_aside_.Add(labels).Increment(static_cast<double>(pass.rejected));
  if (pass.paused || pass.retrying || pass.resting) return;
  MutexLock lock(mu_);
  auto& gauge = last_pull_of_[connector];
  if (gauge == nullptr) gauge = &last_pull_.Add(labels);
  gauge->Set(seconds(now.time_since_epoch()));
}

void Metrics::asked(const std::string& destination, const Result<connect::Answer>& answer, std::size_t rows,
                    Duration took) {
  auto count = [&](const char* verdict, double n) {
    rows_answered_.Add({{"destination", destination}, {"verdict", verdict}}).Increment(n);
  };
  const char* first = answer ? "accepted" : verdict_of(answer.error().action);
  if (!answer) {
    count(first, static_cast<double>(rows));
  } else {
    if (!answer->outcomes.empty()) first = connect::to_string(answer->outcomes.front().verdict);
    for (const auto& o : answer->outcomes) count(connect::to_string(o.verdict), 1);
  }
  requests_.Add({{"destination", destination}, {"verdict", first}}).Increment();
  seconds_.Add({{"destination", destination}}, request_buckets()).Observe(seconds(took));
}

void Metrics::reloaded(bool applied) { reloads_.Add({{"result", applied ? "applied" : "refused"}}).Increment(); }

void Metrics::store_checked(bool whole, Timestamp now) {
  store_check_.Add({}).Set(seconds(now.time_since_epoch()));
  store_damaged_.Add({}).Set(whole ? 0 : 1);
}

void Metrics::credentials_end(const std::map<std::string, Timestamp>& ends) {
  MutexLock lock(mu_);
  for (auto it = end_of_.begin(); it != end_of_.end();) {
    const bool stays = ends.contains(it->first);
    if (!stays) credential_ends_.Remove(it->second);
    it = stays ? std::next(it) : end_of_.erase(it);
  }
  for (const auto& [name, at] : ends) {
    auto& gauge = end_of_[name];
    if (gauge == nullptr) gauge = &credential_ends_.Add({{"credential", name}});
    gauge->Set(seconds(at.time_since_epoch()));
  }
}

/// A series that begins at its first refusal would hide that one from increase() and rate().
void Metrics::keep_destinations(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const auto verdict : {connect::Verdict::accepted, connect::Verdict::already_received, connect::Verdict::retry,
                               connect::Verdict::reject_row, connect::Verdict::reject_batch, connect::Verdict::pause}) {
      rows_answered_.Add({{"destination", name}, {"verdict", connect::to_string(verdict)}});
      requests_.Add({{"destination", name}, {"verdict", connect::to_string(verdict)}});
    }
}

void Metrics::keep_connectors(const std::map<std::string, Duration>& pull_every) {
  MutexLock lock(mu_);
  for (auto& [family, gauges] : {std::pair(&last_pull_, &last_pull_of_), std::pair(&pull_interval_, &interval_of_)})
    for (auto it = gauges->begin(); it != gauges->end();) {
      const bool stays = pull_every.contains(it->first);
      if (!stays) family->Remove(it->second);
      it = stays ? std::next(it) : gauges->erase(it);
    }
  for (const auto& [name, every] : pull_every) {
    auto& gauge = interval_of_[name];
    if (gauge == nullptr) gauge = &pull_interval_.Add({{"connector", name}});
    gauge->Set(seconds(every));
  }
}

void Metrics::read_before(const std::string& connector, Timestamp at) {
  MutexLock lock(mu_);
  auto& gauge = last_pull_of_[connector];
  if (gauge != nullptr) return;
  gauge = &last_pull_.Add({{"connector", connector}});
  gauge->Set(seconds(at.time_since_epoch()));
}

std::vector<MetricFamily> Metrics::collect() const { return registry_.Collect(); }

Result<std::vector<MetricFamily>> store_metrics(store::Db& db, const std::vector<std::string>& destinations,
                                                const std::vector<std::string>& lookups,
                                                const std::vector<std::string>& source_fields_entries, Timestamp now) {
  auto families = db.read([&](store::Tx& tx) -> Result<std::vector<MetricFamily>> {
    std::vector<MetricFamily> out;
    out.push_back(paused(tx, now));
    add_totals(tx, out);
    out.push_back(rows_due(tx, destinations, now));
    add_lookups(tx, lookups, out);
    out.push_back(source_fields(tx, source_fields_entries));
    out.push_back(one("headwater_subjects_waiting", "Records that wait to be reconciled.",
                      static_cast<double>(store::service_rows::count_dirty(tx))));
    return out;
  });
  if (!families) return families;
  families->push_back(
      one("headwater_store_size_bytes", "Size of the store with its log.", static_cast<double>(db.size_bytes())));
  std::erase_if(*families, [](const MetricFamily& f) { return f.metric.empty(); });
  return families;
}

std::map<std::string, Timestamp> last_reads(store::Tx& tx) {
  std::map<std::string, Timestamp> out;
  for (const auto& c : store::service_rows::cursors(tx)) {
    if (c.role == "lookup") continue;
    auto [it, is_new] = out.try_emplace(c.connector, c.updated_at);
    if (!is_new) it->second = std::min(it->second, c.updated_at);
  }
  return out;
}

std::string exposition(const std::vector<MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace hw::service
