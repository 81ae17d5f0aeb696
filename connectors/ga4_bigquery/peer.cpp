#include "connectors/ga4_bigquery/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>

#include "base/text.h"
#include "connectors/ga4_bigquery/peer_answers.h"
#include "connectors/ga4_bigquery/peer_export.h"
#include "connectors/ga4_bigquery/peer_request.h"
#include "connectors/ga4_bigquery/peer_rows.h"
#include "connectors/ga4_bigquery/peer_statement.h"
#include "sandbox/google_tokens.h"

namespace hw::sandbox {

namespace bigquery {

using nlohmann::json;

namespace {

constexpr const char* kScope = "https://www.googleapis.com/auth/bigquery";
constexpr auto kAnswersKept = std::chrono::hours(24);
constexpr auto kRequestIdKept = std::chrono::minutes(15);

/// A query that was taken, and its whole answer.
struct Job {
  std::string id, request_id, body;
  Timestamp taken, ready;
  std::int64_t bytes = 0;
  std::vector<json> rows;
};

std::string millis(Timestamp t) { return std::to_string(to_micros(t) / 1000); }

std::optional<std::size_t> count_in(const std::string& text) {
  std::size_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

json columns_of(const ExportTable& t) {
  json fields = json::array();
  for (const char* name : {"event_date", "event_timestamp", "event_name", "event_params", "user_id", "user_pseudo_id",
                           "user_properties", "geo", "privacy_info"})
    fields.push_back({{"name", name}});
  if (t.has_first_touch) fields.push_back({{"name", "traffic_source"}, {"type", "RECORD"}});
  if (t.has_collected) fields.push_back({{"name", "collected_traffic_source"}, {"type", "RECORD"}});
  if (t.has_last_click) fields.push_back({{"name", "session_traffic_source_last_click"}, {"type", "RECORD"}});
  return {{"fields", std::move(fields)}};
}

class BigQueryPeer final : public Peer {
 public:
  explicit BigQueryPeer(World& world) : world_(world), tokens_(world, kScope) {}

  std::string name() const override { return "ga4_bigquery"; }
  void advance(Timestamp) override {}

  HttpResponse handle(const HttpRequest& request) override {
    if (request.path == "/token") return tokens_.grant(request);
    const std::string_view path = request.path;
    constexpr std::string_view kApi = "/bigquery/v2/projects/";
    if (!path.starts_with(kApi))
      return {404, {{"Content-Type", "text/html"}}, "<html><title>Error 404 (Not Found)</title></html>"};
    if (auto refused = refusal(request)) return *refused;
    const auto parts = split(path.substr(kApi.size()), '/');
    if (parts.size() >= 2 && parts[1] == "queries") return queries(request, parts);
    if (parts.size() >= 2 && parts[1] == "datasets") return datasets(request, parts);
    return answer(not_found("URL"));
  }

 private:
  [[nodiscard]] std::optional<HttpResponse> refusal(const HttpRequest& request) const {
    switch (tokens_.bearer_of(request)) {
      case GoogleTokens::Bearer::good:
        return {};
      case GoogleTokens::Bearer::missing:
        return answer({401, "required", "Request is missing required authentication credential.", "UNAUTHENTICATED"});
      case GoogleTokens::Bearer::unknown:
      case GoogleTokens::Bearer::expired:
        break;
    }
    return answer({401, "authError", "Request had invalid authentication credentials.", "UNAUTHENTICATED"});
  }

  // ------------------------------------------------------------------------------------------------- data sets

  HttpResponse datasets(const HttpRequest& request, const std::vector<std::string_view>& parts) const {
    const AnalyticsExport& a = world_.analytics;
    if (request.method != "GET" || parts.size() < 3) return answer(not_found("URL"));
    if (parts[0] != a.project) return answer(denied(parts[0]));
    if (parts[2] != a.dataset) return answer(not_found(fmt::format("Dataset {}:{}", parts[0], parts[2])));
    if (parts.size() == 3)
      return {200,
              {},
              json{{"kind", "bigquery#dataset"}, {"id", a.project + ":" + a.dataset}, {"location", a.location}}.dump()};
    if (parts[3] != "tables" || parts.size() > 5) return answer(not_found("URL"));
    return parts.size() == 4 ? tables(request) : table(std::string(parts[4]));
  }

  [[nodiscard]] HttpResponse table(const std::string& name) const {
    const AnalyticsExport& a = world_.analytics;
    const auto t = Export(world_).table(name);
    if (!t) return answer(not_found(fmt::format("Table {}:{}.{}", a.project, a.dataset, name)));
    return {200,
            {},
            json{{"kind", "bigquery#table"},
                 {"tableReference", {{"projectId", a.project}, {"datasetId", a.dataset}, {"tableId", name}}},
                 {"schema", columns_of(*t)},
                 {"numBytes", std::to_string(t->bytes)},
                 {"numRows", std::to_string(t->events.size())},
                 {"creationTime", millis(t->created)},
                 {"lastModifiedTime", millis(t->modified)},
                 {"type", "TABLE"},
                 {"location", a.location}}
                .dump()};
  }

  [[nodiscard]] HttpResponse tables(const HttpRequest& request) const {
    const auto size = count_in(query(request, "maxResults", "50"));
    const auto from = count_in(query(request, "pageToken", "0"));
    const auto names = Export(world_).names();
    if (!size || *size == 0 || !from || *from > names.size()) return answer(invalid("Invalid page token or size."));
    json list = json::array();
    std::size_t at = *from;
    for (; at < names.size() && at < *from + *size; ++at)
      list.push_back({{"kind", "bigquery#table"}, {"tableReference", {{"tableId", names[at]}}}});
    json out = {{"kind", "bigquery#tableList"}, {"tables", std::move(list)}, {"totalItems", names.size()}};
    if (at < names.size()) out["nextPageToken"] = std::to_string(at);
    return {200, {}, out.dump()};
  }

  // ------------------------------------------------------------------------------------------------- queries

  HttpResponse queries(const HttpRequest& request, const std::vector<std::string_view>& parts) {
    if (parts[0] != world_.analytics.project) return answer(denied(parts[0]));
    if (request.method == "POST" && parts.size() == 2) return run(request.body);
    if (request.method == "GET" && parts.size() == 3) return results(request, std::string(parts[2]));
    return answer(not_found("URL"));
  }

  HttpResponse run(const std::string& body) {
    auto read = read_request(body);
    if (const Fault* f = std::get_if<Fault>(&read)) return answer(*f);
    const QueryRequest& q = std::get<QueryRequest>(read);
    auto recognised = recognise(q.sql);
    if (const Fault* f = std::get_if<Fault>(&recognised)) return answer(*f);
    const Statement& s = std::get<Statement>(recognised);
    if (auto f = place_fault(s, q)) return answer(*f);
    if (auto f = parameters_fault(s, q.parameters)) return answer(*f);
    const std::vector<ExportTable> tables = tables_of(s, q);
    if (auto f = tables_fault(s, tables)) return answer(*f);
    std::int64_t bytes = 0;
    for (const ExportTable& t : tables) bytes += t.bytes;
    if (q.dry_run) return {200, {}, estimate(bytes).dump()};
    if (q.maximum_bytes_billed && bytes > *q.maximum_bytes_billed)
      return answer({400, "bytesBilledLimitExceeded",
                     fmt::format("Query exceeded limit for bytes billed: {}. {} or higher required.",
                                 *q.maximum_bytes_billed, bytes)});
    return {200, {}, page_of(taken(q, body, bytes, s, tables), 0, q.max_results).dump()};
  }

  /// A request id that was used within minutes, with the same request: the job of that one.
  const Job& taken(const QueryRequest& q, const std::string& body, std::int64_t bytes, const Statement& s,
                   const std::vector<ExportTable>& tables) {
    for (const Job& job : jobs_)
      if (!q.request_id.empty() && job.request_id == q.request_id && job.body == body &&
          world_.now - job.taken < kRequestIdKept)
        return job;
    const Timestamp ready = world_.now + world_.analytics.query_time;
    jobs_.push_back({fmt::format("job_sandbox_{}", ++issued_), q.request_id, body, world_.now, ready, bytes,
                     rows_of(s, tables, q.parameters)});
    return jobs_.back();
  }

  HttpResponse results(const HttpRequest& request, const std::string& id) {
    for (const auto& [name, value] : request.query)
      if (name != "location" && name != "maxResults" && name != "timeoutMs" && name != "pageToken")
        return answer(invalid(fmt::format("Invalid JSON payload received. Unknown name \"{}\".", name)));
    const auto job = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.id == id; });
    // Outside US and EU a job is found only by its location (web-analytics reference 3.4).
    const bool is_there = job != jobs_.end() && world_.now - job->taken < kAnswersKept &&
                          equals_ci(query(request, "location", "US"), world_.analytics.location);
    if (!is_there) return answer(not_found(fmt::format("Job {}:{}", world_.analytics.project, id)));
    const auto size = count_in(query(request, "maxResults", "10000"));
    const auto from = count_in(query(request, "pageToken", "0"));
    if (!size || *size == 0 || !from || *from > job->rows.size()) return answer(invalid("Invalid page token or size."));
    return {200, {}, page_of(*job, *from, *size).dump()};
  }

  [[nodiscard]] json estimate(std::int64_t bytes) const {
    return {{"kind", "bigquery#queryResponse"},
            {"schema", schema()},
            {"jobReference", {{"projectId", world_.analytics.project}, {"location", world_.analytics.location}}},
            {"totalBytesProcessed", std::to_string(bytes)},
            {"jobComplete", true},
            {"cacheHit", false}};
  }

  [[nodiscard]] json page_of(const Job& job, std::size_t from, std::size_t size) const {
    json out = {{"kind", "bigquery#queryResponse"},
                {"jobReference",
                 {{"projectId", world_.analytics.project}, {"jobId", job.id}, {"location", world_.analytics.location}}},
                {"jobComplete", world_.now >= job.ready}};
    if (world_.now < job.ready) return out;
    json rows = json::array();
    std::size_t at = from;
    for (; at < job.rows.size() && at < from + size; ++at) rows.push_back(job.rows[at]);
    out["schema"] = schema();
    out["totalRows"] = std::to_string(job.rows.size());
    out["totalBytesProcessed"] = std::to_string(job.bytes);
    if (!rows.empty()) out["rows"] = std::move(rows);
    if (at < job.rows.size()) out["pageToken"] = std::to_string(at);
    return out;
  }

  // ------------------------------------------------------------------------------------------------- rules

  [[nodiscard]] std::optional<Fault> place_fault(const Statement& s, const QueryRequest& q) const {
    const AnalyticsExport& a = world_.analytics;
    if (s.project != a.project) return denied(s.project);
    if (s.dataset == a.dataset && equals_ci(q.location.empty() ? "US" : q.location, a.location)) return {};
    return not_found(fmt::format("Dataset {}:{} was not found in location {}", s.project, s.dataset,
                                 q.location.empty() ? "US" : q.location));
  }

  [[nodiscard]] std::vector<ExportTable> tables_of(const Statement& s, const QueryRequest& q) const {
    const Export all(world_);
    if (s.is_history()) return all.daily_between(q.parameters.at("from").at(0), q.parameters.at("to").at(0));
    std::vector<ExportTable> out;
    if (auto t = all.table(s.table)) out.push_back(std::move(*t));
    return out;
  }

  /// A table that is not there, or a column that it has not. A wildcard has those of its newest table, and finds none
  /// only where no table of the name exists at all.
  [[nodiscard]] std::optional<Fault> tables_fault(const Statement& s, const std::vector<ExportTable>& tables) const {
    if (s.is_history() && s.table != "events_20*") return invalid_query("This simulator knows one wildcard alone.");
    const std::vector<ExportTable> named = s.is_history() ? Export(world_).daily_between("000000", "999999") : tables;
    if (named.empty())
      return s.is_history()
                 ? invalid_query(fmt::format("{}.{}.{} does not match any table.", s.project, s.dataset, s.table))
                 : not_found(fmt::format("Table {}:{}.{}", s.project, s.dataset, s.table));
    const ExportTable& t = named.back();
    if (s.names_collected && !t.has_collected) return invalid_query("Unrecognized name: collected_traffic_source");
    if (s.names_last_click && !t.has_last_click)
      return invalid_query("Unrecognized name: session_traffic_source_last_click");
    if (s.names_first_touch && !t.has_first_touch) return invalid_query("Unrecognized name: traffic_source");
    return {};
  }

  static Fault denied(std::string_view project) {
    return {403, "accessDenied",
            fmt::format("Access Denied: Project {}: User does not have bigquery.jobs.create permission in project {}.",
                        project, project),
            "PERMISSION_DENIED"};
  }

  static std::string query(const HttpRequest& request, const char* name, const char* otherwise) {
    auto it = request.query.find(name);
    return it == request.query.end() ? otherwise : it->second;
  }

  World& world_;
  GoogleTokens tokens_;
  std::deque<Job> jobs_;
  std::uint64_t issued_ = 0;
};

}  // namespace
}  // namespace bigquery

std::unique_ptr<Peer> make_ga4_bigquery_peer(World& world) { return std::make_unique<bigquery::BigQueryPeer>(world); }

}  // namespace hw::sandbox
