#include "connectors/ga4_bigquery/connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "connectors/ga4_bigquery/lookup.h"
#include "connectors/ga4_bigquery/source.h"

namespace hw::connectors {

namespace ga4_bigquery {
namespace {

using connect::Context;
using connect::Finding;
using connect::RemoteObject;
using Severity = Finding::Severity;

/// The export as its list of tables shows it; "" where there is none of a kind.
struct Tables {
  std::string oldest, newest;  ///< daily tables
  std::size_t daily = 0;
  std::string streaming;  ///< the newest
};

bool is_table_of(std::string_view name, std::string_view prefix) {
  const std::string_view day = name.substr(std::min(prefix.size(), name.size()));
  return name.starts_with(prefix) && day.size() == 8 &&
         std::all_of(day.begin(), day.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void add(const std::string& name, Tables& out) {
  if (is_table_of(name, "events_intraday_")) out.streaming = std::max(out.streaming, name);
  if (!is_table_of(name, "events_")) return;
  ++out.daily;
  out.newest = std::max(out.newest, name);
  if (out.oldest.empty() || name < out.oldest) out.oldest = name;
}

class Ga4BigQuery final : public connect::Connector {
 public:
  Ga4BigQuery(Config config, connect::Env env)
      : config_(std::move(config)),
        env_(std::move(env)),
        api_(config_, env_),
        runner_(config_, api_),
        days_(config_, env_),
        history_(config_, env_) {}

  connect::TouchSource* touches() override { return &days_; }
  connect::TouchLookup* lookup() override { return config_.lookup ? &history_ : nullptr; }
  Result<std::vector<Finding>> check_online(const connect::References&, Context) override;
  Result<std::vector<RemoteObject>> discover(Context) override;

 private:
  Result<Tables> read_tables(const Context&) const;
  static void check_tables(const Config&, const Tables&, std::vector<Finding>&);
  Status check_costs(const Tables&, const std::string& location, const Context&, std::vector<Finding>&) const;
  Result<std::int64_t> estimate_day(const std::string& table, const std::string& location, const Context&) const;
  Result<std::int64_t> estimate_history(const std::string& location, const Context&) const;

  const Config config_;
  const connect::Env env_;
  const Api api_;
  const Runner runner_;
  DayReader days_;
  History history_;
};

Result<Tables> Ga4BigQuery::read_tables(const Context& context) const {
  Tables out;
  std::string token;
  do {
    Result<http::Response> response = api_.get(tables_path(config_, token), context);
    if (!response) return response.error();
    Result<TablePage> page = decode_tables(response->body);
    if (!page) return page.error();
    if (!page->page_token.empty() && page->page_token == token)
      return bad_answer("a page that had been read is repeated");
    for (const std::string& name : page->names) add(name, out);
    token = page->page_token;
  } while (!token.empty() && !context.stop.stop_requested());
  return out;
}

void Ga4BigQuery::check_tables(const Config& config, const Tables& t, std::vector<Finding>& out) {
  if (t.daily == 0 && t.streaming.empty())
    out.push_back({Severity::error, "tables",
                   "the data set has no events_ table: link BigQuery in GA4 (Admin, BigQuery links); the first table "
                   "comes within a day"});
  else if (t.daily == 0)
    out.push_back(
        {Severity::warning, "tables", "streaming tables alone; daily ones come after midnight, if switched on"});
  else
    out.push_back({Severity::ok, "tables", fmt::format("{} daily tables, {} to {}", t.daily, t.oldest, t.newest)});
  if (config.intraday && t.streaming.empty() && t.daily != 0)
    out.push_back({Severity::warning, "streaming tables",
                   "there is none now: today's visits come with the daily table, unless the streaming export is "
                   "switched on; intraday: false is quiet about it"});
}

Result<std::int64_t> Ga4BigQuery::estimate_day(const std::string& name, const std::string& location,
                                               const Context& context) const {
  Result<std::optional<Table>> table = api_.table(name, context);
  if (!table) return table.error();
  const Columns columns = *table ? (*table)->columns : Columns{};
  return runner_.estimate(day_query(config_, env_.vocabulary, name, columns), location, "the table " + name, context);
}

Result<std::int64_t> Ga4BigQuery::estimate_history(const std::string& location, const Context& context) const {
  const Day today = day_of(env_.clock.system_now(), config_.zone);
  const Query query = history_query(config_, env_.vocabulary, {}, digits(today - days(config_.days)), digits(today));
  return runner_.estimate(query, location, fmt::format("a look-up over {} days", config_.days), context);
}

/// An error that is a matter of the configuration becomes a finding.
Status Ga4BigQuery::check_costs(const Tables& t, const std::string& location, const Context& context,
                                std::vector<Finding>& out) const {
  const std::string table = t.newest.empty() ? t.streaming : t.newest;
  if (table.empty()) return {};
  auto judge = [&](const char* subject, const Result<std::int64_t>& bytes, std::string_view what) -> Status {
    if (!bytes && bytes.error().action == Action::retry) return bytes.error();
    if (!bytes)
      out.push_back({Severity::error, subject, bytes.error().detail});
    else
      out.push_back({Severity::ok, subject, fmt::format("{} reads {}", what, bytes_text(*bytes))});
    return {};
  };
  if (Status ok = judge("bytes of a day", estimate_day(table, location, context), table); !ok) return ok;
  if (!config_.lookup) return {};
  return judge("bytes of a look-up", estimate_history(location, context),
               fmt::format("{} days of history", config_.days));
}

Result<std::vector<Finding>> Ga4BigQuery::check_online(const connect::References&, Context context) {
  std::vector<Finding> out;
  if (Status in = api_.sign_in(context); !in) {
    out.push_back({Severity::error, "sign-in", in.error().detail});
    return out;
  }
  out.push_back({Severity::ok, "sign-in", "an access token was given"});
  Result<Api::Place> place = api_.place(context);
  if (!place && place.error().action == Action::retry) return place.error();
  if (!place) {
    out.push_back({Severity::error, "data set", place.error().detail});
    return out;
  }
  out.push_back({Severity::ok, "data set", fmt::format("{} in {}", config_.dataset, place->location)});
  Result<Tables> tables = read_tables(context);
  if (!tables && tables.error().action == Action::retry) return tables.error();
  if (!tables) {
    out.push_back({Severity::error, "tables", tables.error().detail});
    return out;
  }
  check_tables(config_, *tables, out);
  if (Status ok = check_costs(*tables, place->location, context, out); !ok) return ok.error();
  return out;
}

Result<std::vector<RemoteObject>> Ga4BigQuery::discover(Context context) {
  Result<Api::Place> place = api_.place(context);
  if (!place) return place.error();
  Result<Tables> t = read_tables(context);
  if (!t) return t.error();
  std::vector<RemoteObject> out{{"data set", config_.dataset, "in " + place->location}};
  if (t->daily != 0)
    out.push_back({"daily tables", t->newest, fmt::format("the newest of {}, since {}", t->daily, t->oldest)});
  if (!t->streaming.empty()) out.push_back({"streaming table", t->streaming, "the newest"});
  return out;
}

std::unique_ptr<connect::Connector> make(const connect::Options& options,
                                         const std::vector<std::pair<Object, std::string>>&, connect::Env env,
                                         std::vector<connect::OptionError>& errors) {
  const std::size_t before = errors.size();
  Config config = read_config(options, env.instance, &env.vocabulary, errors);
  if (errors.size() != before) return nullptr;
  return std::make_unique<Ga4BigQuery>(std::move(config), std::move(env));
}

void check(const connect::Options& options, std::vector<connect::OptionError>& errors) {
  (void)read_config(options, "", /*vocabulary=*/nullptr, errors);
}

}  // namespace
}  // namespace ga4_bigquery

connect::ConnectorType ga4_bigquery_type() {
  namespace bq = ga4_bigquery;
  connect::ConnectorType type;
  type.name = "ga4_bigquery";
  type.title = "GA4's export to BigQuery";
  type.maturity = connect::Maturity::alpha;
  type.roles = {"touches"};
  // No api_version: Google has announced no end of BigQuery's v2, so there is none to watch.
  type.options = bq::option_decls();
  type.vocabulary = bq::vocabulary();
  type.make = bq::make;
  type.check = bq::check;
  type.login = bq::login_place;
  return type;
}

}  // namespace hw::connectors
