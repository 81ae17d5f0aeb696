#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>

#include "store/counts.h"
#include "store/ledger_rows.h"
#include "store/service_rows.h"

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

MetricFamily paused(store::Tx& tx) {
  Gauges g("headwater_paused", "1 for every connector and destination that is paused; what is not paused is left out.");
  for (const auto& p : store::service_rows::pauses(tx)) g.add({{"scope", p.scope}, {"name", p.name}}, 1);
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

MetricFamily one(std::string name, std::string help, double value) {
  Gauges g(std::move(name), std::move(help));
  g.add({}, value);
  return g.take();
}

}  // namespace

Metrics::Metrics()
    : pulls_(BuildCounter()
                 .Name("headwater_pulls_total")
                 .Help("Looks at a source's streams; result retry when one of them failed.")
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
                     .Help("When every stream of the connector was last read without a failure.")
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
  pulls_.Add({{"connector", connector}, {"result", pass.retrying ? "retry" : "ok"}}).Increment();
  rows_pulled_.Add(labels).Increment(static_cast<double>(pass.rows));
  rows_set_aside_.Add(labels).Increment(static_cast<double>(pass.rejected));
  if (pass.retrying) return;
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

void Metrics::keep_connectors(const std::vector<std::string>& names) {
  MutexLock lock(mu_);
  for (auto it = last_pull_of_.begin(); it != last_pull_of_.end();) {
    const bool stays = std::find(names.begin(), names.end(), it->first) != names.end();
    if (!stays) last_pull_.Remove(it->second);
    it = stays ? std::next(it) : last_pull_of_.erase(it);
  }
}

std::vector<MetricFamily> Metrics::collect() const { return registry_.Collect(); }

Result<std::vector<MetricFamily>> store_metrics(store::Db& db, const std::vector<std::string>& destinations,
                                                Timestamp now) {
  auto families = db.read([&](store::Tx& tx) -> Result<std::vector<MetricFamily>> {
    std::vector<MetricFamily> out;
    out.push_back(paused(tx));
    add_totals(tx, out);
    out.push_back(rows_due(tx, destinations, now));
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

std::string exposition(const std::vector<MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace hw::service
